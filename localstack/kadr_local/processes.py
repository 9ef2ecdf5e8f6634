"""Processes that outlive the command that started them: pid files, logs, starting, stopping."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from kadr_local.errors import PortTakenError, ServiceError

HOST = "127.0.0.1"
POLL = 0.05  # seconds between two looks at something that is about to happen
LARGEST_LOG = 5_000_000  # bytes; a larger one is set aside at the next start
LINGER = 1.0  # seconds that a port may stay bound after the end of the process that listened on it
OTHERS = 0o077  # what users other than the owner may not do to our files: anything
STOP_PATIENCE = 15.0  # seconds between asking a process to end and killing it


@dataclass(frozen=True, slots=True)
class Service:
    """How one service is started, asked, and stopped."""

    name: str
    port: int
    command: Sequence[str]
    ready: Callable[[], bool]  # whether it answers; must not raise
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None


class Processes:
    """The pid files and logs below one folder."""

    def __init__(self, root: Path) -> None:
        self.run = root / "run"
        self.logs = root / "logs"

    def find(self, name: str) -> psutil.Process | None:
        """Return the running process that was started under ``name``."""
        return _read(self.run / f"{name}.pid")

    def port(self, name: str) -> int | None:
        """Return the port on which a service was started."""
        try:
            port: int | None = json.loads((self.run / f"{name}.pid").read_text(encoding="utf-8"))["port"]
        except (OSError, ValueError, KeyError):
            return None
        return port

    def log(self, name: str) -> Path:
        """Return the log of a service."""
        return self.logs / f"{name}.log"

    def start(self, service: Service, *, patience: float) -> psutil.Process:
        """Start a service, detached, and wait until it answers.

        Raises:
            PortTakenError: something else listens on its port.
            ServiceError: it ended, or did not answer within ``patience`` seconds.
        """
        check_port(service.name, service.port)
        self.run.mkdir(parents=True, exist_ok=True)
        log = self.log(service.name)
        set_aside(log)
        with open(log, "ab", opener=_privately) as output:
            child = subprocess.Popen(
                list(service.command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(service.environment),
                cwd=service.folder,
                user=service.user,
                umask=OTHERS,
                start_new_session=True,
            )
        process = psutil.Process(child.pid)
        write_pid(self.run / f"{service.name}.pid", process, service.port)
        deadline = time.monotonic() + patience
        while not service.ready():
            code = child.poll()
            if code is not None:
                self.forget(service.name)
                raise ServiceError(f"{service.name} ended with code {code} at its start. {_end_of(log)}")
            if time.monotonic() > deadline:
                self.stop(service.name)
                raise ServiceError(
                    f"{service.name} did not answer on port {service.port} within {patience:.0f} s. "
                    f"{_end_of(log)}"
                )
            time.sleep(POLL)
        return process

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> bool:
        """Stop a service and what it has started; return whether it was running."""
        process = self.find(name)
        if process is not None:
            end(process, how)
        self.forget(name)
        return process is not None

    def forget(self, name: str) -> None:
        """Remove the pid file."""
        (self.run / f"{name}.pid").unlink(missing_ok=True)


def close_to_others(folder: Path) -> None:
    """Make a folder, or take one that is there, that no other user can look into.

    Files that lie in one which was open until now are closed too.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    mode = folder.stat().st_mode
    if not mode & OTHERS:
        return
    for inside, folders, files in os.walk(folder):
        for path in (Path(inside, name) for name in (*folders, *files)):
            with suppress(FileNotFoundError):  # a service that runs has deleted it
                if not path.is_symlink():
                    path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)
    folder.chmod(stat.S_IMODE(mode) & ~OTHERS)


def _privately(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def write_pid(path: Path, process: psutil.Process, port: int | None = None) -> None:
    """Remember a process; its start time tells it from a later one with the same number."""
    known = {"pid": process.pid, "started": process.create_time(), "port": port}
    path.write_text(json.dumps(known), encoding="utf-8")


def end_all(folder: Path) -> int:
    """End every process that has a pid file in ``folder``; return how many there were."""
    found = [process for path in folder.glob("*.pid") if (process := _read(path)) is not None]
    for process in list(found):
        with suppress(psutil.NoSuchProcess):
            found += process.children(recursive=True)
    _end_together(found)
    for path in folder.glob("*.pid"):
        path.unlink(missing_ok=True)
    return len(found)


def running(folder: Path) -> int:
    """Return how many processes with a pid file in ``folder`` run; remove the files of the others."""
    count = 0
    for path in folder.glob("*.pid"):
        if _read(path) is None:
            path.unlink(missing_ok=True)
        else:
            count += 1
    return count


def _read(path: Path) -> psutil.Process | None:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        process = psutil.Process(known["pid"])
        alive = _alive(process)
        # psutil computes the start time from the machine's boot time, which is not stable to the last digit
        return process if alive and abs(process.create_time() - known["started"]) < 2 else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def end(process: psutil.Process, how: signal.Signals = signal.SIGTERM) -> None:
    """Ask a process to end, wait, kill it; then the same for what it leaves behind."""
    with suppress(psutil.NoSuchProcess):
        children = process.children(recursive=True)
        process.send_signal(how)
        if not _wait([process], STOP_PATIENCE):
            process.kill()
            _wait([process], STOP_PATIENCE)
        _end_together(children)


def _end_together(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    if not _wait(processes, 2):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        _wait(processes, 2)


def _wait(processes: list[psutil.Process], patience: float) -> bool:
    """Wait until all have ended; return whether they have."""
    deadline = time.monotonic() + patience
    while any(map(_alive, processes)):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


def _alive(process: psutil.Process) -> bool:
    """Return whether a process runs; one that has ended and is not collected by its parent does not."""
    try:
        if process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return process.is_running()
        process.wait(0)  # collects it if it is our own child
    except psutil.Error:
        pass
    return False


def listening(port: int) -> bool:
    """Return whether something accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def check_port(service: str, port: int) -> None:
    """Raise PortTakenError if ``port`` cannot be listened on."""
    deadline = time.monotonic() + LINGER
    while not _free(port):
        owner = _owner(port)
        if owner is not None or time.monotonic() > deadline:
            raise PortTakenError(service, port, owner)
        time.sleep(POLL)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _owner(port: int) -> str | None:
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
                and connection.pid
            ):
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return None


def set_aside(log: Path) -> None:
    """Rename a log that has become large."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_name(log.name + ".1"))


_BLOCK = 16_384  # bytes


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last lines of a file, without reading all of it."""
    try:
        with path.open("rb") as file:
            start, text = file.seek(0, 2), b""
            while start > 0 and text.count(b"\n") <= count:  # one more, which ends the line before
                step = min(start, _BLOCK)
                start -= step
                file.seek(start)
                text = file.read(step) + text
    except FileNotFoundError:
        return []
    return text.decode(errors="replace").splitlines()[-count:]


def _end_of(log: Path) -> str:
    lines = last_lines(log, 8)
    return f"The end of its log ({log}):\n" + "\n".join(f"  {line}" for line in lines)
