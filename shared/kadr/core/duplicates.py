"""Near duplicates: the same video again, encoded otherwise, smaller, brighter or with a logo.

Those that look alike share a *group*, so that a result page shows the best of them once. Groups are made
while videos are assembled, one at a time and in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from kadr.core.extraction import Vector
from kadr.core.modality import Modality

# Cosine of two videos' visual vectors from which on they are taken for the same pictures. Measured on the 72
# sample clips with a demo CLIP: of copies of half the size and heavily compressed, 95 % have 0.993 and more;
# of those a tenth brighter, 0.981. A frame cut by a twentieth (0.93) is another one. Of the 2,556 pairs of
# different clips 3 have as much, stills of a kind: one pair of the same length, none with the same words.
SAME_PICTURES = 0.985
# A trailer cut from a film looks like it; the same video has the same length, give or take a logo at the end.
_LENGTH_TOLERANCE = 0.1
# Cosine of two texts' vectors from which on one may be a less well recognised form of the other. That of
# unrelated texts has a mean of 0.056 and a deviation of 0.075 (kadr.models.catalogue): seven of them above.
_SAME_WORDS = 0.6


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A video that looks alike. ``group`` is empty where it has not been assembled yet."""

    video_id: UUID
    cosine: float
    duration: float | None = None  # seconds
    group: str = ""
    texts: Mapping[Modality, Vector] = field(default_factory=dict)  # its vectors but the visual one


def own_group(video_id: UUID, generation: int) -> str:
    """Return the group of a video that nothing is like.

    It names the generation, so that a video that is overwritten leaves its old group to the others in it.
    """
    return f"{video_id}/{generation}"


def group_of(
    own: str,
    current: str,
    duration: float | None,
    texts: Mapping[Modality, Vector],
    neighbours: Iterable[Neighbour],
) -> str:
    """Return the group of a video with a ``duration`` in seconds, given those that look most like it.

    ``own`` is :func:`own_group`, ``current`` the group that it was in before, or empty; ``texts`` are its
    unit vectors of what is written and said. The same pictures with other words are another video, and
    without a duration nothing is said to be the same. A video stays in its group while somebody shares it,
    and else takes the one that is there; so it does not matter which one was assembled first, or again.
    """
    groups = {
        each.group
        for each in neighbours
        if each.group
        and each.cosine >= SAME_PICTURES
        and _same_length(duration, each.duration)
        and _same_words(texts, each.texts)
    }
    if not groups:
        return own
    return current if current in groups else min(groups)


def _same_length(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return False
    return abs(one - other) <= _LENGTH_TOLERANCE * max(one, other)


def _same_words(ones: Mapping[Modality, Vector], others: Mapping[Modality, Vector]) -> bool:
    # What has not been read or heard yet is not there either: whoever lacks it is assembled again with it.
    return ones.keys() == others.keys() and all(
        float(vector @ others[modality]) >= _SAME_WORDS for modality, vector in ones.items()
    )
