"""Durations: medians of runs that alternate with those of the reference, so that noise hits both."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of one run: by the clock, and of all processors together, ended children included."""

    wall: float
    cpu: float


def spent(work: Callable[[], float | None]) -> Spent:
    """Run ``work``; where it returns seconds, they are the duration, and not those of the whole call."""
    before, begun = _cpu(), time.perf_counter()
    own = work()
    wall = time.perf_counter() - begun
    return Spent(wall if own is None else own, _cpu() - before)


def middle(runs: Sequence[Spent]) -> Spent:
    """Return the medians of both."""
    return Spent(statistics.median(run.wall for run in runs), statistics.median(run.cpu for run in runs))


def median(work: Callable[[], object], *, runs: int) -> float:
    """Return the median duration of ``work`` in seconds, the first run not counted."""

    def once() -> None:
        work()

    once()
    return middle([spent(once) for _ in range(runs)]).wall


def alternate(
    ours: Callable[[], Spent], reference: Callable[[], Spent], *, runs: int, reference_runs: int
) -> tuple[list[Spent], list[Spent]]:
    """Return what two measurements return, run in turn.

    Each begins with a run that is not counted, unless the reference is to run once only: then it is the slow
    one, and has loaded its models before its clock starts.
    """
    ours()
    if reference_runs > 1:
        reference()
    mine: list[Spent] = []
    theirs: list[Spent] = []
    for turn in range(max(runs, reference_runs)):
        if turn < runs:
            mine.append(ours())
        if turn < reference_runs:
            theirs.append(reference())
    return mine, theirs


class Apart:
    """A process of its own for one side of a comparison: neither disturbs the other's memory and threads."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))

    def __enter__(self) -> Apart:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def call(self, work: Callable[..., Any], *arguments: object) -> Any:
        """Run ``work`` over there and return what it returns."""
        return self._pool.submit(work, *arguments).result()


def _cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
