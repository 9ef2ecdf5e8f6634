"""The local Qdrant answers like Qdrant: the same calls on it and on the vendor's own in-memory engine."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest

pytest.importorskip("qdrant_edge")
pytest.importorskip("starlette")

from qdrant_client import QdrantClient
from qdrant_client import models as q
from qdrant_client.http.exceptions import UnexpectedResponse

from tests.local_qdrant import LocalQdrant

# The in-memory engine has neither indexes nor approximate search, and says so.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
]

NAME = "videos-0001"
READ = "unchanged"
COUNT = 40
DENSE = 16


def uuid(number: int) -> str:
    return str(UUID(int=number * 7919 + 1))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalQdrant]:
    server = LocalQdrant(tmp_path_factory.mktemp("qdrant"))
    server.start()
    yield server
    assert server.end() in (0, -signal.SIGTERM)  # uvicorn ends its work, then dies of the signal


def plain(value: Any) -> Any:
    """An answer without what may differ: float32 rounding, numbers of operations, order of keys."""
    if hasattr(value, "model_dump"):
        return plain(dict(value))
    if isinstance(value, dict):
        ignored = {"version", "operation_id", "shard_key", "order_value"}
        return {key: plain(each) for key, each in sorted(value.items()) if key not in ignored}
    if isinstance(value, list | tuple):
        if value and all(hasattr(each, "score") for each in value):  # the order of equals is left open
            value = sorted(value, key=lambda hit: (-round(hit.score, 5), str(hit.id)))
        return [plain(each) for each in value]
    if isinstance(value, float):
        return pytest.approx(value, rel=1e-4, abs=1e-5)
    return str(value) if isinstance(value, UUID) else value


@dataclass
class Both:
    ours: QdrantClient
    theirs: QdrantClient
    name: str

    def do(self, call: Callable[[QdrantClient], Any]) -> None:
        """Change both."""
        call(self.ours)
        call(self.theirs)

    def same(self, call: Callable[[QdrantClient], Any]) -> Any:
        """Ask both; return the answer that they agree on."""
        answer = call(self.ours)
        assert plain(answer) == plain(call(self.theirs))
        return answer

    def content(self) -> list[Any]:
        """Everything that the collection holds."""
        records, following = self.same(
            lambda client: client.scroll(self.name, limit=1000, with_payload=True, with_vectors=True)
        )
        assert following is None
        return records


def collection(client: QdrantClient, name: str = NAME) -> None:
    client.delete_collection(name)
    client.create_collection(
        name,
        vectors_config={
            "fused": q.VectorParams(size=DENSE, distance=q.Distance.DOT),
            "visual": q.VectorParams(
                size=DENSE, distance=q.Distance.COSINE, hnsw_config=q.HnswConfigDiff(m=24)
            ),
            "face": q.VectorParams(size=4, distance=q.Distance.EUCLID),
        },
        sparse_vectors_config={"words": q.SparseVectorParams(modifier=q.Modifier.IDF)},
        quantization_config=q.ScalarQuantization(
            scalar=q.ScalarQuantizationConfig(type=q.ScalarType.INT8, always_ram=True)
        ),
        hnsw_config=q.HnswConfigDiff(m=16, ef_construct=64),
    )


def points() -> list[q.PointStruct]:
    rng = np.random.default_rng(7)
    made = []
    for number in range(COUNT):
        vector: dict[str, Any] = {"fused": rng.normal(size=DENSE).tolist()}
        if number % 3:
            vector["visual"] = rng.normal(size=DENSE).tolist()
        if number % 4:
            words = sorted(rng.choice(30, size=5, replace=False).tolist())
            vector["words"] = q.SparseVector(indices=words, values=rng.uniform(0.5, 2, size=5).tolist())
        if number % 5:
            vector["face"] = rng.normal(size=4).tolist()
        payload: dict[str, Any] = {
            "generation": number,
            "key": f"clips/{number}.mp4",
            "tags": ["even" if number % 2 == 0 else "odd", f"t{number % 7}"],
            "weight": number / 10,
            "uploaded": f"2026-03-{number % 28 + 1:02}T12:00:00Z",
            "public": number % 2 == 0,
            "empty": [] if number % 6 else ["something"],
            "nothing": None if number % 5 else 1,
            "media": {"width": 100 + number, "codec": "h264" if number % 3 else "vp9"},
            "title": "a cat on a sofa" if number % 2 else "borscht with garlic",
        }
        made.append(q.PointStruct(id=uuid(number) if number % 2 else number, vector=vector, payload=payload))
    return made


@pytest.fixture(scope="module")
def unchanged(server: LocalQdrant) -> Iterator[Both]:
    """For tests that only read."""
    pair = Both(server.client(), QdrantClient(":memory:"), READ)
    pair.do(lambda client: collection(client, READ))
    pair.do(lambda client: client.upsert(READ, points(), wait=True))
    yield pair
    pair.ours.close()
    pair.theirs.close()


@pytest.fixture
def both(server: LocalQdrant) -> Iterator[Both]:
    """For tests that write."""
    pair = Both(server.client(), QdrantClient(":memory:"), NAME)
    pair.do(collection)
    pair.do(lambda client: client.upsert(NAME, points(), wait=True))
    yield pair
    pair.ours.close()
    pair.theirs.close()


RNG = np.random.default_rng(11)
QUERY = RNG.normal(size=DENSE).tolist()
WORDS = q.SparseVector(indices=[1, 4, 9, 17], values=[1.0, 0.5, 2.0, 1.0])


def key(name: str, **condition: Any) -> q.FieldCondition:
    return q.FieldCondition(key=name, **condition)


FILTERS: dict[str, q.Filter] = {
    "value": q.Filter(must=[key("key", match=q.MatchValue(value="clips/3.mp4"))]),
    "boolean": q.Filter(must=[key("public", match=q.MatchValue(value=True))]),
    "integer": q.Filter(must=key("generation", match=q.MatchValue(value=5))),
    "any": q.Filter(must=[key("tags", match=q.MatchAny(any=["t1", "t2"]))]),
    "except": q.Filter(must=[key("generation", match=q.MatchExcept(**{"except": [1, 2, 3]}))]),
    "range": q.Filter(must=[key("weight", range=q.Range(gte=0.5, lt=2.0))]),
    "datetime": q.Filter(
        must=[key("uploaded", range=q.DatetimeRange(gt="2026-03-05T00:00:00Z", lte="2026-03-09T12:00:00Z"))]
    ),
    "nested key": q.Filter(must=[key("media.width", range=q.Range(gt=120))]),
    "array": q.Filter(must=[key("tags[]", match=q.MatchValue(value="odd"))]),
    "has id": q.Filter(must=[q.HasIdCondition(has_id=[2, 4, uuid(1), 999])]),
    "has vector": q.Filter(must=[q.HasVectorCondition(has_vector="visual")]),
    "is empty": q.Filter(must=[q.IsEmptyCondition(is_empty=q.PayloadField(key="empty"))]),
    "is null": q.Filter(must=[q.IsNullCondition(is_null=q.PayloadField(key="nothing"))]),
    "count": q.Filter(must=[key("empty", values_count=q.ValuesCount(gte=1))]),
    "should": q.Filter(
        should=[key("generation", range=q.Range(lt=3)), key("tags", match=q.MatchValue(value="t6"))]
    ),
    "must not": q.Filter(
        must_not=[
            key("public", match=q.MatchValue(value=True)),
            key("generation", range=q.Range(gt=30)),
        ]
    ),
    "all": q.Filter(
        must=[key("generation", range=q.Range(gt=2))],
        should=[key("tags", match=q.MatchValue(value="t1")), key("tags", match=q.MatchValue(value="even"))],
        must_not=[q.HasIdCondition(has_id=[4, 6])],
    ),
    "nested": q.Filter(
        must=[
            q.Filter(
                should=[
                    key("generation", match=q.MatchValue(value=8)),
                    key("public", match=q.MatchValue(value=False)),
                ]
            )
        ]
    ),
    "at least two": q.Filter(
        min_should=q.MinShould(
            conditions=[
                key("public", match=q.MatchValue(value=True)),
                key("generation", range=q.Range(lt=10)),
                key("tags", match=q.MatchValue(value="t3")),
            ],
            min_count=2,
        )
    ),
    "nothing fits": q.Filter(must=[key("key", match=q.MatchValue(value="no such"))]),
}


@pytest.mark.parametrize("where", FILTERS.values(), ids=FILTERS)
def test_filters(unchanged: Both, where: q.Filter) -> None:
    found = unchanged.same(lambda client: client.count(READ, where, exact=True)).count
    records = unchanged.same(lambda client: client.scroll(READ, where, limit=100))[0]
    assert len(records) == found < COUNT
    hits = unchanged.same(
        lambda client: client.query_points(READ, QUERY, using="fused", query_filter=where, limit=100)
    ).points
    assert {hit.id for hit in hits} == {record.id for record in records}


@pytest.mark.parametrize(("using", "size"), [("fused", DENSE), ("visual", DENSE), ("face", 4)])
def test_nearest_by_a_named_vector(unchanged: Both, using: str, size: int) -> None:
    hits = unchanged.same(
        lambda client: client.query_points(READ, QUERY[:size], using=using, limit=10)
    ).points
    assert len(hits) == 10


def test_nearest_by_a_sparse_vector_weighs_rare_words(unchanged: Both) -> None:
    hits = unchanged.same(lambda client: client.query_points(READ, WORDS, using="words", limit=20)).points
    assert hits


@pytest.mark.parametrize("point", [4, uuid(1)])
def test_nearest_to_a_stored_point_leaves_that_point_out(unchanged: Both, point: int | str) -> None:
    hits = unchanged.same(lambda client: client.query_points(READ, point, using="visual", limit=5)).points
    assert point not in {hit.id for hit in hits}


@pytest.mark.parametrize(
    "params",
    [
        q.SearchParams(exact=True),
        q.SearchParams(hnsw_ef=64),
        q.SearchParams(quantization=q.QuantizationSearchParams(ignore=True)),
        q.SearchParams(quantization=q.QuantizationSearchParams(rescore=True, oversampling=2.0)),
    ],
    ids=["exact", "ef", "unquantised", "rescored"],
)
def test_search_parameters_are_taken(unchanged: Both, params: q.SearchParams) -> None:
    unchanged.same(
        lambda client: client.query_points(READ, QUERY, using="fused", search_params=params, limit=7)
    )


@pytest.mark.parametrize(
    "with_payload", [True, False, ["key", "media.codec"], q.PayloadSelectorExclude(exclude=["tags"])]
)
@pytest.mark.parametrize("with_vectors", [True, False, ["visual", "words"]])
def test_what_comes_with_a_hit(unchanged: Both, with_payload: Any, with_vectors: Any) -> None:
    unchanged.same(
        lambda client: client.query_points(
            READ, QUERY, using="fused", limit=4, with_payload=with_payload, with_vectors=with_vectors
        )
    )
    ids = [3 * 2, uuid(3), 12345]
    records = unchanged.same(
        lambda client: client.retrieve(READ, ids, with_payload=with_payload, with_vectors=with_vectors)
    )
    assert len(records) == 2


def test_pages_and_thresholds(unchanged: Both) -> None:
    first = unchanged.same(lambda client: client.query_points(READ, QUERY, using="fused", limit=5)).points
    second = unchanged.same(
        lambda client: client.query_points(READ, QUERY, using="fused", limit=5, offset=5)
    ).points
    assert not {hit.id for hit in first} & {hit.id for hit in second}
    above = unchanged.same(
        lambda client: client.query_points(
            READ, QUERY, using="fused", limit=20, score_threshold=first[2].score - 1e-3
        )
    ).points
    assert [hit.id for hit in above] == [hit.id for hit in first[:3]]
    unchanged.same(
        lambda client: client.query_points(READ, QUERY[:4], using="face", limit=20, score_threshold=2.0)
    )


def hybrid(limit: int = 15) -> list[q.Prefetch]:
    return [
        q.Prefetch(query=QUERY, using="fused", limit=limit),
        q.Prefetch(query=WORDS, using="words", limit=limit, filter=FILTERS["except"]),
    ]


@pytest.mark.parametrize("fusion", [q.Fusion.RRF, q.Fusion.DBSF])
def test_fusion(unchanged: Both, fusion: q.Fusion) -> None:
    asked = q.FusionQuery(fusion=fusion)
    hits = unchanged.same(lambda client: client.query_points(READ, asked, prefetch=hybrid(), limit=40)).points
    assert len(hits) > 15


def test_weighted_rank_fusion(unchanged: Both) -> None:
    asked = q.RrfQuery(rrf=q.Rrf(k=10, weights=[3.0, 1.0]))
    unchanged.same(lambda client: client.query_points(READ, asked, prefetch=hybrid(), limit=40))


def test_a_formula_adds_the_scores_of_its_prefetches(unchanged: Both) -> None:
    asked = q.FormulaQuery(
        formula=q.SumExpression(sum=["$score[0]", q.MultExpression(mult=["$score[1]", 0.25])]),
        defaults={"$score[0]": -1.0, "$score[1]": 0.0},
    )
    hits = unchanged.same(
        lambda client: client.query_points(READ, asked, prefetch=hybrid(), limit=40, with_payload=True)
    ).points
    dense = {
        hit.id: hit.score for hit in unchanged.ours.query_points(READ, QUERY, using="fused", limit=15).points
    }
    sparse = {
        hit.id: hit.score
        for hit in unchanged.ours.query_points(
            READ, WORDS, using="words", limit=15, query_filter=FILTERS["except"]
        ).points
    }
    for hit in hits:
        expected = dense.get(hit.id, -1.0) + 0.25 * sparse.get(hit.id, 0.0)
        assert hit.score == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(
    "formula",
    [
        q.SumExpression(
            sum=["$score", q.MultExpression(mult=[0.5, key("public", match=q.MatchValue(value=True))])]
        ),
        q.DivExpression(div=q.DivParams(left="$score", right="weight", by_zero_default=3.0)),
        q.SumExpression(sum=["$score", q.NegExpression(neg="media.width")]),
        q.MultExpression(mult=[q.AbsExpression(abs="$score"), q.SqrtExpression(sqrt="media.width")]),
        q.SumExpression(
            sum=[
                "$score",
                q.GaussDecayExpression(
                    gauss_decay=q.DecayParamsExpression(
                        x=q.DatetimeKeyExpression(datetime_key="uploaded"),
                        target=q.DatetimeExpression(datetime="2026-03-10T00:00:00Z"),
                        scale=86400.0,
                    )
                ),
            ]
        ),
        q.PowExpression(pow=q.PowParams(base="media.width", exponent=2.0)),
    ],
    ids=["condition", "div", "neg", "sqrt", "decay", "pow"],
)
def test_formula_expressions(unchanged: Both, formula: q.Expression) -> None:
    asked = q.FormulaQuery(formula=formula, defaults={"weight": 1.0})
    prefetch = q.Prefetch(query=QUERY, using="fused", limit=20)
    assert unchanged.same(lambda client: client.query_points(READ, asked, prefetch=prefetch, limit=20)).points


def test_prefetches_within_prefetches(unchanged: Both) -> None:
    inner = q.Prefetch(
        prefetch=q.Prefetch(query=QUERY, using="fused", limit=25), query=WORDS, using="words", limit=12
    )
    rescored = unchanged.same(
        lambda client: client.query_points(READ, QUERY, using="visual", prefetch=[inner], limit=6)
    ).points
    assert len(rescored) == 6


def test_a_batch_of_queries_is_answered_in_its_order(unchanged: Both) -> None:
    requests = [
        q.QueryRequest(query=QUERY, using="fused", limit=3, with_payload=True),
        q.QueryRequest(query=WORDS, using="words", limit=4),
        q.QueryRequest(query=q.FusionQuery(fusion=q.Fusion.RRF), prefetch=hybrid(), limit=5),
    ]
    answers = unchanged.same(lambda client: client.query_batch_points(READ, requests))
    assert [len(answer.points) for answer in answers] == [3, 4, 5]


def test_queries_by_a_payload_field(both: Both) -> None:
    both.do(lambda client: client.create_payload_index(NAME, "generation", q.PayloadSchemaType.INTEGER))
    order = q.OrderBy(key="generation", direction=q.Direction.DESC)
    records, _ = both.same(lambda client: client.scroll(NAME, order_by=order, limit=5))
    assert [record.payload["generation"] for record in records] == [39, 38, 37, 36, 35]
    both.same(lambda client: client.query_points(NAME, q.OrderByQuery(order_by=order), limit=5))


def test_scrolling_by_pages_sees_every_point_once(unchanged: Both) -> None:
    seen: list[Any] = []
    offset: Any = None
    while True:
        start = offset
        records, offset = unchanged.same(
            lambda client, start=start: client.scroll(READ, limit=7, offset=start)
        )
        seen += [record.id for record in records]
        if offset is None:
            break
    assert len(seen) == len(set(seen)) == COUNT


def test_facets(both: Both) -> None:
    both.do(lambda client: client.create_payload_index(NAME, "tags", q.PayloadSchemaType.KEYWORD))
    hits = both.same(lambda client: client.facet(NAME, "tags", limit=20, exact=True)).hits
    assert {hit.value: hit.count for hit in hits}["even"] == COUNT // 2


# --- writing -------------------------------------------------------------------------------------------


def test_upsert_replaces_the_whole_point(both: Both) -> None:
    fresh = q.PointStruct(id=4, vector={"visual": QUERY}, payload={"key": "fresh"})
    both.do(lambda client: client.upsert(NAME, [fresh], wait=True))
    (record,) = both.same(lambda client: client.retrieve(NAME, [4], with_vectors=True))
    assert record.payload == {"key": "fresh"}
    assert set(record.vector) == {"visual"}


def test_a_point_may_have_no_vector_at_all(both: Both) -> None:
    both.do(lambda client: client.upsert(NAME, [q.PointStruct(id=700, vector={}, payload={"a": 1})]))
    assert both.same(lambda client: client.retrieve(NAME, [700], with_vectors=True))
    assert len(both.content()) == COUNT + 1


def test_upsert_of_columns(both: Both) -> None:
    batch = q.Batch(
        ids=[800, uuid(801)],
        vectors={"fused": [QUERY, QUERY], "words": [WORDS, WORDS]},
        payloads=[{"n": 1}, {"n": 2}],
    )
    both.do(lambda client: client.upsert(NAME, batch))
    assert len(both.same(lambda client: client.retrieve(NAME, [800, uuid(801)], with_vectors=True))) == 2


def test_a_conditional_upsert_never_overwrites_what_is_newer(both: Both) -> None:
    """Inserts the missing, replaces the older, leaves the newer alone."""
    older = q.Filter(must=[key("generation", range=q.Range(lt=10))])
    wanted = [
        q.PointStruct(id=number, vector={"fused": QUERY}, payload={"generation": 10})
        for number in (2, 20, 900)
    ]
    both.do(lambda client: client.upsert(NAME, wanted, update_filter=older, wait=True))
    both.content()
    records = both.same(lambda client: client.retrieve(NAME, [2, 20, 900]))
    assert {record.id: record.payload["generation"] for record in records} == {2: 10, 20: 20, 900: 10}


@pytest.mark.parametrize("mode", list(q.UpdateMode))
def test_update_modes(both: Both, mode: q.UpdateMode) -> None:
    wanted = [
        q.PointStruct(id=number, vector={"fused": QUERY}, payload={"m": mode.value}) for number in (2, 901)
    ]
    both.do(lambda client: client.upsert(NAME, wanted, update_mode=mode, wait=True))
    records = both.same(lambda client: client.retrieve(NAME, [2, 901]))
    written = {record.id for record in records if record.payload.get("m")}
    assert written == {"upsert": {2, 901}, "insert_only": {901}, "update_only": {2}}[mode.value]


def test_update_vectors_leaves_the_others(both: Both) -> None:
    fresh = q.PointVectors(id=4, vector={"visual": QUERY, "words": WORDS})
    both.do(lambda client: client.update_vectors(NAME, [fresh], wait=True))
    (record,) = both.same(lambda client: client.retrieve(NAME, [4], with_vectors=True))
    assert set(record.vector) == {"fused", "visual", "words", "face"}


def test_update_vectors_on_condition(both: Both) -> None:
    exactly = q.Filter(must=[key("generation", match=q.MatchValue(value=4))])
    fresh = [q.PointVectors(id=number, vector={"visual": QUERY}) for number in (4, 10)]
    both.do(lambda client: client.update_vectors(NAME, fresh, update_filter=exactly, wait=True))
    both.content()
    hits = both.same(lambda client: client.query_points(NAME, QUERY, using="visual", limit=1)).points
    assert hits[0].id == 4


def test_delete_vectors(both: Both) -> None:
    both.do(lambda client: client.delete_vectors(NAME, ["visual", "words"], [2, uuid(1)], wait=True))
    where = q.Filter(must=[key("generation", range=q.Range(gt=30))])
    both.do(lambda client: client.delete_vectors(NAME, ["face"], where, wait=True))
    both.content()
    assert both.same(lambda client: client.count(NAME, FILTERS["has vector"], exact=True)).count


def test_payloads(both: Both) -> None:
    both.do(lambda client: client.set_payload(NAME, {"public": "changed", "new": 1}, [2, uuid(1)], wait=True))
    both.do(lambda client: client.set_payload(NAME, {"codec": "av1"}, [4], key="media", wait=True))
    both.do(lambda client: client.set_payload(NAME, {"late": True}, FILTERS["range"], wait=True))
    both.do(lambda client: client.overwrite_payload(NAME, {"only": "this"}, [6], wait=True))
    both.do(lambda client: client.delete_payload(NAME, ["tags", "media.width"], [8], wait=True))
    both.do(lambda client: client.delete_payload(NAME, ["title"], FILTERS["boolean"], wait=True))
    both.do(lambda client: client.clear_payload(NAME, [10], wait=True))
    content = {record.id: record.payload for record in both.content()}
    assert content[4]["media"] == {"width": 104, "codec": "av1"}
    assert content[6] == {"only": "this"}
    assert content[10] == {}


def test_delete_points(both: Both) -> None:
    both.do(lambda client: client.delete(NAME, [2, uuid(1), 4444], wait=True))
    both.do(lambda client: client.delete(NAME, q.FilterSelector(filter=FILTERS["range"]), wait=True))
    left = both.content()
    assert 0 < len(left) < COUNT - 2


def test_a_batch_of_updates_is_done_in_its_order(both: Both) -> None:
    operations = [
        q.UpsertOperation(upsert=q.PointsList(points=[q.PointStruct(id=950, vector={}, payload={"a": 1})])),
        q.SetPayloadOperation(set_payload=q.SetPayload(payload={"b": 2}, points=[950])),
        q.UpdateVectorsOperation(
            update_vectors=q.UpdateVectors(points=[q.PointVectors(id=950, vector={"fused": QUERY})])
        ),
        q.DeleteOperation(delete=q.PointIdsList(points=[2])),
    ]
    both.do(lambda client: client.batch_update_points(NAME, operations, wait=True))
    assert {record.id: record.payload for record in both.content()}[950] == {"a": 1, "b": 2}


# --- collections and aliases ---------------------------------------------------------------------------


def test_collections(both: Both) -> None:
    assert both.same(lambda client: client.collection_exists(NAME)) is True
    assert both.same(lambda client: client.collection_exists("no such")) is False
    assert {NAME} == {each.name for each in both.ours.get_collections().collections} - {READ}
    described = both.ours.get_collection(NAME)
    assert described.points_count == COUNT
    assert described.status == q.CollectionStatus.GREEN
    assert described.config.params.vectors == both.theirs.get_collection(NAME).config.params.vectors
    assert described.config.params.sparse_vectors["words"].modifier == q.Modifier.IDF
    assert described.config.hnsw_config.ef_construct == 64
    assert described.config.quantization_config.scalar.type == q.ScalarType.INT8


@pytest.mark.parametrize(
    "schema",
    [
        *q.PayloadSchemaType,
        q.KeywordIndexParams(type=q.KeywordIndexType.KEYWORD, is_tenant=True),
        q.IntegerIndexParams(type=q.IntegerIndexType.INTEGER, lookup=True, range=True),
        q.TextIndexParams(type=q.TextIndexType.TEXT, tokenizer=q.TokenizerType.WORD, lowercase=True),
    ],
    ids=str,
)
def test_payload_indexes(both: Both, schema: Any) -> None:
    both.ours.create_payload_index(NAME, "field", schema, wait=True)
    kind = schema.type if hasattr(schema, "type") else schema
    assert both.ours.get_collection(NAME).payload_schema["field"].data_type.value == kind.value
    both.ours.delete_payload_index(NAME, "field", wait=True)
    assert both.ours.get_collection(NAME).payload_schema == {}


def test_an_index_does_not_change_what_a_filter_finds(both: Both) -> None:
    kinds = {
        "key": q.PayloadSchemaType.KEYWORD,
        "tags": q.PayloadSchemaType.KEYWORD,
        "generation": q.PayloadSchemaType.INTEGER,
        "weight": q.PayloadSchemaType.FLOAT,
        "uploaded": q.PayloadSchemaType.DATETIME,
        "public": q.PayloadSchemaType.BOOL,
    }
    for name, kind in kinds.items():
        both.do(lambda client, name=name, kind=kind: client.create_payload_index(NAME, name, kind))
    for where in FILTERS.values():
        both.same(lambda client, where=where: client.scroll(NAME, where, limit=100))


def test_text_filters_need_a_text_index(both: Both) -> None:
    both.ours.create_payload_index(
        NAME,
        "title",
        q.TextIndexParams(type=q.TextIndexType.TEXT, tokenizer=q.TokenizerType.WORD, phrase_matching=True),
    )
    words = q.Filter(must=[key("title", match=q.MatchText(text="sofa cat"))])
    phrase = q.Filter(must=[key("title", match=q.MatchPhrase(phrase="on a sofa"))])
    backwards = q.Filter(must=[key("title", match=q.MatchPhrase(phrase="sofa a on"))])
    assert both.ours.count(NAME, words).count == both.ours.count(NAME, phrase).count == COUNT // 2
    assert both.ours.count(NAME, backwards).count == 0


def alias_pairs(client: QdrantClient) -> list[tuple[str, str]]:
    return sorted((each.alias_name, each.collection_name) for each in client.get_aliases().aliases)


def test_aliases_are_switched_at_once(both: Both) -> None:
    def create(alias: str, target: str) -> q.CreateAliasOperation:
        return q.CreateAliasOperation(create_alias=q.CreateAlias(collection_name=target, alias_name=alias))

    both.do(lambda client: client.delete_collection("videos-0002"))
    both.do(
        lambda client: client.create_collection(
            "videos-0002", q.VectorParams(size=2, distance=q.Distance.DOT)
        )
    )
    both.do(lambda client: client.update_collection_aliases([create("videos", NAME)]))
    assert both.same(lambda client: client.count("videos")).count == COUNT
    assert both.same(alias_pairs) == [("videos", NAME)]
    drop = q.DeleteAliasOperation(delete_alias=q.DeleteAlias(alias_name="videos"))
    both.do(lambda client: client.update_collection_aliases([drop, create("videos", "videos-0002")]))
    assert both.same(lambda client: client.count("videos")).count == 0
    rename = q.RenameAliasOperation(
        rename_alias=q.RenameAlias(old_alias_name="videos", new_alias_name="clips")
    )
    both.do(lambda client: client.update_collection_aliases([rename]))
    assert both.same(alias_pairs) == [("clips", "videos-0002")]
    mine = both.same(lambda client: client.get_collection_aliases("videos-0002")).aliases
    assert [each.alias_name for each in mine] == ["clips"]
    with pytest.raises(UnexpectedResponse):
        both.ours.update_collection_aliases([create("half", NAME), create("other", "no such")])
    assert "half" not in dict(alias_pairs(both.ours))
    both.do(lambda client: client.delete_collection("videos-0002"))
    assert both.same(alias_pairs) == []


def test_a_collection_with_one_unnamed_vector(both: Both) -> None:
    rows = [[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]]

    def make(client: QdrantClient) -> None:
        client.delete_collection("single")
        client.create_collection("single", q.VectorParams(size=2, distance=q.Distance.EUCLID))
        made = [q.PointStruct(id=number, vector=row, payload={}) for number, row in enumerate(rows)]
        client.upsert("single", made)

    both.do(make)
    hits = both.same(lambda client: client.query_points("single", [1.0, 1.9], with_vectors=True)).points
    assert hits[0].id == 0
    both.same(lambda client: client.retrieve("single", [1], with_vectors=True))
    both.same(lambda client: client.query_points("single", 0, limit=2))
    both.do(lambda client: client.update_vectors("single", [q.PointVectors(id=1, vector=[9.0, 9.0])]))
    both.same(lambda client: client.scroll("single", with_vectors=True))


# --- refusals ------------------------------------------------------------------------------------------


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(UnexpectedResponse) as caught:
        call()
    body = caught.value.structured()
    return caught.value.status_code, body["status"]["error"]


def test_refusals_are_qdrants(both: Both) -> None:
    ours = both.ours
    for call in (
        lambda: ours.count("no such"),
        lambda: ours.query_points("no such", QUERY),
        lambda: ours.upsert("no such", [q.PointStruct(id=1, vector={})]),
        lambda: ours.get_collection("no such"),
    ):
        assert refusal(call) == (404, "Not found: Collection `no such` doesn't exist!")
    assert ours.delete_collection("no such") is False
    status, words = refusal(
        lambda: ours.create_collection(NAME, q.VectorParams(size=2, distance=q.Distance.DOT))
    )
    assert (status, words) == (409, f"Wrong input: Collection `{NAME}` already exists!")
    status, words = refusal(lambda: ours.query_points(NAME, [1.0, 2.0], using="fused"))
    assert status == 400
    assert "expected dim: 16, got 2" in words
    status, words = refusal(lambda: ours.query_points(NAME, QUERY, using="missing"))
    assert status == 400
    assert "missing" in words
    status, words = refusal(
        lambda: ours.upsert(NAME, [q.PointStruct(id=1, vector={"fused": [1.0]}, payload={})])
    )
    assert status == 400
    status, words = refusal(lambda: ours.set_payload(NAME, {"a": 1}, [987654]))
    assert (status, words) == (404, "Not found: No point with id 987654 found")
    assert len(both.content()) == COUNT


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "Format error in JSON body"),
        (b"{}", "missing field 'points'"),
        (b'{"points": [{"id": "not a uuid", "vector": {}}]}', "neither an unsigned integer nor a UUID"),
        (b'{"points": [{"id": -1, "vector": {}}]}', "neither an unsigned integer nor a UUID"),
        (b'{"points": [{"id": 1, "vector": {"fused": "x"}}]}', "a vector is a list"),
        (b'{"points": [], "update_filter": {"most": []}}', "unknown filter clause most"),
        (b"[]", "Format error in JSON body"),
    ],
)
def test_bad_requests_are_refused_with_words(
    server: LocalQdrant, both: Both, content: bytes, words: str
) -> None:
    answer = httpx.put(f"{server.url}/collections/{NAME}/points", content=content)
    assert answer.status_code == 400
    assert words in answer.json()["status"]["error"]


def test_what_is_not_served_says_so(server: LocalQdrant, both: Both) -> None:
    answer = httpx.post(f"{server.url}/collections/{NAME}/snapshots")
    assert answer.status_code == 404
    assert "not served by the local Qdrant" in answer.json()["status"]["error"]
    recommend = q.RecommendQuery(recommend=q.RecommendInput(positive=[4]))
    status, words = refusal(lambda: both.ours.query_points(NAME, recommend, using="fused"))
    assert status == 400
    assert "recommend are not served" in words


def test_an_api_key_is_asked_for(tmp_path: Path) -> None:
    server = LocalQdrant(tmp_path / "qdrant", api_key="secret")
    server.start()
    try:
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        assert httpx.get(server.url).json()["version"]
        assert httpx.get(f"{server.url}/collections").status_code == 401
        assert httpx.get(f"{server.url}/collections", headers={"api-key": "wrong"}).status_code == 401
        with pytest.warns(UserWarning, match="insecure connection"):
            client = server.client(api_key="secret")
        assert client.get_collections().collections == []
        client.close()
    finally:
        server.end()


# --- what a crash leaves -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_survives_the_end_of_the_process(tmp_path: Path, how: signal.Signals) -> None:
    server = LocalQdrant(tmp_path / "qdrant")
    server.start()
    client = server.client()
    collection(client)
    alias = q.CreateAlias(collection_name=NAME, alias_name="videos")
    client.update_collection_aliases([q.CreateAliasOperation(create_alias=alias)])
    for point in points():
        client.upsert("videos", [point], wait=True)
    client.create_payload_index(NAME, "generation", q.PayloadSchemaType.INTEGER)
    client.delete("videos", [2], wait=True)
    before = client.scroll("videos", limit=100, with_vectors=True)[0]
    server.end(how)
    server.start()
    try:
        assert plain(client.scroll("videos", limit=100, with_vectors=True)[0]) == plain(before)
        assert "generation" in client.get_collection(NAME).payload_schema
    finally:
        client.close()
        server.end()


def test_an_index_is_built_meanwhile_and_loses_nothing(tmp_path: Path) -> None:
    """Writes go on while the index is built; the answers afterwards come from the indexed copy."""
    server = LocalQdrant(tmp_path / "qdrant")
    server.start()
    client = server.client()
    try:
        client.create_collection(
            NAME,
            q.VectorParams(size=64, distance=q.Distance.COSINE),
            optimizers_config=q.OptimizersConfigDiff(indexing_threshold=100),
        )
        vectors = np.random.default_rng(3).normal(size=(2000, 64))
        client.upload_collection(NAME, vectors.astype(np.float32), ids=range(2000), wait=True)
        folder = server.folder / "collections" / NAME
        written = 2000
        deadline = time.monotonic() + 60
        while not (folder / "shard-0001").exists() and time.monotonic() < deadline:
            client.count(NAME)
        while (folder / "shard-0000").exists() and time.monotonic() < deadline:
            client.upsert(NAME, [q.PointStruct(id=written, vector=[1.0] * 64, payload={"late": True})])
            written += 1
        assert not (folder / "shard-0000").exists()
        assert written > 2000
        assert client.count(NAME, exact=True).count == written
        assert client.get_collection(NAME).indexed_vectors_count >= 2000
        exact = client.query_points(
            NAME, vectors[5].tolist(), limit=10, search_params=q.SearchParams(exact=True)
        ).points
        approximate = client.query_points(NAME, vectors[5].tolist(), limit=10).points
        assert exact[0].id == approximate[0].id == 5
        server.end(signal.SIGKILL)
        server.start()
        assert client.count(NAME, exact=True).count == written
    finally:
        client.close()
        server.end()
