"""Qdrant: collection ``videos`` (behind an alias) and collection ``faces``.

Every write is conditional on the generation that it was made from (``update_filter``), so a straggler
that lost its row lock in PostgreSQL still cannot overwrite what is newer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import numpy as np

from kadr.adapters import qdrant_collections
from kadr.adapters.qdrant_collections import FUSED, WORDS
from kadr.core.duplicates import SAME_PICTURES, Neighbour
from kadr.core.errors import DependencyError
from kadr.core.extraction import Vector
from kadr.core.modality import Modality
from kadr.core.words import SparseVector
from kadr.ports.vectors import FacePlace

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client import models as q


_CONNECTIONS = 8  # as many requests as a process sends at a time
# Copies of a video that are looked at to find the group of another one; they share theirs already.
COPIES = 16
_PLACE = ["video_id", "position"]  # of a face
_FACES_AT_ONCE = 500  # 0.7 MB of JSON
# The vectors that tell copies from other videos with the same pictures.
TEXTS = (str(Modality.OCR), str(Modality.SPEECH))


class Qdrant:
    """A lazily opened client."""

    def __init__(self, url: str, *, api_key: Callable[[], str | None], timeout: float) -> None:
        self._url = url
        self._api_key = api_key
        self._timeout = timeout

    @cached_property
    def client(self) -> QdrantClient:
        """The vendor's client."""
        from httpx import Limits
        from qdrant_client import QdrantClient

        return QdrantClient(
            url=self._url,
            api_key=self._api_key(),
            timeout=max(1, round(self._timeout)),
            prefer_grpc=False,
            check_compatibility=False,
            # Also on this machine, where the client would connect anew for each request.
            limits=Limits(max_keepalive_connections=_CONNECTIONS),
        )

    @contextmanager
    def errors(self) -> Iterator[QdrantClient]:
        """Yield the client; turn its errors into ours."""
        from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

        try:
            yield self.client
        except UnexpectedResponse as error:
            if error.status_code in (401, 403):
                self.__dict__.pop("client", None)  # the next one is made with the key as it is then
            said = error.content.decode(errors="replace")[:300]
            hint = ""
            if error.status_code == 404:
                hint = "; has `kadr migrate` been run?"
            elif "dimension" in said:
                hint = "; the index was made by another release: run `kadr reindex --fused`"
            raise DependencyError(
                f"Qdrant at {self._url} refused ({error.status_code}): {said}{hint}"
            ) from error
        except ResponseHandlingException as error:
            raise DependencyError(f"Qdrant at {self._url} did not answer: {error}") from error

    def queries(self, collection: str, searches: Sequence[q.QueryRequest]) -> list[list[dict[str, Any]]]:
        """Ask several queries at once; return the points of each as they come: id, score, payload.

        The client's own method looks at every number of a request in search of texts to embed, and makes an
        object of every point: for a page of results that is ten times what this takes.
        """
        from qdrant_client import models as q

        body = q.QueryRequestBatch(searches=list(searches)).model_dump_json(
            exclude_unset=True, exclude_none=True
        )
        with self.errors() as client:
            answer = client.http.client.request(
                type_=dict[str, Any],
                method="POST",
                url="/collections/{name}/points/query/batch",
                path_params={"name": collection},
                headers={"Content-Type": "application/json"},
                content=body,
            )
        return [each["points"] for each in answer["result"]]

    def ensure(self, alias: str = "videos", *, dry_run: bool = False) -> list[str]:
        """Make the collections, the alias and the indexes that are missing; return what they are.

        With ``dry_run`` only names them.
        """
        with self.errors() as client:
            return qdrant_collections.ensure(client, alias, dry_run=dry_run)

    def fits(self, alias: str = "videos") -> bool:
        """Return whether the index has room for the vectors of this release, or is not there yet."""
        with self.errors() as client:
            name = qdrant_collections.target(client, alias)
            return name is None or qdrant_collections.fits(client, name)


class QdrantVectorIndex:
    """Implements :class:`kadr.ports.vectors.VectorIndex`."""

    def __init__(self, qdrant: Qdrant, collection: str = "videos") -> None:
        self._qdrant = qdrant
        self._collection = collection

    def write_vector(
        self, video_id: UUID, generation: int, name: str, vector: Vector | None, payload: Mapping[str, Any]
    ) -> None:
        """Set one named vector; see the port."""
        vectors = {} if vector is None else {name: vector.astype(np.float32).tolist()}
        self._update(video_id, generation, vectors, [] if vectors else [name], payload)

    def write_search(
        self,
        video_id: UUID,
        generation: int,
        *,
        fused: Vector | None,
        words: SparseVector | None,
        payload: Mapping[str, Any],
    ) -> None:
        """Set what search reads; ``None`` removes."""
        from qdrant_client import models as q

        vectors: dict[str, Any] = {}
        if fused is not None:
            vectors[FUSED] = fused.astype(np.float32).tolist()
        if words is not None:
            vectors[WORDS] = q.SparseVector(indices=list(words.indices), values=list(words.values))
        self._update(
            video_id, generation, vectors, [name for name in (FUSED, WORDS) if name not in vectors], payload
        )

    def _update(
        self,
        video_id: UUID,
        generation: int,
        vectors: dict[str, Any],
        absent: list[str],
        payload: Mapping[str, Any],
    ) -> None:
        from qdrant_client import models as q

        identity = str(video_id)
        older = _filter(q.FieldCondition(key="generation", range=q.Range(lt=generation)))
        same = _filter(q.FieldCondition(key="generation", match=q.MatchValue(value=generation)))
        with self._qdrant.errors() as client:
            # Inserts a missing point, replaces one of an older generation with all its vectors, and leaves
            # one of this generation (or a newer one) alone.
            client.upsert(
                self._collection,
                [q.PointStruct(id=identity, vector={}, payload={"generation": generation})],
                update_filter=older,
                wait=True,
            )
            mine = q.Filter(must=[q.HasIdCondition(has_id=[identity]), *(same.must or [])])
            client.set_payload(self._collection, dict(payload), points=mine, wait=True)
            if vectors:
                client.update_vectors(
                    self._collection,
                    [q.PointVectors(id=identity, vector=vectors)],
                    update_filter=same,
                    wait=True,
                )
            if absent:
                client.delete_vectors(self._collection, absent, mine, wait=True)

    def annotate(self, video_id: UUID, generation: int, payload: Mapping[str, Any]) -> None:
        """Set keys of the payload of a point of this generation; see the port."""
        from qdrant_client import models as q

        same = q.FieldCondition(key="generation", match=q.MatchValue(value=generation))
        mine = q.Filter(must=[q.HasIdCondition(has_id=[str(video_id)]), same])
        with self._qdrant.errors() as client:
            client.set_payload(self._collection, dict(payload), points=mine, wait=True)

    def annotate_all(self, payloads: Mapping[tuple[UUID, int], Mapping[str, Any]]) -> None:
        """Set keys of the payloads of many points; see the port."""
        from qdrant_client import models as q

        operations: list[q.UpdateOperation] = []
        for (video_id, generation), payload in payloads.items():
            same = q.FieldCondition(key="generation", match=q.MatchValue(value=generation))
            mine = q.Filter(must=[q.HasIdCondition(has_id=[str(video_id)]), same])
            operations.append(
                q.SetPayloadOperation(set_payload=q.SetPayload(payload=dict(payload), filter=mine))
            )
        if operations:
            with self._qdrant.errors() as client:
                client.batch_update_points(self._collection, operations, wait=True)

    def look_alikes(self, vector: Vector) -> list[Neighbour]:
        """Return the videos whose visual vectors are closest to ``vector``; see the port."""
        with self._qdrant.errors() as client:
            answer = client.query_points(
                self._collection,
                query=vector.astype(np.float32).tolist(),
                using="visual",
                limit=COPIES,
                score_threshold=SAME_PICTURES,
                with_payload=["group", "duration"],
                with_vectors=list(TEXTS),
            )
        return [neighbour(point) for point in answer.points]

    def vectors(self, video_id: UUID, names: Sequence[str]) -> dict[str, Vector]:
        """Return those of the named vectors that the video has."""
        with self._qdrant.errors() as client:
            points = client.retrieve(self._collection, [str(video_id)], with_vectors=list(names))
        if not points or not isinstance(points[0].vector, dict):
            return {}
        return {
            name: np.asarray(vector, dtype=np.float32)
            for name, vector in points[0].vector.items()
            if isinstance(vector, list)
        }

    def forget(self, video_id: UUID, *, below: int | None = None) -> None:
        """Remove the video; with ``below`` only if its point is of an older generation."""
        from qdrant_client import models as q

        conditions: list[q.Condition] = [q.HasIdCondition(has_id=[str(video_id)])]
        if below is not None:
            conditions.append(q.FieldCondition(key="generation", range=q.Range(lt=below)))
        with self._qdrant.errors() as client:
            client.delete(self._collection, q.Filter(must=conditions), wait=True)

    def ping(self) -> None:
        """Ask for one point, which need not be there.

        Raises:
            DependencyError: Qdrant does not answer, or has no such collection.
        """
        with self._qdrant.errors() as client:
            client.retrieve(self._collection, [str(UUID(int=0))], with_payload=False)

    def count(self) -> int:
        """Return how many videos have a point."""
        with self._qdrant.errors() as client:
            return client.count(self._collection, exact=True).count


class QdrantFaceIndex:
    """Implements :class:`kadr.ports.vectors.FaceIndex`."""

    def __init__(self, qdrant: Qdrant, collection: str = "faces") -> None:
        self._qdrant = qdrant
        self._collection = collection

    def write(self, video_id: UUID, generation: int, encodings: Sequence[Vector]) -> None:
        """Replace the video's people; ``encodings`` are (128,), the most seen person first."""
        from qdrant_client import models as q

        # Those of this generation go too: a second run may find fewer people.
        self.forget(video_id, below=generation + 1)
        if not encodings:
            return
        older = _filter(q.FieldCondition(key="generation", range=q.Range(lte=generation)))
        with self._qdrant.errors() as client:
            client.upsert(
                self._collection,
                [
                    q.PointStruct(
                        id=_face_point(video_id, position),
                        vector=encoding.astype(np.float32).tolist(),
                        payload={"video_id": str(video_id), "generation": generation, "position": position},
                    )
                    for position, encoding in enumerate(encodings)
                ],
                update_filter=older,
                wait=True,
            )

    def forget(self, video_id: UUID, *, below: int | None = None) -> None:
        """Remove the video's people; with ``below`` only those of older generations."""
        from qdrant_client import models as q

        conditions: list[q.Condition] = [
            q.FieldCondition(key="video_id", match=q.MatchValue(value=str(video_id)))
        ]
        if below is not None:
            conditions.append(q.FieldCondition(key="generation", range=q.Range(lt=below)))
        with self._qdrant.errors() as client:
            client.delete(self._collection, q.Filter(must=conditions), wait=True)

    def encodings(self, places: Sequence[FacePlace]) -> dict[FacePlace, Vector]:
        """Return encodings of faces; see the port."""
        found: dict[FacePlace, Vector] = {}
        for start in range(0, len(places), _FACES_AT_ONCE):
            ids = [_face_point(*place) for place in places[start : start + _FACES_AT_ONCE]]
            with self._qdrant.errors() as client:
                found |= _encodings(client.retrieve(self._collection, ids, with_vectors=True))
        return found

    def all(self, size: int = 1000) -> Iterator[dict[FacePlace, Vector]]:
        """Yield the encodings of all faces; see the port."""
        offset: Any = None
        while True:
            with self._qdrant.errors() as client:
                records, offset = client.scroll(
                    self._collection, limit=size, offset=offset, with_payload=_PLACE, with_vectors=True
                )
            yield _encodings(records)
            if offset is None:
                return

    def near(self, encoding: Vector, *, limit: int, farthest: float, but_not: UUID) -> dict[FacePlace, float]:
        """Return the nearest faces of other videos; see the port."""
        from qdrant_client import models as q

        own = q.FieldCondition(key="video_id", match=q.MatchValue(value=str(but_not)))
        with self._qdrant.errors() as client:
            answer = client.query_points(
                self._collection,
                query=encoding.astype(np.float32).tolist(),
                query_filter=q.Filter(must_not=[own]),
                limit=limit,
                score_threshold=farthest,  # of a Euclidean distance: what is farther away is left out
                with_payload=_PLACE,
            )
        return {_place(point.payload or {}): point.score for point in answer.points}

    def remove(self, places: Sequence[FacePlace]) -> None:
        """Remove single faces."""
        if places:
            with self._qdrant.errors() as client:
                client.delete(self._collection, [_face_point(*place) for place in places], wait=True)


def numbers(vector: Vector) -> list[float]:
    """Return a query's vector as it is sent: six digits are what a score of 8 bits, or of 32, can tell apart.

    All the digits of a float32 would be three times as many bytes to write, send and read.
    """
    rounded: list[float] = np.round(vector.astype(np.float64), 6).tolist()
    return rounded


def neighbour(point: q.ScoredPoint) -> Neighbour:
    """Return a video that looks alike; the point has its ``group``, ``duration`` and :data:`TEXTS`."""
    payload = point.payload or {}
    vectors = point.vector if isinstance(point.vector, dict) else {}
    texts = {
        Modality(name): np.asarray(vector, dtype=np.float32)
        for name, vector in vectors.items()
        if isinstance(vector, list)
    }
    return Neighbour(
        UUID(str(point.id)), point.score, payload.get("duration"), payload.get("group") or "", texts
    )


def _face_point(video_id: UUID, position: int) -> str:
    return str(uuid5(video_id, str(position)))


def _place(payload: Mapping[str, Any]) -> FacePlace:
    return UUID(str(payload["video_id"])), int(payload["position"])


def _encodings(records: Sequence[q.Record]) -> dict[FacePlace, Vector]:
    return {_place(record.payload or {}): np.asarray(record.vector, dtype=np.float32) for record in records}


def _filter(*conditions: q.FieldCondition) -> q.Filter:
    from qdrant_client import models as q

    return q.Filter(must=list(conditions))
