"""The vector index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from kadr.core.duplicates import Neighbour
from kadr.core.extraction import Vector
from kadr.core.words import SparseVector

# Where a face lies: the video, and its position among the video's people.
FacePlace = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class Hit:
    """A point that matched; ``score`` falls along a result list."""

    video_id: UUID
    score: float
    payload: Mapping[str, Any] = field(default_factory=dict)


class VectorIndex(Protocol):
    """Collection ``videos``: named vectors ``visual``, ``ocr``, ``speech``, ``fused``; sparse ``words``.

    Every write names the ``generation`` it was made from and never overwrites a newer one.
    """

    def write_vector(
        self, video_id: UUID, generation: int, name: str, vector: Vector | None, payload: Mapping[str, Any]
    ) -> None:
        """Set one named vector (``None`` removes it); a generation's first write replaces the point."""

    def write_search(
        self,
        video_id: UUID,
        generation: int,
        *,
        fused: Vector | None,
        words: SparseVector | None,
        payload: Mapping[str, Any],
    ) -> None:
        """Set what search reads; ``None`` removes."""

    def annotate(self, video_id: UUID, generation: int, payload: Mapping[str, Any]) -> None:
        """Set keys of the payload; nothing happens where the video has no point of this generation."""

    def annotate_all(self, payloads: Mapping[tuple[UUID, int], Mapping[str, Any]]) -> None:
        """Do the same to many videos, by id and generation, in one request."""

    def look_alikes(self, vector: Vector) -> list[Neighbour]:
        """Return the videos that look like ``vector`` (512,), the closest first, at least as close as copies.

        The video itself is among them.
        """

    def vectors(self, video_id: UUID, names: Sequence[str]) -> dict[str, Vector]:
        """Return those of the named vectors that the video has."""

    def forget(self, video_id: UUID, *, below: int | None = None) -> None:
        """Remove the video; with ``below`` only if its point is of an older generation."""

    def count(self) -> int:
        """Return how many videos have a point."""


class FaceIndex(Protocol):
    """Collection ``faces``: one point per person and video."""

    def write(self, video_id: UUID, generation: int, encodings: Sequence[Vector]) -> None:
        """Replace the video's people; ``encodings`` are (128,), the most seen person first."""

    def forget(self, video_id: UUID, *, below: int | None = None) -> None:
        """Remove the video's people; with ``below`` only those of older generations."""

    def encodings(self, places: Sequence[FacePlace]) -> dict[FacePlace, Vector]:
        """Return encodings (128,) of faces; those that the index does not hold are left out."""

    def all(self, size: int = 1000) -> Iterator[dict[FacePlace, Vector]]:
        """Yield the encodings of all faces, so many at a time."""

    def near(self, encoding: Vector, *, limit: int, farthest: float, but_not: UUID) -> dict[FacePlace, float]:
        """Return the nearest faces of other videos than ``but_not``, and how far (Euclidean) they are."""

    def remove(self, places: Sequence[FacePlace]) -> None:
        """Remove single faces."""
