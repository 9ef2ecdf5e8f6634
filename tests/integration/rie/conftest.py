"""Handlers under the Lambda runtime interface emulator: Lambda's own front end, without Docker."""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from tests.needs import lacking

ROOT = Path(__file__).parents[3]
EVENTS = ROOT / "tests" / "events"
TOOLS = ROOT / ".kadr" / "tools" / "sam"


@dataclass
class Function:
    """A function that is running."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def invoke(self, event: Any) -> Any:
        """Send one event as Lambda would, and return what the handler answered."""
        request = urllib.request.Request(
            f"{self.url}/2015-03-31/functions/function/invocations", data=json.dumps(event).encode()
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())

    def said(self) -> str:
        """Return what the function has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def event(name: str) -> Any:
    """Return one of tests/events."""
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def free_port() -> int:
    """Return a loopback port on which nobody listens."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str, function: Function) -> None:
    """Return when the emulator listens; it starts the handler at the first event."""
    host, port = address.split(":")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if function.process.poll() is not None:
            break
        with closing(socket.socket()) as client:
            if client.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.02)
    pytest.fail(f"the emulator did not start:\n{function.said()}")


@pytest.fixture(scope="session")
def emulator() -> Path:
    """The emulator's binary, out of the SAM command line."""
    kind = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
    found = list(TOOLS.glob(f"lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{kind}"))
    if not found:
        lacking("the runtime interface emulator is not here: run scripts/sam.sh")
    return found[0]


@pytest.fixture
def start(emulator: Path, tmp_path: Path) -> Iterator[Callable[[str], Function]]:
    """Start functions by name; they end with the test."""
    running: list[tuple[subprocess.Popen[bytes], IO[bytes]]] = []

    def begin(name: str) -> Function:
        # every address is one at which nobody is, and the path is Lambda's: the code, nothing else
        nobody = f"http://127.0.0.1:{free_port()}"
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_ENDPOINT_URL": nobody,
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_LAMBDA_FUNCTION_NAME": f"kadr-test-{name}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
            "POWERTOOLS_SERVICE_NAME": name,
            "POWERTOOLS_METRICS_NAMESPACE": "Kadr",
            "KADR_MEDIA_BUCKET": "kadr-media-example",
            "KADR_DERIVED_BUCKET": "kadr-derived-example",
            "KADR_ASSEMBLE_QUEUE_URL": f"{nobody}/123456789012/kadr-dev-assemble",
            "KADR_MODELS_DIR": str(tmp_path / "models"),
            "KADR_QDRANT_URL": nobody,
            "KADR_QDRANT_TIMEOUT": "1",
            "KADR_POSTGRES_HOST": "127.0.0.1",
            "KADR_POSTGRES_PORT": str(free_port()),
            "KADR_POSTGRES_SSLMODE": "disable",
            "KADR_POSTGRES_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kadr-AbCdEf",
        }
        address, runtime = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        log = tmp_path / f"{name}.log"
        file = log.open("wb")
        process = subprocess.Popen(
            [
                emulator,
                "--runtime-interface-emulator-address",
                address,
                "--runtime-api-address",
                runtime,
                sys.executable,
                "-m",
                "awslambdaric",
                f"functions.{name}.handler.handler",
            ],
            cwd=ROOT,
            env=variables,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # the emulator starts the handler: both have to end
        )
        running.append((process, file))
        function = Function(process, f"http://{address}", log)
        wait_for(address, function)
        return function

    yield begin
    for process, file in running:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        file.close()
