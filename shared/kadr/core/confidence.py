"""From the score of a hit to the probability that it is what was meant.

Platt scaling: a logistic curve through judged hits, fitted by maximum likelihood with Newton's method. The
targets are Platt's own, a little inside of 0 and 1, so that few hits, or hits that a line separates, do not
make the curve a step. Platt, *Probabilistic outputs for support vector machines*, 1999; the Newton method
with backtracking is that of Lin, Lin and Weng, *A note on Platt's probabilistic outputs*, 2007. Beside the
score stands the share of the query's words that the video has: a score of 4 that words made up is another
thing than one of pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kadr.core.ranking import Logistic

_Numbers = npt.NDArray[np.float64]

# Newton's method doubles the number of right digits each time; 6 to 8 steps are usual.
_STEPS = 100
_ENOUGH = 1e-9


@dataclass(frozen=True, slots=True)
class JudgedHit:
    """A hit of a judged query: its score, the share (0…1) of the query's words it has, and the verdict."""

    score: float
    matched: float
    relevant: bool


def fit(judged: Sequence[JudgedHit]) -> Logistic:
    """Return the curve under which the verdicts are most likely.

    More score, and more words in common, never make a hit less probable: where the hits say otherwise of
    words, words are left out.

    Raises:
        ValueError: the hits are all right or all wrong, or better scores are not more often right.
    """
    right = np.array([each.relevant for each in judged], bool)
    if right.all() or not right.any():
        raise ValueError("confidence takes hits that are right and hits that are not; judge more queries")
    score = np.array([each.score for each in judged], np.float64)
    matched = np.array([each.matched for each in judged], np.float64)
    if matched.min() < matched.max():
        slope, words, offset = _likeliest(np.stack([score, matched], axis=1), right)
        if slope > 0 and words >= 0:
            return Logistic(float(slope), float(offset), float(words))
    slope, offset = _likeliest(score[:, None], right)
    if slope <= 0:
        raise ValueError("better scores are not more often right among these hits: judge more queries")
    return Logistic(float(slope), float(offset))


def calibration_error(judged: Sequence[JudgedHit], curve: Logistic, *, bins: int = 10) -> float:
    """Return the expected calibration error (0…1): how far confidence is from the share that is right.

    The hits are sorted by confidence into ``bins`` of equal size; 0 where there are none.
    """
    if not judged:
        return 0.0
    said = np.array([curve(each.score, each.matched) for each in judged])
    right = np.array([each.relevant for each in judged], np.float64)
    order = np.argsort(said, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(abs(said[part].mean() - right[part].mean()) * len(part) for part in parts) / len(judged))


def _likeliest(features: _Numbers, right: npt.NDArray[np.bool_]) -> _Numbers:
    """Return the coefficients of (n, f) features and the offset, of the logistic curve through ``right``."""
    yes, no = int(right.sum()), int((~right).sum())
    target = np.where(right, (yes + 1) / (yes + 2), 1 / (no + 2))
    # one scale for all: scores are tens, shares are below 1
    middle, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-12)
    x = np.hstack([(features - middle) / spread, np.ones((len(features), 1))])
    weights = np.zeros(x.shape[1])
    weights[-1] = np.log((yes + 1) / (no + 1))
    loss = _loss(x @ weights, target)
    for _ in range(_STEPS):
        said = 1 / (1 + np.exp(-(x @ weights)))
        gradient = x.T @ (said - target)
        curvature = (x * (said * (1 - said))[:, None]).T @ x + 1e-12 * np.eye(x.shape[1])
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while _loss(x @ (weights - size * step), target) > loss - 1e-4 * size * float(gradient @ step):
            size /= 2
            if size < 1e-10:
                break
        else:
            weights = weights - size * step
            loss = _loss(x @ weights, target)
            if float(np.abs(size * step).max()) > _ENOUGH:
                continue
        break
    coefficients = weights[:-1] / spread
    return np.append(coefficients, weights[-1] - coefficients @ middle)


def _loss(z: _Numbers, target: _Numbers) -> float:
    """Return the cross entropy of log odds ``z`` with the targets."""
    return float((np.logaddexp(0.0, z) - target * z).sum())
