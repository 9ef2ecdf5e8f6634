"""Pictures as queries: what is refused before anything is decoded."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from mangum import Mangum

from functions.search.app import create_app
from functions.search.image_query import CLIPS, PATH, PICTURES, ImageQueries, image_queries
from functions.search.services import Services, services
from kadr.core.throttle import TokenBuckets
from kadr.runtime.settings import SearchSettings

EVENT = Path(__file__).parents[2] / "events" / "api_speech_query.json"
# What Lambda takes in one synchronous call: the event, in which the body is in base64.
PAYLOAD = 6_000_000


@pytest.fixture
def settings(tmp_path: Path) -> SearchSettings:
    """Without any weights."""
    return SearchSettings(
        postgres_host="nowhere.invalid",
        postgres_secret_arn="arn:none",
        qdrant_url="http://nowhere.invalid",
        media_bucket="media",
        derived_bucket="derived",
        models_dir=tmp_path,
    )


@pytest.fixture
def queries(settings: SearchSettings) -> ImageQueries:
    return ImageQueries(settings, buckets=TokenBuckets(1, 3, clock=lambda: 0.0))


@pytest.fixture
def client(settings: SearchSettings, queries: ImageQueries) -> Iterator[TestClient]:
    app = create_app()
    app.dependency_overrides[services] = lambda: Services(settings)
    app.dependency_overrides[image_queries] = lambda: queries
    with TestClient(app) as client:
        yield client


def send(
    client: TestClient, body: bytes | Iterator[bytes], kind: str = "image/jpeg", query: str = ""
) -> tuple[int, str, str]:
    answer = client.post(PATH + query, content=body, headers={"Content-Type": kind} if kind else {})
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


def test_without_weights_it_says_so(client):
    status, code, message = send(client, b"picture")
    assert (status, code) == (503, "unavailable")
    assert "weights not installed: visual" in message


@pytest.mark.parametrize("kind", ["", "text/html", "image/svg+xml", "image/heic", "multipart/form-data"])
def test_what_does_not_call_itself_a_picture_is_not_read(client, kind):
    status, code, message = send(client, b"picture", kind)
    assert (status, code) == (415, "not_an_image")
    assert "JPEG" in message


def test_an_address_is_not_fetched(client):
    assert send(client, b"https://example.com/cat.jpg", "text/uri-list")[:2] == (415, "not_an_image")


def test_an_empty_body_is_refused(client):
    assert send(client, b"")[:2] == (422, "empty")


def test_a_body_that_is_too_large_is_refused(client, queries):
    status, code, message = send(client, bytes(queries.rules.max_bytes + 1))
    assert (status, code) == (413, "too_large")
    assert "4 000 000 bytes" in message
    assert send(client, iter([bytes(queries.rules.max_bytes), b"x"]))[0] == 413  # without Content-Length


def test_who_asks_too_often_is_told_when_to_come_back(client):
    assert [send(client, b"")[0] for _ in range(4)] == [422, 422, 422, 429]


def test_filters_are_checked_here_too(client):
    status, code, message = send(client, b"picture", query="?min_duration=60&max_duration=5")
    assert (status, code) == (422, "invalid")
    assert "min_duration" in message


def test_the_largest_picture_fits_into_what_lambda_takes(settings, queries):
    assert len(base64.b64encode(bytes(queries.rules.max_bytes))) + len(EVENT.read_text()) < PAYLOAD
    most = type(settings).model_fields["image_query_max_bytes"].metadata
    assert max(each.le for each in most if hasattr(each, "le")) * 4 / 3 < PAYLOAD


@pytest.mark.parametrize("kind", [*PICTURES, *CLIPS])
def test_the_gateways_base64_arrives_as_bytes(client, kind):
    event = json.loads(EVENT.read_text())
    event |= {"rawPath": PATH, "body": base64.b64encode(b"\xff\xd8\xff").decode(), "isBase64Encoded": True}
    event["headers"] |= {"content-type": kind, "content-length": "3"}
    event["requestContext"]["http"] |= {"path": PATH}
    answer = Mangum(client.app, lifespan="off")(event, None)
    assert answer["statusCode"] == 503  # it was read, and there is no CLIP
    assert json.loads(answer["body"])["error"]["code"] == "unavailable"
