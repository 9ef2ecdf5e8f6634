"""A folder for one job, which does not outlive it for long even if the process is killed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_PREFIX = "kadr-job-"


@contextmanager
def job_folder() -> Iterator[Path]:
    """Yield an empty folder, gone afterwards.

    A function that is stopped for want of time or memory leaves its folder behind, and Lambda goes on in the
    same sandbox: the next large video would find no space. So the first job of a process removes what dead
    processes have left.
    """
    _sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as folder:
        yield Path(folder)


@cache
def _sweep(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        # Nothing is this process's own yet: what has its number is of one before it.
        if owner.isdecimal() and (int(owner) == os.getpid() or not _alive(int(owner))):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
