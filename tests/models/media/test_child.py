"""The decoding process: what it cannot do, and that it never stays behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("av")

from kadr.core.errors import DamagedMediaError, MediaLimitError, TransientError
from kadr.media import child
from kadr.media.frames import FramePlan, sample_frames
from kadr.media.limits import MediaLimits
from tests.models.media.clips import write_clip

pytestmark = pytest.mark.av


def decoders(of: int) -> list[int]:
    """Process ids of the decoders whose parent is ``of``."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == of and b"kadr.media.worker" in command:
            found.append(int(status.parent.name))
    return found


def until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        os.sched_yield()
    return met


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    # more raw pixels than a pipe holds: the decoder waits for its reader
    return write_clip(tmp_path / "a.mp4", seconds=2, fps=24, size=(640, 640))


def test_the_decoder_ends_with_the_iteration(clip: Path) -> None:
    iteration = sample_frames(clip, FramePlan(every=0.05, max_side=None))
    next(iteration)
    (pid,) = decoders(os.getpid())
    iteration.close()
    assert not alive(pid)
    for _ in sample_frames(clip, FramePlan(every=0.05, max_side=None)):
        break
    assert until(lambda: not decoders(os.getpid()))


def test_the_decoder_ends_with_its_parent(clip: Path) -> None:
    script = f"""
        from pathlib import Path
        from kadr.media.frames import FramePlan, sample_frames
        iteration = sample_frames(Path({str(clip)!r}), FramePlan(every=0.05, max_side=None))
        next(iteration)
        print("decoding", flush=True)
        input()
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"decoding\n"
        (pid,) = decoders(parent.pid)
    finally:
        parent.kill()
        parent.wait()
        for pipe in (parent.stdin, parent.stdout):
            if pipe is not None:
                pipe.close()
    assert until(lambda: not alive(pid))


def stand_in(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Run ``body`` in the decoder's place, confined as the decoder is."""
    script = textwrap.dedent(
        """
        import json, sys
        from kadr.media.limits import MediaLimits
        from kadr.media.sandbox import confine
        from kadr.media.wire import write_message
        job = json.loads(sys.argv[-1])
        confine(MediaLimits(**job["limits"]), parent=job["parent"])
        """
    ) + textwrap.dedent(body)
    real = subprocess.Popen

    def start(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        return real([sys.executable, "-c", script, command[-1]], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(child.subprocess, "Popen", start)


def answer(clip: Path, limits: MediaLimits) -> list[child.Message]:
    return list(child.run("frames", clip, limits, plan={}))


def test_a_decoder_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    stand_in(monkeypatch, "import threading; threading.Event().wait()")
    started = time.monotonic()
    with pytest.raises(MediaLimitError, match="longer than the 1 s allowed"):
        answer(clip, MediaLimits(wall_timeout=1))
    assert time.monotonic() - started < 15


def test_a_decoder_that_never_ends_runs_out_of_cpu_time(monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    stand_in(monkeypatch, "while True: pass")
    with pytest.raises(MediaLimitError, match="1 s of CPU time"):
        answer(clip, MediaLimits(max_cpu_seconds=1, wall_timeout=120))


def test_a_decoder_that_crashes_is_the_videos_fault(monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    stand_in(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(DamagedMediaError, match="SIGSEGV"):
        answer(clip, MediaLimits())


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_decoder_that_is_stopped_from_outside_is_worth_another_try(
    monkeypatch: pytest.MonkeyPatch, clip: Path, name: str
) -> None:
    stand_in(monkeypatch, f"import os, signal; os.kill(os.getpid(), signal.{name})")
    with pytest.raises(TransientError, match=f"{name}.*want of memory"):
        answer(clip, MediaLimits())


def test_a_decoder_that_lies_about_sizes_is_not_believed(monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    stand_in(
        monkeypatch,
        """
        from kadr.media.wire import HEADER
        sys.stdout.buffer.write(HEADER.pack(10, 2**60))
        sys.stdout.buffer.flush()
        """,
    )
    with pytest.raises(DamagedMediaError, match="nonsense"):
        answer(clip, MediaLimits())


def test_our_own_mistakes_are_not_blamed_on_the_video(monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    stand_in(monkeypatch, "raise ImportError('no module named av')")
    with pytest.raises(RuntimeError, match="no module named av"):
        answer(clip, MediaLimits())


def test_what_the_decoder_cannot_do(monkeypatch: pytest.MonkeyPatch, clip: Path, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very secret")
    stand_in(
        monkeypatch,
        f"""
        import os, resource
        def refused(action):
            try:
                action()
            except (OSError, MemoryError) as error:
                return type(error).__name__
            return ""
        def write():
            with open({str(tmp_path / "written")!r}, "w") as file:
                file.write("something")
        facts = {{
            "kind": "facts",
            "environment": sorted(os.environ),
            "write": refused(write),
            "memory": refused(lambda: bytearray(400 << 20)),
            "core": resource.getrlimit(resource.RLIMIT_CORE)[1],
            "stdin": os.readlink("/proc/self/fd/0"),
            "nice": os.nice(0),
        }}
        write_message(sys.stdout.buffer, facts)
        write_message(sys.stdout.buffer, {{"kind": "end"}})
        """,
    )
    ((facts, _),) = answer(clip, MediaLimits(max_memory=300 << 20))
    assert not [name for name in facts["environment"] if "AWS" in name or "SECRET" in name]
    assert facts["write"]
    assert facts["memory"] == "MemoryError"
    assert facts["core"] == 0
    assert facts["stdin"] == os.devnull
    assert facts["nice"] > 0


def test_the_job_is_all_that_the_decoder_is_told(clip: Path) -> None:
    iteration = sample_frames(clip, FramePlan(every=0.05, max_side=None))
    next(iteration)
    (pid,) = decoders(os.getpid())
    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    iteration.close()
    job = json.loads(command[command.index(b"kadr.media.worker") + 1])
    assert set(job) == {"kind", "path", "limits", "parent", "plan"}
