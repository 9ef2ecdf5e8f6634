"""How well text on screen is read: ``python bench/ocr_quality.py samples --tessdata DIR``.

For each clip of ``samples/clips.jsonl`` that is there: the share of characters that are wrong (CER), the
share of words found, words that were read where nothing of the kind is written, and the seconds it took.
A written line counts as read where a moment overlaps it in time; its CER is the edit distance to the best
matching stretch of such a moment. Case, punctuation and ё/е do not count.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from functions.ocr.extract import read_video
from kadr.core.segments import Segment
from kadr.core.text import tokens
from kadr.media.limits import MediaLimits


def stretch_distance(written: str, read: str) -> int:
    """Return the least edit distance between ``written`` and any stretch of ``read``."""
    row = np.zeros(len(read) + 1, np.int64)  # a stretch may begin anywhere
    steps = np.arange(len(read) + 1)
    for index, letter in enumerate(written, 1):
        new = np.empty_like(row)
        new[0] = index
        new[1:] = np.minimum(row[1:] + 1, row[:-1] + [letter != other for other in read])
        # insertions run along the row: the least of every cell to the left, and the way from there
        row = np.minimum.accumulate(new - steps) + steps
    return int(row.min())


def measure(clip: dict[str, object], found: Sequence[Segment]) -> dict[str, float]:
    """Return characters, wrong ones, words, found ones, and spurious words of one clip."""
    result = Counter[str]()
    readable = [line for line in clip["lines"] if line["legible"] or line["motion"] == "crawl"]
    all_read = Counter(word for segment in found for word in set(tokens(segment.text)))
    for line in readable:
        written = " ".join(tokens(line["text"]))
        near = [s for s in found if s.start < line["end"] and s.end > line["start"]]
        distances = [stretch_distance(written, " ".join(tokens(s.text))) for s in near]
        result["characters"] += len(written)
        result["wrong"] += min([len(written), *distances])
        words = written.split()
        read = Counter(word for s in near for word in tokens(s.text))
        result["words"] += len(words)
        result["found"] += sum(min(count, read[word]) for word, count in Counter(words).items())
    known = {word for line in clip["lines"] for word in tokens(line["text"])}
    result["spurious"] = sum(count for word, count in all_read.items() if word not in known)
    return result


def cpu_seconds() -> float:
    """Return the CPU time of this process and of the decoders that it started."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Print one row per clip and the totals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("samples", type=Path, nargs="?", default=Path("samples"))
    parser.add_argument("--tessdata", type=Path, default=Path("/usr/share/tesseract-ocr/5/tessdata"))
    parser.add_argument("--models", type=Path, default=Path(".kadr/models"))
    parser.add_argument("--only", default="", help="clips whose name contains this")
    parser.add_argument("--show", action="store_true", help="print what was written and read")
    arguments = parser.parse_args()
    total = Counter[str]()
    seconds = clips = 0.0
    for row in (arguments.samples / "clips.jsonl").read_text(encoding="utf-8").splitlines():
        clip = json.loads(row)
        path = arguments.samples / "clips" / clip["file"]
        if arguments.only not in clip["file"] or not path.is_file():
            continue
        started, worked = time.perf_counter(), cpu_seconds()
        found, facts = read_video(path, arguments.tessdata, arguments.models, MediaLimits())
        took = time.perf_counter() - started
        facts["cpu"] = f"{cpu_seconds() - worked:.2f}"
        counts = measure(clip, found)
        total.update(counts)
        seconds, clips = seconds + took, clips + 1
        _print(clip["file"], counts, took, facts)
        if arguments.show:
            for line in clip["lines"]:
                print(f"    - {line['start']:5.1f} {line['end']:5.1f}  {line['text']!r} {line['motion']}")
            for segment in found:
                span = f"{segment.start:5.1f} {segment.end:5.1f}"
                print(f"    + {span}  {segment.text!r} {segment.confidence:.2f}")
    _print("all", total, seconds / max(clips, 1), {})


def _print(name: str, counts: Counter[str], seconds: float, facts: dict[str, int | str]) -> None:
    cer = counts["wrong"] / max(counts["characters"], 1)
    coverage = counts["found"] / max(counts["words"], 1)
    work = f"{facts['cpu']} s of CPU, {facts['frames']} frames, {facts['readings']} readings" if facts else ""
    print(
        f"{name:40} CER {cer:6.1%}  words {counts['found']:3}/{counts['words']:3} {coverage:6.1%}  "
        f"spurious {counts['spurious']:3}  {seconds:5.2f} s  {work}",
        flush=True,
    )


if __name__ == "__main__":
    main()
