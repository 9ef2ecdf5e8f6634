"""Memory for training on a processor."""

from __future__ import annotations

import os
import sys

_KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**36), "MALLOC_ARENA_MAX": "1"}


def keep(module: str) -> None:
    """Begin ``python -m module`` once more with memory that is not given back, unless it is so already.

    To ask the system for a step's large arrays every time takes as long as the step. The C library reads this
    before Python starts.
    """
    if not os.environ.keys() >= _KEPT.keys():
        again = [sys.executable, "-m", module, *sys.argv[1:]]
        os.execve(sys.executable, again, {**os.environ, **_KEPT})  # noqa: S606 - itself
