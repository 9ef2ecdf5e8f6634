"""Which faces of different videos show one person: average linkage over a graph of near neighbours.

Faces are merged closest pair first, as long as two groups are no further apart than faces of one person are.
How far that is differs from person to person (one looks straight into every camera, another one has a beard
at times), so it is measured: groups are merged while their mean squared distance stays below ``SPREAD`` times
what their own spread explains. And among the many pairs of a large collection some strangers look alike: the
middles of two groups may be as far apart as a small share of what it is for strangers, the smaller, the more
faces there are. Of large groups the middles are known well, and single faces are held to most.

Merging is done in rounds: in each one, all pairs that are one another's nearest are merged at once. With
average linkage the result is that of one pair at a time (Sumengen et al. 2021, "Scaling hierarchical
agglomerative clustering to billion-sized datasets"), and it depends on nothing but the faces and what is
known of them: not on their order, not on chance.

What is known beforehand (:class:`Known`) is never contradicted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]  # (faces, dimensions)
Integers = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]

# Two pictures of one person are 0.35 to 0.5 apart under dlib's encoder, those of two people 0.7 to 0.9, and
# 0.6 is the distance at which dlib's authors say that it is the same with an accuracy of 99.38 % (LFW,
# pairs). A collection of 100,000 faces has five thousand million pairs: what decides is how many strangers
# are closer than the limit. The figures were chosen on simulated encodings with these distances
# (docs/people.md).
SPREAD = 1.4  # of the mean squared distance, against the sum of both spreads
PAIR = 0.42  # two single faces, of 10,000
# Ten times as many faces are ten times as many strangers beside each: as few of them as before are within a
# limit that is so much smaller.
_PAIR_TENFOLD = 0.035
_NARROWEST_PAIR, _WIDEST_PAIR = 0.36, 0.45
FARTHEST = 0.62  # however widely spread
# What is assumed of a person of whom little is known: variance 0.088, with which pictures are 0.42 apart, as
# if it had been seen in five faces.
_VARIANCE = 0.42**2 / 2
_ASSUMED = 5.0
# Two people; the larger part of it is how far the middles of all their faces are apart.
STRANGERS = 0.83
_BETWEEN = STRANGERS**2 - 2 * _VARIANCE
# Neighbours looked at of each face. Those of one person who has more hang together through one another.
NEIGHBOURS = 32
# How far away they may be. Of widely spread people, too, some pictures are that near; and of 100,000
# strangers 600 are within 0.6, which is more than most people have pictures.
REACH = 0.5
_ROWS, _COLUMNS = 256, 8192  # compared at a time: 8 MB
_EDGES = 50_000  # likewise


@dataclass(frozen=True, slots=True)
class Edges:
    """Pairs of near faces, each once: ``first`` < ``second``, with their ``squared`` distances."""

    first: Integers
    second: Integers
    squared: Floats


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of faces, by their numbers.

    ``person`` are faces whose person an editor has settled: those of one person are together, those of two
    are not. ``strangers`` are pairs of two people (seen in one frame). ``not_person``: whom a face is not.
    ``alike`` are faces of which it is not to be looked again whether they are alike, by their group.
    """

    person: dict[int, int] = field(default_factory=dict)
    strangers: Sequence[tuple[int, int]] = ()
    not_person: dict[int, frozenset[int]] = field(default_factory=dict)
    alike: dict[int, int] = field(default_factory=dict)


def near(
    encodings: Vectors, *, rows: Iterable[int] | None = None, most: int = NEIGHBOURS, reach: float = REACH
) -> Edges:
    """Return for each face (or those in ``rows``) its nearest others within reach; exact, in blocks."""
    count = len(encodings)
    asked = np.arange(count) if rows is None else np.asarray(list(rows), dtype=np.intp)
    squares = np.einsum("ij,ij->i", encodings, encodings)[:, None]
    ones = np.ones_like(squares)
    # one product is |x|² − 2xy + |y|²: nothing is to be added to a block as large as that
    left = np.hstack([-2 * encodings, squares, ones])
    right = np.hstack([encodings, ones, squares])
    found: list[tuple[Integers, Integers, npt.NDArray[np.float32]]] = []
    for start in range(0, len(asked), _ROWS):
        block = asked[start : start + _ROWS]
        parts = []
        for begin in range(0, count, _COLUMNS):
            distances = left[block] @ right[begin : begin + _COLUMNS].T
            places = np.flatnonzero(distances <= reach**2)
            row, column = np.divmod(places, distances.shape[1])
            parts.append((row, column + begin, distances.ravel()[places]))
        row, column, value = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.lexsort((column, value, row))
        order = order[block[row[order]] != column[order]]
        row, column, value = row[order], column[order], value[order]
        kept = np.arange(len(row)) - np.searchsorted(row, row) < most
        found.append((block[row[kept]], column[kept], np.maximum(value[kept], 0)))
    if not found:
        nothing = np.zeros(0, dtype=np.intp)
        return Edges(nothing, nothing, np.zeros(0))
    one, other, squared = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _once(one, other, squared.astype(np.float64), count)


def cluster(encodings: Vectors, edges: Edges, known: Known | None = None) -> Integers:
    """Return for each face the number of its person: the smallest number of a face of that person."""
    return _Clustering(encodings, edges, known or Known()).run()


def pair_limit(faces: int) -> float:
    """Return how far apart two single faces of so many may be to be one person's."""
    limit = PAIR - _PAIR_TENFOLD * float(np.log10(max(faces, 1) / 10_000))
    return min(max(limit, _NARROWEST_PAIR), _WIDEST_PAIR)


class _Clustering:
    """Groups of faces while they are merged.

    A *look* is a group of faces that are alike. A person is one look, or several that an editor has joined:
    a child and the grown-up need not be alike. What is known holds between persons, distances between looks.
    """

    def __init__(self, encodings: Vectors, edges: Edges, known: Known) -> None:
        count = len(encodings)
        self._sums = encodings.astype(np.float64)
        self._squares = np.einsum("ij,ij->i", self._sums, self._sums)
        self._counts = np.ones(count)
        self._alike = pair_limit(count) ** 2 / STRANGERS**2
        self._person = list(range(count))  # union-find; the smallest face stands for the person
        self._edges = edges
        self._settled: dict[int, int] = dict(known.person)
        self._refused: dict[int, frozenset[int]] = dict(known.not_person)
        self._strangers: dict[int, list[int]] = {}
        for one, other in known.strangers:
            self._strangers.setdefault(one, []).append(other)
            self._strangers.setdefault(other, []).append(one)
        leaders: dict[int, int] = {}
        for face, person in sorted(known.person.items()):
            self._join(leaders.setdefault(person, face), face)
        first: dict[int, int] = {}
        pairs = [(first.setdefault(group, face), face) for face, group in sorted(known.alike.items())]
        alike = [(one, other) for one, other in pairs if one != other]
        self._contract(alike, np.zeros(len(edges.first), dtype=bool))

    def run(self) -> Integers:
        while len(self._edges.first):
            merged, dropped = self._round()
            if not merged and not dropped.any():
                break
            self._contract(merged, dropped)
        return np.array([self._of(face) for face in range(len(self._person))], dtype=np.intp)

    def _round(self) -> tuple[list[tuple[int, int]], npt.NDArray[np.bool_]]:
        """Merge every two looks that are one another's nearest; say which edges contradict what is known."""
        first, second, squared = self._edges.first, self._edges.second, self._edges.squared
        variance = self._variances()
        spread = variance[first] + variance[second]
        limit = np.minimum(SPREAD * spread, FARTHEST**2)
        # What of the mean squared distance is between the middles of two looks, and what it is for strangers.
        inside = self._inside(variance, first) + self._inside(variance, second)
        strangers = _BETWEEN + spread - inside
        limit = np.minimum(limit, inside + self._alike * strangers)
        near = np.flatnonzero(squared <= limit)
        dropped = np.zeros(len(first), dtype=bool)
        if not len(near):
            return [], dropped
        ratio = squared[near] / spread[near]
        ends = np.concatenate([first[near], second[near]])
        others = np.concatenate([second[near], first[near]])
        edge = np.concatenate([near, near])
        order = np.lexsort((others, np.concatenate([ratio, ratio]), ends))
        ends, others, edge = ends[order], others[order], edge[order]
        lead = np.ones(len(ends), dtype=bool)
        lead[1:] = ends[1:] != ends[:-1]
        nearest = np.full(len(self._counts), -1)
        nearest[ends[lead]] = others[lead]
        through = np.full(len(self._counts), -1)
        through[ends[lead]] = edge[lead]
        looks = np.flatnonzero(nearest >= 0)
        looks = looks[(nearest[nearest[looks]] == looks) & (looks < nearest[looks])]
        looks = looks[np.argsort(squared[through[looks]] / spread[through[looks]], kind="stable")]
        merged = []
        for one, other in zip(looks.tolist(), nearest[looks].tolist(), strict=True):
            if self._allowed(one, other):
                self._join(one, other)
                merged.append((one, other))
            else:
                dropped[through[one]] = True
        return merged, dropped

    def _variances(self) -> Floats:
        """Return how widely each look is spread: the variance, drawn towards the usual one."""
        scatter = self._squares - np.einsum("ij,ij->i", self._sums, self._sums) / self._counts
        variances: Floats = (_ASSUMED * _VARIANCE + np.maximum(scatter, 0)) / (_ASSUMED + self._counts - 1)
        return variances

    def _inside(self, variance: Floats, looks: Integers) -> Floats:
        """Return how far the faces of looks are from their middles, squared."""
        inside: Floats = variance[looks] * (1 - 1 / self._counts[looks])
        return inside

    def _contract(self, merged: Sequence[tuple[int, int]], dropped: npt.NDArray[np.bool_]) -> None:
        """Make one look of each two that were merged, and measure the distances from it."""
        kept = ~dropped
        first, second, squared = self._edges.first[kept], self._edges.second[kept], self._edges.squared[kept]
        becomes = np.arange(len(self._counts))
        grown = np.zeros(len(self._counts), dtype=bool)
        if merged:
            into, gone = np.array(merged, dtype=np.intp).T
            np.add.at(self._sums, into, self._sums[gone])
            np.add.at(self._squares, into, self._squares[gone])
            np.add.at(self._counts, into, self._counts[gone])
            # nobody looks at these again; they must only not divide by zero
            self._sums[gone], self._squares[gone], self._counts[gone] = 0.0, 0.0, 1.0
            becomes[gone] = into
            grown[into] = True
        edges = _once(becomes[first], becomes[second], squared, len(self._counts))
        changed = np.flatnonzero(grown[edges.first] | grown[edges.second])
        for start in range(0, len(changed), _EDGES):
            some = changed[start : start + _EDGES]
            edges.squared[some] = self._distances(edges.first[some], edges.second[some])
        self._edges = edges

    def _distances(self, one: Integers, other: Integers) -> Floats:
        """Return the mean squared distances between the faces of looks."""
        products = np.einsum("ij,ij->i", self._sums[one], self._sums[other])
        distances: Floats = (
            self._squares[one] / self._counts[one]
            + self._squares[other] / self._counts[other]
            - 2 * products / (self._counts[one] * self._counts[other])
        )
        return distances

    # ---------------------------------------------------------------- persons

    def _of(self, face: int) -> int:
        while self._person[face] != face:
            self._person[face] = self._person[self._person[face]]
            face = self._person[face]
        return face

    def _allowed(self, one: int, other: int) -> bool:
        a, b = self._of(one), self._of(other)
        if a == b:
            return True
        settled_a, settled_b = self._settled.get(a), self._settled.get(b)
        if settled_a is not None and settled_b is not None:  # two different ones: the same were joined first
            return False
        if settled_a in self._refused.get(b, ()) or settled_b in self._refused.get(a, ()):
            return False
        few, many = sorted((a, b), key=lambda each: len(self._strangers.get(each, ())))
        return all(self._of(face) != many for face in self._strangers.get(few, ()))

    def _join(self, one: int, other: int) -> None:
        a, b = sorted((self._of(one), self._of(other)))
        if a == b:
            return
        self._person[b] = a
        if b in self._settled:
            self._settled[a] = self._settled.pop(b)
        if b in self._refused:
            self._refused[a] = self._refused.get(a, frozenset()) | self._refused.pop(b)
        if b in self._strangers:
            longer, shorter = self._strangers.pop(b), self._strangers.get(a, [])
            if len(longer) < len(shorter):
                longer, shorter = shorter, longer
            longer.extend(shorter)
            self._strangers[a] = longer


def _once(one: Integers, other: Integers, squared: Floats, count: int) -> Edges:
    """Return each pair once, without those of one and the same."""
    apart = one != other
    low = np.minimum(one, other)[apart].astype(np.intp)
    high = np.maximum(one, other)[apart].astype(np.intp)
    _, places = np.unique(low * np.intp(count) + high, return_index=True)
    return Edges(low[places], high[places], squared[apart][places])
