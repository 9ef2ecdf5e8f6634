"""How long a search takes end to end, with 100,000 indexed videos and models of real size.

``python -m bench.search_total [--videos N] [--queries N] [--no-reference]`` prints a table and adds
``search.total`` to ``bench/results.json``: milliseconds of a request to the FastAPI app (in its process, so
without the network), k = 20, evidence included, every query new: four Russian words. PostgreSQL and the
vector engine are real ones, over the collection that :mod:`bench.stored` has loaded. The reference answers
the same queries in turn, in a process of its own.

Marian with random weights says the same to everything; so that nothing downstream is answered from a cache,
the last word of its answer is replaced by another one each time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import results, stored
from bench.installed import ROOT
from bench.results import Result
from bench.timing import Apart

K = 20
QUERIES = 60
MODELS = ROOT / ".kadr" / "bench" / "search"
_WARM = 10
_STEPS = ("understand", "embed", "query", "evidence")


class Kadr:
    """The search function in this process, over a loaded collection."""

    def __init__(self, videos: int, models: Path) -> None:
        self._servers = stored.running(videos, database=True)
        self._loop = asyncio.new_event_loop()
        self._translated: list[float] = []
        self._vary_translations()
        servers = self._servers.__enter__()
        try:
            self._client = _client(servers, models)
        except BaseException:
            self._servers.__exit__(None, None, None)
            raise

    def search(self, query: str) -> dict[str, float]:
        """Return the milliseconds of one search: of its steps, and in total."""
        self._translated.clear()
        begun = time.perf_counter()
        answer = self._loop.run_until_complete(self._client.get("/search", params={"q": query, "k": K}))
        total = (time.perf_counter() - begun) * 1000
        answer.raise_for_status()
        body = answer.json()
        if len(body["results"]) < K:
            raise RuntimeError(f"{len(body['results'])} results for {query!r}, {K} were asked for")
        took = {name: body["took_ms"].get(name, 0.0) for name in _STEPS}
        translate = sum(self._translated) * 1000
        return {
            "translate": translate,
            "understand": took.pop("understand") - translate,
            **took,
            "rest": total - sum(took.values()) - body["took_ms"]["understand"],
            "total": total,
            "shown": float(sum(bool(each["evidence"]) for each in body["results"])),
        }

    def close(self) -> None:
        """Stop the servers."""
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()
        self._servers.__exit__(None, None, None)

    def _vary_translations(self) -> None:
        from wordfreq import top_n_list

        from kadr.adapters.marian_greedy import GreedyMarian

        nouns = iter(top_n_list("en", 20_000)[1_000:])
        own, took = GreedyMarian.translate, self._translated

        def translate(marian: GreedyMarian, sentences: Sequence[str]) -> list[str]:
            begun = time.perf_counter()
            answers = own(marian, sentences)
            took.append(time.perf_counter() - begun)
            return [f"{answer.rpartition(' ')[0]} {next(nouns)}" for answer in answers]

        GreedyMarian.translate = translate  # type: ignore[assignment, method-assign]


def _client(servers: stored.Running, models: Path) -> Any:
    import httpx

    from functions.search.app import create_app
    from functions.search.services import this_process

    os.environ.update(
        KADR_POSTGRES_HOST="unused",  # the connections below are used instead: there is no Secrets Manager
        KADR_POSTGRES_SECRET_ARN="unused",
        KADR_QDRANT_URL=servers.qdrant_url,
        KADR_MEDIA_BUCKET=stored.BUCKET,
        KADR_DERIVED_BUCKET="bench-derived",
        KADR_MODELS_DIR=str(models),
        # links are signed with keys that need not be anybody's
        AWS_ACCESS_KEY_ID="bench",
        AWS_SECRET_ACCESS_KEY="bench",
        AWS_DEFAULT_REGION="eu-central-1",
    )
    this_process().world.postgres = servers.postgres  # type: ignore[assignment]
    return httpx.AsyncClient(transport=httpx.ASGITransport(create_app()), base_url="http://kadr", timeout=60)


def models() -> Path:
    """Install the models of search, once: MiniLM is the real one, CLIP and Marian have random weights."""
    from bench.weights import clip, marian
    from kadr.models import convert

    convert.minilm(MODELS)
    clip.write(MODELS)
    marian.write(MODELS)
    return MODELS


# --------------------------------------------------------------------------------- in a process of its own

_kadr: list[Kadr] = []


def _start(videos: int, where: Path) -> None:
    _kadr.append(Kadr(videos, where))


def _search(query: str) -> dict[str, float]:
    return _kadr[0].search(query)


def _stop() -> None:
    if _kadr:
        _kadr.pop().close()


def _reference_start(videos: int) -> None:
    from bench.reference import search

    search.prepare(videos)


def _reference_search(query: str, videos: int) -> dict[str, float]:
    from bench.reference import search

    begun = time.perf_counter()
    _, took = search.search(query, videos)
    return {**took, "total": (time.perf_counter() - begun) * 1000}


# ------------------------------------------------------------------------------------------------ figures

Times = list[dict[str, float]]


def measure(videos: int, count: int, say: stored.Say, *, reference: bool = True) -> tuple[Times, Times]:
    """Return the milliseconds of every query, Kadr's and the reference's, taken in turn."""
    from bench.captions import Captions
    from bench.collection import collection

    say("installing the models")
    where = models()
    queries = Captions(collection(videos)).queries(count + _WARM)
    ours: Times = []
    theirs: Times = []
    with Apart() as kadr, Apart() as other:
        try:
            say("starting the servers")
            kadr.call(_start, videos, where)
            if reference:
                say("loading the reference")
                other.call(_reference_start, videos)
            for number, query in enumerate(queries):
                mine = kadr.call(_search, query)
                his = other.call(_reference_search, query, videos) if reference else {}
                if number >= _WARM:
                    ours.append(mine)
                    theirs += [his] if reference else []
                if number % 20 == 19:
                    say(f"{number + 1} of {len(queries)} queries")
        finally:
            kadr.call(_stop)
    return ours, theirs


def _p50(times: Times, name: str) -> float:
    return statistics.median(each[name] for each in times)


def result(ours: Times, theirs: Times) -> Result:
    """Return the figure that is written down."""
    totals = sorted(each["total"] for each in ours)
    more = {name: _p50(ours, name) for name in ours[0] if name not in ("total", "shown")}
    more["p95"] = totals[int(len(totals) * 0.95)]
    if theirs:
        more |= {f"reference_{name}": _p50(theirs, name) for name in theirs[0] if name != "total"}
    return Result("search.total", _p50(ours, "total"), "ms", _p50(theirs, "total") if theirs else None, more)


def table(videos: int, found: Result, shown: float) -> Table:
    """Return the figures for people."""
    made = Table("step", "Kadr, p50", "reference, p50", title=f"one search over {videos:,} videos, ms")
    for name, value in found.more.items():
        if name.startswith("reference_"):
            made.add_row(name.removeprefix("reference_"), "", f"{value:.1f}")
        elif name != "p95":
            made.add_row(name, f"{value:.1f}", "")
    reference = "" if found.reference is None else f"{found.reference:.1f}"
    made.add_row("total", f"{found.value:.1f} (p95 {found.more['p95']:.1f})", reference)
    ratio = "" if found.ratio is None else f"the reference takes {found.ratio:.1f} times as long; "
    made.caption = f"{ratio}{shown:.0f} of {K} results have a moment as evidence"
    return made


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.search_total", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--videos", type=int, default=stored.VIDEOS)
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--no-reference", action="store_true", help="measure Kadr alone; nothing is written")
    arguments = parser.parse_args()
    console = Console()
    ours, theirs = measure(
        arguments.videos, arguments.queries, console.print, reference=not arguments.no_reference
    )
    found = result(ours, theirs)
    console.print(table(arguments.videos, found, _p50(ours, "shown")))
    if arguments.videos == stored.VIDEOS and theirs:
        results.write([found])
    else:
        console.print("not written down: the figure is for 100,000 videos, beside the reference")
    return 0


if __name__ == "__main__":
    sys.exit(main())
