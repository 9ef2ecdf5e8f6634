"""How like a query given videos are, modality by modality: what a score is explained with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from kadr.core.extraction import Vector
from kadr.core.modality import Modality
from kadr.core.words import SparseVector


@dataclass(frozen=True, slots=True)
class VideoSimilarity:
    """What the index says of one video.

    ``weights`` are the shares of its modalities; ``cosines`` compare the query with the named vectors that
    the video has; ``words`` is BM25, ``None`` where no word matches.
    """

    weights: Mapping[Modality, float] = field(default_factory=dict)
    cosines: Mapping[Modality, float] = field(default_factory=dict)
    words: float | None = None


class Similarities(Protocol):
    """Collection ``videos``, asked about videos that are known already."""

    def of(
        self,
        video_ids: Sequence[UUID],
        *,
        visual: Vector | None,
        text: Vector | None,
        words: SparseVector | None,
    ) -> dict[UUID, VideoSimilarity]:
        """Return how like the sides of a query the videos are, in one request.

        ``visual`` (512,) is compared with what is seen, ``text`` (384,) with what is written and said. A
        video that is not in the index any more is not in the answer.
        """
