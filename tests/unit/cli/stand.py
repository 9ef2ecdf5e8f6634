"""A stack that the command line can be tried on: the API behind a transport, the services in dictionaries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from botocore.exceptions import ClientError

from kadr.cli.api import Api
from kadr.cli.target import Target
from kadr.core.identity import video_id
from kadr.core.modality import Stage

BUCKET = "media"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def stage(name: str, state: str = "done", reason: str = "", *, at: int = 0, **more: Any) -> dict[str, Any]:
    """A stage as the API tells it; ``at`` seconds after the beginning."""
    return {
        "stage": name,
        "state": state,
        "reason": reason,
        "attempts": 1,
        "model_version": "m-1",
        "duration_ms": 1200,
        "cost_usd": 0.00002,
        "updated_at": (NOW + timedelta(seconds=at)).isoformat(),
        "details": {},
        **more,
    }


def video(
    key: str, *, state: str = "searchable", stages: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """A video as the API tells it; all its stages done, unless given."""
    return {
        "video_id": str(video_id(BUCKET, key)),
        "bucket": BUCKET,
        "key": key,
        "state": state,
        "duration": 9.5,
        "width": 360,
        "height": 640,
        "has_audio": True,
        "size": 250_000,
        "created_at": NOW.isoformat(),
        "updated_at": NOW.isoformat(),
        "thumbnail_url": None,
        "video_url": "http://media/x",
        "stages": [stage(name, at=9 if name == "assemble" else 0) for name in Stage]
        if stages is None
        else stages,
    }


def result(rank: int, key: str, *evidence: dict[str, Any], score: float | None = None) -> dict[str, Any]:
    """A search result as the API tells it."""
    return {
        "rank": rank,
        "score": 1 / rank if score is None else score,
        "video_id": str(video_id(BUCKET, key)),
        "bucket": BUCKET,
        "key": key,
        "duration": 9.5,
        "thumbnail_url": None,
        "video_url": "http://media/x",
        "evidence": list(evidence),
        "shares": {"ocr": 1.0},
    }


def evidence(text: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    """A piece of evidence as the API tells it."""
    return {
        "modality": "ocr", "text": text, "translation": "", "start": start, "end": end, "score": 0.9, **more
    }  # fmt: skip


def answer(text: str, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A search answer as the API tells it."""
    return {
        "query": {"original": text, "corrected": text, "translated": text, "language": "ru"},
        "results": list(results),
        "total": len(results),
        "nothing_good": False,
        "took_ms": {"total": 4.2},
        **more,
    }


@dataclass
class FakeApi:
    """What the API would say. ``script`` may change it at each request."""

    videos: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=lambda: {"stages": {}, "models": [], "videos": {}})
    requests: list[httpx.Request] = field(default_factory=list)
    script: Callable[[FakeApi], None] | None = None
    failure: httpx.Response | Exception | None = None

    def add(self, *videos: dict[str, Any]) -> None:
        """Let the stack know videos."""
        for each in videos:
            self.videos[each["video_id"]] = each

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.script is not None:
            self.script(self)
        if isinstance(self.failure, Exception):
            raise self.failure
        if self.failure is not None:
            return self.failure
        parameters = dict(request.url.params)
        match request.url.path.strip("/").split("/"):
            case ["search"]:
                return httpx.Response(200, json=self.answers[parameters["q"]])
            case ["status"]:
                return httpx.Response(200, json=self.status)
            case ["videos"]:
                found = [
                    each
                    for each in self.videos.values()
                    if each["key"].startswith(parameters.get("prefix", ""))
                    and parameters.get("state", each["state"]) == each["state"]
                ]
                offset, limit = int(parameters["offset"]), int(parameters["limit"])
                page = found[offset : offset + limit]
                return httpx.Response(200, json={"videos": page, "total": len(page)})
            case ["videos", name] if name in self.videos:
                return httpx.Response(200, json=self.videos[name])
        return httpx.Response(404, json={"error": {"code": "not_found", "message": "there is no such thing"}})


class FakeS3:
    """The calls that the command line makes of S3, over a dictionary."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self.objects: dict[str, dict[str, Any]] = {}
        self.sent: list[str] = []
        self.on_upload: Callable[[str], None] = lambda key: None
        self.on_last_byte: Callable[[str], None] = lambda key: None
        self.on_delete: Callable[[str], None] = lambda key: None
        self._seconds = 0

    def put(self, key: str, body: bytes, **metadata: str) -> None:
        """Write an object, as another program would."""
        self._seconds += 1
        self.objects[key] = {
            "ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"',
            "ContentLength": len(body),
            "LastModified": NOW + timedelta(seconds=self._seconds),
            "Metadata": metadata,
        }

    def head_bucket(self, *, Bucket: str) -> dict[str, Any]:
        return {}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")
        return self.objects[Key]

    def upload_file(
        self,
        path: str,
        bucket: str,
        key: str,
        *,
        ExtraArgs: dict[str, Any],
        Callback: Callable[[int], None],
        Config: Any,
    ) -> None:
        body = Path(path).read_bytes()
        self.on_upload(key)
        Callback(len(body))
        self.on_last_byte(key)
        self.put(key, body, **ExtraArgs["Metadata"])
        self.sent.append(key)

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        del self.objects[Key]
        self.on_delete(Key)


class FakeSqs:
    """The calls that the command line makes of SQS; ``can_move`` says whether it has move tasks."""

    def __init__(self, *, can_move: bool) -> None:
        self.queues: dict[str, list[str]] = {}
        self.can_move = can_move

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        return {
            "Attributes": {
                "QueueArn": f"arn:{QueueUrl}",
                "ApproximateNumberOfMessages": str(len(self.queues.get(QueueUrl, []))),
            }
        }

    def start_message_move_task(self, *, SourceArn: str) -> dict[str, Any]:
        if not self.can_move:
            raise ClientError({"Error": {"Code": "InvalidAction", "Message": "?"}}, "StartMessageMoveTask")
        dead = SourceArn.removeprefix("arn:")
        self._moved = self.queues.pop(dead, [])
        self.queues.setdefault(dead.replace("-dlq", ""), []).extend(self._moved)
        return {}

    def list_message_move_tasks(self, *, SourceArn: str, MaxResults: int) -> dict[str, Any]:
        return {"Results": [{"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": len(self._moved)}]}

    def receive_message(self, *, QueueUrl: str, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:
        found = self.queues.get(QueueUrl, [])[:MaxNumberOfMessages]
        return {"Messages": [{"Body": body, "ReceiptHandle": body} for body in found]}

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: Any) -> None:
        self.queues.setdefault(QueueUrl, []).append(MessageBody)

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        self.queues[QueueUrl].remove(ReceiptHandle)


@dataclass(frozen=True)
class FakeTarget(Target):
    """A target whose clients are the fakes."""

    fake_api: FakeApi = field(default_factory=FakeApi)
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self.clients[service]

    def api(self) -> Api:
        return Api(
            self.api_url, hint="Start it with `kadr up`.", transport=httpx.MockTransport(self.fake_api)
        )


@dataclass
class Stand:
    """The stack, and the command line on it."""

    api: FakeApi
    s3: FakeS3
    sqs: FakeSqs
    target: FakeTarget
    invoke: Callable[..., Any]

    def json(self, *arguments: str) -> Any:
        """Run a command and return what it printed, which must be JSON and nothing else."""
        result = self.invoke(*arguments)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def id(self, key: str) -> UUID:
        """The id of the video at a key."""
        return video_id(BUCKET, key)
