"""Results that differ from one another: maximal marginal relevance.

Carbonell and Goldstein, *The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing
Summaries*, SIGIR 1998.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kadr.core.extraction import Vector


def diversified(scores: Sequence[float], vectors: Vector, diversity: float) -> list[int]:
    """Return the positions of ``scores`` in the order in which to show them.

    Each next one has the largest ``(1 − diversity) · relevance − diversity · similarity``: relevance is the
    score, stretched to 0…1 over those given; similarity is the largest cosine to one that is already chosen.
    The best scored one comes first. ``vectors`` are (n, d) of any length; a row of zeros is like nothing
    else. With ``diversity`` 0 the order is that of the scores; of equals, the one given first wins.
    """
    if not scores:
        return []
    relevance = np.asarray(scores, np.float64)
    span = float(np.ptp(relevance))
    relevance = (relevance - relevance.min()) / span if span else np.ones_like(relevance)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths > 0, lengths, 1.0)
    chosen = [int(np.argmax(scores))]
    nearest = unit @ unit[chosen[0]]
    left = np.ones(len(scores), bool)
    left[chosen[0]] = False
    while left.any():
        gain = (1 - diversity) * relevance - diversity * nearest
        position = int(np.where(left, gain, -np.inf).argmax())
        chosen.append(position)
        left[position] = False
        nearest = np.maximum(nearest, unit @ unit[position])
    return chosen
