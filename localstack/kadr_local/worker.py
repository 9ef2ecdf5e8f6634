"""What stands around a function's handler in a worker process of MiniStack.

MiniStack hands a function's output to CloudWatch Logs when the invocation is over. A person who waits
wants it earlier, so it also goes line by line into a file of the function's own.
"""

from __future__ import annotations

import io
import os
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

Handler = Callable[[Any, Any], Any]


class Tee(io.TextIOBase):
    """Text that goes to two places; only the first must work."""

    def __init__(self, first: TextIO, second: TextIO) -> None:
        self._first = first
        self._second = second

    def write(self, text: str) -> int:
        """Write to both."""
        self._second.write(text)
        return self._first.write(text)

    def flush(self) -> None:
        """Flush both."""
        self._second.flush()
        self._first.flush()

    def fileno(self) -> int:
        """Return the first one's descriptor, for libraries that write past Python."""
        return self._first.fileno()

    def isatty(self) -> bool:
        """Return False: a log is no terminal."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True


def enter(handler: str, *, log: str, pids: str, background: bool = False) -> Handler:
    """Import the handler (``package.module.function``) with its output doubled into the file ``log``.

    The process is registered in the folder ``pids``, so that one that has lost its MiniStack is found.
    One that works in the ``background`` leaves the processor to searches.
    """
    import psutil

    from kadr_local.processes import set_aside, write_pid

    if background and hasattr(os, "nice"):
        os.nice(5)
    path = Path(log)
    set_aside(path)
    Path(pids).mkdir(parents=True, exist_ok=True)
    write_pid(Path(pids) / f"{os.getpid()}.pid", psutil.Process())
    file = path.open("a", encoding="utf-8", buffering=1)
    sys.stdout = Tee(sys.stdout, file)
    sys.stderr = Tee(sys.stderr, file)
    try:
        module, name = handler.rsplit(".", 1)
        inner: Handler = getattr(import_module(module), name)
    except BaseException:
        traceback.print_exc(file=file)
        raise

    def run(event: Any, context: Any) -> Any:
        request = getattr(context, "aws_request_id", "")
        started = time.monotonic()
        file.write(f"{_now()} START {request}\n")
        try:
            return inner(event, context)
        except BaseException:
            traceback.print_exc(file=file)
            raise
        finally:
            file.write(f"{_now()} END {request} {(time.monotonic() - started) * 1000:.0f} ms\n")

    return run


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
