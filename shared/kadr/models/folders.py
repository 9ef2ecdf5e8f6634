"""Putting a model's folder into place at once, and tidying up after whoever was interrupted."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp


@contextmanager
def replacing(directory: Path) -> Iterator[Path]:
    """Give a folder to write into, and put it in the place of ``directory`` if nothing went wrong.

    Until then its name begins with a dot, and it is locked for as long as this process lives: what an
    interrupted process has left is recognised by that, and removed by the next.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    for left in directory.parent.glob(f".{directory.name}.*"):
        _remove_abandoned(left)
    part = Path(mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    lock = os.open(part, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield part
        part.chmod(0o755)  # mkdtemp makes folders that only their owner may enter
        if directory.exists():
            old = part.with_name(f"{part.name}.old")
            directory.replace(old)
            part.replace(directory)
            shutil.rmtree(old, ignore_errors=True)
        else:
            part.replace(directory)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        os.close(lock)


@contextmanager
def workspace(parent: Path, name: str) -> Iterator[Path]:
    """Give a hidden folder in ``parent`` that is gone afterwards, also after whoever was killed."""
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f".{name}.*"):
        _remove_abandoned(left)
    folder = Path(mkdtemp(prefix=f".{name}.", dir=parent))
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_abandoned(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass  # somebody is at work
    finally:
        os.close(handle)
