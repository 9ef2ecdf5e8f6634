"""Finding videos in the vector index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from kadr.core.extraction import Vector
from kadr.core.modality import Modality
from kadr.core.words import SparseVector
from kadr.ports.vectors import Hit


@dataclass(frozen=True, slots=True)
class Where:
    """Which videos are meant; what is empty or ``None`` does not matter.

    A video has to contain every one of ``phrases`` and none of ``excluded`` (both as people write them), to
    show all of ``people``, to be of one of ``themes`` and have text of one of ``languages`` (ISO 639-1).
    Durations are seconds, both ends included. ``after`` is included, ``before`` is not. With a ``modality``
    the video has to have it, and phrases have to be in it, if it is one of text.
    """

    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    min_duration: float | None = None
    max_duration: float | None = None
    after: datetime | None = None
    before: datetime | None = None
    modality: Modality | None = None
    but_not: tuple[UUID, ...] = ()
    but_not_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Likeness:
    """One part of a score: ``scale · similarity + shift``.

    ``similarity`` is that of ``vector`` with the named vector ``using``: the dot product for ``fused``, the
    cosine for the others. A video without that vector gets 0.
    """

    vector: Vector
    using: str
    scale: float = 1.0
    shift: float = 0.0


@dataclass(frozen=True, slots=True)
class ExactWords:
    """The other part of a score: ``weight · BM25``. ``stems`` are those of the words in ``vector``."""

    vector: SparseVector
    weight: float
    stems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredVideo:
    """What the index has of a video."""

    vectors: Mapping[str, Vector]
    payload: Mapping[str, Any] = field(default_factory=dict)


class VideoSearch(Protocol):
    """Collection ``videos``, read."""

    def search(
        self,
        likenesses: Sequence[Likeness],
        words: ExactWords | None,
        where: Where,
        *,
        having: Sequence[Hit] | None = None,
    ) -> list[Hit]:
        """Return the candidates with the largest sum of their parts, in a total order.

        Their number does not depend on which page is wanted. Where ``where`` names a modality of text, words
        count only in videos in which that modality has one of them. Of the payload, ``group`` comes along.
        ``having`` is what :meth:`having` has answered for the same words and conditions, if it was asked.
        """

    def having(self, words: ExactWords, where: Where) -> list[Hit]:
        """Return the videos with the largest BM25, which is their score, the weight left out.

        For who knows the words earlier than the vectors, and has something else to do meanwhile.
        """

    def stored(self, video_ids: Sequence[UUID], names: Sequence[str]) -> dict[UUID, StoredVideo]:
        """Return the named vectors (those that there are) and payloads of videos; the unknown are left
        out."""
