"""Near duplicates: the same video again, re-encoded, scaled or with another caption.

Those that look alike share a *group*, so that a result page shows the best of them once. Groups are made
while videos are assembled, one at a time and in any order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

# Cosine of two videos' visual vectors from which on they are taken for the same pictures.
SAME_PICTURES = 0.97
# A trailer cut from a film looks like it; the same video has the same length, give or take a logo at the end.
_LENGTH_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A video that looks alike. ``group`` is empty where it has not been assembled yet."""

    video_id: UUID
    cosine: float
    duration: float | None = None  # seconds
    group: str = ""


def own_group(video_id: UUID, generation: int) -> str:
    """Return the group of a video that nothing is like.

    It names the generation, so that a video that is overwritten leaves its old group to the others in it.
    """
    return f"{video_id}/{generation}"


def group_of(own: str, current: str, duration: float | None, neighbours: Iterable[Neighbour]) -> str:
    """Return the group of a video with a ``duration`` in seconds, given those that look most like it.

    ``own`` is :func:`own_group`, ``current`` the group that it was in before, or empty. Without a duration
    nothing is said to be the same. A newcomer takes the group that is there; of two groups that turn out to
    be one the smaller name wins, whichever video is assembled next, so two that were assembled at the same
    moment agree as soon as they are assembled again.
    """
    groups = {
        each.group
        for each in neighbours
        if each.group and each.cosine >= SAME_PICTURES and _same_length(duration, each.duration)
    }
    if not groups:
        return own
    return min(groups | {current}) if current else min(groups)


def _same_length(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return False
    return abs(one - other) <= _LENGTH_TOLERANCE * max(one, other)
