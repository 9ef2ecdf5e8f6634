"""Each image's handler runs as Lambda runs it, and answers in words where nothing it needs is there."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.integration.rie.conftest import Function, event

pytestmark = pytest.mark.rie

Start = Callable[[str], Function]
EXTRACTORS = ["visual", "ocr", "speech", "faces"]
QUEUED = [*EXTRACTORS, "ingest", "assemble", "purge"]


@pytest.mark.parametrize("name", [*EXTRACTORS, "ingest", "purge"])
def test_the_event_that_s3_sends_first_is_no_failure(start: Start, name: str) -> None:
    assert start(name).invoke(event("notification_test")) == {"batchItemFailures": []}


@pytest.mark.parametrize("name", QUEUED)
def test_garbage_is_handed_back_with_a_reason_and_the_function_lives_on(start: Start, name: str) -> None:
    function = start(name)
    batch = event("garbage")
    (record,) = batch["Records"]
    failed = {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}

    assert function.invoke(batch) == failed
    assert "message refused" in function.said()
    assert function.invoke(batch) == failed
    assert function.said().count("message refused") == 2


@pytest.mark.parametrize("name", ["ocr", "ingest"])
def test_only_what_failed_of_a_batch_comes_again(start: Start, name: str) -> None:
    batch = event("mixed_batch")
    answer = start(name).invoke(batch)
    assert answer == {"batchItemFailures": [{"itemIdentifier": batch["Records"][1]["messageId"]}]}


def test_an_upload_is_tried_again_while_nothing_answers(start: Start) -> None:
    function = start("ocr")
    batch = event("eventbridge_created_hard_key")
    (record,) = batch["Records"]
    assert function.invoke(batch) == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    assert "will be tried again" in function.said()


def test_search_says_how_it_is_and_what_is_missing(start: Start) -> None:
    function = start("search")
    answer = function.invoke(event("api_healthz"))
    body = json.loads(answer["body"])
    assert answer["statusCode"] in {200, 503}
    assert answer["headers"]["content-type"].startswith("application/json")
    assert "postgres" in json.dumps(body).lower()


def test_search_without_its_index_answers_in_words(start: Start) -> None:
    answer = start("search").invoke(event("api_search"))
    assert answer["statusCode"] == 503
    error = json.loads(answer["body"])["error"]
    assert error["code"] == "unavailable"
    assert "try again" in error["message"]
