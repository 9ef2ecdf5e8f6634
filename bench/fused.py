"""How much of the exact ranking one query to the fused vectors finds, and how much a union of top lists does.

``python -m bench.fused [--videos N] [--queries N]`` prints a table and adds ``fused.recall_at_20``,
``union.recall_at_20``, ``fused.query_p50`` and ``fused.bytes_per_video`` to ``bench/results.json``. With
``--graphs`` it builds indexes of other kinds and prints what they find: without centres, with smaller graphs.

The truth is the exhaustive ranking by Σ w_m · (cos(x_m, q_m) − μ_m) / σ_m in float32, from the vectors of the
modalities. *Fused* is Kadr's: one query to the int8 HNSW index of the real engine, by the adapter that search
uses. *Union* is the method that it replaces: three indexes, here exact ones, give their top k each, and what
they give is scored by the same formula.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from bench import results, stored
from bench.collection import Collection, Queries, calibration, collection, queries
from bench.memory import MEBIBYTE
from bench.results import Result
from kadr.adapters.qdrant_collections import FUSED
from kadr.adapters.qdrant_search import QdrantVideoSearch
from kadr.core.extraction import Vector
from kadr.core.fusion import fuse_query
from kadr.core.modality import Modality
from kadr.core.ranking import Ranking, default_ranking
from kadr.models.catalogue import Role
from kadr.ports.search import Likeness, Where

K = 20
QUERIES = 500
UNIONS = (20, 50, 100, 200, 1000)
_WARM = 50

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Exact:
    """Scores of all videos for each query: of every modality, −∞ where it is absent, and altogether."""

    cosines: dict[Modality, Vector]  # (queries, videos)
    scores: Vector  # (queries, videos)

    @classmethod
    def of(cls, videos: Collection, asked: Queries, ranking: Ranking) -> Exact:
        """Compute them."""
        shares = stored.shares(videos, ranking)
        scores = np.zeros((len(asked.topics), videos.size), dtype=np.float32)
        cosines = {}
        for modality, rows in videos.vectors.items():
            role, side = (Role.VISUAL, asked.clip) if modality is Modality.VISUAL else (Role.TEXT, asked.text)
            spread = calibration(role)
            weight = np.asarray([share.get(modality, 0.0) for share in shares], dtype=np.float32)
            found = side @ rows.T
            scores += weight * (found - np.float32(spread.mean)) / np.float32(spread.deviation)
            found[:, ~videos.present[modality]] = -np.inf
            cosines[modality] = found
        return cls(cosines, scores)

    def best(self, query: int) -> Ids:
        """Return the true top 20."""
        return _top(self.scores[query], K)

    def union(self, query: int, each: int) -> Ids:
        """Return what the union of top lists of length ``each`` makes of it."""
        found = np.unique(np.concatenate([_top(rows[query], each) for rows in self.cosines.values()]))
        return found[_top(self.scores[query][found], K)]


def _top(scores: Vector, count: int) -> Ids:
    count = min(count, len(scores))
    found = np.argpartition(-scores, count - 1)[:count]
    return found[np.argsort(-scores[found], kind="stable")]


def _recall(found: Sequence[int] | Ids, truth: Ids) -> float:
    return len(set(map(int, found)) & set(map(int, truth))) / len(truth)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the engine gave: recall, milliseconds inside the server and for its caller."""

    recall: list[float]
    inside: list[float]
    outside: list[float]


class Index:
    """The ``fused`` vectors as search reads them, by the local server's REST API."""

    def __init__(self, servers: stored.Running, videos: int) -> None:
        qdrant = servers.qdrant
        self._search = QdrantVideoSearch(qdrant)
        self._numbers = {stored.identity(video): video for video in range(videos)}
        self._inside = 0.0
        qdrant.client.http.client.add_middleware(self._noted)

    def ask(self, vector: Vector) -> tuple[list[int], float, float]:
        """Return the best videos, the server's milliseconds (JSON included) and its caller's."""
        begun = time.perf_counter()
        hits = self._search.search([Likeness(vector, FUSED)], None, Where())
        outside = (time.perf_counter() - begun) * 1000
        return [self._numbers[hit.video_id] for hit in hits[:K]], self._inside, outside

    def _noted(self, request: Any, following: Callable[[Any], Any]) -> Any:
        answer = following(request)
        self._inside = float(answer.json()["time"]) * 1000
        return answer


def measure(videos: int, count: int, say: stored.Say) -> tuple[list[Result], Table]:
    """Return the figures and a table of them."""
    stored.load(videos, say)
    constants = stored.ranking(videos)
    made, asked, truth, unions = _exact(videos, count, constants, say)
    vectors = [
        fuse_query(clip=asked.clip[query], text=asked.text[query], centres=constants.centres)
        for query in range(count)
    ]
    del made
    with stored.empty() as servers:
        before = _memory(servers.qdrant_pid)["RssAnon"]
    with stored.running(videos, database=False, say=say) as servers:
        index = Index(servers, videos)
        for vector in vectors[:_WARM]:
            index.ask(vector)
        say("asking the engine")
        got = _ask(index, vectors, truth)
        memory = _memory(servers.qdrant_pid)
    heap = (memory["RssAnon"] - before) / videos
    figures = [
        Result("fused.recall_at_20", float(np.mean(got.recall)), ""),
        Result("union.recall_at_20", unions[K], ""),
        Result(
            "fused.query_p50",
            float(np.median(got.inside)),
            "ms",
            more={"caller": float(np.median(got.outside))},
        ),
        Result("fused.bytes_per_video", heap, "bytes"),
    ]
    table = _table(videos, count, got, unions)
    table.caption = (
        f"p50 and p99 inside the server, JSON included. Its heap: {heap:,.0f} bytes a video, all vectors and"
        f" words; mapped files in memory: {memory['RssFile'] / MEBIBYTE:,.0f} MiB"
    )
    return figures, table


def _exact(
    videos: int, count: int, constants: Ranking, say: stored.Say
) -> tuple[Collection, Queries, list[Ids], dict[int, float]]:
    """Return the collection, the queries, their true top 20, and the recall of unions by length."""
    say(f"simulating {videos:,} videos")
    made, asked = collection(videos), queries(videos, count)
    say(f"ranking them exhaustively for {count} queries")
    exact = Exact.of(made, asked, constants)
    truth = [exact.best(query) for query in range(count)]
    unions = {
        each: float(np.mean([_recall(exact.union(query, each), truth[query]) for query in range(count)]))
        for each in UNIONS
    }
    return made, asked, truth, unions


def _ask(index: Index, vectors: Sequence[Vector], truth: Sequence[Ids]) -> Answers:
    got = Answers([], [], [])
    for vector, best in zip(vectors, truth, strict=True):
        found, inside, outside = index.ask(vector)
        got.recall.append(_recall(found, best))
        got.inside.append(inside)
        got.outside.append(outside)
    return got


def _memory(pid: int) -> dict[str, int]:
    """Return the resident bytes of a process: what it allocated, and the files that it has mapped."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: int(status[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile")}


def _table(videos: int, count: int, got: Answers, unions: dict[int, float]) -> Table:
    table = Table("method", "recall@20", "worst of 100", "p50", "p99", "p50 of the caller")
    table.title = f"{count} queries to {videos:,} videos, against their exhaustive weighted ranking"
    table.add_row(
        "fused, int8 HNSW",
        f"{np.mean(got.recall):.4f}",
        f"{np.percentile(got.recall, 1):.2f}",
        f"{np.median(got.inside):.2f} ms",
        f"{np.percentile(got.inside, 99):.2f} ms",
        f"{np.median(got.outside):.2f} ms",
    )
    for each, recall in unions.items():
        table.add_row(f"three exact top {each}, re-scored", f"{recall:.4f}")
    return table


# ------------------------------------------------------------------------------------------------- graphs

# Links, candidates while building, and how many videos a query keeps in view.
_GRAPHS = ((16, 100, 400), (32, 256, 400), (32, 256, 1000))


def graphs(videos: int, count: int, say: stored.Say) -> Table:
    """Return what the engine finds with and without centres, by the size of the graph."""
    made, asked, truth, _ = _exact(videos, count, default_ranking(), say)
    table = Table("vectors", "links, building, in view", "recall@20", "p50", "indexed in")
    table.title = f"{count} queries to {videos:,} videos, int8, rescored, 200 asked for, inside the engine"
    for name, constants in (("as they are", default_ranking()), ("less their centres", stored.centred(made))):
        shares = stored.shares(made, constants)
        there = [video for video in range(videos) if shares[video]]
        rows = [stored.fused(made, video, shares[video], constants) for video in there]
        for built, graph in groupby(_GRAPHS, key=lambda each: each[:2]):
            say(f"{name}: building a graph with {built[0]} links")
            with _graph(rows, *built) as (shard, seconds):
                for _, _, view in graph:
                    recall, took = [], []
                    for query, best in enumerate(truth):
                        vector = fuse_query(
                            clip=asked.clip[query], text=asked.text[query], centres=constants.centres
                        )
                        found, milliseconds = _nearest(shard, vector, view)
                        recall.append(_recall([there[row] for row in found[:K]], best))
                        took.append(milliseconds)
                    table.add_row(
                        name,
                        f"{built[0]}, {built[1]}, {view}",
                        f"{np.mean(recall):.4f}",
                        f"{np.median(took):.2f} ms",
                        f"{seconds:.0f} s",
                    )
    return table


@contextmanager
def _graph(rows: Sequence[Vector], links: int, building: int) -> Iterator[tuple[Any, float]]:
    """Yield a shard of fused vectors alone, and the seconds that its index took."""
    import qdrant_edge as edge

    with tempfile.TemporaryDirectory() as scratch:
        shard = edge.EdgeShard.create(
            scratch,
            edge.EdgeConfig(
                vectors={FUSED: edge.EdgeVectorParams(len(rows[0]), edge.Distance.Dot)},
                hnsw_config=edge.HnswIndexConfig(links, building, 10_000, max_indexing_threads=0),
                quantization_config=edge.ScalarQuantizationConfig(edge.ScalarType.Int8, always_ram=True),
            ),
        )
        for begin in range(0, len(rows), 1000):
            points = [
                edge.Point(number, {FUSED: row.tolist()}, {})
                for number, row in enumerate(rows[begin : begin + 1000], start=begin)
            ]
            shard.update(edge.UpdateOperation.upsert_points(points))
        begun = time.perf_counter()
        shard.optimize()
        yield shard, time.perf_counter() - begun
        shard.close()


def _nearest(shard: Any, vector: Vector, view: int) -> tuple[list[int], float]:
    import qdrant_edge as edge

    begun = time.perf_counter()
    found = shard.query(
        edge.QueryRequest(
            query=edge.Query.Nearest(vector.tolist(), using=FUSED),
            limit=200,
            params=edge.SearchParams(
                hnsw_ef=view, quantization=edge.QuantizationSearchParams(rescore=True, oversampling=2.0)
            ),
        )
    )
    return [point.id for point in found], (time.perf_counter() - begun) * 1000


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.fused", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--videos", type=int, default=stored.VIDEOS)
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--graphs", action="store_true", help="compare graphs; nothing is written")
    arguments = parser.parse_args()
    console = Console()
    if arguments.graphs:
        console.print(graphs(arguments.videos, arguments.queries, console.print))
        return 0
    figures, table = measure(arguments.videos, arguments.queries, console.print)
    console.print(table)
    if arguments.videos == stored.VIDEOS:
        results.write(figures)
    else:
        console.print("not written down: the figures are for 100,000 videos")
    return 0


if __name__ == "__main__":
    sys.exit(main())
