"""The simulated collection in the real vector engine and in PostgreSQL, loaded once and kept.

``python -m bench.stored [--videos N]`` loads it; ``bench.fused`` and ``bench.search_total`` do so themselves
where it is missing. It lies in ``.kadr/bench/collection-N``: the folders of the local Qdrant server and of a
PostgreSQL of its own. Kadr's own adapter makes the collections through the server's REST API, and Kadr's own
rules say what is held of a video; the points then go into the same engine directly, because a hundred
thousand of them would be four gigabytes of JSON.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from bench.captions import CONFIDENCE, Captions
from bench.collection import VISUAL, Collection, calibration, collection
from bench.installed import ROOT
from kadr.adapters.ledger_scan import PostgresRuns
from kadr.adapters.postgres import Postgres, PostgresAddress, migrate, migrations
from kadr.adapters.qdrant import Qdrant
from kadr.adapters.qdrant_collections import FUSED, WORDS, numbered
from kadr.core.document import SearchDocument, VideoFacts, search_document
from kadr.core.extraction import Moment, Vector
from kadr.core.fusion import fuse
from kadr.core.identity import video_id
from kadr.core.modality import Modality, Stage
from kadr.core.ranking import Centre, Ranking, default_ranking, parse_ranking, ranking_json
from kadr.core.weights import weights
from kadr.models.catalogue import Role

VIDEOS = 100_000
BUCKET = "bench-media"
GENERATION = 1
_ALIAS = "videos"
_BATCH = 1_000
_SAMPLE = 2_000  # videos, for the centres
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_FRAMES_ALIKE = 0.8  # squared share of the video's vector in one of a frame
_MODEL = "bench-00000000"
_LAYOUT = "1"  # the next number where what is loaded changes in a way that _version does not see

Say = Callable[[str], None]


@dataclass(frozen=True)
class Running:
    """The servers over a collection."""

    folder: Path
    qdrant_url: str
    qdrant_pid: int
    postgres: Postgres | None

    @property
    def qdrant(self) -> Qdrant:
        """The adapter."""
        return Qdrant(self.qdrant_url, api_key=lambda: None, timeout=60)


def folder(videos: int) -> Path:
    """Return where a collection of that size is kept."""
    return ROOT / ".kadr" / "bench" / f"collection-{videos}"


def identity(video: int) -> UUID:
    """Return the id of a video of the collection."""
    return video_id(BUCKET, key(video))


def key(video: int) -> str:
    """Return the object key of a video of the collection."""
    return f"clips/{video // 1000:03}/clip-{video:06}.mp4"


def ranking(videos: int) -> Ranking:
    """Return the constants that a loaded collection was fused with."""
    return parse_ranking(json.loads((folder(videos) / "done.json").read_text())["ranking"])


def centred(videos: Collection) -> Ranking:
    """Return the constants of the release with the centres that ``kadr reindex --fused`` would measure."""
    rows = {
        "visual": [videos.vectors[Modality.VISUAL]],
        "text": [videos.vectors[Modality.OCR], videos.vectors[Modality.SPEECH]],
    }
    centres = {}
    for role, parts in rows.items():
        seen = np.concatenate([part[:_SAMPLE] for part in parts])
        mean = seen[seen.any(axis=1)].mean(axis=0)
        centres[role] = Centre(tuple(round(float(value), 4) for value in mean), calibration(Role(role)).mean)
    return replace(default_ranking(), centres=centres)


def shares(videos: Collection, ranking: Ranking) -> list[dict[Modality, float]]:
    """Return the weights of every video's modalities."""
    present = videos.present
    words = {
        modality: np.where(present[modality], counts, 0) * CONFIDENCE
        for modality, counts in videos.words.items()
    }
    return [
        weights(
            has_visual=bool(present[Modality.VISUAL][video]),
            words={modality: float(counts[video]) for modality, counts in words.items()},
            ranking=ranking,
        )
        for video in range(videos.size)
    ]


def fused(videos: Collection, video: int, share: Mapping[Modality, float], constants: Ranking) -> Vector:
    """Return the fused vector of a video."""
    return fuse(
        {modality: rows[video] for modality, rows in videos.vectors.items()},
        share,
        visual=calibration(Role.VISUAL),
        text=calibration(Role.TEXT),
        centres=constants.centres,
    )


@contextmanager
def running(videos: int, *, database: bool, say: Say = print) -> Iterator[Running]:
    """Start the servers over the collection, which is loaded if it has to be; stop them at the end."""
    with _alone(folder(videos)), _servers(_loaded(videos, say), database=database) as found:
        yield found


@contextmanager
def empty() -> Iterator[Running]:
    """Start the vector engine over Kadr's collections without a video."""
    with tempfile.TemporaryDirectory() as scratch, _qdrant_server(Path(scratch)) as (url, pid):
        found = Running(Path(scratch), url, pid, None)
        found.qdrant.ensure(_ALIAS)
        yield found


def load(videos: int, say: Say) -> None:
    """Load unless that was done with the same schema; constants of ranking stay those of then."""
    with _alone(folder(videos)):
        _loaded(videos, say)


@contextmanager
def _alone(at: Path) -> Iterator[None]:
    """Wait until no other process uses the folder."""
    at.mkdir(parents=True, exist_ok=True)
    with (at / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _loaded(videos: int, say: Say) -> Path:
    at = folder(videos)
    done = at / "done.json"
    version = _version()
    known = json.loads(done.read_text()) if done.exists() else {}
    if known.get("version") == version:
        return at
    done.unlink(missing_ok=True)
    if known:
        say(f"{at.name} was loaded under another schema, and is loaded again")
    made = collection(videos)
    begun = time.perf_counter()
    constants = centred(made)
    _load_qdrant(at, made, constants, say)
    _load_postgres(at, made, constants, say)
    done.write_text(json.dumps({"version": version, "ranking": ranking_json(constants)}))
    say(f"loaded in {time.perf_counter() - begun:.0f} s")
    return at


def _version() -> str:
    """Return a digest of everything that decides what is stored."""
    with empty() as servers, servers.qdrant.errors() as client:
        found = client.get_collection(_ALIAS).model_dump(mode="json", include={"config", "payload_schema"})
    schema = json.dumps(found, sort_keys=True)
    few = collection(50)
    documents = [
        _document(few, video, moments, Ranking())
        for video, moments in enumerate(Captions(few).moments(range(few.size)))
    ]
    core = [
        json.dumps(
            [
                document.payload,
                document.words and document.words.values,
                document.fused is not None and np.round(document.fused.astype(float), 3).tolist(),
            ],
            default=str,
        )
        for document in documents
    ]
    parts = [_LAYOUT, schema, *core, *(sql for _, _, sql in migrations())]
    return blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


# ----------------------------------------------------------------------------------------------- Qdrant


def _load_qdrant(at: Path, videos: Collection, constants: Ranking, say: Say) -> None:
    import qdrant_edge as edge

    from kadr_local.qdrant_store import Store

    path = at / "qdrant"
    shutil.rmtree(path, ignore_errors=True)
    with _qdrant_server(at) as (url, _):
        Qdrant(url, api_key=lambda: None, timeout=60).ensure(_ALIAS)
    store = Store.open(path)
    there = store.get(_ALIAS)
    try:
        captions = Captions(videos)
        for begin in range(0, videos.size, _BATCH):
            rows = range(begin, min(begin + _BATCH, videos.size))
            points = [
                _point(edge, videos, video, moments, constants)
                for video, moments in zip(rows, captions.moments(rows), strict=True)
            ]
            there.apply(edge.UpdateOperation.upsert_points(points))
            if begin // _BATCH % 10 == 9:
                there.flush()
                say(f"Qdrant: {rows.stop:,} videos written")
        there.flush()
        say("Qdrant: building the indexes")
        there.shard.optimize()
        there.pending = 0
    finally:
        store.close()


def _point(
    edge: Any, videos: Collection, video: int, moments: dict[Modality, list[Moment]], ranking: Ranking
) -> Any:
    document = _document(videos, video, moments, ranking)
    vectors: dict[str, Any] = {
        str(modality): rows[video].tolist()
        for modality, rows in videos.vectors.items()
        if videos.present[modality][video]
    }
    if document.fused is not None:
        vectors[FUSED] = document.fused.tolist()
    if document.words is not None:
        vectors[WORDS] = edge.SparseVector(list(document.words.indices), list(document.words.values))
    own = {"generation": GENERATION, "group": str(identity(video))}
    return edge.Point(identity(video), vectors, own | dict(document.payload))


def _document(
    videos: Collection, video: int, moments: dict[Modality, list[Moment]], ranking: Ranking
) -> SearchDocument:
    """Return what Kadr would hold of a video."""
    return search_document(
        {
            modality: rows[video]
            for modality, rows in videos.vectors.items()
            if videos.present[modality][video]
        },
        moments,
        VideoFacts(key(video), _created(video), float(videos.seconds[video])),
        ranking,
        visual=calibration(Role.VISUAL),
        text=calibration(Role.TEXT),
    )


def _created(video: int) -> datetime:
    return _BEGIN + timedelta(minutes=video)


# ------------------------------------------------------------------------------------------- PostgreSQL


def _load_postgres(at: Path, videos: Collection, constants: Ranking, say: Say) -> None:
    from psycopg.types.json import Jsonb

    shutil.rmtree(at / "postgres", ignore_errors=True)
    (at / "postgres-password").unlink(missing_ok=True)
    with _postgres_server(at) as postgres:
        migrate(postgres)
        _put_in_force(postgres, constants)
        identities = [identity(video) for video in range(videos.size)]
        captions = Captions(videos)
        with postgres.transaction() as connection:
            say("PostgreSQL: videos")
            _copy(
                connection,
                "video",
                "video_id bucket key generation version etag size content_type modified_at duration width"
                " height has_audio thumbnail_key searchable state created_at",
                (
                    (each, BUCKET, key(video), GENERATION, "1", f"{video:032x}", 3_000_000, "video/mp4",
                     _created(video), float(videos.seconds[video]), 720, 1280, True, f"thumbnails/{each}.jpg",
                     True, "searchable", _created(video))
                    for video, each in enumerate(identities)
                ),
            )  # fmt: skip
            _copy(
                connection,
                "extraction",
                "video_id stage generation state attempts model_version duration_ms cost_usd details",
                (
                    (each, stage, GENERATION, "done", 1, _MODEL, 1200, 0.0001, Jsonb({"frames": 25}))
                    for each in identities
                    for stage in Stage
                ),
            )
            say("PostgreSQL: moments")
            _copy(
                connection,
                "moment",
                "video_id modality position starts_at ends_at text language translation confidence",
                (
                    (each, modality, position, moment.start, moment.end, moment.text, moment.language,
                     moment.translation, moment.confidence)
                    for each, moments in zip(identities, captions.moments(range(videos.size)), strict=True)
                    for modality, found in moments.items()
                    for position, moment in enumerate(found)
                ),
            )  # fmt: skip
            say("PostgreSQL: frames")
            with connection.cursor().copy(
                "COPY frame_embeddings (video_id, dimensions, times, vectors) FROM STDIN (FORMAT BINARY)"
            ) as copy:
                copy.set_types(["uuid", "int4", "bytea", "bytea"])
                for video, times, vectors in _frames(videos):
                    copy.write_row(
                        (
                            identities[video],
                            VISUAL.dimensions,
                            times.astype("<f4").tobytes(),
                            vectors.tobytes(),
                        )
                    )
        with postgres.transaction() as connection:
            connection.set_autocommit(True)  # VACUUM is not for transactions; the pool ends with this
            connection.execute("VACUUM (ANALYZE)")


def _put_in_force(postgres: Postgres, constants: Ranking) -> None:
    runs = PostgresRuns(postgres)
    run = runs.begin(numbered(_ALIAS, 1), constants.version, constants)
    with runs.still() as still:
        still.put_in_force(run)


def _copy(connection: Any, table: str, columns: str, rows: Iterator[Sequence[Any]]) -> None:
    with connection.cursor().copy(f"COPY {table} ({', '.join(columns.split())}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _frames(videos: Collection) -> Iterator[tuple[int, Vector, np.ndarray]]:
    """Yield one frame a second of each video that can be seen: around its vector, as int8."""
    chance = np.random.default_rng(1)
    noise = VISUAL.noise(chance, 20_000)
    visual = videos.vectors[Modality.VISUAL]
    for video in np.flatnonzero(videos.present[Modality.VISUAL]):
        count = int(np.ceil(videos.seconds[video]))
        first = chance.integers(0, len(noise) - count)
        rows = (
            np.sqrt(_FRAMES_ALIKE) * visual[video] + np.sqrt(1 - _FRAMES_ALIKE) * noise[first : first + count]
        )
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        yield int(video), np.arange(count, dtype=np.float32), np.rint(rows * 127).astype(np.int8)


# ---------------------------------------------------------------------------------------------- servers


@contextmanager
def _servers(at: Path, *, database: bool) -> Iterator[Running]:
    with _qdrant_server(at) as (url, pid):
        if not database:
            yield Running(at, url, pid, None)
            return
        with _postgres_server(at) as postgres:
            yield Running(at, url, pid, postgres)


@contextmanager
def _qdrant_server(at: Path) -> Iterator[tuple[str, int]]:
    from kadr_local.processes import HOST, Processes, Service

    port = _free_port()
    url = f"http://{HOST}:{port}"
    service = Service(
        name="qdrant",
        port=port,
        command=[
            sys.executable,
            "-m",
            "kadr_local.qdrant_server",
            "--path",
            str(at / "qdrant"),
            "--port",
            str(port),
        ],
        ready=lambda: _ready(f"{url}/readyz"),
        environment=dict(os.environ),
    )
    processes = Processes(at)
    processes.stop("qdrant")  # one that an interrupted run has left behind
    process = processes.start(service, patience=120)
    try:
        yield url, process.pid
    finally:
        processes.stop("qdrant")


@contextmanager
def _postgres_server(at: Path) -> Iterator[Postgres]:
    from kadr_local import postgres as local
    from kadr_local.processes import HOST, Processes

    processes = Processes(at)
    processes.stop("postgres")
    port = _free_port()
    service = local.service(at, port, dict(os.environ))
    processes.start(service, patience=120)
    try:
        local.ensure_database(at, port)
        secret = {"username": local.USER, "password": local.password(at)}
        postgres = Postgres(
            PostgresAddress(HOST, port, local.DATABASE, "disable"),
            credentials=lambda: secret,
            max_size=8,
            long_statements=True,  # it is filled by COPY
        )
        try:
            yield postgres
        finally:
            postgres.close()
    finally:
        processes.stop("postgres", service.stop_signal)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def main() -> int:
    """Load."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.stored", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--videos", type=int, default=VIDEOS)
    videos = parser.parse_args().videos
    at = folder(videos)
    load(videos, print)
    size = sum(file.stat().st_blocks * 512 for file in at.rglob("*") if file.is_file())
    print(f"{at.relative_to(ROOT)}: {videos:,} videos, {size / 1e9:.1f} GB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
