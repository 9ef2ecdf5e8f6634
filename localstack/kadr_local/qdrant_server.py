"""The real Qdrant engine behind the part of Qdrant's REST API that ``qdrant-client`` uses.

``python -m kadr_local.qdrant_server --path FOLDER --port 6333 [--api-key-file FILE]``

It is for one machine: no cluster, no snapshots, no recommendation or discovery queries. Whatever is not
served is refused with 404 or 400 and words, never answered wrongly.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qdrant_edge as edge

from kadr_local import edge_codec as codec
from kadr_local.edge_codec import Json, RequestError
from kadr_local.guard import Guard
from kadr_local.qdrant_store import INDEXING_THRESHOLD_KB, Collection, Store

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

# The release of Qdrant whose REST API is spoken (the part of it that is served): clients compare it with
# their own version.
API_VERSION = "1.20.0"
FLUSH_EVERY = 2.0  # seconds; a flush takes about 6 ms, the write-ahead log bridges the time between
QUIET = 5.0  # seconds without a write before indexes are built
OPEN_PATHS = frozenset({"/", "/healthz", "/livez", "/readyz"})

log = logging.getLogger("kadr.qdrant")

Handler = Callable[["Server", "Request", Json], Json]
ROUTES: list[tuple[str, str, Handler]] = []


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    """Register a handler; it gets the decoded body and returns ``result``."""

    def register(handler: Handler) -> Handler:
        ROUTES.append((method, path, handler))
        return handler

    return register


class Server:
    """The store and what happens to it between requests."""

    def __init__(self, path: Path, api_key: str | None = None) -> None:
        self.store = Store.open(path)
        self._api_key = api_key
        self._written = asyncio.Event()
        self._last_write = 0.0
        self._optimising: set[asyncio.Task[None]] = set()

    def app(self) -> Starlette:
        """Return the ASGI application."""
        from starlette.applications import Starlette
        from starlette.routing import Route

        routes = [Route(path, self._endpoint(handler), methods=[method]) for method, path, handler in ROUTES]
        return Starlette(
            routes=routes,
            lifespan=self._lifespan,
            exception_handlers={404: self._unserved, 405: self._unserved},
        )

    def written(self) -> None:
        """Say that something was written; the timer flushes it."""
        self._last_write = time.monotonic()
        self._written.set()

    def apply(self, request: Request, operation: edge.UpdateOperation, *, points: int = 0) -> Json:
        """Do one update to the collection that the path names."""
        collection = self.collection(request)
        number = collection.apply(operation)
        collection.grown(points)
        self.written()
        return _update_result(number)

    def collection(self, request: Request) -> Collection:
        """Return the collection that the path names."""
        return self.store.get(request.path_params["name"])

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        timer = asyncio.create_task(self._housekeeping())
        for collection in self.store:
            if collection.wants_optimising:
                self.written()
        try:
            yield
        finally:
            for task in (timer, *self._optimising):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
            self.store.close()

    async def _housekeeping(self) -> None:
        """Flush soon after a write, index once it is quiet; sleeps for good while nothing is written."""
        while True:
            await self._written.wait()
            self._written.clear()
            await asyncio.sleep(FLUSH_EVERY)
            self._flush()
            while any(collection.wants_optimising for collection in self.store):
                quiet = time.monotonic() - self._last_write
                if quiet >= QUIET:
                    for collection in self.store:
                        if collection.wants_optimising:
                            task = asyncio.create_task(self._optimise(collection))
                            self._optimising.add(task)
                            task.add_done_callback(self._optimising.discard)
                            await task
                else:
                    await asyncio.sleep(QUIET - quiet)
                self._flush()

    def _flush(self) -> None:
        for collection in self.store:
            try:
                collection.flush()
            except Exception:  # a full disk, for a moment
                log.exception("flushing %s failed; it is tried again", collection.folder.name)
                self._written.set()

    async def _optimise(self, collection: Collection) -> None:
        started = time.monotonic()
        try:
            await collection.optimised()
        except Exception:
            log.exception("optimising %s failed; it goes on without the new index", collection.folder.name)
        else:
            log.info("optimised %s in %.1f s", collection.folder.name, time.monotonic() - started)

    def _endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            started = time.perf_counter()
            try:
                self._authorise(request)
                content = await request.body()
                result = handler(self, request, json.loads(content) if content else {})
            except RequestError as error:
                return _error(str(error), error.status, started)
            except json.JSONDecodeError as error:
                return _error(f"Format error in JSON body: {error}", 400, started)
            except KeyError as error:
                return _error(f"Format error in JSON body: missing field {error}", 400, started)
            except (TypeError, ValueError, AttributeError, OverflowError) as error:
                return _error(f"Format error in JSON body: {error}", 400, started)
            except Exception as error:  # the engine raises plain Exception, with words
                message, status = _engine_error(error)
                if status >= 500:
                    log.exception("%s %s", request.method, request.url.path)
                return _error(message, status, started)
            return _json({"result": result, "status": "ok", "time": time.perf_counter() - started})

        async def plain(request: Request) -> Response:
            return _json(handler(self, request, {}))

        return plain if handler in (root, health) else endpoint

    def _authorise(self, request: Request) -> None:
        if self._api_key is None or request.url.path in OPEN_PATHS:
            return
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        given = request.headers.get("api-key") or bearer
        if not given:
            raise RequestError("Must provide an API key or an Authorization bearer token", 401)
        if not hmac.compare_digest(given.encode(), self._api_key.encode()):
            raise RequestError("Invalid API key or JWT", 401)

    async def _unserved(self, request: Request, _: Exception) -> Response:
        words = f"Not found: {request.method} {request.url.path} is not served by the local Qdrant"
        return _error(words, 404, time.perf_counter())


def _engine_error(error: Exception) -> tuple[str, int]:
    message = str(error)
    if message.startswith("No point with id"):
        return f"Not found: {message} found", 404
    service = ("Service runtime error", "Operation cancelled", "Out of memory")
    if message.startswith(service):
        return f"Service internal error: {message}", 500
    return f"Wrong input: {message}", 400


def _json(content: Json, status: int = 200) -> Response:
    from pydantic_core import to_json
    from starlette.responses import Response

    # five times as fast as json: a search answers with tens of kilobytes
    return Response(to_json(content, inf_nan_mode="constants"), status, media_type="application/json")


def _error(message: str, status: int, started: float) -> Response:
    return _json({"status": {"error": message}, "time": time.perf_counter() - started}, status)


def _update_result(number: int) -> Json:
    return {"operation_id": number, "status": "completed"}


# --- service -------------------------------------------------------------------------------------------


@route("GET", "/")
def root(server: Server, request: Request, body: Json) -> Json:
    """Say what this is."""
    return {
        "title": "qdrant - vector search engine (qdrant-edge, Kadr's local stack)",
        "version": API_VERSION,
    }


@route("GET", "/healthz")
@route("GET", "/livez")
@route("GET", "/readyz")
def health(server: Server, request: Request, body: Json) -> Json:
    """Say that it runs; every collection was opened before the port was."""
    return "all shards are ready"


@route("GET", "/telemetry")
def telemetry(server: Server, request: Request, body: Json) -> Json:
    """Name the version and the collections."""
    return {
        "app": {"name": "qdrant", "version": API_VERSION},
        "collections": {
            "number_of_collections": len(server.store.collections),
            "collections": [
                {"id": name, "points": collection.shard.info().points_count}
                for name, collection in server.store.collections.items()
            ],
        },
    }


# --- collections and aliases ---------------------------------------------------------------------------


@route("GET", "/collections")
def list_collections(server: Server, request: Request, body: Json) -> Json:
    """List collections."""
    return {"collections": [{"name": name} for name in server.store.collections]}


@route("PUT", "/collections/{name}")
def create_collection(server: Server, request: Request, body: Json) -> Json:
    """Create a collection."""
    server.store.create(request.path_params["name"], body)
    return True


@route("DELETE", "/collections/{name}")
def delete_collection(server: Server, request: Request, body: Json) -> Json:
    """Delete a collection."""
    return server.store.delete(request.path_params["name"])


@route("GET", "/collections/{name}/exists")
def collection_exists(server: Server, request: Request, body: Json) -> Json:
    """Say whether a collection (or alias) of that name exists."""
    name = request.path_params["name"]
    return {"exists": name in server.store.collections or name in server.store.aliases}


@route("GET", "/collections/{name}")
def get_collection(server: Server, request: Request, body: Json) -> Json:
    """Describe a collection."""
    collection = server.collection(request)
    info, created = collection.shard.info(), collection.body
    params: dict[str, Json] = {
        "vectors": created.get("vectors") or {},
        "shard_number": 1,
        "replication_factor": 1,
        "write_consistency_factor": 1,
        "on_disk_payload": created.get("on_disk_payload") is not False,
    }
    if created.get("sparse_vectors"):
        params["sparse_vectors"] = created["sparse_vectors"]
    optimizers = {
        "deleted_threshold": 0.2,
        "vacuum_min_vector_number": 1000,
        "default_segment_number": 0,
        "indexing_threshold": INDEXING_THRESHOLD_KB,
        "flush_interval_sec": int(FLUSH_EVERY),
    }
    given = (created.get("optimizers_config") or {}).items()
    optimizers.update({key: value for key, value in given if value is not None})
    return {
        "status": "yellow" if collection.optimising else "green",
        "optimizer_status": "ok",
        "points_count": info.points_count,
        "indexed_vectors_count": info.indexed_vectors_count,
        "segments_count": info.segments_count,
        "config": {
            "params": params,
            "hnsw_config": {
                **codec.HNSW_DEFAULTS,
                **{
                    key: value
                    for key, value in (created.get("hnsw_config") or {}).items()
                    if value is not None
                },
            },
            "optimizer_config": optimizers,
            "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
            "quantization_config": created.get("quantization_config"),
        },
        "payload_schema": codec.schema_to(info),
    }


@route("POST", "/collections/aliases")
def update_aliases(server: Server, request: Request, body: Json) -> Json:
    """Change aliases, all or nothing."""
    server.store.change_aliases(body["actions"])
    return True


@route("GET", "/aliases")
def list_aliases(server: Server, request: Request, body: Json) -> Json:
    """List every alias."""
    aliases = server.store.aliases.items()
    return {"aliases": [{"alias_name": alias, "collection_name": target} for alias, target in aliases]}


@route("GET", "/collections/{name}/aliases")
def list_collection_aliases(server: Server, request: Request, body: Json) -> Json:
    """List the aliases of one collection."""
    name = request.path_params["name"]
    server.store.get(name)
    aliases = server.store.aliases.items()
    return {
        "aliases": [
            {"alias_name": alias, "collection_name": target} for alias, target in aliases if target == name
        ]
    }


@route("PUT", "/collections/{name}/index")
def create_index(server: Server, request: Request, body: Json) -> Json:
    """Index a payload field."""
    schema = codec.index_from(body.get("field_schema") or body.get("field_type"))
    return server.apply(request, edge.UpdateOperation.create_field_index(body["field_name"], schema))


@route("DELETE", "/collections/{name}/index/{field:path}")
def delete_index(server: Server, request: Request, body: Json) -> Json:
    """Drop the index of a payload field."""
    return server.apply(request, edge.UpdateOperation.delete_field_index(request.path_params["field"]))


# --- writing -------------------------------------------------------------------------------------------


@route("PUT", "/collections/{name}/points")
def upsert(server: Server, request: Request, body: Json) -> Json:
    """Insert or replace points."""
    count = len(body["batch"]["ids"]) if body.get("batch") is not None else len(body["points"])
    return server.apply(request, codec.upsert_from(body), points=count)


@route("PUT", "/collections/{name}/points/vectors")
def update_vectors(server: Server, request: Request, body: Json) -> Json:
    """Set named vectors of points."""
    return server.apply(request, codec.update_vectors_from(body), points=len(body["points"]))


@route("POST", "/collections/{name}/points/vectors/delete")
def delete_vectors(server: Server, request: Request, body: Json) -> Json:
    """Remove named vectors of points."""
    return server.apply(request, codec.delete_vectors_from(body))


@route("POST", "/collections/{name}/points/delete")
def delete_points(server: Server, request: Request, body: Json) -> Json:
    """Delete points."""
    return server.apply(request, codec.delete_points_from(body))


@route("POST", "/collections/{name}/points/payload")
def set_payload(server: Server, request: Request, body: Json) -> Json:
    """Set some keys of payloads."""
    return server.apply(request, codec.set_payload_from(body, overwrite=False))


@route("PUT", "/collections/{name}/points/payload")
def overwrite_payload(server: Server, request: Request, body: Json) -> Json:
    """Replace payloads."""
    return server.apply(request, codec.set_payload_from(body, overwrite=True))


@route("POST", "/collections/{name}/points/payload/delete")
def delete_payload(server: Server, request: Request, body: Json) -> Json:
    """Remove some keys of payloads."""
    return server.apply(request, codec.delete_payload_from(body))


@route("POST", "/collections/{name}/points/payload/clear")
def clear_payload(server: Server, request: Request, body: Json) -> Json:
    """Empty payloads."""
    return server.apply(request, codec.clear_payload_from(body))


@route("POST", "/collections/{name}/points/batch")
def batch_update(server: Server, request: Request, body: Json) -> Json:
    """Do several updates in their order."""
    return [server.apply(request, operation, points=1) for operation in codec.batch_from(body)]


# --- reading -------------------------------------------------------------------------------------------


@route("POST", "/collections/{name}/points")
def retrieve(server: Server, request: Request, body: Json) -> Json:
    """Return points by their ids; those that do not exist are left out."""
    records = server.collection(request).shard.retrieve(
        codec.ids_from(body["ids"]),
        codec.with_payload_from(body.get("with_payload"), default=True),
        codec.with_vector_from(body.get("with_vector")),
    )
    return [codec.record_to(record) for record in records]


@route("GET", "/collections/{name}/points/{point}")
def get_point(server: Server, request: Request, body: Json) -> Json:
    """Return one point."""
    given = request.path_params["point"]
    point = codec.id_from(int(given) if given.isdecimal() else given)
    records = server.collection(request).shard.retrieve([point], True, True)
    if not records:
        raise RequestError(f"Not found: Point with id {given} does not exists!", 404)
    return codec.record_to(records[0])


@route("POST", "/collections/{name}/points/scroll")
def scroll(server: Server, request: Request, body: Json) -> Json:
    """Return points in the order of their ids, or of a payload field."""
    offset, order = body.get("offset"), body.get("order_by")
    records, following = server.collection(request).shard.scroll(
        edge.ScrollRequest(
            offset=None if offset is None else codec.id_from(offset),
            limit=body.get("limit") or 10,
            filter=codec.filter_from(body.get("filter")),
            with_payload=codec.with_payload_from(body.get("with_payload"), default=True),
            with_vector=codec.with_vector_from(body.get("with_vector")),
            order_by=codec.order_by_from(order) if order else None,
        )
    )
    return {
        "points": [codec.record_to(record) for record in records],
        "next_page_offset": None if following is None else codec.id_to(following),
    }


@route("POST", "/collections/{name}/points/count")
def count_points(server: Server, request: Request, body: Json) -> Json:
    """Count points."""
    exact = body.get("exact") is not False
    counted = edge.CountRequest(exact=exact, filter=codec.filter_from(body.get("filter")))
    return {"count": server.collection(request).shard.count(counted)}


@route("POST", "/collections/{name}/facet")
def facet(server: Server, request: Request, body: Json) -> Json:
    """Count the values of an indexed payload field."""
    wanted = edge.FacetRequest(
        body["key"], body.get("limit") or 10, bool(body.get("exact")), codec.filter_from(body.get("filter"))
    )
    hits = server.collection(request).shard.facet(wanted).hits
    return {"hits": [{"value": hit.value, "count": hit.count} for hit in hits]}


@route("POST", "/collections/{name}/points/query")
def query(server: Server, request: Request, body: Json) -> Json:
    """Search."""
    shard = server.collection(request).shard
    points = shard.query(codec.query_from(body, _fetcher(shard)))
    return {"points": [codec.scored_to(point) for point in points]}


@route("POST", "/collections/{name}/points/query/batch")
def query_batch(server: Server, request: Request, body: Json) -> Json:
    """Search several times."""
    shard = server.collection(request).shard
    queries = [codec.query_from(each, _fetcher(shard)) for each in body["searches"]]
    answers = shard.query_batch(edge.QueryBatchRequest(queries)) if queries else []
    return [{"points": [codec.scored_to(point) for point in points]} for points in answers]


def _fetcher(shard: edge.EdgeShard) -> codec.Fetch:
    def fetch(point: edge.PointId, using: str | None) -> Any:
        records = shard.retrieve([point], False, True)
        if not records:
            raise RequestError(f"Not found: No point with id {point} found", 404)
        vector = records[0].vector
        found = vector.get(using or "") if isinstance(vector, dict) else vector
        if found is None:
            raise RequestError(f"Not found: Vector with name {using} for point {point} not found", 404)
        return found

    return fetch


def create_app(path: Path, api_key: str | None = None) -> Guard:
    """Return the ASGI application over the collections below ``path``; it answers this machine only."""
    return Guard(Server(path, api_key).app())


def main() -> None:
    """Serve until SIGTERM."""
    import uvicorn

    parser = argparse.ArgumentParser(prog="kadr_local.qdrant_server", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="the folder of the collections")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6333)
    parser.add_argument("--api-key-file", type=Path, help="requests must bring the key that stands in it")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    key = arguments.api_key_file.read_text(encoding="utf-8").strip() if arguments.api_key_file else None
    uvicorn.run(
        create_app(arguments.path, key),
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=60,  # longer than any client keeps a connection that it does not use
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
