"""How long the translation of a query of four words takes, with a Marian of real size.

``python -m bench.translate`` prints medians by engine, threads and beam, and the reference's.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import product

from rich.console import Console
from rich.table import Table

from bench.weights import marian
from kadr.adapters.marian import Marian
from kadr.adapters.marian_greedy import GreedyMarian
from kadr.models import catalogue, convert, registry
from kadr.models.registry import InstalledModel

# Apart from the models of the extractors, which are measured without a neural translator.
MODELS = marian.ROOT / ".kadr" / "bench" / "translation"
QUERIES = (
    "как варить вкусный борщ",
    "утренняя зарядка для спины",
    "смешные коты и собаки",
    "ремонт ванной своими руками",
)
QUERIES_BY = "ONNX Runtime, int8 (queries)"
_ROUNDS = 6


def measure() -> tuple[float, float]:
    """Return the median milliseconds of a query, Kadr's and the reference's, taken in turn."""
    from bench.reference import translate as reference

    model = GreedyMarian(_small())
    model.translate(QUERIES)
    reference.translate(QUERIES[:1])
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(_ROUNDS):
        ours += (_milliseconds(model, query) for query in QUERIES)
        theirs.append(reference.translate(QUERIES) * 1000)
    return statistics.median(ours), statistics.median(theirs)


def compare() -> Mapping[tuple[str, int, int], Sequence[float]]:
    """Return the milliseconds of every query by engine and weights, threads and beam, all of them in turn."""
    weights = catalogue.entries("translation")[0]
    whole = convert.convert(weights, "float32-random", marian.source(), MODELS, int8=False)
    kinds = {"int8": _small(), "float32": whole}
    models: dict[tuple[str, int, int], Marian | GreedyMarian] = {
        (f"CTranslate2, {kind}", threads, beam): Marian(
            kinds[kind], compute_type=kind, threads=threads, beam=beam
        )
        for kind, threads, beam in product(kinds, (1, 2), (1, 2, 4))
    }
    models |= {(QUERIES_BY, threads, 1): GreedyMarian(kinds["int8"], threads=threads) for threads in (1, 2)}
    took: dict[tuple[str, int, int], list[float]] = {key: [] for key in models}
    for model in models.values():
        model.translate(QUERIES)
    for _ in range(_ROUNDS):
        for key, model in models.items():
            took[key] += (_milliseconds(model, query) for query in QUERIES)
    return took


def _small() -> InstalledModel:
    return registry.open_directory(marian.write(MODELS))


def _milliseconds(model: Marian | GreedyMarian, query: str) -> float:
    begun = time.perf_counter()
    model.translate([query])
    return (time.perf_counter() - begun) * 1000


def main() -> int:
    """Measure and print."""
    argparse.ArgumentParser(
        prog="python -m bench.translate", description=(__doc__ or "").splitlines()[0]
    ).parse_args()
    title = "milliseconds for a query of four words"
    table = Table("engine and weights", "threads", "beam", "p50", "fastest", title=title)
    for (kind, threads, beam), took in compare().items():
        table.add_row(kind, str(threads), str(beam), f"{statistics.median(took):.1f}", f"{min(took):.1f}")
    Console().print(table)
    ours, theirs = measure()
    Console().print(f"Kadr {ours:.1f} ms, the reference {theirs:.1f} ms: {theirs / ours:.1f} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
