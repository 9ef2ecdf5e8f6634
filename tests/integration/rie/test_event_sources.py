"""From a real queue to a handler under the emulator, and nothing lost in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from socket import socket
from typing import Any

import pytest

from tests.integration.rie.conftest import ROOT, Function, event, free_port

pytestmark = [pytest.mark.rie, pytest.mark.local]

KEYS = {
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[str]:
    """An SQS of the test's own; returns its address."""
    pytest.importorskip("ministack")
    port = free_port()
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_PORT": str(free_port()),
    }
    with (tmp_path / "aws.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            cwd=tmp_path,
            env=variables,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

        def listens() -> bool:
            with closing(socket()) as client:
                return client.connect_ex(("127.0.0.1", port)) == 0

        wait(listens)
        yield f"http://127.0.0.1:{port}"
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


def wait(until: Callable[[], object], seconds: float = 60) -> None:
    """Return when ``until`` is true."""
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def test_good_messages_end_and_bad_ones_die_in_the_dead_letter_queue(
    aws: str, start: Callable[[str], Function]
) -> None:
    import boto3

    sqs: Any = boto3.client(
        "sqs",
        endpoint_url=aws,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    dead = sqs.create_queue(QueueName="purge-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    queue = sqs.create_queue(
        QueueName="purge",
        Attributes={
            "VisibilityTimeout": "1",
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2}),
        },
    )["QueueUrl"]

    def count(url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(
            map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())
        )

    for name in ("notification_test", "garbage"):
        (record,) = event(name)["Records"]
        sqs.send_message(QueueUrl=queue, MessageBody=record["body"])
    function = start("purge")
    pump = subprocess.Popen(
        [sys.executable, ROOT / "localstack" / "event_sources.py", f"purge={function.url}"],
        env={"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": aws, **KEYS},
    )
    try:
        wait(lambda: count(dead) == 1 and count(queue) == 0)
    finally:
        pump.terminate()
        pump.wait(timeout=10)
    (left,) = sqs.receive_message(QueueUrl=dead)["Messages"]
    assert left["Body"] == event("garbage")["Records"][0]["body"]
    assert function.said().count("message refused") == 2
