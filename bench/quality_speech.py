"""How well voices are found: ``python -m bench.quality_speech [SAMPLES] [--models DIR]``.

For each clip of ``samples/clips.jsonl`` that is there: seconds of narration, seconds that voice activity
detection hears, the two's intersection over their union, seconds missed and invented. Spans are heard with a
margin of 0.2 s on both sides, which counts as invented.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from kadr.adapters.silero import RATE, SileroVad
from kadr.media.audio import read_audio
from kadr.models.registry import require

STEP = 0.01  # seconds


def vad_overlap(samples: Path, models: Path) -> list[dict[str, float | str]]:
    """Return each clip's ``file``, the seconds ``said``, ``heard``, ``missed``, ``invented``, and ``iou``.

    ``iou`` is 1 where nobody speaks and nobody is heard. ``probability`` is the mean of the spans heard.
    """
    vad = SileroVad(require("vad", models))
    rows = []
    for line in (samples / "clips.jsonl").read_text(encoding="utf-8").splitlines():
        clip = json.loads(line)
        path = samples / "clips" / clip["file"]
        if not path.is_file():
            continue
        audio = read_audio(path)
        spans = vad.spans(audio)
        said = _steps([(each["start"], each["end"]) for each in clip["narration"] or []])
        heard = _steps([(span.start / RATE, span.end / RATE) for span in spans])
        either = len(said | heard)
        length = sum(span.end - span.start for span in spans)
        rows.append(
            {
                "file": clip["file"],
                "said": len(said) * STEP,
                "heard": len(heard) * STEP,
                "iou": len(said & heard) / either if either else 1.0,
                "missed": len(said - heard) * STEP,
                "invented": len(heard - said) * STEP,
                "probability": sum((s.end - s.start) * s.probability for s in spans) / length
                if length
                else 0.0,
            }
        )
    return rows


def _steps(spans: Sequence[tuple[float, float]]) -> set[int]:
    return {step for start, end in spans for step in range(round(start / STEP), round(end / STEP))}


def main() -> None:
    """Print one row for each clip with a voice, and the totals of all."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality_speech")
    parser.add_argument("samples", type=Path, nargs="?", default=Path("samples"))
    parser.add_argument("--models", type=Path, default=Path(".kadr/models"))
    arguments = parser.parse_args()
    rows = vad_overlap(arguments.samples, arguments.models)
    print(f"{'clip':32} {'said':>7} {'heard':>7} {'IoU':>6} {'missed':>7} {'invented':>9} {'sure':>6}")
    for row in rows:
        if row["said"] or row["heard"]:
            _print(row)
    total = {key: sum(float(row[key]) for row in rows) for key in ("said", "heard", "missed", "invented")}
    common = total["said"] - total["missed"]
    _print(
        {
            **total,
            "file": f"all {len(rows)} clips",
            "iou": common / (total["heard"] + total["missed"]),
            "probability": min(float(row["probability"]) for row in rows if row["heard"]),
        }
    )
    silent = [row for row in rows if not row["said"]]
    print(f"{len(silent)} clips without a voice: heard in {sum(1 for row in silent if row['heard'])} of them")


def _print(row: dict[str, float | str]) -> None:
    print(
        f"{row['file']:32} {row['said']:6.2f}s {row['heard']:6.2f}s {row['iou']:6.3f} {row['missed']:6.2f}s "
        f"{row['invented']:8.2f}s {row['probability']:6.3f}"
    )


if __name__ == "__main__":
    main()
