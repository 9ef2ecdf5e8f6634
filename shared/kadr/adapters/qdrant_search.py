"""Qdrant, read by search: one request for meaning, exact words and every filter.

The parts of a score are joined by a formula. A part alone would know a score only for the videos that it
proposed itself; so the proposals of all parts are put together first, and each part scores all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from kadr.adapters.qdrant import Qdrant
from kadr.adapters.qdrant_collections import WORDS
from kadr.core.document import STEMS
from kadr.core.modality import Modality
from kadr.core.phrases import phrase
from kadr.ports.search import ExactWords, Likeness, StoredVideo, Where
from kadr.ports.vectors import Hit

if TYPE_CHECKING:
    from qdrant_client import models as q

# How many videos each part of a score proposes, and how many are answered, whichever page is wanted: so pages
# are cut out of one list. People look at three pages; the answer's size is what every query pays for (100
# hits cost about 1 ms of parsing).
CANDIDATES = 200

# Twice as many are proposed by their 8-bit vectors and then compared by the exact ones.
_OVERSAMPLING = 2.0
# How many videos the search in the graph keeps in view: a recall@20 of 0.99 over 100,000 videos, of 1.00 with
# twice as many, which takes twice as long (docs/benchmarks.md).
_EXPANSION = 500
_ANSWERED = ["group", "weights"]


class QdrantVideoSearch:
    """Implements :class:`kadr.ports.search.VideoSearch`."""

    def __init__(self, qdrant: Qdrant, collection: str = "videos") -> None:
        self._qdrant = qdrant
        self._collection = collection

    def search(self, likenesses: Sequence[Likeness], words: ExactWords | None, where: Where) -> list[Hit]:
        """Return the best candidates; see the port."""
        from qdrant_client import models as q

        parts = [_Part(each.vector.tolist(), each.using, each.scale, each.shift) for each in likenesses]
        if words is not None and words.vector.indices and where.modality is not Modality.VISUAL:
            sparse = q.SparseVector(indices=list(words.vector.indices), values=list(words.vector.values))
            parts.append(_Part(sparse, WORDS, words.weight, 0.0, gate=_gate(words, where)))
        if not parts:
            return []
        conditions = filter_of(where)
        proposals = [part.proposing(conditions) for part in parts]
        prefetch = proposals if len(parts) == 1 else [part.scoring(proposals) for part in parts]
        with self._qdrant.errors() as client:
            answer = client.query_points(
                self._collection,
                prefetch=prefetch,
                query=q.FormulaQuery(
                    formula=q.SumExpression(
                        sum=[term for place, part in enumerate(parts) for term in part.terms(place)]
                    ),
                    defaults={f"$score[{place}]": part.absent for place, part in enumerate(parts)},
                ),
                limit=CANDIDATES,
                with_payload=_ANSWERED,
            )
        hits = [Hit(UUID(str(point.id)), point.score, point.payload or {}) for point in answer.points]
        # Qdrant leaves the order of equal scores open; a total order keeps pages stable.
        return sorted(hits, key=lambda hit: (-hit.score, hit.video_id))

    def stored(self, video_ids: Sequence[UUID], names: Sequence[str]) -> dict[UUID, StoredVideo]:
        """Return vectors and payloads; see the port."""
        if not video_ids:
            return {}
        with self._qdrant.errors() as client:
            points = client.retrieve(
                self._collection,
                [str(each) for each in video_ids],
                with_vectors=list(names),
                with_payload=_ANSWERED,
            )
        found = {}
        for point in points:
            vectors = point.vector if isinstance(point.vector, dict) else {}
            found[UUID(str(point.id))] = StoredVideo(
                {
                    name: np.asarray(vector, np.float32)
                    for name, vector in vectors.items()
                    if isinstance(vector, list)
                },
                point.payload or {},
            )
        return found


class _Part:
    """One part of a score, as pieces of a request."""

    def __init__(
        self,
        query: list[float] | q.SparseVector,
        using: str,
        scale: float,
        shift: float,
        gate: q.FieldCondition | None = None,
    ) -> None:
        self._query, self._using = query, using
        self._scale, self._shift, self._gate = scale, shift, gate
        # Scales to 0, together with the shift.
        self.absent = -shift / scale if scale else 0.0

    def proposing(self, conditions: q.Filter | None) -> q.Prefetch:
        """Return the request for the videos that are best in this part."""
        from qdrant_client import models as q

        if self._gate is not None:
            both: list[q.Condition] = [self._gate] if conditions is None else [conditions, self._gate]
            conditions = q.Filter(must=both)
        return q.Prefetch(
            query=self._query,
            using=self._using,
            filter=conditions,
            limit=CANDIDATES,
            params=self._params(oversampling=_OVERSAMPLING),
        )

    def scoring(self, proposals: list[q.Prefetch]) -> q.Prefetch:
        """Return the request for the scores of all that were proposed."""
        from qdrant_client import models as q

        return q.Prefetch(
            prefetch=proposals,
            query=self._query,
            using=self._using,
            limit=len(proposals) * CANDIDATES,
            params=self._params(),
        )

    def _params(self, oversampling: float | None = None) -> q.SearchParams | None:
        from qdrant_client import models as q

        if self._using == WORDS:
            return None
        return q.SearchParams(
            hnsw_ef=_EXPANSION,
            quantization=q.QuantizationSearchParams(rescore=True, oversampling=oversampling),
        )

    def terms(self, place: int) -> list[Any]:
        """Return what the formula adds up, for the part that stands at ``place``."""
        from qdrant_client import models as q

        factors: list[Any] = [f"$score[{place}]", self._scale]
        if self._gate is not None:
            factors.append(self._gate)
        terms: list[Any] = [q.MultExpression(mult=factors)]
        return [*terms, self._shift] if self._shift else terms


def filter_of(where: Where) -> q.Filter | None:
    """Return the conditions as Qdrant has them, ``None`` where there are none."""
    from qdrant_client import models as q

    def field(key: str, **condition: Any) -> q.FieldCondition:
        return q.FieldCondition(key=key, **condition)

    def any_of(key: str, values: Sequence[str]) -> list[q.Condition]:
        return [field(key, match=q.MatchAny(any=list(values)))] if values else []

    def contains(text: str, fields: Sequence[str]) -> q.Filter | None:
        form = phrase(text)
        phrases = [field(name, match=q.MatchPhrase(phrase=form)) for name in fields]
        return q.Filter(should=list(phrases)) if form else None

    within = [STEMS[where.modality]] if where.modality in STEMS else list(STEMS.values())
    must: list[q.Condition] = [
        *filter(None, (contains(text, within) for text in where.phrases)),
        *any_of("theme", where.themes),
        *any_of("languages", where.languages),
        *(field("people", match=q.MatchValue(value=each)) for each in where.people),
    ]
    if where.min_duration is not None or where.max_duration is not None:
        must.append(field("duration", range=q.Range(gte=where.min_duration, lte=where.max_duration)))
    if where.after is not None or where.before is not None:
        must.append(field("created_at", range=q.DatetimeRange(gte=where.after, lt=where.before)))
    if where.modality is not None:
        must.append(field("modalities", match=q.MatchValue(value=str(where.modality))))
    # What must not be there must not be anywhere.
    never: list[q.Condition] = [
        *filter(None, (contains(text, list(STEMS.values())) for text in where.excluded)),
        *any_of("group", where.but_not_groups),
    ]
    if where.but_not:
        never.append(q.HasIdCondition(has_id=[str(each) for each in where.but_not]))
    return q.Filter(must=must or None, must_not=never or None) if must or never else None


def _gate(words: ExactWords, where: Where) -> q.FieldCondition | None:
    """Return the condition under which words count, ``None`` where they always do."""
    from qdrant_client import models as q

    if where.modality not in STEMS:
        return None
    return q.FieldCondition(key=STEMS[where.modality], match=q.MatchTextAny(text_any=" ".join(words.stems)))
