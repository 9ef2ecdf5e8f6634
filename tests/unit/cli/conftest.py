from __future__ import annotations

import pytest
from typer.testing import CliRunner

from kadr.cli import following, operations, videos
from kadr.cli.app import app
from kadr.cli.session import Session
from kadr.cli.target import QUEUES
from tests.unit.cli.stand import BUCKET, FakeApi, FakeS3, FakeSqs, FakeTarget, Stand


@pytest.fixture
def stand(tmp_path, monkeypatch):
    """A stack in memory and a command line that talks to it; polls do not wait."""
    for module in (following, operations, videos):
        monkeypatch.setattr(module, "POLL_EVERY", 0.0)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("KADR_STACK", raising=False)
    api = FakeApi()
    s3, sqs = FakeS3(api), FakeSqs(can_move=True)
    target = FakeTarget(
        name="kadr-test",
        api_url="http://api.test",
        media_bucket=BUCKET,
        derived_bucket="derived",
        outputs={
            name: url
            for stage in QUEUES
            for name, url in (
                (f"{stage.capitalize()}QueueUrl", f"q/{stage}"),
                (f"{stage.capitalize()}DlqUrl", f"q/{stage}-dlq"),
            )
        },
        fake_api=api,
        clients={"s3": s3, "sqs": sqs},
    )
    session = Session(root=tmp_path, stack="kadr-test", read_target=lambda root, stack: target)

    def invoke(*arguments, **more):
        return CliRunner().invoke(app, list(arguments), obj=session, **more)

    return Stand(api=api, s3=s3, sqs=sqs, target=target, invoke=invoke)
