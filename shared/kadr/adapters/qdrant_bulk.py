"""Collections of videos in bulk, for whoever builds an index anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np

from kadr.adapters import qdrant_collections
from kadr.adapters.qdrant import COPIES, TEXTS, Qdrant, neighbour
from kadr.adapters.qdrant_collections import FUSED, WORDS
from kadr.core.duplicates import SAME_PICTURES, Neighbour
from kadr.core.extraction import Vector
from kadr.core.modality import Modality
from kadr.core.ranking import RANKED
from kadr.ports.reindexing import IndexedVideo, Member, Settled, StoredVideo

_AS_OF = "as_of"


class QdrantCollections:
    """Implements :class:`kadr.ports.reindexing.IndexCollections`."""

    def __init__(self, qdrant: Qdrant, alias: str = "videos") -> None:
        self._qdrant = qdrant
        self._alias = alias

    def current(self) -> str | None:
        """Return the collection that is searched."""
        with self._qdrant.errors() as client:
            return qdrant_collections.target(client, self._alias)

    def all(self) -> list[str]:
        """Return every collection that was made for the alias, the oldest first."""
        with self._qdrant.errors() as client:
            return qdrant_collections.generations(client, self._alias)

    def following(self) -> str:
        """Return the name for the next one."""
        known = self.all()
        return qdrant_collections.numbered(
            self._alias, qdrant_collections.number(known[-1]) + 1 if known else 1
        )

    def make(self, name: str) -> None:
        """Make a collection, and what is missing of its indexes; nothing where all is there."""
        with self._qdrant.errors() as client:
            if not client.collection_exists(name):
                qdrant_collections.create_videos(client, name)
            qdrant_collections.index_videos(client, name)

    def open(self, name: str) -> QdrantCollection:
        """Return a collection."""
        return QdrantCollection(self._qdrant, name)

    def fits(self, name: str) -> bool:
        """Return whether the collection has room for the vectors of this release."""
        with self._qdrant.errors() as client:
            return qdrant_collections.fits(client, name)

    def switch(self, name: str) -> None:
        """Let this collection be searched from now on."""
        with self._qdrant.errors() as client:
            qdrant_collections.switch(client, self._alias, name)

    def drop(self, name: str) -> None:
        """Delete a collection."""
        with self._qdrant.errors() as client:
            client.delete_collection(name)


class QdrantCollection:
    """Implements :class:`kadr.ports.reindexing.IndexCollection`."""

    def __init__(self, qdrant: Qdrant, name: str) -> None:
        self._qdrant = qdrant
        self._name = name

    @property
    def name(self) -> str:
        """The collection."""
        return self._name

    def count(self, *, not_of: str = "") -> int:
        """Return how many videos it holds; with ``not_of`` those not fused with that version of constants."""
        from qdrant_client import models as q

        where = None
        if not_of:
            same = q.FieldCondition(key="ranking", match=q.MatchValue(value=not_of))
            where = q.Filter(must_not=[same])
        with self._qdrant.errors() as client:
            return client.count(self._name, where, exact=True).count

    def read(self, video_ids: Sequence[UUID]) -> dict[UUID, StoredVideo]:
        """Return videos; those that it does not hold are left out."""
        with self._qdrant.errors() as client:
            records = client.retrieve(
                self._name, [str(each) for each in video_ids], with_vectors=[str(each) for each in RANKED]
            )
        found = {}
        for record in records:
            vectors = record.vector if isinstance(record.vector, dict) else {}
            payload = record.payload or {}
            found[UUID(str(record.id))] = StoredVideo(
                int(payload.get("generation", 0)),
                {
                    Modality(name): np.asarray(vector, dtype=np.float32)
                    for name, vector in vectors.items()
                    if isinstance(vector, list)
                },
                payload,
            )
        return found

    def as_of(self, video_ids: Sequence[UUID]) -> dict[UUID, str]:
        """Return as of when videos were written; those that were not settled are left out."""
        with self._qdrant.errors() as client:
            records = client.retrieve(
                self._name, [str(each) for each in video_ids], with_payload=[_AS_OF], with_vectors=False
            )
        return {
            UUID(str(record.id)): str(record.payload[_AS_OF])
            for record in records
            if record.payload and _AS_OF in record.payload
        }

    def write(self, videos: Sequence[IndexedVideo]) -> None:
        """Insert or replace videos."""
        from qdrant_client import models as q

        points = []
        for video in videos:
            vectors: dict[str, Any] = {
                str(modality): _floats(vector) for modality, vector in video.vectors.items()
            }
            if video.fused is not None:
                vectors[FUSED] = _floats(video.fused)
            if video.words is not None:
                vectors[WORDS] = q.SparseVector(
                    indices=list(video.words.indices), values=list(video.words.values)
                )
            points.append(q.PointStruct(id=str(video.video_id), vector=vectors, payload=dict(video.payload)))
        if points:
            with self._qdrant.errors() as client:
                client.upsert(self._name, points, wait=True)

    def look_alikes(self, vectors: Mapping[UUID, Vector]) -> dict[UUID, list[Neighbour]]:
        """Return which other videos look like each of those."""
        from qdrant_client import models as q

        if not vectors:
            return {}
        requests = [
            q.QueryRequest(
                query=_floats(vector),
                using=str(Modality.VISUAL),
                limit=COPIES,
                score_threshold=SAME_PICTURES,
                with_payload=["group", "duration"],
                with_vector=list(TEXTS),
            )
            for vector in vectors.values()
        ]
        with self._qdrant.errors() as client:
            answers = client.query_batch_points(self._name, requests)
        return {
            video_id: [each for each in map(neighbour, answer.points) if each.video_id != video_id]
            for video_id, answer in zip(vectors, answers, strict=True)
        }

    def members(self, video_ids: Sequence[UUID]) -> dict[UUID, Member]:
        """Return what decides whether others are copies; videos that it does not hold are left out."""
        if not video_ids:
            return {}
        with self._qdrant.errors() as client:
            records = client.retrieve(
                self._name,
                [str(each) for each in video_ids],
                with_payload=["group", "duration"],
                with_vectors=False,
            )
        return {
            UUID(str(record.id)): Member(payload.get("group") or "", payload.get("duration"))
            for record in records
            for payload in [record.payload or {}]
        }

    def settle(self, videos: Mapping[UUID, Settled]) -> None:
        """Complete videos that were written."""
        from qdrant_client import models as q

        operations: list[q.UpdateOperation] = [
            q.SetPayloadOperation(
                set_payload=q.SetPayload(
                    payload={"group": settled.group, _AS_OF: settled.as_of}, points=[str(video_id)]
                )
            )
            for video_id, settled in videos.items()
        ]
        if operations:
            with self._qdrant.errors() as client:
                client.batch_update_points(self._name, operations, wait=True)

    def remove(self, video_ids: Sequence[UUID]) -> None:
        """Remove videos."""
        if video_ids:
            with self._qdrant.errors() as client:
                client.delete(self._name, [str(each) for each in video_ids], wait=True)

    def ids(self, size: int) -> Iterator[list[UUID]]:
        """Yield which videos it holds."""
        offset: Any = None
        while True:
            with self._qdrant.errors() as client:
                records, offset = client.scroll(
                    self._name, limit=size, offset=offset, with_payload=False, with_vectors=False
                )
            yield [UUID(str(record.id)) for record in records]
            if offset is None:
                return


def _floats(vector: Vector) -> list[float]:
    floats: list[float] = vector.astype(np.float32).tolist()
    return floats
