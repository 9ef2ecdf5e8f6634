"""Folders of the local stack that other users of the machine cannot look into."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("psutil")

from kadr_local.processes import close_to_others

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_folder_is_closed(tmp_path: Path) -> None:
    close_to_others(tmp_path / "state" / "s3")
    assert mode(tmp_path / "state" / "s3") == 0o700


def test_a_folder_from_before_is_closed_with_what_is_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "s3"
    inner = folder / "bucket"
    inner.mkdir(parents=True)
    video, elsewhere = inner / "cat.mp4", tmp_path / "not-ours"
    for path in (video, elsewhere):
        path.write_bytes(b"cat")
        path.chmod(0o644)
    (inner / "link").symlink_to(elsewhere)
    for each in (folder, inner):
        each.chmod(0o755)
    close_to_others(folder)
    assert (mode(folder), mode(inner), mode(video)) == (0o700, 0o700, 0o600)
    assert mode(elsewhere) == 0o644
    assert video.read_bytes() == b"cat"
