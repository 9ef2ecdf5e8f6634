"""Make the sample clips again: ``python -m samples.recipe`` in the root of the checkout."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from samples.recipe import lettering, render
from samples.recipe.catalogue import CLIPS
from samples.recipe.queries import QUERIES, judged
from samples.recipe.spec import Clip

HERE = Path(__file__).resolve().parent.parent


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _one(clip: Clip, folder: Path, fonts: tuple[Path, ...]) -> tuple[dict[str, Any], float]:
    for place in fonts:
        lettering.look_in(place)
    began = time.perf_counter()
    return render.make(clip, folder), time.perf_counter() - began


def main() -> None:
    """Write the clips, ``clips.jsonl`` and ``queries.jsonl``."""
    parser = argparse.ArgumentParser(prog="python -m samples.recipe", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to (default: samples/)")
    parser.add_argument("--fonts", type=Path, action="append", default=[], help="another folder with fonts")
    parser.add_argument(
        "--only", default="", help="make only clips whose name contains this; writes no ground truth"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    chosen = parser.parse_args()

    folder: Path = chosen.out / "clips"
    folder.mkdir(parents=True, exist_ok=True)
    clips = [clip for clip in CLIPS if chosen.only in clip.file]
    rows = []
    with ProcessPoolExecutor(chosen.jobs) as pool:
        made = pool.map(partial(_one, folder=folder, fonts=tuple(chosen.fonts)), clips)
        for clip, (row, seconds) in zip(clips, made, strict=True):
            size = (folder / clip.file).stat().st_size
            print(
                f"{clip.file}: {row['duration']} s, {size / 1000:.0f} KB, made in {seconds:.1f} s", flush=True
            )
            rows.append(row)
    if not chosen.only:
        _write(chosen.out / "clips.jsonl", rows)
        _write(chosen.out / "queries.jsonl", judged(QUERIES, {clip.file for clip in CLIPS}))
        total = sum((folder / clip.file).stat().st_size for clip in clips)
        print(f"{len(clips)} clips, {total / 1e6:.2f} MB, {sum(r['duration'] for r in rows):.0f} s")


if __name__ == "__main__":
    main()
