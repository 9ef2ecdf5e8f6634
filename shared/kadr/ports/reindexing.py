"""What fusing a whole index anew needs: the ledger by pages, collections in bulk, a note of where it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from kadr.core.document import VideoFacts
from kadr.core.duplicates import Neighbour
from kadr.core.extraction import Moment, Vector
from kadr.core.modality import Modality
from kadr.core.ranking import Ranking
from kadr.core.words import SparseVector


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a video stands in the ledger; ``as_of`` is another text after every change of it."""

    video_id: UUID
    generation: int
    as_of: str


@dataclass(frozen=True, slots=True)
class Landed:
    """A video with all that was extracted from it but its vectors."""

    standing: Standing
    facts: VideoFacts
    moments: Mapping[Modality, Sequence[Moment]]


@dataclass(frozen=True, slots=True)
class StoredVideo:
    """A video as a collection holds it; vectors are of unit length."""

    generation: int
    vectors: Mapping[Modality, Vector]
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IndexedVideo:
    """A video as it is to be held."""

    video_id: UUID
    vectors: Mapping[Modality, Vector]
    fused: Vector | None
    words: SparseVector | None
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Settled:
    """What is written last of a video: whoever finds it knows that the rest is there."""

    group: str
    as_of: str  # Standing.as_of of what it was made from


@dataclass(frozen=True, slots=True)
class Member:
    """A video among near duplicates; ``group`` is empty where it is not settled."""

    group: str
    duration: float | None  # seconds


@dataclass(frozen=True, slots=True)
class Run:
    """An index that is being made, or was. Without ``constants`` it has those of the release."""

    number: int
    collection: str
    version: str  # Ranking.version of what it is fused with
    constants: Ranking | None


class LedgerScan(Protocol):
    """Every video of the ledger."""

    def now(self) -> datetime:
        """Return the time by the ledger's clock."""

    def count(self) -> int:
        """Return how many videos there are."""

    def pages(self, size: int, since: datetime | None = None) -> Iterator[list[Standing]]:
        """Yield all videos, or those that were changed since; by id."""

    def locked(self, video_ids: Sequence[UUID]) -> AbstractContextManager[list[Landed]]:
        """Yield videos that nobody changes meanwhile; those that are gone are left out."""

    def missing(self, video_ids: Sequence[UUID]) -> list[UUID]:
        """Return those that there is no video of (any more)."""

    def deleted(self, since: datetime) -> list[UUID]:
        """Return what was deleted since then and is not there again."""


class StillLedger(LedgerScan, Protocol):
    """The same, while nobody else can change any video."""

    def put_in_force(self, run: Run) -> None:
        """Let the constants of a run be those that are read; takes effect when the stillness ends."""


class Runs(LedgerScan, Protocol):
    """The ledger and the note of which index was made with which constants."""

    def exclusively(self) -> AbstractContextManager[bool]:
        """Yield whether nobody else makes an index, and keep others from it until the end of the block."""

    def still(self) -> AbstractContextManager[StillLedger]:
        """Wait for whoever is changing a video; keep everybody else waiting until the end of the block."""

    def in_force(self) -> Run | None:
        """Return the run whose constants are read; ``None`` before the first one."""

    def unfinished(self) -> Run | None:
        """Return the run that was begun and not brought to its end."""

    def begin(self, collection: str, version: str, constants: Ranking | None) -> Run:
        """Note that a collection is going to be made."""

    def revise(self, run: Run, constants: Ranking | None) -> Run:
        """Change what only queries read of an unfinished run's constants."""

    def discard(self, run: Run) -> None:
        """Forget an unfinished run."""


class IndexCollection(Protocol):
    """One collection of videos, in bulk."""

    @property
    def name(self) -> str:
        """The collection."""
        ...

    def count(self, *, not_of: str = "") -> int:
        """Return how many videos it holds; with ``not_of`` those not fused with that version of constants."""

    def read(self, video_ids: Sequence[UUID]) -> dict[UUID, StoredVideo]:
        """Return videos; those that it does not hold are left out."""

    def as_of(self, video_ids: Sequence[UUID]) -> dict[UUID, str]:
        """Return as of when videos were written by :meth:`settle`."""

    def write(self, videos: Sequence[IndexedVideo]) -> None:
        """Insert or replace videos."""

    def look_alikes(self, vectors: Mapping[UUID, Vector]) -> dict[UUID, list[Neighbour]]:
        """Return which other videos look like each of those, as ``VectorIndex.look_alikes`` does."""

    def members(self, video_ids: Sequence[UUID]) -> dict[UUID, Member]:
        """Return what decides whether others are copies; videos that it does not hold are left out."""

    def settle(self, videos: Mapping[UUID, Settled]) -> None:
        """Complete videos that were written."""

    def remove(self, video_ids: Sequence[UUID]) -> None:
        """Remove videos."""

    def ids(self, size: int) -> Iterator[list[UUID]]:
        """Yield which videos it holds."""


class IndexCollections(Protocol):
    """The collections behind one alias."""

    def current(self) -> str | None:
        """Return the collection that is searched."""

    def all(self) -> list[str]:
        """Return every collection that was made for the alias, the oldest first."""

    def following(self) -> str:
        """Return the name for the next one."""

    def make(self, name: str) -> None:
        """Make a collection, and what is missing of its indexes; nothing where all is there."""

    def open(self, name: str) -> IndexCollection:
        """Return a collection."""

    def fits(self, name: str) -> bool:
        """Return whether the collection has room for the vectors of this release."""

    def switch(self, name: str) -> None:
        """Let this collection be searched from now on."""

    def drop(self, name: str) -> None:
        """Delete a collection."""
