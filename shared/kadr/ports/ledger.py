"""The ledger: which videos there are, which version of them, and where each stage stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from kadr.core.document import VideoFacts
from kadr.core.extraction import Extraction, MediaFacts, Moment, StoredFrames
from kadr.core.identity import ObjectVersion
from kadr.core.modality import Modality, Stage, StageState, VideoState
from kadr.core.people import Candidate, Face, Mark
from kadr.core.ranking import Ranking
from kadr.core.themes import Assigned, ThemeSpace
from kadr.ports.people import PersonName
from kadr.ports.vectors import FacePlace


@dataclass(frozen=True, slots=True)
class Registration:
    """The version of a video that its bucket holds, numbered.

    ``generation`` rises with every version of any video; a write made from an older one is refused.
    """

    video_id: UUID
    bucket: str
    key: str
    generation: int
    object: ObjectVersion


@dataclass(frozen=True, slots=True)
class StageRecord:
    """Where one stage of one video stands."""

    stage: Stage
    state: StageState
    reason: str = ""
    attempts: int = 0
    model_version: str = ""
    duration_ms: int | None = None
    cost_usd: float | None = None
    updated_at: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VideoRecord:
    """A video as people see it."""

    video_id: UUID
    bucket: str
    key: str
    generation: int
    state: VideoState
    size: int
    created_at: datetime
    updated_at: datetime
    duration: float | None = None  # seconds
    width: int | None = None
    height: int | None = None
    has_audio: bool | None = None
    thumbnail_key: str | None = None
    stages: tuple[StageRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundVideo:
    """What a page of results shows of a video, and explains its place with.

    ``versions`` are the models that the results of its stages were made with. ``moments`` and ``frames`` are
    there where they were asked for.
    """

    video_id: UUID
    bucket: str
    key: str
    duration: float | None = None  # seconds
    thumbnail_key: str | None = None
    versions: Mapping[Stage, str] = field(default_factory=dict)
    moments: Mapping[Modality, Sequence[Moment]] = field(default_factory=dict)
    frames: StoredFrames | None = None
    theme_id: UUID | None = None
    people: tuple[PersonName, ...] = ()


class Commit(Protocol):
    """An open transaction that holds the video's row lock, for one stage of one generation."""

    def write(self, extraction: Extraction, *, cost_usd: float | None = None) -> None:
        """Replace the stage's moments, frames and faces, and set its state."""

    def finish(self, details: Mapping[str, Any]) -> None:
        """Set the stage's state to done, with small facts for people."""

    def set_media(self, media: MediaFacts) -> None:
        """Set what ingest measured."""

    def set_thumbnail(self, key: str) -> None:
        """Set where ingest put the thumbnail."""

    def set_searchable(self, searchable: bool) -> None:
        """Say whether the index now holds a search vector or words of the video."""

    def moments(self) -> dict[Modality, list[Moment]]:
        """Return every moment of the video."""

    def facts(self) -> VideoFacts:
        """Return what else is known of the video."""

    def ranking(self) -> Ranking:
        """Return the constants of ranking that the index is fused with now."""

    def themes(self) -> ThemeSpace:
        """Return the themes in force, which stay so until the commit."""

    def set_theme(self, theme: Assigned | None) -> None:
        """Set the theme that the video is listed in."""

    def faces(self) -> list[Face]:
        """Return the video's faces, the one that is seen most first."""

    def marks(self) -> list[Mark]:
        """Return what editors have said of the video's faces."""

    def candidates(self, near: Mapping[FacePlace, float]) -> list[Candidate]:
        """Return whose the faces are that lie at ``near``, with their distances; nobody's are left out."""

    def assign_faces(self, people: Mapping[UUID, UUID]) -> None:
        """Say whose faces of the video are, by their ids; people who are gone meanwhile are passed over."""

    def settle_marks(self, meaning: Mapping[int, UUID]) -> None:
        """Note which faces marks mean; those on faces that only an older content had are forgotten."""


class Ledger(Protocol):
    """PostgreSQL, as the rules see it."""

    def register(
        self,
        video_id: UUID,
        bucket: str,
        key: str,
        observe: Callable[[], ObjectVersion | None],
        on_new: Callable[[Registration], None],
    ) -> Registration | None:
        """Number what the bucket holds now; ``None`` where it holds nothing.

        ``observe`` is called while the video's row is locked, so versions are numbered in the order in
        which the bucket took them, whatever the order of events. ``on_new`` is called, under the same
        lock, if the version is a new one: whatever the old one left in the index goes there.
        """

    def claim(
        self, registration: Registration, stage: Stage, model_version: str, *, lease: float
    ) -> StageRecord | None:
        """Take the job for ``lease`` seconds; return its record instead if there is nothing to do.

        Raises:
            BusyError: another worker holds it.
            SupersededError: the generation is not the current one any more.
        """

    def prolong(self, registration: Registration, stage: Stage, *, lease: float) -> None:
        """Hold a claimed job for another ``lease`` seconds from now. Silent if superseded."""

    def commit(self, registration: Registration, stage: Stage) -> AbstractContextManager[Commit]:
        """Lock the video's row; raises SupersededError if the generation is not the current one."""

    def fail(self, registration: Registration, stage: Stage, state: StageState, reason: str) -> None:
        """Record that a stage failed, is unavailable, or will be retried. Silent if superseded."""

    def abandon(self, video_id: UUID, generation: int, stage: Stage, reason: str) -> None:
        """Record that a stage's message goes to the dead-letter queue. Silent if superseded."""

    def requeue(
        self, video_id: UUID, states: Collection[StageState], send: Callable[[Stage, int], None]
    ) -> list[Stage] | None:
        """Set the stages that are in one of ``states`` to queued; return them, ``None`` without such a video.

        Those whose worker has been killed, so that its lease ran out, are meant as well.

        ``send`` is called for each with the generation, under the row's lock: if it raises, nothing is
        changed.
        """

    def assemble(self, video_id: UUID, generation: int) -> AbstractContextManager[Commit | None]:
        """Lock the video's row for assembling; ``None`` if the generation is not the current one."""

    def purge(
        self, video_id: UUID, observe: Callable[[], ObjectVersion | None], erase: Callable[[], None]
    ) -> bool:
        """Erase the video if ``observe`` finds nothing in the bucket; return whether it did.

        ``erase`` removes what lies outside PostgreSQL; it is called under the row's lock.
        """

    def video(self, video_id: UUID) -> VideoRecord | None:
        """Return one video."""

    def videos(
        self, *, limit: int, offset: int = 0, state: VideoState | None = None, key_prefix: str = ""
    ) -> list[VideoRecord]:
        """Return videos, newest first."""

    def records(self, video_ids: Sequence[UUID]) -> dict[UUID, VideoRecord]:
        """Return videos with all their stages; those that do not exist are left out."""

    def found(
        self, video_ids: Sequence[UUID], *, moments: bool = True, frames: bool = True
    ) -> dict[UUID, FoundVideo]:
        """Return the videos of a result page; those that do not exist (any more) are left out."""

    def moments(self, video_ids: Sequence[UUID]) -> dict[UUID, dict[Modality, list[Moment]]]:
        """Return the moments of videos; those that have none are left out."""

    def counts(self) -> dict[Stage, dict[StageState, int]]:
        """Return how many videos stand in which state, per stage."""

    def video_counts(self) -> dict[VideoState, int]:
        """Return how many videos stand in which state."""

    def newest_texts(self, limit: int = 20_000) -> list[str]:
        """Return the texts and translations of the newest moments, for the spelling correction."""
