"""What an interrupted process leaves is never a model, and is cleared away."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kadr.models.folders import replacing, workspace

# Begins to replace a model and is killed before it is done.
INTERRUPTED = """
import os, pathlib, sys, signal
from kadr.models.folders import replacing
with replacing(pathlib.Path(sys.argv[1])) as part:
    (part / "manifest.json").write_text("half")
    print(part.name, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_the_old_model_and_the_next_one_tidies_up(tmp_path: Path) -> None:
    directory = tmp_path / "text" / "mini"
    directory.mkdir(parents=True)
    (directory / "manifest.json").write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(directory)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    left = directory.parent / done.stdout.strip()
    assert left.is_dir()
    assert (directory / "manifest.json").read_text() == "old"
    with replacing(directory) as part:
        assert not left.exists()
        (part / "manifest.json").write_text("new")
    assert (directory / "manifest.json").read_text() == "new"
    assert [path.name for path in directory.parent.iterdir()] == ["mini"]


def test_who_is_at_work_is_left_alone(tmp_path: Path) -> None:
    with replacing(tmp_path / "mini") as one, workspace(tmp_path, "mini") as other:
        assert one.is_dir() and other.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["mini"]


def test_a_failure_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini" / "manifest.json").write_text("old")
    with pytest.raises(ValueError, match="no"), replacing(tmp_path / "mini") as part:
        (part / "manifest.json").write_text("new")
        raise ValueError("no")
    assert (tmp_path / "mini" / "manifest.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["mini"]
