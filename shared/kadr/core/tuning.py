"""Fitting the constants of ranking on judged queries, with an honest estimate of what that brings.

The constants are five: how many words make text count, what OCR and speech may weigh against pictures, what
exact words weigh, and what a query's visual side weighs. The measure is nDCG@10, which moves in steps, so
they are searched one after the other on a logarithmic grid that gets finer. Few queries can be learnt by
heart, so:

- moving a constant costs something (:data:`INERTIA`), so one that makes no difference stays where it is;
- what is reported is cross-validated: each query is ranked with constants that were fitted without it, and
  without any query that asks for one of the same videos.

Everything is determined by the queries and the seed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from kadr.core.fusion import Calibration
from kadr.core.modality import Modality
from kadr.core.rankers import Method, Similarities, best, scores
from kadr.core.ranking import Ranking
from kadr.core.relevance import ndcg_at

NDCG_AT = 10

# What a factor of e in one constant must bring at least, in nDCG@10: what the mean over a hundred queries
# gains when the video that one of them asks for moves from the third place to the second (0.13 / 100).
INERTIA = 0.0015

# Factors that are tried around a constant, round by round: coarse first, so that it can leave a plateau.
_ROUNDS = (
    (1 / 8, 1 / 4, 1 / 2, 2.0, 4.0, 8.0),
    (1 / 2, 1 / 1.5, 1.5, 2.0),
    (1 / 1.25, 1.25),
    (1 / 1.1, 1.1),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """Which videos each query should find, by their position in :attr:`Similarities.keys`.

    A relevant video that is not in the collection has a position of its own behind the last one, so that it
    is missed. ``strata`` is what the folds are to have equal parts of (the class of a query).
    """

    relevant: tuple[frozenset[int], ...]
    strata: tuple[str, ...]

    def rows(self, chosen: Sequence[int]) -> Judged:
        """Return the same for some of the queries."""
        return Judged(tuple(self.relevant[at] for at in chosen), tuple(self.strata[at] for at in chosen))


@dataclass(frozen=True, slots=True)
class Fold:
    """What fitting without the queries of one fold brings to them: nDCG@10 before and after."""

    queries: int
    before: float
    after: float
    ranking: Ranking


@dataclass(frozen=True, slots=True)
class Tuned:
    """Constants fitted on all queries, and what to expect of them on others.

    ``before`` and ``after`` are nDCG@10 on all queries, fitted constants on the queries they were fitted on;
    ``expected`` is the cross-validated figure.
    """

    ranking: Ranking
    before: float
    after: float
    expected: float
    folds: tuple[Fold, ...]

    @property
    def better(self) -> bool:
        """Whether queries that were not looked at are ranked better than before."""
        return self.expected > self.before


def tune(
    of: Similarities,
    judged: Judged,
    start: Ranking,
    spreads: Mapping[str, Calibration],
    *,
    folds: int = 5,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> Tuned:
    """Return constants fitted from ``start`` on.

    ``progress`` is called once for each fold and once for the fit over all.

    Raises:
        ValueError: there are fewer groups of queries than folds; the message says how many.
    """
    every = range(len(judged.relevant))
    measured = []
    for held_out in split(judged, folds=folds, seed=seed):
        without = sorted(set(every) - set(held_out))
        fitted = fit(of.rows(without), judged.rows(without), start, spreads)
        part, wanted = of.rows(held_out), judged.rows(held_out)
        measured.append(
            Fold(
                len(held_out),
                ndcg(part, wanted, start, spreads),
                ndcg(part, wanted, fitted, spreads),
                fitted,
            )
        )
        progress()
    fitted = fit(of, judged, start, spreads)
    progress()
    return Tuned(
        ranking=fitted,
        before=ndcg(of, judged, start, spreads),
        after=ndcg(of, judged, fitted, spreads),
        expected=math.fsum(fold.after * fold.queries for fold in measured) / len(every),
        folds=tuple(measured),
    )


def fit(of: Similarities, judged: Judged, start: Ranking, spreads: Mapping[str, Calibration]) -> Ranking:
    """Return the constants that rank the judged queries best, starting from ``start``."""
    knobs = [knob for knob in _knobs(of) if knob.get(start) > 0]

    def worth(ranking: Ranking) -> float:
        moved = math.fsum(abs(math.log(knob.get(ranking) / knob.get(start))) for knob in knobs)
        return ndcg(of, judged, ranking, spreads) - INERTIA * moved

    found, value = start, worth(start)
    for factors in _ROUNDS:
        # A change of one constant may make room for another: until a whole pass changes nothing.
        changed = True
        while changed:
            changed = False
            for knob in knobs:
                tried = [knob.set(found, knob.get(found) * factor) for factor in factors]
                worths = [worth(ranking) for ranking in tried]
                top = max(range(len(tried)), key=worths.__getitem__)
                if worths[top] > value + 1e-9:
                    found, value, changed = tried[top], worths[top], True
    return _rounded(found)


def ndcg(of: Similarities, judged: Judged, ranking: Ranking, spreads: Mapping[str, Calibration]) -> float:
    """Return the mean nDCG@10 of the full ranking."""
    rankings = best(scores(of, Method.FULL, ranking, spreads, k=NDCG_AT), k=NDCG_AT)
    return math.fsum(
        ndcg_at(found, wanted, NDCG_AT) for found, wanted in zip(rankings, judged.relevant, strict=True)
    ) / len(rankings)


def split(judged: Judged, *, folds: int, seed: int) -> list[list[int]]:
    """Return the queries of each fold, by position.

    Queries that share a relevant video are in one fold. The folds are about as large as each other and have
    about as many queries of each stratum.

    Raises:
        ValueError: there are fewer such groups than folds.
    """
    groups = _groups(judged.relevant)
    if folds < 2 or len(groups) < folds:
        raise ValueError(
            f"{folds} folds of {len(groups)} groups of queries (those that ask for the same videos are one "
            f"group): take 2 to {len(groups)} folds"
        )
    Random(seed).shuffle(groups)  # noqa: S311 - a reproducible order, not a secret
    groups.sort(key=len, reverse=True)
    parts: list[list[int]] = [[] for _ in range(folds)]
    counts: list[dict[str, int]] = [defaultdict(int) for _ in range(folds)]
    for group in groups:
        strata = [judged.strata[at] for at in group]
        to = min(
            range(folds),
            key=lambda fold, strata=strata: (  # type: ignore[misc]
                sum(counts[fold][stratum] for stratum in strata) / len(strata),
                len(parts[fold]),
            ),
        )
        parts[to] += group
        for stratum in strata:
            counts[to][stratum] += 1
    return [sorted(part) for part in parts]


def _groups(relevant: Sequence[Collection[int]]) -> list[list[int]]:
    """Return the queries that are connected by relevant videos."""
    leader: dict[int, int] = {}

    def of(video: int) -> int:
        while leader.setdefault(video, video) != video:
            video = leader[video]
        return video

    for wanted in relevant:
        first, *others = sorted(wanted)
        for other in others:
            leader[of(other)] = of(first)
    groups: dict[int, list[int]] = defaultdict(list)
    for query, wanted in enumerate(relevant):
        groups[of(min(wanted))].append(query)
    return list(groups.values())


@dataclass(frozen=True, slots=True)
class _Knob:
    """One constant: how to read it and how to change it."""

    get: Callable[[Ranking], float]
    set: Callable[[Ranking, float], Ranking]


def _knobs(of: Similarities) -> list[_Knob]:
    """Return the constants that can make a difference to this collection.

    A constant that is 0 was switched off on purpose and stays so: no factor leads away from there.
    """
    knobs = []
    there = [modality for modality in Modality if modality in of.asked]
    texts = [modality for modality in there if modality is not Modality.VISUAL]
    if of.exact.any() and there:
        knobs.append(_Knob(lambda r: r.words_weight, lambda r, value: replace(r, words_weight=value)))
    if Modality.VISUAL in there and texts:
        knobs.append(_Knob(lambda r: r.emphasis, lambda r, value: replace(r, emphasis=value)))
    if len(there) > 1:
        # Only ratios count. Pictures are the measure, or the first text where there are none.
        knobs.append(_Knob(lambda r: r.words_scale, lambda r, value: replace(r, words_scale=value)))
        knobs += [_ceiling(modality) for modality in (texts if Modality.VISUAL in there else texts[1:])]
    return knobs


def _ceiling(modality: Modality) -> _Knob:
    return _Knob(
        lambda ranking: ranking.ceilings[modality],
        lambda ranking, value: replace(ranking, ceilings={**ranking.ceilings, modality: value}),
    )


def _rounded(ranking: Ranking) -> Ranking:
    """Return the constants with three significant digits: more would claim more than was measured."""

    def three(value: float) -> float:
        return float(f"{value:.3g}")

    return replace(
        ranking,
        words_scale=three(ranking.words_scale),
        ceilings={modality: three(value) for modality, value in ranking.ceilings.items()},
        words_weight=three(ranking.words_weight),
        emphasis=three(ranking.emphasis),
    )
