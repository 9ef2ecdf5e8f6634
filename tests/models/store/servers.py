"""Places to pull from, on this machine: a hub, a plain web server, S3."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What huggingface_hub asks of a hub, for one repository; ``requests`` are what was asked."""

    repository: str
    files: dict[str, bytes]
    listed_checksums: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler, *, body: bool) -> None:
        """Answer one request."""
        path = urllib.request.unquote(handler.path.partition("?")[0])
        self.requests.append(f"{handler.command} {path}")
        if match := re.fullmatch(rf"/api/models/{self.repository}/revision/(.+)", path):
            if match[1] not in ("main", COMMIT):
                self._refuse(handler, "RevisionNotFound")
            else:
                _send(handler, json.dumps(self._description()).encode(), {"Content-Type": "application/json"})
            return
        match = re.fullmatch(rf"/{self.repository}/resolve/{COMMIT}/(.+)", path)
        if match is None or match[1] not in self.files:
            self._refuse(handler, "EntryNotFound" if match else "RepoNotFound")
            return
        content = self.files[match[1]]
        digest = hashlib.sha256(content).hexdigest()
        _send(handler, content, {"ETag": f'"{digest}"', "X-Repo-Commit": COMMIT}, body=body)

    def _description(self) -> dict[str, Any]:
        siblings = []
        for name, content in self.files.items():
            sibling: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": "0" * 40}
            if name.endswith((".safetensors", ".bin")):
                digest = self.listed_checksums.get(name, hashlib.sha256(content).hexdigest())
                sibling["lfs"] = {"size": len(content), "sha256": digest, "pointerSize": 130}
            siblings.append(sibling)
        return {"id": self.repository, "modelId": self.repository, "sha": COMMIT, "siblings": siblings,
                "private": False, "tags": [], "downloads": 0, "likes": 0}  # fmt: skip

    def _refuse(self, handler: BaseHTTPRequestHandler, code: str) -> None:
        handler.send_response(404)
        handler.send_header("X-Error-Code", code)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@contextmanager
def hub(repository: str, files: dict[str, bytes]) -> Iterator[Hub]:
    """A hub that has one repository."""
    found = Hub(repository, files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.answer(self, body=True)

        def do_HEAD(self) -> None:
            found.answer(self, body=False)

        def log_message(self, *_: object) -> None:
            pass

    with _serving(Handler) as url:
        found.url = url
        yield found


@contextmanager
def web(files: dict[str, bytes]) -> Iterator[str]:
    """A web server with files; what is not among them is not found."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path.strip("/"))
            if content is None:
                self.send_error(404)
            else:
                _send(self, content, {})

        def log_message(self, *_: object) -> None:
            pass

    with _serving(Handler) as url:
        yield url


@contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """The emulator's S3, in a process of its own."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "SERVICES": "s3",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "S3_DATA_DIR": str(folder / "s3"),
        "STATE_DIR": str(folder / "state"),
    }
    command = [
        sys.executable,
        "-m",
        "kadr_local.ministack_server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 120
        while not _answers(f"{url}/_ministack/health"):
            assert process.poll() is None, (folder / "ministack.log").read_text()
            assert time.monotonic() < deadline, "MiniStack did not answer"
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _send(
    handler: BaseHTTPRequestHandler, content: bytes, headers: dict[str, str], *, body: bool = True
) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    if body:
        handler.wfile.write(content)


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
