"""The shapes in which AWS says that something happened to an object.

Two of them arrive in a queue: EventBridge's envelope (how ``infra/media.yaml`` is wired) and the bucket's own
notification (how an existing bucket may be wired). They differ in one trap: a notification's key is
URL-encoded, EventBridge's is not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from pydantic import ValidationError

from kadr.core.errors import InvalidMessageError
from kadr.events import ObjectCreated, ObjectRemoved

ObjectMessage = ObjectCreated | ObjectRemoved


def parse(body: str) -> list[ObjectMessage]:
    """Return what a queue message says; nothing for S3's test event.

    Raises:
        InvalidMessageError: it is of neither shape.
    """
    try:
        event = json.loads(body)
        if not isinstance(event, dict):
            raise InvalidMessageError("the message is not a JSON object")
        if event.get("Event") == "s3:TestEvent":
            return []
        if event.get("source") == "aws.s3":
            return [_from_eventbridge(event)]
        if isinstance(event.get("Records"), list):
            return [_from_notification(record) for record in event["Records"]]
    except (json.JSONDecodeError, ValidationError, KeyError, TypeError, AttributeError) as error:
        raise InvalidMessageError(f"the message is not an S3 event: {error!r}") from error
    raise InvalidMessageError("the message is neither an EventBridge event of S3 nor a bucket notification")


def created(bucket: str, key: str) -> str:
    """Return a queue message that says of an object what an upload would say; read by :func:`parse`."""
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key}},
    }
    return json.dumps(event)


def _from_eventbridge(event: Mapping[str, Any]) -> ObjectMessage:
    kinds: dict[str, type[ObjectMessage]] = {
        "Object Created": ObjectCreated,
        "Object Deleted": ObjectRemoved,
    }
    detail = event["detail"]
    kind = kinds.get(event["detail-type"])
    if kind is None:
        raise InvalidMessageError(f"S3 event {event['detail-type']!r} means nothing here")
    return _message(kind, detail["bucket"]["name"], detail["object"]["key"], detail["object"], "version-id")


def _from_notification(record: Mapping[str, Any]) -> ObjectMessage:
    name: str = record["eventName"].removeprefix("s3:")
    described = record["s3"]["object"]
    kind: type[ObjectMessage]
    if name.startswith("ObjectCreated:"):
        kind = ObjectCreated
    elif name.startswith(("ObjectRemoved:", "LifecycleExpiration:")):
        kind = ObjectRemoved
    else:
        raise InvalidMessageError(f"S3 event {name!r} means nothing here")
    key = unquote_plus(described["key"])
    return _message(kind, record["s3"]["bucket"]["name"], key, described, "versionId")


def _message(
    kind: type[ObjectMessage], bucket: str, key: str, described: Mapping[str, Any], version_field: str
) -> ObjectMessage:
    return kind(
        bucket=bucket,
        key=key,
        version_id=described.get(version_field) or None,
        etag=described.get("etag") or described.get("eTag"),
        sequencer=described.get("sequencer"),
    )
