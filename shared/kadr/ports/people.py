"""People across videos, as PostgreSQL keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from kadr.core.extraction import Vector
from kadr.core.people import Face, Mark
from kadr.ports.vectors import FacePlace


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who appears in videos, as people see them."""

    person_id: UUID
    name: str  # empty: nobody has named them
    videos: int
    portrait_key: str | None  # in the derived bucket


@dataclass(frozen=True, slots=True)
class PersonName:
    """Who somebody is; ``name`` is empty where nobody has named them."""

    person_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Appearance:
    """One of the videos that somebody appears in."""

    face_id: UUID
    video_id: UUID
    portrait_key: str
    start: float  # seconds: when they are first seen


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a clustering starts from, as of one moment; ``people`` are all there are."""

    revision: int
    faces: Sequence[Face] = ()
    marks: Sequence[Mark] = ()
    people: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class NewMark:
    """A word on a face that is to be kept."""

    face_id: UUID
    encoding: Vector
    person_id: UUID
    is_person: bool


@dataclass(frozen=True, slots=True)
class RemovedFace:
    """What is left of a face whose row is gone; ``portrait`` is a key in the derived bucket."""

    place: FacePlace
    portrait: str


@dataclass(frozen=True, slots=True)
class Touched:
    """A video whose people are others now; ``people`` is everybody who appears in it."""

    video_id: UUID
    generation: int
    people: tuple[UUID, ...] = ()


class PeopleEdit(Protocol):
    """An open transaction that nobody else changes people beside."""

    def person(self, person_id: UUID) -> Person | None:
        """Return somebody, also somebody without faces."""

    def faces(self, face_ids: Sequence[UUID]) -> list[Face]:
        """Return faces by their ids; those that do not exist are left out."""

    def faces_of(self, person_id: UUID) -> list[Face]:
        """Return everything that is somebody's face."""

    def add(self, person_ids: Iterable[UUID]) -> None:
        """Make people without a name; those that are there stay as they are."""

    def rename(self, person_id: UUID, name: str) -> None:
        """Name somebody."""

    def assign(self, people: Mapping[UUID, UUID | None]) -> list[Touched]:
        """Say whose faces are, by their ids; return the videos that this changed anything of."""

    def mark(self, marks: Sequence[NewMark]) -> None:
        """Keep words on faces; an older one on the same face and person is replaced, and so is what says that
        the face is somebody's, if the new one does."""

    def move_marks(self, person_id: UUID, into: UUID) -> None:
        """Let every word on somebody be on somebody else: the two are one."""

    def remove_faces(self, person_id: UUID) -> tuple[list[RemovedFace], list[Touched]]:
        """Delete somebody's faces; return them, and the videos that this changed anything of.

        Nobody extracts these videos again before the end of the block.
        """

    def remove(self, person_id: UUID) -> None:
        """Delete somebody, with everything that was said of them; their faces are nobody's."""


class PeopleStore(Protocol):
    """PostgreSQL, as far as people go."""

    def people(
        self, *, limit: int, offset: int = 0, name: str = "", min_videos: int = 1
    ) -> tuple[list[Person], int]:
        """Return a page of people and how many there are: those with a name first, then by their videos."""

    def person(self, person_id: UUID) -> Person | None:
        """Return somebody who has a face; ``None`` otherwise."""

    def appearances(self, person_id: UUID, *, limit: int, offset: int = 0) -> list[Appearance]:
        """Return a page of the videos that somebody appears in, newest first."""

    def edit(self) -> AbstractContextManager[PeopleEdit]:
        """Lock people for an editor's change."""

    def snapshot(self) -> Snapshot:
        """Return what a clustering starts from."""

    def clustering(self, revision: int) -> AbstractContextManager[PeopleEdit | None]:
        """Lock people for a part of a clustering; ``None`` if an editor has changed anything meanwhile."""

    def settle(self, meanings: Mapping[int, UUID], radii: Mapping[UUID, float]) -> int:
        """Note which faces marks mean and how wide people are; remove people who have neither a face nor a
        word of an editor on one. Return how many were removed."""
