"""Ours and the reference run in turn, and the first runs are not counted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from bench.timing import Spent, alternate, median, middle, spent


def scripted(name: str, order: list[str], values: list[float]) -> Callable[[], Spent]:
    rest = iter(values)

    def run() -> Spent:
        order.append(name)
        return Spent(next(rest), 0.0)

    return run


def test_runs_alternate_and_the_warm_up_is_not_counted() -> None:
    order: list[str] = []
    ours = scripted("ours", order, [100, 3, 1, 2])
    theirs = scripted("theirs", order, [100, 30, 10, 20])
    mine, others = alternate(ours, theirs, runs=3, reference_runs=3)
    assert (middle(mine).wall, middle(others).wall) == (2, 20)
    assert order == ["ours", "theirs"] * 4


def test_a_slow_reference_runs_once_between_ours() -> None:
    order: list[str] = []
    ours, theirs = scripted("ours", order, [100, 3, 1, 2]), scripted("theirs", order, [60])
    mine, others = alternate(ours, theirs, runs=3, reference_runs=1)
    assert (middle(mine).wall, middle(others).wall) == (2, 60)
    assert order == ["ours", "ours", "theirs", "ours", "ours"]


def test_a_median_has_a_warm_up_too() -> None:
    runs: list[int] = []
    assert median(lambda: runs.append(1), runs=3) < 1
    assert len(runs) == 4


def test_what_says_itself_how_long_it_took_is_believed() -> None:
    assert spent(lambda: 7.0).wall == 7.0
    assert spent(lambda: None).wall < 1


def test_the_work_of_a_child_that_ended_counts() -> None:
    def work() -> None:
        subprocess.run([sys.executable, "-c", "sum(range(5_000_000))"], check=True)

    assert spent(work).cpu > 0.05
