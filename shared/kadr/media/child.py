"""Running the decoding child from the parent's side."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kadr.core import errors
from kadr.core.errors import DamagedMediaError, MediaError, MediaLimitError, NotAVideoError, TransientError
from kadr.media.limits import MEBIBYTE, MediaLimits
from kadr.media.wire import HEADER, MAX_JSON, Message

_F_SETPIPE_SZ = 1031  # fcntl.F_SETPIPE_SZ; absent from the module on some builds
_PIPE_BYTES = MEBIBYTE  # a quarter of a frame of 720×1280: fewer switches between the two processes


def run(kind: str, path: Path, limits: MediaLimits, **job: Any) -> Iterator[Message]:
    """Yield the messages of one decoding job, without its ``end``.

    The child is killed, with all that it started, when the iteration ends in whatever way. Iterate in
    the thread that began it: the kernel ends the child with that thread.

    Raises:
        NotAVideoError, MediaLimitError, DamagedMediaError: see :mod:`kadr.core.errors`.
        TransientError: something else ended the child.
    """
    _check_file(path, limits)
    job |= {"kind": kind, "path": str(path.resolve()), "limits": asdict(limits), "parent": os.getpid()}
    process = subprocess.Popen(
        [sys.executable, "-B", "-P", "-m", "kadr.media.worker", json.dumps(job)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        start_new_session=True,
        cwd="/",
    )
    assert process.stdout is not None  # noqa: S101 - asked for above; for the type checker
    with contextlib.suppress(OSError):  # a smaller pipe works as well
        fcntl.fcntl(process.stdout.fileno(), _F_SETPIPE_SZ, _PIPE_BYTES)
    reader = _Reader(process, limits)
    try:
        while True:
            facts, payload = reader.message()
            if facts["kind"] == "end":
                return
            if facts["kind"] == "error":
                raise _media_error(facts)
            yield facts, payload
    finally:
        _kill(process)


def _environment() -> dict[str, str]:
    """Return the child's whole environment: no credentials, no proxies, nothing inherited."""
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        # where the interpreter of AWS Lambda keeps its own shared libraries
        "LD_LIBRARY_PATH": f"{sys.base_prefix}/lib",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        # every thread's arena and every BLAS thread reserves address space, which is limited
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _check_file(path: Path, limits: MediaLimits) -> None:
    size = path.stat().st_size
    if size == 0:
        raise NotAVideoError("the file is empty: upload it again")
    if size > limits.max_bytes:
        raise MediaLimitError(
            f"the file has {size / MEBIBYTE:.1f} MiB; "
            f"at most {limits.max_bytes / MEBIBYTE:.1f} MiB are allowed"
        )


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    process.wait()


def _media_error(facts: dict[str, Any]) -> MediaError:
    known = (NotAVideoError, MediaLimitError, DamagedMediaError)
    kind = getattr(errors, str(facts.get("error")), None)
    message = str(facts.get("message"))[:500]
    return kind(message) if kind in known else DamagedMediaError(message)


class _Reader:
    """Reads the messages of one child, within its wall time."""

    def __init__(self, process: subprocess.Popen[bytes], limits: MediaLimits) -> None:
        self._process = process
        self._limits = limits
        self._remaining = limits.wall_timeout
        assert process.stdout is not None  # noqa: S101
        self._fd = process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        # at most four bytes a pixel; of sound, float32 at the rate asked for comes in smaller pieces
        self._max_payload = max(limits.max_pixels * 4, MEBIBYTE)

    def message(self) -> Message:
        json_size, payload_size = HEADER.unpack(self._read(HEADER.size))
        if json_size > MAX_JSON or payload_size > self._max_payload:
            raise DamagedMediaError("the decoder answered with nonsense; the file may be hostile")
        facts = json.loads(bytes(self._read(json_size)))
        return facts, self._read(payload_size)

    def _read(self, size: int) -> bytes:
        buffer = bytearray(size)
        view, filled = memoryview(buffer), 0
        while filled < size:
            started = time.monotonic()
            ready = self._poll.poll(max(self._remaining, 0) * 1000)
            if not ready:
                raise MediaLimitError(
                    f"decoding took longer than the {self._limits.wall_timeout:g} s allowed; "
                    "the file may be hostile, or is too large for this limit"
                )
            count = os.readv(self._fd, [view[filled:]])
            self._remaining -= time.monotonic() - started
            if count == 0:
                raise self._ended()
            filled += count
        return buffer  # type: ignore[return-value]  # a bytes-like object, spared a copy

    def _ended(self) -> Exception:
        """Say why the child ended in the middle of a message."""
        assert self._process.stderr is not None  # noqa: S101
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return DamagedMediaError("the decoder closed its pipe; the file may be hostile")
        code = self._process.returncode
        if code == -signal.SIGXCPU:
            return MediaLimitError(
                f"decoding took more than the {self._limits.max_cpu_seconds} s of CPU time allowed"
            )
        if code < 0:
            name = signal.Signals(-code).name
            if -code in (signal.SIGKILL, signal.SIGTERM):  # not by us, who have stopped to listen by then
                return TransientError(
                    f"the decoder was stopped from outside ({name}), probably for want of memory"
                )
            return DamagedMediaError(f"the decoder crashed on it ({name}); re-encode the video and try again")
        os.set_blocking(self._process.stderr.fileno(), False)
        words = (self._process.stderr.read(65_536) or b"").decode(errors="replace").strip()
        if "MemoryError" in words or "std::bad_alloc" in words:
            return MediaLimitError(
                f"decoding it needs more memory than the {self._limits.max_memory // MEBIBYTE} MiB allowed"
            )
        return RuntimeError(f"the media worker ended with code {code}: {words[-2000:]}")
