"""Checks what the extractors find in the sample clips against what the clips were made from.

``python -m bench.quality [ocr] [speech] [faces] [visual]`` prints a table for each and its totals; `--json`
prints all of it for a program. What the columns mean: docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench import installed, quality_faces, quality_ocr, quality_visual
from kadr.core.errors import KadrError
from kadr.core.extraction import Extraction

SAMPLES = installed.ROOT / "samples"


@dataclass(frozen=True, slots=True)
class Check:
    """How one extractor is checked, clip by clip."""

    counts: Sequence[str]
    measure: Callable[[Mapping[str, Any], Extraction], Mapping[str, float]] | None  # None: all at once
    rates: Callable[[Mapping[str, float]], Mapping[str, float]]
    worst: Sequence[str] = ()  # counts of which the total is the largest, not the sum
    remark: str = ""


def overlap(counts: Mapping[str, float]) -> dict[str, float]:
    """Return the intersection of what is said and heard over their union; 1 where there is neither."""
    either = counts["heard"] + counts["missed"]
    return {"iou": (counts["said"] - counts["missed"]) / either if either else 1.0}


CHECKS = {
    "ocr": Check(
        quality_ocr.COUNTS, lambda clip, found: quality_ocr.measure(clip, found.moments), quality_ocr.rates
    ),
    "speech": Check(
        ("said", "heard", "missed", "invented"),
        None,
        overlap,
        remark="voice activity; how well words are recognised is not measured: the weights are random",
    ),
    "faces": Check(
        quality_faces.COUNTS,
        lambda clip, found: quality_faces.measure(clip, found.faces),
        quality_faces.rates,
    ),
    "visual": Check(
        quality_visual.COUNTS,
        lambda clip, found: quality_visual.measure(clip, found.frames),
        quality_visual.rates,
        worst=("late",),
        remark="how relevant the embeddings are is not measured: the weights are random",
    ),
}
NAMES = ("ocr", "speech", "faces", "visual")


def main() -> int:
    """Check, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.quality", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(NAMES)}")
    parser.add_argument("--only", default="", metavar="TEXT", help="clips whose file name contains this")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    arguments = parser.parse_args()
    names = arguments.names or list(NAMES)
    unknown = set(names) - set(NAMES)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}")
    clips = sample_clips(arguments.only)
    if not clips:
        parser.error(f"no sample clip has {arguments.only!r} in its name")

    console = Console(stderr=True) if arguments.json else Console()
    answers: dict[str, Any] = {}
    for name in names:
        try:
            rows = list(check(name, clips, console))
        except (KadrError, ImportError) as error:
            answers[name] = {"not_checked": str(error)}
            console.print(f"{name}: not checked: {error}")
            continue
        answers[name] = {"clips": rows, "all": totals(name, rows)}
        if not arguments.json:
            console.print(table(name, rows, answers[name]["all"]))
    if arguments.json:
        print(json.dumps(answers, ensure_ascii=False, indent=1))
    return 0 if all("all" in answer for answer in answers.values()) else 1


def sample_clips(only: str = "") -> list[dict[str, Any]]:
    """Return what is known of the sample clips whose file name contains ``only``."""
    lines = (SAMPLES / "clips.jsonl").read_text(encoding="utf-8").splitlines()
    return [clip for clip in map(json.loads, lines) if only in clip["file"]]


def check(name: str, clips: Sequence[dict[str, Any]], console: Console) -> Iterator[dict[str, Any]]:
    """Yield a row for each clip.

    Raises:
        KadrError, ImportError: the extractor lacks weights or a package.
    """
    measure = CHECKS[name].measure
    if measure is None:
        yield from speech({clip["file"] for clip in clips})
        return
    extractor = {"ocr": "ocr_embedded"}.get(name, name)  # EasyOCR's weights are random here
    settings = installed.prepare(extractor)
    for clip in track(clips, description=name, console=console, transient=True):
        found = installed.extract(extractor, SAMPLES / "clips" / clip["file"], settings)
        yield {"file": clip["file"], **measure(clip, found)}


def speech(files: Set[str]) -> list[dict[str, Any]]:
    """Return a row for each clip: the seconds of voice that are said, heard, missed and invented.

    Raises:
        KadrError, ImportError: voice activity detection lacks its weights or a package.
    """
    from bench.quality_speech import vad_overlap

    return [row for row in vad_overlap(SAMPLES, installed.MODELS) if row["file"] in files]


def totals(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the sums of the rows' counts, and the rates of the sums."""
    chosen = CHECKS[name]
    sums: Counter[str] = Counter()
    for row in rows:
        sums.update({count: row[count] for count in chosen.counts if count not in chosen.worst})
    summed = {count: sums[count] for count in chosen.counts}
    summed |= {count: max(row[count] for row in rows) for count in chosen.worst}
    return {**summed, **chosen.rates(summed)}


def table(name: str, rows: Sequence[Mapping[str, Any]], total: Mapping[str, float]) -> Table:
    """Return the rows and their total for people."""
    chosen = CHECKS[name]
    shown = Table(title=name, caption=chosen.remark or None, show_footer=True)
    shown.add_column(f"clip ({len(rows)})", footer="all", overflow="fold")
    columns = [*(count for count in chosen.counts if count != "clips"), *chosen.rates(total)]
    for column in columns:
        shown.add_column(column, justify="right", footer=_shown(column, total, chosen))
    for row in rows:
        filled = {**row, **chosen.rates(row)}
        shown.add_row(row["file"], *(_shown(column, filled, chosen) for column in columns))
    return shown


def _shown(column: str, row: Mapping[str, float], chosen: Check) -> str:
    value = row[column]
    if column not in chosen.counts:
        return f"{value:.1%}"
    return f"{value:.2f}" if isinstance(value, float) and not value.is_integer() else f"{int(value)}"


if __name__ == "__main__":
    sys.exit(main())
