"""The events in tests/events mean what their names say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kadr.core.errors import InvalidMessageError
from kadr.events import ModalityExtracted, ObjectCreated, ObjectRemoved
from kadr.runtime import s3_events
from tests.unit.infra.templates import ROOT

EVENTS = ROOT / "tests" / "events"
HARD_KEY = "папка/кот 🐈 + собака, 100% ё (1).mp4"


def records(name: str) -> list[dict[str, Any]]:
    found = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))["Records"]
    assert isinstance(found, list)
    return found


def messages(name: str) -> list[ObjectCreated | ObjectRemoved]:
    return [message for record in records(name) for message in s3_events.parse(record["body"])]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("notification_created_put", "clips/first.mp4"),
        ("notification_created_multipart", "clips/long.mp4"),
        ("notification_created_copy", "clips/copy.mp4"),
        ("notification_created_hard_key", HARD_KEY),
        ("eventbridge_created_put", "clips/first.mp4"),
        ("eventbridge_created_post", "uploads/form.mp4"),
        ("eventbridge_created_multipart", "clips/long.mp4"),
        ("eventbridge_created_copy", "clips/copy.mp4"),
        ("eventbridge_created_hard_key", HARD_KEY),
    ],
)
def test_an_upload_is_understood_however_it_was_made(name: str, key: str) -> None:
    (message,) = messages(name)
    assert isinstance(message, ObjectCreated)
    assert (message.bucket, message.key) == ("kadr-media-example", key)
    assert message.etag
    assert message.sequencer


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("notification_removed_delete", "clips/first.mp4"),
        ("notification_removed_delete_marker", "clips/copy.mp4"),
        ("eventbridge_deleted", "clips/first.mp4"),
        ("eventbridge_deleted_delete_marker", "clips/copy.mp4"),
        ("eventbridge_deleted_lifecycle", "clips/old.mp4"),
    ],
)
def test_a_deletion_is_understood_whoever_did_it(name: str, key: str) -> None:
    (message,) = messages(name)
    assert isinstance(message, ObjectRemoved)
    assert message.key == key


def test_both_shapes_of_one_upload_are_the_same_video() -> None:
    (one,), (other,) = messages("notification_created_hard_key"), messages("eventbridge_created_hard_key")
    assert one.video_id == other.video_id


def test_an_emulators_encoded_key_is_not_decoded_unseen() -> None:
    # AWS never encodes here: a key that looks encoded may really be called so. The runner asks the bucket.
    (message,) = messages("eventbridge_created_hard_key_emulator")
    assert "%D0%BF" in message.key
    assert message.key != HARD_KEY


def test_the_test_event_that_s3_sends_first_means_nothing() -> None:
    assert messages("notification_test") == []


def test_garbage_is_refused_in_words() -> None:
    (record,) = records("garbage")
    with pytest.raises(InvalidMessageError, match="not an S3 event"):
        s3_events.parse(record["body"])


def test_what_extractors_send_is_what_assemble_reads() -> None:
    (record,) = records("modality_extracted")
    message = ModalityExtracted.model_validate_json(record["body"])
    assert (message.modality, message.generation) == ("ocr", 7)


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_queue_event_has_what_lambda_gives(path: Any) -> None:
    event = json.loads(path.read_text(encoding="utf-8"))
    if path.stem.startswith("api_"):
        assert event["version"] == "2.0"
        assert event["requestContext"]["http"]["path"] == event["rawPath"]
        return
    for record in event["Records"]:
        assert {"messageId", "receiptHandle", "body", "attributes", "eventSourceARN"} <= set(record)
        assert record["eventSource"] == "aws:sqs"
        assert int(record["attributes"]["ApproximateReceiveCount"]) == 1
