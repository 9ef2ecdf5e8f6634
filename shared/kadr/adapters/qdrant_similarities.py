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

        if not video_ids:
            return {}
        sides: dict[str, list[float] | q.SparseVector] = {}
        if visual is not None:
            sides[Modality.VISUAL] = numbers(visual)
        if text is not None:
            sides[Modality.OCR] = sides[Modality.SPEECH] = numbers(text)
        if words is not None and words.indices:
            sides[_WORDS] = q.SparseVector(indices=list(words.indices), values=list(words.values))
        these = q.Filter(must=[q.HasIdCondition(has_id=[str(each) for each in video_ids])])
        points, *answers = self._qdrant.queries(
            self._collection,
            [
                q.QueryRequest(filter=these, limit=len(video_ids), with_payload=["weights"]),
                *(_compared(name, side, these, len(video_ids)) for name, side in sides.items()),
            ],
        )
        weights = {point["id"]: (point.get("payload") or {}).get("weights") or {} for point in points}
        cosines: dict[str, dict[Modality, float]] = {each: {} for each in weights}
        matched: dict[str, float] = {}
        for name, compared in zip(sides, answers, strict=True):
            for point in compared:
                if name == _WORDS:
                    matched[point["id"]] = point["score"]
                elif point["id"] in cosines:  # it was not written between two parts of the answer
                    cosines[point["id"]][Modality(name)] = point["score"]
        return {
            UUID(each): VideoSimilarity(
                {Modality(name): float(share) for name, share in shares.items()},
                cosines[each],
                matched.get(each),
            )
            for each, shares in weights.items()
        }


def _compared(name: str, side: list[float] | q.SparseVector, these: q.Filter, count: int) -> q.QueryRequest:
    from qdrant_client import models as q

    return q.QueryRequest(
        query=side,
        using=str(name),
        filter=these,
        # All of them, by the vectors as they were written: twenty are nothing.
        params=q.SearchParams(exact=True, quantization=q.QuantizationSearchParams(ignore=True)),
        limit=count,
    )
