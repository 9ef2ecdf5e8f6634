"""What finding themes needs: videos by pages, an algorithm that finds groups, and where themes are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from kadr.core.extraction import Vector
from kadr.core.theme_names import Said
from kadr.core.themes import Assigned, Labels, ThemedVideo, ThemeSpace


class NamedBy(StrEnum):
    """Where a theme's name comes from."""

    TERMS = "terms"  # what its videos say or show
    NUMBER = "number"  # from nothing: there were no words for it
    EDITOR = "editor"  # from people; it is never changed by itself


@dataclass(frozen=True, slots=True)
class Theme:
    """A theme; ``terms`` are its most telling words, the best first. For the rest see ``ThemeSpace``."""

    theme_id: UUID
    name: str
    named_by: NamedBy
    terms: tuple[str, ...]
    direction: Vector
    radius: float


@dataclass(frozen=True, slots=True)
class ThemeRecord:
    """A theme as people see it; ``videos`` are those that can be found."""

    theme_id: UUID
    name: str
    named_by: NamedBy
    terms: tuple[str, ...]
    videos: int


@dataclass(frozen=True, slots=True)
class Member:
    """A video of a theme; ``duration`` is in seconds."""

    video_id: UUID
    bucket: str
    key: str
    duration: float | None
    thumbnail_key: str | None


class ThemedIndex(Protocol):
    """Collection ``videos``, as far as themes go."""

    def count(self) -> int:
        """Return how many videos there are."""

    def pages(self, size: int) -> Iterator[list[ThemedVideo]]:
        """Yield every video that can be found, by id."""

    def read(self, video_ids: Sequence[UUID]) -> list[ThemedVideo]:
        """Return videos; those that cannot be found are left out."""

    def set_themes(self, themes: Mapping[UUID, UUID | None]) -> None:
        """Set the themes that videos are filtered by; ``None`` for no theme."""


class Groups(Protocol):
    """An algorithm that finds groups."""

    def groups(self, rows: Vector, smallest: int) -> Labels:
        """Return the group of each row, 0 and up, at least ``smallest`` rows each; −1 for none."""


class LockedVideos(Protocol):
    """Videos that nobody else changes meanwhile."""

    @property
    def present(self) -> frozenset[UUID]:
        """Those that there are."""
        ...

    def space(self) -> ThemeSpace:
        """Return the themes in force."""

    def set_themes(self, themes: Mapping[UUID, Assigned | None]) -> None:
        """Set the themes that videos are listed by."""


class ThemeStore(Protocol):
    """Themes, and which video has which."""

    def exclusively(self) -> AbstractContextManager[bool]:
        """Say whether nobody else is finding themes, and keep others from it until the end of the block."""

    def space(self) -> ThemeSpace:
        """Return the themes in force, as videos are compared with them."""

    def themes(self) -> list[Theme]:
        """Return the themes in force."""

    def publish(self, centre: Vector, themes: Sequence[Theme]) -> ThemeSpace:
        """Put themes in the place of those that were in force; return what they are now.

        What an editor has named meanwhile keeps its name, and stays as long as it has videos.
        """

    def locked(self, video_ids: Sequence[UUID]) -> AbstractContextManager[LockedVideos]:
        """Lock videos."""

    def assigned(self, video_ids: Sequence[UUID]) -> dict[UUID, UUID | None]:
        """Return which theme videos are listed in; those that there are not are left out."""

    def texts(self, video_ids: Sequence[UUID]) -> dict[UUID, list[Said]]:
        """Return what is written and said in videos, as far as it was well recognised."""

    def versions(self, video_ids: Sequence[UUID]) -> set[str]:
        """Return what the pictures of videos were embedded with."""

    def listed(self, *, limit: int, offset: int = 0) -> tuple[list[ThemeRecord], int]:
        """Return a page of themes that have videos, the largest first, and how many such there are."""

    def record(self, theme_id: UUID) -> ThemeRecord | None:
        """Return one theme."""

    def members(self, theme_id: UUID, *, limit: int, offset: int = 0) -> list[Member]:
        """Return a page of a theme's videos, the most typical first."""

    def thumbnails(self, theme_ids: Sequence[UUID], most: int) -> dict[UUID, list[str]]:
        """Return where up to ``most`` thumbnails of each theme lie, of its most typical videos."""

    def rename(self, theme_id: UUID, name: str) -> ThemeRecord | None:
        """Name a theme as an editor does; with an empty name, let it be named by its terms again."""

    def names(self) -> dict[UUID, str]:
        """Return the name of every theme."""
