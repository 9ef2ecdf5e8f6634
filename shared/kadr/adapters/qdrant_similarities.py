"""Qdrant, asked about known videos: one request, a search in each named vector among these ids alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from kadr.adapters.qdrant import Qdrant, numbers
from kadr.core.extraction import Vector
from kadr.core.modality import Modality
from kadr.core.words import SparseVector
from kadr.ports.similarities import VideoSimilarity

if TYPE_CHECKING:
    from qdrant_client import models as q

_WORDS = "words"


class QdrantSimilarities:
    """Implements :class:`kadr.ports.similarities.Similarities`."""

    def __init__(self, qdrant: Qdrant, collection: str = "videos") -> None:
        self._qdrant = qdrant
        self._collection = collection

    def of(
        self,
        video_ids: Sequence[UUID],
        *,
        visual: Vector | None,
        text: Vector | None,
        words: SparseVector | None,
    ) -> dict[UUID, VideoSimilarity]:
        """Return how like the sides of a query the videos are; see the port.

        Raises:
            DependencyError: Qdrant does not answer, or the collection is missing.
        """
        from qdrant_client import models as q

        sides: dict[str, list[float] | q.SparseVector] = {}
        if visual is not None:
            sides[Modality.VISUAL] = numbers(visual)
        if text is not None:
            sides[Modality.OCR] = sides[Modality.SPEECH] = numbers(text)
        if words is not None and words.indices:
            sides[_WORDS] = q.SparseVector(indices=list(words.indices), values=list(words.values))
        if not video_ids or not sides:
            return {}
        answers = self._qdrant.queries(
            self._collection, [_among(video_ids, name, side) for name, side in sides.items()]
        )
        cosines: dict[UUID, dict[Modality, float]] = {}
        matched: dict[UUID, float] = {}
        known = {str(each): each for each in video_ids}
        for name, points in zip(sides, answers, strict=True):
            for point in points:
                identity = known[point["id"]]
                if name == _WORDS:
                    matched[identity] = point["score"]
                else:
                    cosines.setdefault(identity, {})[Modality(name)] = point["score"]
        return {
            identity: VideoSimilarity(cosines.get(identity, {}), matched.get(identity))
            for identity in cosines.keys() | matched.keys()
        }


def _among(video_ids: Sequence[UUID], name: str, side: list[float] | q.SparseVector) -> q.QueryRequest:
    from qdrant_client import models as q

    return q.QueryRequest(
        query=side,
        using=str(name),
        filter=q.Filter(must=[q.HasIdCondition(has_id=[str(each) for each in video_ids])]),
        # All of them, by the vectors as they were written: twenty are nothing.
        params=q.SearchParams(exact=True, quantization=q.QuantizationSearchParams(ignore=True)),
        limit=len(video_ids),
        with_payload=False,
    )
