"""The memory of a process and of all that it started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.memory import high_water, size, tree, watch

MEBIBYTE = 1024 * 1024


def process(proc: Path, pid: int, parent: int, stack: int, name: str = "python", pss: int = 0) -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    # state, parent, …; the 28th field of all is where the stack begins
    fields = ["S", str(parent), *["0"] * 23, str(stack), "0"]
    (folder / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")
    if pss:
        (folder / "smaps_rollup").write_text(f"Rss: 9999 kB\nPss: {pss} kB\n")


def test_grandchildren_belong_to_the_tree_and_strangers_do_not(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, 100)
    process(tmp_path, 11, 10, 101, name="a (b) c")
    process(tmp_path, 12, 11, 102)
    process(tmp_path, 20, 1, 103)
    (tmp_path / "meminfo").write_text("")
    assert sorted(tree(10, tmp_path)) == [10, 11, 12]


def test_a_child_that_still_lives_in_its_parents_memory_is_not_counted_twice(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, 100)
    process(tmp_path, 11, 10, 100)
    assert tree(10, tmp_path) == [10]


def test_where_the_kernel_does_not_say_where_stacks_are_children_count(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, 0)
    process(tmp_path, 11, 10, 0)
    assert sorted(tree(10, tmp_path)) == [10, 11]


def test_shared_pages_count_in_part_and_a_closed_process_by_its_resident_set(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, 100, pss=2048)
    process(tmp_path, 11, 1, 101)
    (tmp_path / "11" / "statm").write_text("500 256 100 0 0 0 0\n")
    assert size(10, tmp_path) == 2 * MEBIBYTE
    assert size(11, tmp_path) == MEBIBYTE
    assert size(12, tmp_path) == 0  # it ended


@pytest.fixture
def greedy() -> Iterator[int]:
    """A process whose child has 64 MiB; its id."""
    child = "import sys; block = b'x' * (64 << 20); print('ready', flush=True); sys.stdin.read()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        yield running.pid
        assert running.stdin is not None
        running.stdin.close()


def test_the_memory_of_a_child_is_seen(greedy: int) -> None:
    samples: list[int] = []
    watch(greedy, samples, lambda seconds: True)
    assert 64 * MEBIBYTE < samples[0] < 200 * MEBIBYTE


def test_the_high_water_mark_is_that_of_this_process() -> None:
    assert high_water() >= size(os.getpid()) * 0.9
