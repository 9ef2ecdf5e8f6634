"""A job's folder goes with it, or with the next process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kadr.runtime.job_folder import _sweep, job_folder


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    _sweep.cache_clear()
    return tmp_path


def test_it_is_gone_afterwards(place: Path) -> None:
    with job_folder() as folder:
        assert folder.parent == place
        (folder / "media").write_bytes(b"x")
    assert not list(place.iterdir())


def test_what_the_dead_have_left_is_removed_and_nothing_else(place: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine = place / f"kadr-job-{os.getpid()}-before"  # this number was somebody else's, in the same sandbox
    dead, living, other = (
        place / f"kadr-job-{ended.pid}-a",
        place / f"kadr-job-{os.getppid()}-b",
        place / "kadr-job-x-c",
    )
    for folder in (mine, dead, living, other):
        folder.mkdir()
        (folder / "media").write_bytes(b"x")
    with job_folder() as first, job_folder() as second:
        assert set(place.iterdir()) == {living, other, first, second}
