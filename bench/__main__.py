"""Measures what a user waits for, on this machine, beside the reference method.

``python -m bench [NAME …]`` measures all or some, prints a table, and adds to ``bench/results.json``, a list
of ``{"name": …, "value": …, "unit": …, "reference": …, "ratio": …}``; what is not measured this time is kept.
How it is measured: docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from bench import clips, evidence, index, memory, results, search, suggest, translate
from bench.results import Result
from kadr.core.errors import KadrError

_INDEX = [f"index.{name}" for name in index.NAMES]
_MEMORY = [f"memory.{name}" for name in index.NAMES if name != "ingest"]
LENGTHS = [30, 180]  # seconds of the clips that memory is measured on


def _translation() -> Result:
    ours, theirs = translate.measure()
    return Result("search.translate", ours, "ms", theirs)


_QUERY: dict[str, Callable[[], Result]] = {
    "search.embed_text": lambda: Result("search.embed_text", search.text_embedding(), "ms"),
    "search.understand": lambda: Result("search.understand", search.understanding(), "ms"),
    "search.translate": _translation,
    "search.evidence": evidence.measure,
    "suggest.p50": suggest.p50,
    "suggest.p99": suggest.p99,
    "suggest.personal_p99": suggest.personal_p99,
    "suggest.memory": suggest.memory,
}
_ALL = "index.all"
NAMES = [*_INDEX, _ALL, *_MEMORY, *_QUERY]


def main() -> int:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(NAMES)}")
    parser.add_argument(
        "--seconds",
        type=int,
        nargs="+",
        default=LENGTHS,
        help="lengths of the clips for memory.*; written down are those for 30 and 180 only",
    )
    parser.add_argument(
        "--runs", type=int, default=5, help="counted runs of index.*, of each side (default: 5)"
    )
    arguments = parser.parse_args()
    if arguments.runs < 1 or min(arguments.seconds) < 1:
        parser.error("--runs and --seconds begin at 1")
    names = arguments.names or NAMES
    unknown = set(names) - set(NAMES)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}")
    if _ALL in names:  # it is the sum of the four
        names = [*names, *(f"index.{name}" for name in index.MODALITIES if f"index.{name}" not in names)]
        names = [name for name in NAMES if name in names]

    console = Console()
    table = Table("what", "Kadr", "CPU", "reference", "ratio", title=_title())
    found: dict[str, Result] = {}
    for name in names:
        console.print(f"measuring {name} …")
        try:
            result, note = measure(name, found, arguments.runs, arguments.seconds)
        except (KadrError, ImportError, RuntimeError, OSError) as error:
            table.add_row(name, f"not measured: {error}", "", "", "")
            continue
        found[name] = result
        reference = f"{result.reference:.2f} {result.unit}" if result.reference is not None else note
        ratio = f"{result.ratio:.1f}" if result.ratio is not None else ""
        cpu = f"{result.more['cpu']:.2f} s" if "cpu" in result.more else ""
        table.add_row(name, f"{result.value:.2f} {result.unit}", cpu, reference, ratio)
        if not name.startswith("memory.") or arguments.seconds == LENGTHS:
            results.write([result])
    console.print(table)
    return 0 if len(found) == len(names) else 1


def measure(name: str, found: dict[str, Result], runs: int, lengths: list[int]) -> tuple[Result, str]:
    """Return one figure, and a remark on it."""
    part, _, what = name.partition(".")
    if name == _ALL:
        return together(found), ""
    if part == "index":
        timing = index.measure(what, runs)
        more = {"cpu": timing.ours.cpu}
        if timing.reference is None:
            return Result(name, timing.ours.wall, "s", more=more), timing.why
        more["reference_cpu"] = timing.reference.cpu
        return Result(name, timing.ours.wall, "s", timing.reference.wall, more), ""
    if part == "memory":
        peaks = {seconds: memory.peak(what, seconds) for seconds in lengths}
        *shorter, last = peaks
        more = {f"at_{seconds}_s": peaks[seconds] for seconds in shorter}
        remark = ", ".join(f"{peaks[seconds]:.0f} MiB with {seconds} s" for seconds in shorter)
        return Result(name, peaks[last], "MiB", more=more), remark
    result = _QUERY[name]()
    cpu = result.more.get("cpu_ms")
    return result, "" if cpu is None else f"{cpu:.2f} ms of processor time"


def together(found: dict[str, Result]) -> Result:
    """Return the sum of the four extractors, as they run on one machine of 2 cores, one after another.

    Raises:
        RuntimeError: one of them was not measured.
    """
    missing = [name for name in index.MODALITIES if f"index.{name}" not in found]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} could not be measured")
    parts = [found[f"index.{name}"] for name in index.MODALITIES]
    references = [part.reference for part in parts if part.reference is not None]
    reference = sum(references) if len(references) == len(parts) else None
    more = {"cpu": sum(part.more.get("cpu", 0.0) for part in parts)}
    return Result(_ALL, sum(part.value for part in parts), "s", reference, more)


def _title() -> str:
    return f"index.*: {clips.SECONDS} s of {clips.WIDTH}×{clips.HEIGHT}; memory.*: 1080×1920 with sound"


if __name__ == "__main__":
    sys.exit(main())
