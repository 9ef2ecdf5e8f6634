"""The local stack's Qdrant, started by a test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from qdrant_client import QdrantClient


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LocalQdrant:
    """The server, as the stack starts it: a process of its own."""

    def __init__(self, folder: Path, api_key: str | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", "kadr_local.qdrant_server", "--path", str(folder)]
        self._command += ["--port", str(self.port)]
        if api_key:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "key").write_text(api_key + "\n")
            self._command += ["--api-key-file", str(folder / "key")]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                continue
        raise AssertionError("the local Qdrant did not start")

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self._process is not None
        os.kill(self._process.pid, how)
        return self._process.wait(20)

    def client(self, **options: Any) -> QdrantClient:
        from qdrant_client import QdrantClient

        return QdrantClient(url=self.url, prefer_grpc=False, check_compatibility=False, **options)
