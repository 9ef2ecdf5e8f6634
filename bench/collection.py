"""A simulated collection of videos: vectors, words, durations; the same for every run.

Vectors lie as those of real models do: around topics (Zipf), with the mean and the deviation of the cosine of
unrelated pairs that the catalogue has for CLIP and MiniLM, and pairs that belong together about as close as
was measured (docs/adr/0005-models.md). A query is about the topic of some video and has noise of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from kadr.core.extraction import Vector
from kadr.core.fusion import TEXT_DIMENSIONS, VISUAL_DIMENSIONS
from kadr.core.modality import Modality
from kadr.models.catalogue import Calibration, Role, entries

Counts = npt.NDArray[np.int64]

SEED = 5
PER_TOPIC = 50  # videos, on average
_PER_AREA = 20  # topics; two of an area have a cosine of 0.5 in what is not common to all videos

# Shares of videos: silent or without speech, without text on screen, and too dark or broken to be seen.
ABSENT = {Modality.VISUAL: 0.01, Modality.OCR: 0.25, Modality.SPEECH: 0.35}
# Median number of words where there are any; lognormal. A clip of 30 s: see kadr.core.words.AVERAGE_LENGTH.
WORDS = {Modality.OCR: 15, Modality.SPEECH: 45}
_WORDS_SPREAD = 0.8
_SECONDS, _SECONDS_SPREAD = 25.0, 0.4


@dataclass(frozen=True, slots=True)
class Space:
    """How the vectors of one model lie.

    ``common`` is the squared length of what all vectors share, ``decay`` the number of dimensions after which
    their variance has fallen to 1/e: it makes the cosine of unrelated pairs as wide as the model's is.
    ``video`` is the squared share of the topic in what is not common; ``query`` the same of a query, not
    squared and on average: some queries are hardly about anything, others twice as much.
    """

    dimensions: int
    decay: float
    common: float
    video: float
    query: float

    def noise(self, chance: np.random.Generator, count: int) -> Vector:
        """Return unit vectors without anything in common."""
        scale = np.exp(-np.arange(self.dimensions, dtype=np.float32) / (2 * self.decay))
        return _unit(chance.standard_normal((count, self.dimensions), dtype=np.float32) * scale)

    def turned(self, rows: Vector, common: float) -> Vector:
        """Return unit vectors with ``common`` of the shared direction, their variance in all dimensions."""
        rows *= np.sqrt(1 - common**2)
        rows[:, -1] += common  # where the decay leaves next to nothing
        chance = np.random.default_rng(self.dimensions)
        axes = np.linalg.qr(chance.standard_normal((self.dimensions, self.dimensions)))[0].astype(np.float32)
        return _unit(rows @ axes)


# CLIP's images share much (cosine 0.5 between unrelated ones) and its texts lie elsewhere: see ``queries``.
VISUAL = Space(VISUAL_DIMENSIONS, decay=154, common=0.5, video=0.5, query=0.21)
TEXT = Space(TEXT_DIMENSIONS, decay=80, common=0.056, video=0.4, query=0.37)


@dataclass(frozen=True)
class Collection:
    """Videos ``0 … size − 1``. Vectors are unit length; a row of zeros where the modality is absent."""

    size: int
    topics: Counts  # (size,)
    vectors: Mapping[Modality, Vector]  # (size, 512) or (size, 384)
    words: Mapping[Modality, Counts]  # (size,)
    seconds: Vector  # (size,)

    @cached_property
    def present(self) -> Mapping[Modality, npt.NDArray[np.bool_]]:
        """Which videos have a modality."""
        return {modality: np.asarray(rows.any(axis=1)) for modality, rows in self.vectors.items()}


@dataclass(frozen=True, slots=True)
class Queries:
    """Unit vectors of queries and the topic of each."""

    topics: Counts
    clip: Vector  # (n, 512)
    text: Vector  # (n, 384)


def calibration(role: Role) -> Calibration:
    """Return what the catalogue knows about unrelated pairs of a role's model."""
    return next(entry.calibration for entry in entries(role) if entry.calibration is not None)


def collection(size: int) -> Collection:
    """Return the collection; 100,000 videos take about half a minute and 0.6 GB."""
    chance = np.random.default_rng(SEED)
    # Later videos do not change earlier ones' topics, but a larger collection has more of them.
    topics = _zipf(chance, _topic_count(size), size)
    vectors, words = {}, {}
    for modality, space in ((Modality.VISUAL, VISUAL), (Modality.OCR, TEXT), (Modality.SPEECH, TEXT)):
        absent = chance.random(size) < ABSENT[modality]
        rows = _around(space, _centres(space, size), topics, space.video, chance)
        rows = space.turned(rows, np.sqrt(space.common))
        rows[absent] = 0
        vectors[modality] = rows
        if modality in WORDS:
            count = chance.lognormal(np.log(WORDS[modality]), _WORDS_SPREAD, size).astype(np.int64)
            words[modality] = np.where(absent, 0, np.maximum(count, 1))
    seconds = chance.lognormal(np.log(_SECONDS), _SECONDS_SPREAD, size).astype(np.float32)
    return Collection(size, topics, vectors, words, seconds.clip(3, 180))


def queries(size: int, count: int) -> Queries:
    """Return ``count`` queries to the collection of that size."""
    chance = np.random.default_rng(SEED + 1)
    topics = _zipf(chance, _topic_count(size), count)
    visual, text = calibration(Role.VISUAL), calibration(Role.TEXT)
    pointed = chance.uniform(0, 2, count).astype(np.float32)[:, None]
    sides = []
    for space, mean in ((VISUAL, visual.mean), (TEXT, text.mean)):
        rows = _around(space, _centres(space, size), topics, (space.query * pointed) ** 2, chance)
        # ⟨common part of a video, that of a query⟩ is the mean cosine of unrelated pairs.
        sides.append(space.turned(rows, mean / np.sqrt(space.common)))
    return Queries(topics, *sides)


def _topic_count(size: int) -> int:
    return max(20, size // PER_TOPIC)


def _zipf(chance: np.random.Generator, kinds: int, count: int) -> Counts:
    weights = 1 / (np.arange(kinds) + 20.0)
    return chance.choice(kinds, size=count, p=weights / weights.sum())


def _centres(space: Space, size: int) -> Vector:
    chance = np.random.default_rng(SEED + space.dimensions)
    topics = _topic_count(size)
    areas = space.noise(chance, -(-topics // _PER_AREA))
    return _around(space, areas, chance.integers(0, len(areas), topics), 0.5, chance)


def _around(
    space: Space, centres: Vector, topics: Counts, share: float | Vector, chance: np.random.Generator
) -> Vector:
    rows = space.noise(chance, len(topics))
    rows *= np.sqrt(1 - share)
    rows += np.sqrt(share) * centres[topics]
    return _unit(rows)


def _unit(rows: Vector) -> Vector:
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows
