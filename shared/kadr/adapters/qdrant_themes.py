"""Collection ``videos`` of Qdrant, as far as themes go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from kadr.adapters.qdrant import Qdrant
from kadr.core.modality import Modality
from kadr.core.ranking import RANKED
from kadr.core.themes import ThemedVideo

if TYPE_CHECKING:
    from qdrant_client import models as q

_PAYLOAD = ["weights", "group", "theme"]
_VECTORS = [str(modality) for modality in RANKED]


class QdrantThemedIndex:
    """Implements :class:`kadr.ports.themes.ThemedIndex`."""

    def __init__(self, qdrant: Qdrant, collection: str = "videos") -> None:
        self._qdrant = qdrant
        self._collection = collection

    def count(self) -> int:
        """Return how many videos there are."""
        with self._qdrant.errors() as client:
            return client.count(self._collection, exact=True).count

    def pages(self, size: int) -> Iterator[list[ThemedVideo]]:
        """Yield every video that can be found, by id."""
        offset: Any = None
        while True:
            with self._qdrant.errors() as client:
                records, offset = client.scroll(
                    self._collection,
                    limit=size,
                    offset=offset,
                    with_payload=_PAYLOAD,
                    with_vectors=_VECTORS,
                )
            yield _videos(records)
            if offset is None:
                return

    def read(self, video_ids: Sequence[UUID]) -> list[ThemedVideo]:
        """Return videos; those that cannot be found are left out."""
        with self._qdrant.errors() as client:
            return _videos(
                client.retrieve(
                    self._collection,
                    [str(each) for each in video_ids],
                    with_payload=_PAYLOAD,
                    with_vectors=_VECTORS,
                )
            )

    def set_themes(self, themes: Mapping[UUID, UUID | None]) -> None:
        """Set the themes that videos are filtered by."""
        from qdrant_client import models as q

        members: defaultdict[UUID | None, list[q.ExtendedPointId]] = defaultdict(list)
        for video_id, theme_id in themes.items():
            members[theme_id].append(str(video_id))
        operations: list[q.UpdateOperation] = [
            q.SetPayloadOperation(
                set_payload=q.SetPayload(
                    payload={"theme": None if theme_id is None else str(theme_id)}, points=video_ids
                )
            )
            for theme_id, video_ids in members.items()
        ]
        if operations:
            with self._qdrant.errors() as client:
                client.batch_update_points(self._collection, operations, wait=True)


def _videos(records: Sequence[q.Record]) -> list[ThemedVideo]:
    found = []
    for record in records:
        payload = record.payload or {}
        vectors = record.vector if isinstance(record.vector, dict) else {}
        if not payload.get("weights"):
            continue  # nothing has landed yet, or it can be found by nothing but words
        theme = payload.get("theme")
        found.append(
            ThemedVideo(
                UUID(str(record.id)),
                {
                    Modality(name): np.asarray(vector, dtype=np.float32)
                    for name, vector in vectors.items()
                    if isinstance(vector, list)
                },
                {Modality(name): float(weight) for name, weight in payload["weights"].items()},
                payload.get("group") or "",
                _identity(theme),
            )
        )
    return found


def _identity(theme: Any) -> UUID | None:
    try:
        return None if theme is None else UUID(str(theme))
    except ValueError:
        return None
