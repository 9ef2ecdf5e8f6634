"""Durations: medians of runs that alternate with those of the reference, so that noise hits both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians in seconds; ``reference`` is ``None`` where there is none, ``why`` says why."""

    value: float
    reference: float | None = None
    why: str = ""


def median(work: Callable[[], object], *, runs: int) -> float:
    """Return the median duration of ``work`` in seconds, the first run not counted."""
    work()
    return statistics.median(timed(work) for _ in range(runs))


def timed(work: Callable[[], object]) -> float:
    """Return the duration of ``work`` in seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def alternate(
    ours: Callable[[], float], reference: Callable[[], float], *, runs: int, reference_runs: int
) -> tuple[float, float]:
    """Return the medians of what two measurements return, run in turn.

    Each begins with a run that is not counted, unless the reference is to run once only: then it is the slow
    one, and has loaded its models before its clock starts.
    """
    ours()
    if reference_runs > 1:
        reference()
    mine: list[float] = []
    theirs: list[float] = []
    for turn in range(max(runs, reference_runs)):
        if turn < runs:
            mine.append(ours())
        if turn < reference_runs:
            theirs.append(reference())
    return statistics.median(mine), statistics.median(theirs)


class Apart:
    """A process of its own for one side of a comparison: neither disturbs the other's memory and threads."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))

    def __enter__(self) -> Apart:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def call(self, work: Callable[..., float], *arguments: object) -> float:
        """Run ``work`` over there and return what it returns."""
        return self._pool.submit(work, *arguments).result()
