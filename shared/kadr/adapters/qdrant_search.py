"""Qdrant, read by search: meaning, exact words and every filter.

Each part of a score proposes videos, all in one request; a second one asks each part about those that only
others proposed, so that every score is a whole sum, whoever proposed the video. Qdrant could join the parts
by a formula in a single request, but each part of that has to name the proposals of all parts, and they are
searched for anew each time: the graph twice, where a query has words, which takes longer than asking again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from kadr.adapters.qdrant import Qdrant, numbers
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


class QdrantVideoSearch:
    """Implements :class:`kadr.ports.search.VideoSearch`."""

    def __init__(self, qdrant: Qdrant, collection: str = "videos") -> None:
        self._qdrant = qdrant
        self._collection = collection

    def search(
        self,
        likenesses: Sequence[Likeness],
        words: ExactWords | None,
        where: Where,
        *,
        having: Sequence[Hit] | None = None,
    ) -> list[Hit]:
        """Return the best candidates; see the port."""
        parts = [
            _Part(numbers(each.vector), each.using, each.scale, each.shift, filter_of(where))
            for each in likenesses
        ]
        asked = [part.proposing() for part in parts]
        exact = None if words is None else _words(words, where)
        if exact is not None:
            parts.append(exact)
            if having is None:
                asked.append(exact.proposing())
        if not parts:
            return []
        proposed = self._qdrant.queries(self._collection, asked) if asked else []
        if exact is not None and having is not None:
            proposed.append(
                [
                    {"id": str(hit.video_id), "score": hit.score, "payload": dict(hit.payload)}
                    for hit in having
                ]
            )
        payloads = {point["id"]: point.get("payload") or {} for points in proposed for point in points}
        known = [{point["id"]: point["score"] for point in points} for points in proposed]
        rest = [
            (part, scores, missing)
            for part, scores in zip(parts, known, strict=True)
            if (missing := part.unknown(payloads, scores))
        ]
        if rest:
            answers = self._qdrant.queries(
                self._collection, [part.scoring(missing) for part, _, missing in rest]
            )
            for (_, scores, _), points in zip(rest, answers, strict=True):
                scores.update((point["id"], point["score"]) for point in points)
        totals = dict.fromkeys(payloads, 0.0)
        for part, scores in zip(parts, known, strict=True):
            for each, similarity in scores.items():
                totals[each] += part.scale * similarity + part.shift
        # Qdrant leaves the order of equal scores open; a total order keeps pages stable.
        best = sorted(totals, key=lambda each: (-totals[each], each))[:CANDIDATES]
        return [Hit(UUID(each), totals[each], payloads[each]) for each in best]

    def having(self, words: ExactWords, where: Where) -> list[Hit]:
        """Return the videos with the largest BM25; see the port."""
        part = _words(words, where)
        if part is None:
            return []
        (points,) = self._qdrant.queries(self._collection, [part.proposing()])
        return [Hit(UUID(point["id"]), point["score"], point.get("payload") or {}) for point in points]

    def stored(self, video_ids: Sequence[UUID], names: Sequence[str]) -> dict[UUID, StoredVideo]:
        """Return vectors and payloads; see the port."""
        if not video_ids:
            return {}
        with self._qdrant.errors() as client:
            points = client.retrieve(
                self._collection,
                [str(each) for each in video_ids],
                with_vectors=list(names),
                with_payload=["group", "weights"],
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


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of a score, ``scale · similarity + shift``, and the videos in which it counts."""

    query: list[float] | q.SparseVector
    using: str
    scale: float
    shift: float
    conditions: q.Filter | None

    def proposing(self) -> q.QueryRequest:
        """Return the request for the videos that are best in this part."""
        from qdrant_client import models as q

        params = q.SearchParams(
            hnsw_ef=_EXPANSION,
            quantization=q.QuantizationSearchParams(rescore=True, oversampling=_OVERSAMPLING),
        )
        return q.QueryRequest(
            query=self.query,
            using=self.using,
            filter=self.conditions,
            params=None if self.using == WORDS else params,
            limit=CANDIDATES,
            with_payload=["group"],
        )

    def unknown(self, proposed: Iterable[str], scores: Mapping[str, float]) -> list[str]:
        """Return which of all that were proposed may have a similarity that is not among ``scores``."""
        if self.using == WORDS and len(scores) < CANDIDATES:
            return []  # all videos that have any of the words are among them: their index is exact
        return [each for each in proposed if each not in scores]

    def scoring(self, videos: Sequence[str]) -> q.QueryRequest:
        """Return the request for the similarities of videos that other parts proposed."""
        from qdrant_client import models as q

        these: q.Condition = q.HasIdCondition(has_id=list(videos))
        must: list[q.Condition] = [these] if self.conditions is None else [self.conditions, these]
        exact = q.SearchParams(exact=True, quantization=q.QuantizationSearchParams(ignore=True))
        return q.QueryRequest(
            query=self.query,
            using=self.using,
            filter=q.Filter(must=must),
            params=None if self.using == WORDS else exact,
            limit=len(videos),
        )


def _words(words: ExactWords, where: Where) -> _Part | None:
    """Return the part of a score that words have, ``None`` where none can count."""
    from qdrant_client import models as q

    if not words.vector.indices or where.modality is Modality.VISUAL:
        return None
    sparse = q.SparseVector(indices=list(words.vector.indices), values=list(words.vector.values))
    return _Part(sparse, WORDS, words.weight, 0.0, _gated(words, where))


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


def _gated(words: ExactWords, where: Where) -> q.Filter | None:
    """Return the conditions of a video in which words count: one of text has to have one of them."""
    from qdrant_client import models as q

    conditions = filter_of(where)
    if where.modality not in STEMS:
        return conditions
    among: q.Condition = q.FieldCondition(
        key=STEMS[where.modality], match=q.MatchTextAny(text_any=" ".join(words.stems))
    )
    return q.Filter(must=[among] if conditions is None else [conditions, among])
