"""Ways of ranking a whole collection for many queries at once, to compare them and to fit constants.

What is expensive is done once: the cosine of each query with each video in each modality, the amount of text
in each video, and BM25. Every way of ranking is then a few operations on matrices of (queries, videos), and a
change of constants needs no model and no index. Nothing is approximated here: where search looks at a fixed
number of candidates, these look at all videos.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from kadr.core.extraction import Moment, Vector
from kadr.core.fusion import Calibration
from kadr.core.modality import Modality
from kadr.core.ranking import RANKED, Ranking
from kadr.core.text import stems
from kadr.core.weights import reference_weights, weights, word_count
from kadr.core.words import query_words, video_words

Matrix = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Method(StrEnum):
    """A way of ranking; those of one modality look at nothing but its named vector."""

    VISUAL = "visual"
    OCR = "ocr"
    SPEECH = "speech"
    REFERENCE = "reference"  # the top k of each modality, re-scored by the reference system's weights
    UNION = "union"  # the same candidates, re-scored by our weights and calibration
    FUSED = "fused"  # our weights over everything
    FULL = "full"  # and exact words: what search does


@dataclass(frozen=True, slots=True)
class IndexedVideo:
    """What the index keeps of a video: unit vectors by modality, and its moments."""

    key: str
    vectors: Mapping[Modality, Vector]
    moments: Mapping[Modality, Sequence[Moment]]


@dataclass(frozen=True, slots=True)
class EmbeddedQuery:
    """A query as search sees it: unit vectors (``None`` where there is no such model), and weighted words."""

    clip: Vector | None
    text: Vector | None
    words: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Similarities:
    """Everything that ranking n videos for q queries needs.

    ``cosines`` (q, n) by modality, 0 where a side is missing; ``present`` (n,) says which videos have a
    vector of a modality; ``words`` (n,) and ``characters`` (n,) count OCR and speech; ``exact`` (q, n) is
    BM25; ``matched`` (q, n) is the share (0…1) of a query's words that a video has; ``asked`` names the
    modalities that the queries have a vector for.
    """

    keys: tuple[str, ...]
    cosines: Mapping[Modality, Matrix]
    present: Mapping[Modality, Mask]
    words: Mapping[Modality, Matrix]
    characters: Mapping[Modality, Matrix]
    exact: Matrix
    matched: Matrix
    asked: frozenset[Modality]

    def rows(self, chosen: Sequence[int]) -> Similarities:
        """Return the same for some of the queries, by their position."""
        index = np.asarray(chosen, dtype=np.intp)
        return Similarities(
            self.keys,
            {modality: cosines[index] for modality, cosines in self.cosines.items()},
            self.present,
            self.words,
            self.characters,
            self.exact[index],
            self.matched[index],
            self.asked,
        )


def similarities(videos: Sequence[IndexedVideo], queries: Sequence[EmbeddedQuery]) -> Similarities:
    """Compare every query with every video; videos are taken in the order of their keys.

    All queries have been embedded by the same models: either all of them have a vector, or none has.
    """
    videos = sorted(videos, key=lambda video: video.key)
    present = {
        modality: np.array([modality in video.vectors for video in videos], dtype=np.bool_)
        for modality in RANKED
    }
    cosines, asked = {}, set()
    for modality in RANKED:
        sides = [query.clip if modality is Modality.VISUAL else query.text for query in queries]
        those = [side for side in sides if side is not None]
        cosines[modality] = np.zeros((len(queries), len(videos)))
        if len(those) < len(queries) or not present[modality].any():
            continue
        asked.add(modality)
        stacked = np.stack([video.vectors[modality] for video in videos if modality in video.vectors])
        cosines[modality][:, present[modality]] = np.stack(those).astype(np.float64) @ stacked.T.astype(
            np.float64
        )
    texts = {
        modality: [video.moments.get(modality, ()) if modality in video.vectors else () for video in videos]
        for modality in (Modality.OCR, Modality.SPEECH)
    }
    return Similarities(
        keys=tuple(video.key for video in videos),
        cosines=cosines,
        present=present,
        words={m: np.array([word_count(each) for each in found]) for m, found in texts.items()},
        characters={
            m: np.array([float(len(" ".join(moment.text for moment in each))) for each in found])
            for m, found in texts.items()
        },
        exact=_exact(videos, queries),
        matched=_matched(videos, queries),
        asked=frozenset(asked),
    )


def deviations(of: Similarities, modality: Modality, calibration: Calibration) -> Matrix:
    """Return ``(cos − μ) / σ`` (q, n): how far above unrelated pairs, 0 where a side is missing."""
    if modality not in of.asked:
        return np.zeros_like(of.exact)
    z: Matrix = (of.cosines[modality] - calibration.mean) / calibration.deviation * of.present[modality]
    return z


def video_shares(of: Similarities, ranking: Ranking) -> dict[Modality, Matrix]:
    """Return each video's weights (n,) by modality, by the formula that ``ranking`` names."""
    shares = {modality: np.zeros(len(of.keys)) for modality in RANKED}
    for at in range(len(of.keys)):
        present = [modality for modality in RANKED if of.present[modality][at]]
        own = (
            reference_weights(present, {m: int(counts[at]) for m, counts in of.characters.items()})
            if ranking.formula == "reference"
            else weights(
                has_visual=Modality.VISUAL in present,
                words={m: float(counts[at]) for m, counts in of.words.items() if m in present},
                ranking=ranking,
            )
        )
        for modality, share in own.items():
            shares[modality][at] = share
    return shares


def semantic(of: Similarities, ranking: Ranking, spreads: Mapping[str, Calibration]) -> Matrix:
    """Return the exact fused score (q, n), as :mod:`kadr.core.fusion` defines it.

    ``spreads`` are the calibrations of "visual" and "text"; those of ``ranking`` go before them.
    """
    total = np.zeros_like(of.exact)
    for modality, share in video_shares(of, ranking).items():
        emphasis = ranking.emphasis if modality is Modality.VISUAL else 1.0
        total += emphasis * share * deviations(of, modality, spread(modality, ranking, spreads))
    return total


def scores(
    of: Similarities, method: Method, ranking: Ranking, spreads: Mapping[str, Calibration], *, k: int
) -> Matrix:
    """Return what a way of ranking makes of every pair (q, n); −∞ where a video is not found by it.

    ``k`` is how many candidates each index gives to the union.
    """
    if method is Method.FULL:
        return semantic(of, ranking, spreads) + ranking.words_weight * of.exact
    if method is Method.FUSED:
        return semantic(of, ranking, spreads)
    if method in (Method.VISUAL, Method.OCR, Method.SPEECH):
        modality = Modality(method.value)
        z = deviations(of, modality, spread(modality, ranking, spreads))
        return np.where(of.present[modality] & (modality in of.asked), z, -np.inf)
    candidates = _union(of, k)
    if method is Method.UNION:
        return np.where(candidates, semantic(of, ranking, spreads), -np.inf)
    rescored = np.zeros_like(of.exact)
    for modality, share in video_shares(of, Ranking(formula="reference")).items():
        rescored += share * of.cosines[modality]
    return np.where(candidates, rescored, -np.inf)


def best(scored: Matrix, *, k: int) -> list[tuple[int, ...]]:
    """Return the positions of the ``k`` best videos for each query, best first.

    Equal scores are in the order of the keys; what is at −∞ is not found.
    """
    order = np.argsort(-scored, axis=1, kind="stable")[:, :k]
    return [tuple(int(at) for at in row if scored[query, at] > -np.inf) for query, row in enumerate(order)]


def spread(modality: Modality, ranking: Ranking, spreads: Mapping[str, Calibration]) -> Calibration:
    """Return the calibration of the space that a modality is compared in."""
    role = "visual" if modality is Modality.VISUAL else "text"
    return ranking.calibration.get(role) or spreads[role]


def _union(of: Similarities, k: int) -> Mask:
    """Return which videos (q, n) are among the ``k`` nearest in any modality."""
    found = np.zeros(of.exact.shape, dtype=np.bool_)
    for modality in of.asked:
        nearest = np.where(of.present[modality], of.cosines[modality], -np.inf)
        for query, row in enumerate(best(nearest, k=k)):
            found[query, list(row)] = True
    return found


def _exact(videos: Sequence[IndexedVideo], queries: Sequence[EmbeddedQuery]) -> Matrix:
    """Return BM25 (q, n) with the inverse document frequency that Qdrant multiplies in."""
    postings: dict[int, list[tuple[int, float]]] = defaultdict(list)
    documents = 0
    for at, video in enumerate(videos):
        vector = video_words(video.moments)
        documents += bool(vector.indices)
        for index, value in zip(vector.indices, vector.values, strict=True):
            postings[index].append((at, value))
    exact = np.zeros((len(queries), len(videos)))
    for row, query in enumerate(queries):
        asked = query_words(query.words)
        for index, weight in zip(asked.indices, asked.values, strict=True):
            those = postings.get(index, [])
            rarity = math.log1p((documents - len(those) + 0.5) / (len(those) + 0.5))
            for at, value in those:
                exact[row, at] += weight * rarity * value
    return exact


def _matched(videos: Sequence[IndexedVideo], queries: Sequence[EmbeddedQuery]) -> Matrix:
    own = [
        {stem for found in video.moments.values() for moment in found for stem in _stems(moment)}
        for video in videos
    ]
    matched = np.zeros((len(queries), len(videos)))
    for row, query in enumerate(queries):
        for text, weight in query.words:
            wanted = set(stems(text, drop_stop_words=True))
            for at, those in enumerate(own):
                if wanted:
                    matched[row, at] = max(matched[row, at], weight * len(wanted & those) / len(wanted))
    return matched


def _stems(moment: Moment) -> set[str]:
    return {*stems(moment.text), *stems(moment.translation)}
