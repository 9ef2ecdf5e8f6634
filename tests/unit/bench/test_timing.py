"""Ours and the reference run in turn, and the first runs are not counted."""

from __future__ import annotations

from collections.abc import Callable

from bench.timing import alternate, median


def scripted(name: str, order: list[str], values: list[float]) -> Callable[[], float]:
    rest = iter(values)

    def run() -> float:
        order.append(name)
        return next(rest)

    return run


def test_runs_alternate_and_the_warm_up_is_not_counted() -> None:
    order: list[str] = []
    ours = scripted("ours", order, [100, 3, 1, 2])
    theirs = scripted("theirs", order, [100, 30, 10, 20])
    assert alternate(ours, theirs, runs=3, reference_runs=3) == (2, 20)
    assert order == ["ours", "theirs"] * 4


def test_a_slow_reference_runs_once_between_ours() -> None:
    order: list[str] = []
    ours, theirs = scripted("ours", order, [100, 3, 1, 2]), scripted("theirs", order, [60])
    assert alternate(ours, theirs, runs=3, reference_runs=1) == (2, 60)
    assert order == ["ours", "ours", "theirs", "ours", "ours"]


def test_a_median_has_a_warm_up_too() -> None:
    runs: list[int] = []
    assert median(lambda: runs.append(1), runs=3) < 1
    assert len(runs) == 4
