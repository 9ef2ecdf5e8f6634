"""Both shapes of S3 events, as AWS writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kadr.core.errors import InvalidMessageError
from kadr.events import ObjectCreated, ObjectRemoved
from kadr.runtime.s3_events import parse


def eventbridge(kind: str, key: str, **extra: Any) -> str:
    return json.dumps(
        {
            "version": "0",
            "source": "aws.s3",
            "detail-type": kind,
            "detail": {"bucket": {"name": "media"}, "object": {"key": key, **extra}},
        }
    )


def notification(name: str, *keys: str) -> str:
    return json.dumps(
        {
            "Records": [
                {"eventName": name, "s3": {"bucket": {"name": "media"}, "object": {"key": key, "eTag": "e"}}}
                for key in keys
            ]
        }
    )


@pytest.mark.parametrize("key", ["a b.mp4", "a+b.mp4", "100%25.mp4", "борщ 🍲.mp4"])
def test_eventbridge_keys_are_taken_as_they_are(key: str) -> None:
    assert parse(eventbridge("Object Created", key))[0].key == key


@pytest.mark.parametrize(
    ("encoded", "key"),
    [("a+b.mp4", "a b.mp4"), ("a%2Bb.mp4", "a+b.mp4"), ("%D0%B1%D0%BE%D1%80%D1%89.mp4", "борщ.mp4")],
)
def test_notification_keys_are_decoded(encoded: str, key: str) -> None:
    assert parse(notification("ObjectCreated:Put", encoded))[0].key == key


def test_kinds_are_told_apart() -> None:
    assert isinstance(parse(eventbridge("Object Created", "a"))[0], ObjectCreated)
    assert isinstance(parse(eventbridge("Object Deleted", "a"))[0], ObjectRemoved)
    assert isinstance(parse(notification("s3:ObjectCreated:CompleteMultipartUpload", "a"))[0], ObjectCreated)
    assert isinstance(parse(notification("ObjectRemoved:DeleteMarkerCreated", "a"))[0], ObjectRemoved)


def test_one_notification_may_name_several_objects() -> None:
    assert [message.key for message in parse(notification("ObjectCreated:Put", "a", "b"))] == ["a", "b"]


def test_the_test_event_means_nothing() -> None:
    assert parse('{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"media"}') == []


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", "{}", '{"source": "aws.s3"}', '{"Records": [{}]}', '{"Records": [null]}',
     eventbridge("Object Restore Completed", "a"), eventbridge("Object Created", "")],
)  # fmt: skip
def test_anything_else_is_refused_in_words(body: str) -> None:
    with pytest.raises(InvalidMessageError):
        parse(body)
