"""How good a ranking is: recall@k, nDCG@k and MRR, with binary relevance.

Definitions as in Manning, Raghavan and Schütze, *Introduction to Information Retrieval*, chapter 8, and
Järvelin and Kekäläinen (2002) for nDCG. Rankings are best first. What is relevant is a set: its order
means nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


def recall_at(ranking: Sequence[Item], relevant: Collection[Item], k: int) -> float:
    """Return the share (0…1) of the relevant items that stand among the first ``k``.

    An item that a ranking names twice counts once.

    Raises:
        ValueError: ``k`` is below 1, or nothing is relevant, so that there is nothing to recall.
    """
    _check(relevant, k)
    wanted = set(relevant)
    return len(wanted.intersection(ranking[:k])) / len(wanted)


def ndcg_at(ranking: Sequence[Item], relevant: Collection[Item], k: int) -> float:
    """Return the normalised discounted cumulative gain (0…1) of the first ``k``.

    The gain of a relevant item at rank ``r`` (from 1) is ``1 / log2(r + 1)``; the sum is divided by that
    of the best possible ranking.

    Raises:
        ValueError: as :func:`recall_at`.
    """
    _check(relevant, k)
    wanted = set(relevant)
    ideal = math.fsum(_discount(rank) for rank in range(1, min(len(wanted), k) + 1))
    gains = []
    for rank, item in enumerate(ranking[:k], start=1):
        if item in wanted:
            wanted.discard(item)  # the second mention of an item is no second find
            gains.append(_discount(rank))
    return math.fsum(gains) / ideal


def reciprocal_rank(ranking: Iterable[Item], relevant: Collection[Item]) -> float:
    """Return ``1 / rank`` of the first relevant item, or 0 where there is none."""
    wanted = set(relevant)
    for rank, item in enumerate(ranking, start=1):
        if item in wanted:
            return 1 / rank
    return 0.0


@dataclass(frozen=True, slots=True)
class Relevance:
    """The means of the measures over a set of queries; all 0…1."""

    queries: int
    recall: Mapping[int, float]  # k → mean recall@k
    ndcg: Mapping[int, float]  # k → mean nDCG@k
    mrr: float


def mean_relevance(
    judged: Sequence[tuple[Sequence[Item], Collection[Item]]],
    *,
    recall_at_k: Collection[int],
    ndcg_at_k: Collection[int],
) -> Relevance:
    """Return the means over pairs of (ranking, relevant items); every query weighs the same.

    Raises:
        ValueError: there is no query, or as :func:`recall_at`.
    """
    if not judged:
        raise ValueError("no queries: a mean over nothing is not defined")
    n = len(judged)
    return Relevance(
        queries=n,
        recall={k: math.fsum(recall_at(r, w, k) for r, w in judged) / n for k in recall_at_k},
        ndcg={k: math.fsum(ndcg_at(r, w, k) for r, w in judged) / n for k in ndcg_at_k},
        mrr=math.fsum(reciprocal_rank(r, w) for r, w in judged) / n,
    )


def _discount(rank: int) -> float:
    return 1 / math.log2(rank + 1)


def _check(relevant: Collection[Item], k: int) -> None:
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if not relevant:
        raise ValueError("nothing is relevant: there is nothing to recall")
