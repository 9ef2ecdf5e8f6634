"""How much memory an extractor takes, with the decoders that it starts, on 1080p with sound.

A fresh process extracts once; its whole tree is looked at every 20 ms, because decoders end early. Counted is
the proportional set size (each shared page once, spread over those who share it), where the kernel shows it,
and the resident set size of processes that it does not show.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from bench import clips, installed

MEBIBYTE = 1024 * 1024
_EVERY = 0.02  # seconds
_PAGE = 4096


def peak(name: str, seconds: int) -> float:
    """Return the most MiB that an extractor and its children had at once, for a clip of so many seconds.

    Raises:
        KadrError, ImportError: the extractor lacks weights or a package.
        RuntimeError: it failed.
    """
    clip = clips.large_clip(seconds)
    installed.prepare(name)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.memory", name, str(clip)],
        cwd=clips.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    stopped = threading.Event()
    samples: list[int] = []
    watcher = threading.Thread(target=watch, args=(process.pid, samples, stopped.wait))
    watcher.start()
    try:
        out, problems = process.communicate()
    finally:
        stopped.set()
        watcher.join()
    if process.returncode:
        raise RuntimeError(
            f"{name} failed on {clip.name}: {problems.decode(errors='replace').strip()[-300:]}"
        )
    alone = json.loads(out.splitlines()[-1])["high_water"]  # catches what fell between two looks
    return max(alone, *samples) / MEBIBYTE


def watch(pid: int, samples: list[int], stopped: Callable[[float], bool]) -> None:
    """Append the bytes of a process and its descendants to ``samples`` until ``stopped`` returns true."""
    while True:
        samples.append(sum(size(each) for each in tree(pid)))
        if stopped(_EVERY):
            return


def tree(pid: int, proc: Path = Path("/proc")) -> list[int]:
    """Return a process and all its descendants, whatever session they are in.

    A child that has not yet begun a program of its own is left out: it lives in its parent's memory.
    """
    children: dict[int, list[int]] = {}
    stacks: dict[int, int] = {}
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            # the name stands in brackets and may contain anything, brackets and blanks too
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended
            continue
        child = int(folder.name)
        children.setdefault(int(after_name[1]), []).append(child)
        # where its stack begins: random for each program that is begun, 0 where the kernel does not say
        stacks[child] = int(after_name[25])
    found, waiting = [], [pid]
    while waiting:
        each = waiting.pop()
        found.append(each)
        waiting += [
            child
            for child in children.get(each, [])
            if not stacks[child] or stacks[child] != stacks.get(each)
        ]
    return found


def size(pid: int, proc: Path = Path("/proc")) -> int:
    """Return the bytes that a process takes of the machine's memory; 0 if it has ended."""
    try:
        for line in (proc / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return int((proc / str(pid) / "statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def main() -> None:
    """Extract once, and print the process's own high-water mark."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory")
    parser.add_argument("name")
    parser.add_argument("clip", type=Path)
    arguments = parser.parse_args()
    settings = installed.settings(arguments.name)
    extraction = installed.extract(arguments.name, arguments.clip, settings)
    print(json.dumps({"high_water": high_water(), "state": extraction.state.value}))


def high_water() -> int:
    """Return the most bytes that this process had; not getrusage's, which begins with those of its parent."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024


if __name__ == "__main__":
    main()
