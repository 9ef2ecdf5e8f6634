"""The collections of Qdrant: what they look like, and which one the alias ``videos`` means.

A collection of videos is called ``videos-0001``; one that is built anew has the next number, and the alias is
moved to it in one step. Whatever reads and writes uses the alias.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kadr.core.document import STEMS
from kadr.core.fusion import FUSED_DIMENSIONS, TEXT_DIMENSIONS, VISUAL_DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qdrant_client import QdrantClient
    from qdrant_client import models as q

    Field = (
        q.PayloadSchemaType
        | q.KeywordIndexParams
        | q.IntegerIndexParams
        | q.FloatIndexParams
        | q.DatetimeIndexParams
        | q.TextIndexParams
    )

FUSED = "fused"
WORDS = "words"
FACES = "faces"
# The graph of the fused vectors, which are not of equal length: with Qdrant's own 16 links and 100 candidates
# one in ten of the best 20 of 100,000 videos is not found (docs/benchmarks.md).
_LINKS, _CONSTRUCTION = 32, 256
FACE_DIMENSIONS = 128  # dlib's face recognition ResNet


def video_fields() -> dict[str, Field]:
    """Return the payload fields of a video that are indexed; :mod:`kadr.core.document` fills them."""
    from qdrant_client import models as q

    # Both sides are stems already (kadr.core.phrases): the index only splits at spaces.
    phrases = q.TextIndexParams(
        type=q.TextIndexType.TEXT,
        tokenizer=q.TokenizerType.WHITESPACE,
        lowercase=False,
        min_token_len=1,
        phrase_matching=True,
        enable_hnsw=False,
    )
    keyword = q.KeywordIndexParams(type=q.KeywordIndexType.KEYWORD, enable_hnsw=False)
    # Qdrant adds links to the graph for every value of a field, and every word, that thousands of videos
    # have: here so many that a search followed three times as many of them (docs/adr/0017-ranking.md). Only
    # themes and people are rare enough to need some, and frequent enough not to be looked through.
    return {
        "generation": q.IntegerIndexParams(type=q.IntegerIndexType.INTEGER, enable_hnsw=False),
        "key": keyword,
        "created_at": q.DatetimeIndexParams(type=q.DatetimeIndexType.DATETIME, enable_hnsw=False),
        "duration": q.FloatIndexParams(type=q.FloatIndexType.FLOAT, enable_hnsw=False),
        "modalities": keyword,
        "languages": keyword,
        "people": q.PayloadSchemaType.KEYWORD,
        "theme": q.PayloadSchemaType.KEYWORD,
        "group": keyword,
        "ranking": keyword,
        **dict.fromkeys(STEMS.values(), phrases),
    }


def face_fields() -> dict[str, Field]:
    """Return the payload fields of a face that are indexed."""
    from qdrant_client import models as q

    return {"video_id": q.PayloadSchemaType.KEYWORD, "generation": q.PayloadSchemaType.INTEGER}


def ensure(client: QdrantClient, alias: str, *, dry_run: bool = False) -> list[str]:
    """Make what is missing: collections, the alias, indexes of payload fields; return their names.

    With ``dry_run`` only names them.
    """
    done = []
    name = target(client, alias)
    if name is None:
        done.append(f"collection {alias}")
        if not dry_run:
            first = numbered(alias, 1)
            # there already where an earlier try broke off before the alias
            if not client.collection_exists(first):
                create_videos(client, first)
            _index(client, first, video_fields())
            switch(client, alias, first)
    else:
        done += _index(client, name, video_fields(), dry_run=dry_run)
    if not client.collection_exists(FACES):
        done.append(f"collection {FACES}")
        if not dry_run:
            client.create_collection(FACES, vectors_config=_dense(FACE_DIMENSIONS, "Euclid"))
            _index(client, FACES, face_fields())
    else:
        done += _index(client, FACES, face_fields(), dry_run=dry_run)
    return done


def target(client: QdrantClient, alias: str) -> str | None:
    """Return the collection that the alias means, if there is one."""
    aliases = {each.alias_name: each.collection_name for each in client.get_aliases().aliases}
    return aliases.get(alias)


def generations(client: QdrantClient, alias: str) -> list[str]:
    """Return every collection that was made for the alias, the oldest first."""
    ours = re.compile(rf"{re.escape(alias)}-(\d{{4,}})")
    found = [
        (int(match[1]), each.name)
        for each in client.get_collections().collections
        if (match := ours.fullmatch(each.name))
    ]
    return [name for _, name in sorted(found)]


def numbered(alias: str, number: int) -> str:
    """Return the name of a collection for the alias: ``videos-0007``."""
    return f"{alias}-{number:04}"


def number(name: str) -> int:
    """Return the number in such a name."""
    return int(name.rpartition("-")[2])


def create_videos(client: QdrantClient, name: str) -> None:
    """Make an empty collection of videos, without the indexes of its payload."""
    from qdrant_client import models as q

    client.create_collection(
        name,
        vectors_config={
            FUSED: _dense(FUSED_DIMENSIONS, "Dot", q.HnswConfigDiff(m=_LINKS, ef_construct=_CONSTRUCTION)),
            "visual": _dense(VISUAL_DIMENSIONS, "Cosine"),
            "ocr": _dense(TEXT_DIMENSIONS, "Cosine"),
            "speech": _dense(TEXT_DIMENSIONS, "Cosine"),
        },
        sparse_vectors_config={WORDS: q.SparseVectorParams(modifier=q.Modifier.IDF)},
        quantization_config=q.ScalarQuantization(
            scalar=q.ScalarQuantizationConfig(type=q.ScalarType.INT8, always_ram=True)
        ),
    )


def index_videos(client: QdrantClient, name: str) -> list[str]:
    """Index what is not indexed yet of the payload of a collection of videos; return what was."""
    return _index(client, name, video_fields())


def fits(client: QdrantClient, name: str) -> bool:
    """Return whether a collection has room for the vectors of this release."""
    vectors = client.get_collection(name).config.params.vectors
    return isinstance(vectors, dict) and FUSED in vectors and vectors[FUSED].size == FUSED_DIMENSIONS


def switch(client: QdrantClient, alias: str, name: str) -> None:
    """Let the alias mean another collection, in one step: no request finds it missing."""
    from qdrant_client import models as q

    operations: list[q.AliasOperations] = []
    if target(client, alias) is not None:
        operations.append(q.DeleteAliasOperation(delete_alias=q.DeleteAlias(alias_name=alias)))
    create = q.CreateAlias(collection_name=name, alias_name=alias)
    client.update_collection_aliases([*operations, q.CreateAliasOperation(create_alias=create)])


def _index(
    client: QdrantClient,
    name: str,
    fields: Mapping[str, Field],
    *,
    dry_run: bool = False,
) -> list[str]:
    there = client.get_collection(name).payload_schema
    missing = [field for field in fields if field not in there]
    if not dry_run:
        for field in missing:
            client.create_payload_index(name, field, fields[field], wait=True)
    return [f"index of {field} in {name}" for field in missing]


def _dense(size: int, distance: str, graph: q.HnswConfigDiff | None = None) -> q.VectorParams:
    from qdrant_client import models as q

    return q.VectorParams(size=size, distance=q.Distance(distance), hnsw_config=graph)
