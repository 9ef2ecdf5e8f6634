"""Times what a user waits for, on this machine: medians, in one process, after a warm-up.

``python -m bench [NAME …]`` measures all or some, prints a table and writes ``bench/results.json``, a list of
``{"name": …, "value": …, "unit": …}``; entries that were not measured this time are kept.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from kadr.core.errors import WeightsUnavailableError
from kadr.runtime.settings import ExtractorSettings

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results.json"

# The clip that the budgets are for.
SECONDS, WIDTH, HEIGHT, FPS = 25, 720, 1280, 25


def long_clip(source: Path, to: Path) -> None:
    """Write 25 s of 720×1280 at 25 fps: the sample clip, enlarged, over and over."""
    import av

    with av.open(str(to), "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index, picture in zip(range(SECONDS * FPS), _pictures(source), strict=False):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(width=WIDTH, height=HEIGHT, format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def _pictures(source: Path) -> Iterator[np.ndarray]:
    import av

    for _ in count():
        with av.open(str(source)) as container:
            due = 0.0
            for frame in container.decode(video=0):
                while due <= (frame.time or 0.0):
                    yield frame.to_ndarray(format="rgb24")
                    due += 1 / FPS


def settings() -> ExtractorSettings:
    """Return an extractor's settings; nothing but the models is used."""
    tessdata = ROOT / ".kadr" / "tessdata"
    fields = {"tessdata_dir": tessdata} if (tessdata / "rus.traineddata").exists() else {}
    return ExtractorSettings(
        postgres_host="unused",
        postgres_secret_arn="unused",
        qdrant_url="http://127.0.0.1:1",
        media_bucket="unused",
        derived_bucket="unused",
        assemble_queue_url="unused",
        models_dir=ROOT / ".kadr" / "models",
        **fields,
    )


def median(work: Callable[[], object], *, runs: int) -> float:
    """Return the median duration of ``work`` in seconds, the first run not counted."""
    work()
    durations = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        durations.append(time.perf_counter() - begun)
    return statistics.median(durations)


def extractors() -> dict[str, Callable[[], tuple[float, str]]]:
    """Return the measurements of whole videos."""

    def measure(name: str) -> Callable[[], tuple[float, str]]:
        def run() -> tuple[float, str]:
            from importlib import import_module

            extract = import_module(f"functions.{name}.extract").extract
            with tempfile.TemporaryDirectory() as folder:
                clip = Path(folder) / "clip.mp4"
                source = "grace_hopper.mp4" if name == "faces" else "borsch_recept.mp4"
                long_clip(ROOT / "samples" / "clips" / source, clip)
                return median(lambda: extract(clip, settings()), runs=3), "s"

        return run

    return {f"index.{name}": measure(name) for name in ("ingest", "visual", "ocr", "faces")}


def text_embedding() -> tuple[float, str]:
    """Return the time of one short text under MiniLM, a new one each time."""
    from kadr.adapters.minilm import MiniLM
    from kadr.models.registry import require

    model = MiniLM(require("text", settings().models_dir).directory)
    numbers = count()
    return median(lambda: model.embed([f"how to cook borscht {next(numbers)}"]), runs=200) * 1000, "ms"


def understanding() -> tuple[float, str]:
    """Return the time to repair and translate a query of four words, over 100,000 known words."""
    from kadr.adapters.pymorphy import Pymorphy
    from kadr.core.glossary import Glossary
    from kadr.core.query import Vocabulary, understand

    random = np.random.default_rng(1)
    letters = np.array(list("абвгдежзиклмнопрстуфхцчшщьыэюя"))
    terms = {"".join(random.choice(letters, random.integers(4, 12))) for _ in range(100_000)}
    dictionary = Pymorphy()
    glossary = Glossary.load(dictionary.lemmas)
    vocabulary = Vocabulary(dict.fromkeys(terms, 1), background=glossary.vocabulary)
    queries = ["как варить вкусный борщ", "утреняя зарядка для спины", "how to cook borscht", "cvtiyjq rjn"]
    return (
        median(
            lambda: [understand(q, glossary, vocabulary, dictionary=dictionary.known) for q in queries],
            runs=50,
        )
        / len(queries)
        * 1000,
        "ms",
    )


MEASUREMENTS: dict[str, Callable[[], tuple[float, str]]] = {
    **extractors(),
    "search.embed_text": text_embedding,
    "search.understand": understanding,
}


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(MEASUREMENTS)}")
    names = parser.parse_args().names or list(MEASUREMENTS)
    unknown = set(names) - set(MEASUREMENTS)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(MEASUREMENTS)}")
    console = Console()
    results = {each["name"]: each for each in json.loads(RESULTS.read_text())} if RESULTS.exists() else {}
    table = Table("what", "median", title=f"{SECONDS} s of {WIDTH}×{HEIGHT} where it is a video")
    for name in names:
        console.print(f"measuring {name} …")
        try:
            value, unit = MEASUREMENTS[name]()
        except WeightsUnavailableError as error:
            results.pop(name, None)
            table.add_row(name, f"not measured: weights not installed ({error.role})")
            continue
        results[name] = {"name": name, "value": round(value, 3), "unit": unit}
        table.add_row(name, f"{value:.2f} {unit}")
    RESULTS.write_text(json.dumps(list(results.values()), indent=1) + "\n")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
