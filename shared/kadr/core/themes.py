"""Themes: which videos are about the same. The rules; finding groups is left to an algorithm.

A video is a point on a sphere::

    [ √w_visual · v ; √w_text · t ]

``v`` is what is seen, ``t`` what is written and said (the vectors of both together, each as much as it counts
in the video), both without what all videos have in common, and of unit length; ``w`` are the video's weights
(:mod:`kadr.core.weights`), with pictures counted less beside words, and sum to 1. So the cosine of two videos
is the weighted mean of the cosines of their parts: 0 for videos that have nothing to do with one another, and
a modality that is missing adds nothing.

A *theme* is a direction, the mean of its videos, and a radius: how far from it the videos lie that made it.
A video has the theme whose direction is nearest, unless it is farther from it than the radius: most
collections have videos that are like no others, and nearest without a limit cannot say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from uuid import UUID

import numpy as np
import numpy.typing as npt

from kadr.core.extraction import Vector
from kadr.core.fusion import TEXT_DIMENSIONS, VISUAL_DIMENSIONS
from kadr.core.modality import Modality

POINT_DIMENSIONS = VISUAL_DIMENSIONS + TEXT_DIMENSIONS
_SPACES = (slice(0, VISUAL_DIMENSIONS), slice(VISUAL_DIMENSIONS, POINT_DIMENSIONS))

# What is seen of a video counts so much beside its words, which say what it is about: two talks before the
# same wall are not about the same. Chosen on the samples (docs/themes.md). Without words it is all there is.
SEEN_BESIDE_WORDS = 0.3
# Groups are looked for in that many videos at most: HDBSCAN's time grows faster than they do, and 50,000 take
# longer than there is (docs/themes.md). Ids are hashes, so the first ones are a fair sample.
LARGEST_SAMPLE = 20_000
# Two videos are a coincidence.
FEWEST = 3
# Directions in which the videos differ most; between all 896 distances are nearly the same.
REDUCED_DIMENSIONS = 32
# The share of a theme's own videos that its radius covers, in percent: one in a hundred is a stray.
_COVERED = 99.0
# Median absolute deviations from the median distance; 5 are 3.4 standard deviations of normal ones.
_STRAY, _LEAST_SPREAD = 5.0, 0.02
# A theme whose own videos lie all over the place is to take in none that have nothing to do with it (1.0).
_WIDEST = 0.8
# Of a theme with one video left nothing tells how far others may lie: near ones only (a cosine of 0.7).
_ALONE = 0.3
# Below this share of common videos, a theme and one of the last time are not the same theme.
_SAME = 0.25


Labels = npt.NDArray[np.intp]
"""The group of each point; −1 for none."""


@dataclass(frozen=True, slots=True)
class ThemedVideo:
    """A video as it is looked at: unit vectors, weights, and the theme that it has now."""

    video_id: UUID
    vectors: Mapping[Modality, Vector]
    weights: Mapping[Modality, float]
    group: str = ""  # near duplicates have the same one
    theme_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Assigned:
    """Where a video belongs; ``distance`` (0…2, cosine) is that to the theme's direction."""

    theme_id: UUID
    distance: float


@dataclass(frozen=True)
class ThemeSpace:
    """The themes that are in force, as videos are compared with them.

    ``version`` rises with every change. ``centre`` (896,) is what all videos have in common, ``directions``
    (k, 896) unit rows, ``radii`` (k,).
    """

    version: int
    centre: Vector
    theme_ids: tuple[UUID, ...]
    directions: Vector
    radii: Vector

    @classmethod
    def empty(cls, version: int = 0) -> ThemeSpace:
        """Return the space before any theme was found."""
        nothing = np.zeros(POINT_DIMENSIONS, np.float32)
        return cls(version, nothing, (), np.zeros((0, POINT_DIMENSIONS), np.float32), np.zeros(0, np.float32))

    def assign(self, points: Vector) -> list[Assigned | None]:
        """Return the theme of each of the ``points`` (n, 896), not centred yet; ``None`` for no theme."""
        if not self.theme_ids or not len(points):
            return [None] * len(points)
        closeness = centred(points, self.centre) @ self.directions.T
        nearest = np.argmax(closeness, axis=1)
        distances = 1.0 - closeness[np.arange(len(points)), nearest]
        return [
            Assigned(self.theme_ids[theme], round(float(distance), 4))
            if distance <= self.radii[theme] + 1e-6
            else None
            for theme, distance in zip(nearest.tolist(), distances, strict=True)
        ]

    def theme_of(
        self, vectors: Mapping[Modality, Vector], weights: Mapping[Modality, float]
    ) -> Assigned | None:
        """Return the theme of one video by its unit vectors and weights."""
        return self.assign(points([ThemedVideo(UUID(int=0), vectors, weights)]))[0]


def points(videos: Sequence[ThemedVideo]) -> Vector:
    """Return (n, 896), not centred. A video without any vector that counts is a row of zeros."""
    rows = np.zeros((len(videos), POINT_DIMENSIONS), np.float32)
    for row, video in zip(rows, videos, strict=True):
        text = np.zeros(TEXT_DIMENSIONS, np.float32)
        shares = [0.0, 0.0]
        for modality, weight in video.weights.items():
            vector = video.vectors.get(modality)
            if vector is None or weight <= 0:
                continue
            if modality is Modality.VISUAL:
                row[_SPACES[0]] = vector
                shares[0] += weight * SEEN_BESIDE_WORDS
            else:
                text += np.float32(weight) * vector
                shares[1] += weight
        row[_SPACES[1]] = text
        for space, share in zip(_SPACES, shares, strict=True):
            length = float(np.linalg.norm(row[space]))
            if length > 0:
                row[space] *= sqrt(share / sum(shares)) / length
    return rows


def centre(rows: Vector) -> Vector:
    """Return what videos have in common (896,): for each space the mean of the unit vectors that have it."""
    found = np.zeros(POINT_DIMENSIONS, np.float32)
    for space in _SPACES:
        lengths = np.linalg.norm(rows[:, space], axis=1)
        has = lengths > 0
        if has.sum() > 1:  # what one video alone is about is not what all have in common
            found[space] = (rows[has, space] / lengths[has, None]).mean(axis=0)
    return found


def centred(rows: Vector, common: Vector) -> Vector:
    """Return the rows without what is common; each space of a row keeps its length."""
    out = np.zeros_like(rows)
    for space in _SPACES:
        lengths = np.linalg.norm(rows[:, space], axis=1, keepdims=True)
        rest = rows[:, space] / np.where(lengths > 0, lengths, 1) - np.where(lengths > 0, common[space], 0)
        size = np.linalg.norm(rest, axis=1, keepdims=True)
        out[:, space] = np.where(size > 1e-4, rest * lengths / np.where(size > 1e-4, size, 1), 0)
    return out


def reduced(rows: Vector, dimensions: int = REDUCED_DIMENSIONS) -> Vector:
    """Return unit rows: the centred ``rows`` in the directions of their greatest variance (PCA).

    What a row has in none of these directions is left out, and with it most of what it has in common with no
    other; rows with nothing left are zeros.
    """
    if not len(rows):
        return np.zeros((0, 1), np.float32)
    _, axes = np.linalg.eigh(rows.T @ rows)  # ascending; the rows are centred already
    wanted = max(1, min(dimensions, len(rows) - 1))
    found: Vector = rows @ axes[:, ::-1][:, :wanted].astype(np.float32)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    unit: Vector = (found / np.where(lengths > 1e-6, lengths, 1)).astype(np.float32)
    return unit


def smallest_theme(videos: int) -> int:
    """Return how many videos, near duplicates counted once, make a theme in a collection of so many.

    0.4 times the square root: 3 of 72, 13 of 1,000, 40 of 10,000, 57 of 20,000. So the number of themes
    grows, but slower than the collection, and shelves stay few enough to be looked through.
    """
    return max(FEWEST, round(0.4 * sqrt(max(videos, 0))))


def representatives(videos: Sequence[ThemedVideo]) -> list[int]:
    """Return the positions of the first of each group of near duplicates: copies do not make a theme."""
    seen: set[str] = set()
    kept = []
    for position, video in enumerate(videos):
        if video.group and video.group in seen:
            continue
        seen.add(video.group)
        kept.append(position)
    return kept


def direction(rows: Vector) -> tuple[Vector, float]:
    """Return the direction (896,) of a theme of these centred rows, and its radius.

    Rows that lie far outside of the others are left out: an algorithm has to put a last video somewhere, and
    by it a small theme's radius would take in everything.
    """
    unit, distances = _mean(rows)
    if len(rows) < 2:
        return unit, _ALONE
    middle = np.median(distances)
    spread = max(float(np.median(np.abs(distances - middle))), _LEAST_SPREAD)
    near = distances <= middle + _STRAY * spread
    if not near.all():
        unit, distances = _mean(rows[near])
    # "higher": of fewer than a hundred videos the farthest is covered
    return unit, min(float(np.percentile(distances, _COVERED, method="higher")), _WIDEST)


def _mean(rows: Vector) -> tuple[Vector, Vector]:
    """Return the mean direction of rows, and how far each of them lies from that of the others.

    Not of all: a video is near to what it is a part of, in a theme of three by half the way, and no new video
    would ever be as near.
    """
    total = rows.sum(axis=0)
    unit: Vector = (total / max(float(np.linalg.norm(total)), 1e-9)).astype(np.float32)
    others = total - rows
    lengths = np.maximum(np.linalg.norm(others, axis=1), 1e-9)
    distances: Vector = (1.0 - np.einsum("ij,ij->i", rows, others) / lengths).astype(np.float32)
    return unit, distances


def succession(
    before: Sequence[UUID | None], now: Sequence[UUID | None], named: Collection[UUID] = ()
) -> dict[UUID, UUID]:
    """Return for new themes which old one each of them is; those that are really new are left out.

    ``before`` and ``now`` are the themes of the same videos. Pairs are taken in the order of their Jaccard
    index (common videos by those of either), of equals first those with a theme that is ``named`` by people,
    then the larger ones.
    """
    old, new = Counter(before), Counter(now)
    common = Counter(pair for pair in zip(before, now, strict=True) if None not in pair)
    ranked = sorted(
        (
            (
                -count / (old[was] + new[is_now] - count),
                was not in named,
                -count,
                str(was),
                str(is_now),
                was,
                is_now,
            )
            for (was, is_now), count in common.items()
        ),
        key=lambda each: each[:5],
    )
    found: dict[UUID, UUID] = {}
    taken: set[UUID] = set()
    for jaccard, *_, was, is_now in ranked:
        if -jaccard < _SAME or was is None or is_now is None or is_now in found or was in taken:
            continue
        found[is_now] = was
        taken.add(was)
    return found
