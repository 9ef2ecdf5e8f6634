"""Qdrant's JSON ↔ the types of ``qdrant_edge``. No HTTP and no storage here.

Every ``*_from`` function takes a piece of a decoded request body and raises :class:`RequestError` with
words for the caller; every ``*_to`` function makes a piece of an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as edge

Json = Any  # what json.loads gives

# Qdrant's defaults, https://qdrant.tech/documentation/guides/configuration/
HNSW_DEFAULTS = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000, "max_indexing_threads": 0}
RRF_K = 2

Fetch = Callable[["edge.PointId", "str | None"], Any]  # quoted: the name is only in the stubs


class RequestError(Exception):
    """The request asks for something that does not exist or makes no sense; ``status`` is HTTP's."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


# --- collections ---------------------------------------------------------------------------------------


def config_from(body: Mapping[str, Json]) -> edge.EdgeConfig:
    """Return the shard's configuration for the body of a "create collection" request."""
    hnsw = {**HNSW_DEFAULTS, **_given(body.get("hnsw_config"))}
    vectors = body.get("vectors") or {}
    if "size" in vectors and isinstance(vectors["size"], int):
        dense: Any = _vector_params(vectors, hnsw)
    else:
        dense = {name: _vector_params(params, hnsw) for name, params in vectors.items()}
    sparse = {
        name: _sparse_params(params or {}) for name, params in (body.get("sparse_vectors") or {}).items()
    }
    optimizers = _given(body.get("optimizers_config"))
    accepted = (
        "deleted_threshold",
        "vacuum_min_vector_number",
        "default_segment_number",
        "max_segment_size",
        "indexing_threshold",
    )
    return edge.EdgeConfig(
        vectors=dense,
        sparse_vectors=sparse,
        on_disk_payload=body.get("on_disk_payload"),
        hnsw_config=_hnsw(hnsw),
        quantization_config=_quantization(body.get("quantization_config")),
        optimizers=edge.EdgeOptimizersConfig(
            **{key: optimizers[key] for key in accepted if key in optimizers}
        ),
    )


def _vector_params(params: Mapping[str, Json], hnsw: Mapping[str, Json]) -> edge.EdgeVectorParams:
    size = params.get("size")
    if not isinstance(size, int) or size < 1:
        raise RequestError("Wrong input: a vector's size must be a positive whole number")
    own_hnsw = _given(params.get("hnsw_config"))
    multi = params.get("multivector_config")
    return edge.EdgeVectorParams(
        size,
        _member(edge.Distance, params.get("distance"), "distance"),
        on_disk=params.get("on_disk"),
        multivector_config=edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim) if multi else None,
        datatype=_datatype(params.get("datatype")),
        quantization_config=_quantization(params.get("quantization_config")),
        hnsw_config=_hnsw({**hnsw, **own_hnsw}) if own_hnsw else None,
    )


def _sparse_params(params: Mapping[str, Json]) -> edge.EdgeSparseVectorParams:
    index = params.get("index") or {}
    return edge.EdgeSparseVectorParams(
        full_scan_threshold=index.get("full_scan_threshold"),
        on_disk=index.get("on_disk"),
        modifier=edge.Modifier.Idf if params.get("modifier") == "idf" else None,
        datatype=_datatype(index.get("datatype")),
    )


def _hnsw(params: Mapping[str, Json]) -> edge.HnswIndexConfig:
    return edge.HnswIndexConfig(
        params["m"],
        params["ef_construct"],
        params["full_scan_threshold"],
        max_indexing_threads=params.get("max_indexing_threads") or 0,
        on_disk=params.get("on_disk"),
        payload_m=params.get("payload_m"),
    )


def _quantization(config: Mapping[str, Json] | None) -> edge.QuantizationConfigType | None:
    if not config:
        return None
    if scalar := config.get("scalar"):
        return edge.ScalarQuantizationConfig(
            edge.ScalarType.Int8, quantile=scalar.get("quantile"), always_ram=scalar.get("always_ram")
        )
    if product := config.get("product"):
        ratio = _member(edge.CompressionRatio, product.get("compression"), "compression")
        return edge.ProductQuantizationConfig(ratio, always_ram=product.get("always_ram"))
    if "binary" in config:
        return edge.BinaryQuantizationConfig(always_ram=(config["binary"] or {}).get("always_ram"))
    raise RequestError(f"Wrong input: unknown quantization {', '.join(config)}; scalar, product or binary")


def index_from(schema: Json) -> edge.PayloadSchemaType | edge.PayloadSchemaParams:
    """Return the type of a payload index; ``schema`` is a name or an object with ``type``."""
    if schema is None:
        raise RequestError("Wrong input: field_schema is missing")
    if isinstance(schema, str):
        return _member(edge.PayloadSchemaType, schema, "field_schema")
    params = {key: value for key, value in schema.items() if key != "type" and value is not None}
    if tokenizer := params.get("tokenizer"):
        params["tokenizer"] = _member(edge.TokenizerType, tokenizer, "tokenizer")
    kinds = {
        "keyword": edge.KeywordIndexParams,
        "integer": edge.IntegerIndexParams,
        "float": edge.FloatIndexParams,
        "geo": edge.GeoIndexParams,
        "bool": edge.BoolIndexParams,
        "datetime": edge.DatetimeIndexParams,
        "uuid": edge.UuidIndexParams,
        "text": edge.TextIndexParams,
    }
    kind = kinds.get(schema.get("type", ""))
    if kind is None:
        raise RequestError(f"Wrong input: unknown field_schema type {schema.get('type')!r}")
    try:
        return kind(**params)
    except TypeError as error:
        raise RequestError(f"Wrong input: field_schema: {error}") from error


def schema_to(info: edge.ShardInfo) -> dict[str, Json]:
    """Return ``payload_schema`` of a collection's description."""
    return {
        name: {"data_type": _name(index.data_type), "points": index.points}
        for name, index in info.payload_schema.items()
    }


# --- points --------------------------------------------------------------------------------------------


def id_from(value: Json) -> edge.PointId:
    """Return a point's id: an unsigned number or a UUID."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError:
            pass
    raise RequestError(f"Format error in JSON body: {value!r} is neither an unsigned integer nor a UUID")


def ids_from(values: Json) -> list[edge.PointId]:
    """Return several ids."""
    return [id_from(value) for value in values]


def id_to(value: edge.PointId) -> int | str:
    """Return an id as JSON has it."""
    return value if isinstance(value, int) else str(value)


def points_from(body: Mapping[str, Json]) -> list[edge.Point]:
    """Return the points of an upsert, which come as a list or as a batch of columns."""
    if (batch := body.get("batch")) is not None:
        ids, payloads, vectors = batch["ids"], batch.get("payloads") or [], batch["vectors"]
        if isinstance(vectors, dict):
            rows: list[Json] = [
                {name: column[row] for name, column in vectors.items() if column[row] is not None}
                for row in range(len(ids))
            ]
        else:
            rows = vectors
        if len(rows) != len(ids) or (payloads and len(payloads) != len(ids)):
            raise RequestError("Wrong input: ids, vectors and payloads of a batch differ in length")
        return [
            edge.Point(id_from(point), vector_from(rows[row]), payloads[row] if payloads else None)
            for row, point in enumerate(ids)
        ]
    return [
        edge.Point(id_from(point["id"]), vector_from(point["vector"]), point.get("payload"))
        for point in body["points"]
    ]


def point_vectors_from(body: Mapping[str, Json]) -> list[edge.PointVectors]:
    """Return the vectors of an "update vectors" request."""
    return [edge.PointVectors(id_from(point["id"]), vector_from(point["vector"])) for point in body["points"]]


def vector_from(value: Json) -> Any:
    """Return a point's vectors: the unnamed one, or a mapping of named ones."""
    if isinstance(value, dict) and not _is_sparse(value):
        return {name: named_vector_from(vector) for name, vector in value.items()}
    return named_vector_from(value)


def named_vector_from(value: Json) -> edge.NamedVector:
    """Return one dense, sparse or multi vector."""
    if isinstance(value, dict):
        if not _is_sparse(value):
            raise RequestError(
                "Format error in JSON body: a vector is a list of numbers or {indices, values}"
            )
        if len(value["indices"]) != len(value["values"]):
            raise RequestError(
                "Validation error: indices and values of a sparse vector differ in length", 422
            )
        if len(set(value["indices"])) != len(value["indices"]):
            raise RequestError("Validation error: indices of a sparse vector must be unique", 422)
        return edge.SparseVector(value["indices"], value["values"])
    if not isinstance(value, list):
        raise RequestError("Format error in JSON body: a vector is a list of numbers or {indices, values}")
    return value


def vector_to(value: Any) -> Json:
    """Return vectors as JSON has them."""
    if isinstance(value, dict):
        return {name: vector_to(vector) for name, vector in value.items()}
    if isinstance(value, edge.SparseVector):
        return {"indices": value.indices, "values": value.values}
    return value


def record_to(record: edge.Record) -> dict[str, Json]:
    """Return a stored point."""
    answer: dict[str, Json] = {"id": id_to(record.id)}
    if record.payload is not None:
        answer["payload"] = record.payload
    if record.vector is not None:
        answer["vector"] = vector_to(record.vector)
    if record.order_value is not None:
        answer["order_value"] = record.order_value
    return answer


def scored_to(point: edge.ScoredPoint) -> dict[str, Json]:
    """Return a found point; the id as the engine has it, which JSON is made of as of a string."""
    answer: dict[str, Json] = {"id": point.id, "version": point.version, "score": point.score}
    if point.payload is not None:
        answer["payload"] = point.payload
    if point.vector is not None:
        answer["vector"] = vector_to(point.vector)
    if point.order_value is not None:
        answer["order_value"] = point.order_value
    return answer


def with_payload_from(value: Json, default: bool) -> edge.WithPayloadType:
    """Return which part of the payload is wanted."""
    if value is None:
        return default
    if isinstance(value, dict):
        if "include" in value:
            return edge.PayloadSelector.Include(value["include"])
        return edge.PayloadSelector.Exclude(value["exclude"])
    return value


def with_vector_from(value: Json) -> edge.WithVectorType:
    """Return which vectors are wanted."""
    return False if value is None else value


# --- filters -------------------------------------------------------------------------------------------


def filter_from(value: Json) -> edge.Filter | None:
    """Return a filter; ``None`` where there is none."""
    if value is None:
        return None
    unknown = set(value) - {"must", "should", "must_not", "min_should"}
    if unknown:
        raise RequestError(f"Format error in JSON body: unknown filter clause {', '.join(sorted(unknown))}")
    least = value.get("min_should")
    return edge.Filter(
        must=_conditions(value.get("must")),
        should=_conditions(value.get("should")),
        must_not=_conditions(value.get("must_not")),
        min_should=edge.MinShould(_conditions(least["conditions"]) or [], least["min_count"])
        if least
        else None,
    )


def _conditions(value: Json) -> list[edge.ConditionType] | None:
    if value is None:
        return None
    return [condition_from(each) for each in (value if isinstance(value, list) else [value])]


def condition_from(value: Mapping[str, Json]) -> edge.ConditionType:  # noqa: PLR0911 - one line per kind
    """Return one condition of a filter."""
    if "is_empty" in value and isinstance(value["is_empty"], dict):
        return edge.IsEmptyCondition(value["is_empty"]["key"])
    if "is_null" in value and isinstance(value["is_null"], dict):
        return edge.IsNullCondition(value["is_null"]["key"])
    if "has_id" in value:
        return edge.HasIdCondition(set(ids_from(value["has_id"])))
    if "has_vector" in value:
        return edge.HasVectorCondition(value["has_vector"])
    if "nested" in value:
        inner = filter_from(value["nested"]["filter"])
        return edge.NestedCondition(value["nested"]["key"], inner or edge.Filter())
    if "key" in value:
        return _field_condition(value)
    nested = filter_from(value)
    if nested is None:
        raise RequestError("Format error in JSON body: an empty condition")
    return nested


def _field_condition(value: Mapping[str, Json]) -> edge.FieldCondition:
    count = value.get("values_count")
    box, radius, polygon = (value.get(name) for name in ("geo_bounding_box", "geo_radius", "geo_polygon"))
    return edge.FieldCondition(
        value["key"],
        match=_match(value["match"]) if value.get("match") else None,
        range=_range(value["range"]) if value.get("range") else None,
        geo_bounding_box=edge.GeoBoundingBox(_geo(box["top_left"]), _geo(box["bottom_right"]))
        if box
        else None,
        geo_radius=edge.GeoRadius(_geo(radius["center"]), radius["radius"]) if radius else None,
        geo_polygon=(
            edge.GeoPolygon(
                [_geo(point) for point in polygon["exterior"]["points"]],
                [[_geo(point) for point in ring["points"]] for ring in polygon.get("interiors") or []],
            )
            if polygon
            else None
        ),
        values_count=edge.ValuesCount(**_given(count)) if count else None,
        is_empty=value.get("is_empty"),
        is_null=value.get("is_null"),
    )


def _match(value: Mapping[str, Json]) -> edge.MatchType:
    kinds: dict[str, Callable[[Any], edge.MatchType]] = {
        "value": _match_value,
        "text": edge.MatchText,
        "text_any": edge.MatchTextAny,
        "phrase": edge.MatchPhrase,
        "any": edge.MatchAny,
        "except": edge.MatchExcept,
        "prefix": edge.MatchPrefix,
    }
    for name, kind in kinds.items():
        if name in value:
            return kind(value[name])
    raise RequestError(f"Format error in JSON body: unknown match {', '.join(value)}")


def _match_value(value: Json) -> edge.MatchValue:
    # The binding takes Python's True for the integer 1, but knows numpy's booleans.
    known: Any = np.bool_(value) if isinstance(value, bool) else value
    return edge.MatchValue(known)


def _range(value: Mapping[str, Json]) -> edge.RangeType:
    bounds = _given(value)
    if any(isinstance(bound, str) for bound in bounds.values()):
        return edge.RangeDateTime(**bounds)
    return edge.RangeFloat(**bounds)


def _geo(value: Mapping[str, Json]) -> edge.GeoPoint:
    return edge.GeoPoint(value["lon"], value["lat"])


# --- queries -------------------------------------------------------------------------------------------


def query_from(body: Mapping[str, Json], fetch: Fetch) -> edge.QueryRequest:
    """Return a "query points" request.

    ``fetch(id, using)`` returns the vector of a stored point, for queries that name a point.
    """
    query, excluded = _scoring(body, fetch)
    return edge.QueryRequest(
        limit=body["limit"] if body.get("limit") is not None else 10,
        offset=body.get("offset") or 0,
        query=query,
        prefetches=_prefetches(body.get("prefetch"), fetch),
        with_vector=with_vector_from(body.get("with_vector")),
        with_payload=with_payload_from(body.get("with_payload"), default=False),
        filter=_without(filter_from(body.get("filter")), excluded),
        score_threshold=body.get("score_threshold"),
        params=search_params_from(body.get("params")),
    )


def _prefetches(value: Json, fetch: Fetch) -> list[edge.Prefetch]:
    prefetches = []
    for body in value if isinstance(value, list) else [value] if value else []:
        query, excluded = _scoring(body, fetch)
        prefetches.append(
            edge.Prefetch(
                limit=body["limit"] if body.get("limit") is not None else 10,
                query=query,
                prefetches=_prefetches(body.get("prefetch"), fetch),
                params=search_params_from(body.get("params")),
                filter=_without(filter_from(body.get("filter")), excluded),
                score_threshold=body.get("score_threshold"),
            )
        )
    return prefetches


def _without(where: edge.Filter | None, excluded: edge.PointId | None) -> edge.Filter | None:
    """A query by a point's id does not answer with that point."""
    if excluded is None:
        return where
    itself = edge.Filter(must_not=[edge.HasIdCondition({excluded})])
    return itself if where is None else edge.Filter(must=[where, itself])


def _scoring(  # noqa: PLR0911 - one line per kind
    body: Mapping[str, Json], fetch: Fetch
) -> tuple[edge.ScoringQueryType | None, edge.PointId | None]:
    value, using = body.get("query"), body.get("using")
    fusion: Any = edge.Fusion  # its methods make one, which its stubs do not know
    if value is None:
        return None, None
    if isinstance(value, int | str):
        point = id_from(value)
        return edge.Query.Nearest(fetch(point, using), using), point
    if isinstance(value, list) or _is_sparse(value):
        return edge.Query.Nearest(named_vector_from(value), using), None
    if "nearest" in value:
        if value.get("mmr"):
            raise RequestError("Wrong input: mmr is not served by the local Qdrant")
        return _scoring({"query": value["nearest"], "using": using}, fetch)
    if "fusion" in value:
        if value["fusion"] == "rrf":
            return fusion.Rrf(RRF_K), None
        if value["fusion"] == "dbsf":
            return fusion.Dbsf(), None
        raise RequestError(f"Format error in JSON body: unknown fusion {value['fusion']!r}; rrf or dbsf")
    if "rrf" in value:
        params = value["rrf"] or {}
        return fusion.Rrf(params.get("k") or RRF_K, params.get("weights")), None
    if "order_by" in value:
        return order_by_from(value["order_by"]), None
    if "formula" in value:
        return edge.Formula(expression_from(value["formula"]), value.get("defaults") or {}), None
    if value.get("sample") == "random":
        return edge.Sample.Random, None
    raise RequestError(
        f"Wrong input: queries of the kind {', '.join(value)} are not served by the local Qdrant; "
        "nearest, fusion, rrf, formula, order_by and sample are"
    )


def order_by_from(value: Json) -> edge.OrderBy:
    """Return an order; ``value`` is a key or {key, direction, start_from}."""
    if isinstance(value, str):
        return edge.OrderBy(value)
    direction = value.get("direction")
    return edge.OrderBy(
        value["key"],
        _member(edge.Direction, direction, "direction") if direction else None,
        value.get("start_from"),
    )


def search_params_from(value: Mapping[str, Json] | None) -> edge.SearchParams | None:
    """Return how exact a search is."""
    if not value:
        return None
    quantization = value.get("quantization")
    return edge.SearchParams(
        hnsw_ef=value.get("hnsw_ef"),
        exact=bool(value.get("exact")),
        quantization=(
            edge.QuantizationSearchParams(
                ignore=bool(quantization.get("ignore")),
                rescore=quantization.get("rescore"),
                oversampling=quantization.get("oversampling"),
            )
            if quantization
            else None
        ),
        indexed_only=bool(value.get("indexed_only")),
    )


def expression_from(value: Json) -> edge.Expression:  # noqa: PLR0911 - one line per kind
    """Return one expression of a formula."""
    make = edge.Expression
    if isinstance(value, bool):
        raise RequestError("Format error in JSON body: an expression cannot be a boolean")
    if isinstance(value, int | float):
        return make.Constant(float(value))
    if isinstance(value, str):
        return make.Variable(value)
    if set(value) & {
        "key",
        "must",
        "should",
        "must_not",
        "min_should",
        "is_empty",
        "is_null",
        "has_id",
        "nested",
    }:
        return make.Condition(condition_from(value))
    ((kind, inner),) = value.items()
    lists = {"mult": make.Mult, "sum": make.Sum, "max": make.Max, "min": make.Min}
    singles = {
        "neg": make.Neg,
        "sqrt": make.Sqrt,
        "exp": make.Exp,
        "log10": make.Log10,
        "ln": make.Ln,
        "abs": make.Abs,
        "acosh": make.Acosh,
    }
    decays = {
        "lin_decay": edge.DecayKind.Lin,
        "exp_decay": edge.DecayKind.Exp,
        "gauss_decay": edge.DecayKind.Gauss,
    }
    if kind in lists:
        return lists[kind]([expression_from(each) for each in inner])
    if kind in singles:
        return singles[kind](expression_from(inner))
    if kind in decays:
        target = inner.get("target")
        return make.Decay(
            decays[kind],
            expression_from(inner["x"]),
            expression_from(target) if target is not None else None,
            inner.get("midpoint"),
            inner.get("scale"),
        )
    if kind == "div":
        by_zero = inner.get("by_zero_default")
        return make.Div(expression_from(inner["left"]), expression_from(inner["right"]), by_zero)
    if kind == "pow":
        return make.Pow(expression_from(inner["base"]), expression_from(inner["exponent"]))
    if kind == "datetime":
        return make.Datetime(inner)
    if kind == "datetime_key":
        return make.DatetimeKey(inner)
    if kind == "geo_distance":
        return make.GeoDistance(_geo(inner["origin"]), inner["to"])
    raise RequestError(f"Format error in JSON body: unknown expression {kind!r}")


# --- updates -------------------------------------------------------------------------------------------


def upsert_from(body: Mapping[str, Json]) -> edge.UpdateOperation:
    """Return an upsert, conditional where ``update_filter`` is given."""
    modes = {
        "upsert": edge.UpdateMode.Upsert,
        "insert_only": edge.UpdateMode.InsertOnly,
        "update_only": edge.UpdateMode.UpdateOnly,
    }
    mode = body.get("update_mode")
    if mode is not None and mode not in modes:
        raise RequestError(f"Format error in JSON body: unknown update_mode {mode!r}; {', '.join(modes)}")
    return edge.UpdateOperation.upsert_points(
        points_from(body),
        condition=filter_from(body.get("update_filter")),
        update_mode=modes[mode] if mode else None,
    )


def update_vectors_from(body: Mapping[str, Json]) -> edge.UpdateOperation:
    """Return new values of named vectors of existing points."""
    return edge.UpdateOperation.update_vectors(
        point_vectors_from(body), condition=filter_from(body.get("update_filter"))
    )


def delete_vectors_from(body: Mapping[str, Json]) -> edge.UpdateOperation:
    """Return the removal of named vectors."""
    names = body["vector"]
    if body.get("filter") is not None:
        return edge.UpdateOperation.delete_vectors_by_filter(_some_filter(body), names)
    return edge.UpdateOperation.delete_vectors(ids_from(body.get("points") or []), names)


def delete_points_from(body: Json) -> edge.UpdateOperation:
    """Return the removal of points, by ids or by a filter."""
    if body.get("filter") is not None:
        return edge.UpdateOperation.delete_points_by_filter(_some_filter(body))
    return edge.UpdateOperation.delete_points(ids_from(body["points"]))


def set_payload_from(body: Mapping[str, Json], *, overwrite: bool) -> edge.UpdateOperation:
    """Return new payload keys (or, with ``overwrite``, a new payload)."""
    make = edge.UpdateOperation
    payload, key = body["payload"], body.get("key")
    if body.get("filter") is not None:
        by_filter = make.overwrite_payload_by_filter if overwrite else make.set_payload_by_filter
        return by_filter(_some_filter(body), payload, key)
    by_ids = make.overwrite_payload if overwrite else make.set_payload
    return by_ids(ids_from(body.get("points") or []), payload, key)


def delete_payload_from(body: Mapping[str, Json]) -> edge.UpdateOperation:
    """Return the removal of payload keys."""
    if body.get("filter") is not None:
        return edge.UpdateOperation.delete_payload_by_filter(_some_filter(body), body["keys"])
    return edge.UpdateOperation.delete_payload(ids_from(body.get("points") or []), body["keys"])


def clear_payload_from(body: Mapping[str, Json]) -> edge.UpdateOperation:
    """Return the removal of whole payloads."""
    if body.get("filter") is not None:
        return edge.UpdateOperation.clear_payload_by_filter(_some_filter(body))
    return edge.UpdateOperation.clear_payload(ids_from(body["points"]))


BATCH: dict[str, Callable[[Any], edge.UpdateOperation]] = {
    "upsert": upsert_from,
    "delete": delete_points_from,
    "set_payload": lambda body: set_payload_from(body, overwrite=False),
    "overwrite_payload": lambda body: set_payload_from(body, overwrite=True),
    "delete_payload": delete_payload_from,
    "clear_payload": clear_payload_from,
    "update_vectors": update_vectors_from,
    "delete_vectors": delete_vectors_from,
}


def batch_from(body: Mapping[str, Json]) -> list[edge.UpdateOperation]:
    """Return the operations of a batch, in their order."""
    operations = []
    for each in body["operations"]:
        ((kind, inner),) = each.items()
        if kind not in BATCH:
            raise RequestError(f"Format error in JSON body: unknown operation {kind!r}; {', '.join(BATCH)}")
        operations.append(BATCH[kind](inner))
    return operations


def _some_filter(body: Mapping[str, Json]) -> edge.Filter:
    return filter_from(body["filter"]) or edge.Filter()


def _given(value: Mapping[str, Json] | None) -> dict[str, Json]:
    return {key: item for key, item in (value or {}).items() if item is not None}


def _is_sparse(value: Mapping[str, Json]) -> bool:
    return isinstance(value, dict) and "indices" in value and "values" in value


def _datatype(value: str | None) -> edge.VectorStorageDatatype | None:
    return None if value is None else _member(edge.VectorStorageDatatype, value, "datatype")


def _member(kind: Any, value: Any, what: str) -> Any:
    """Return the member of one of the vendor's enumerations; JSON has its name in lower case."""
    for name in (str(value), str(value).capitalize()):
        if not name.startswith("_") and hasattr(kind, name):
            return getattr(kind, name)
    raise RequestError(f"Format error in JSON body: unknown {what} {value!r}")


def _name(member: Any) -> str:
    """``PayloadSchemaType.Integer`` → ``integer``."""
    return str(member).rsplit(".", 1)[-1].lower()
