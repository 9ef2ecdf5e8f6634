"""Spoken queries: what is refused before anything is decoded."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from mangum import Mangum

from functions.search.app import create_app
from functions.search.speech_query import CONTENT_TYPES, PATH, SpeechQueries, speech_queries
from kadr.core.throttle import TokenBuckets
from kadr.runtime.settings import SearchSettings

ROOT = Path(__file__).parents[3]
EVENT = ROOT / "tests" / "events" / "api_speech_query.json"


@pytest.fixture
def queries(tmp_path: Path) -> SpeechQueries:
    """Without any weights."""
    settings = SearchSettings(
        postgres_host="nowhere.invalid",
        postgres_secret_arn="arn:none",
        qdrant_url="http://nowhere.invalid",
        media_bucket="media",
        derived_bucket="derived",
        models_dir=tmp_path,
    )
    return SpeechQueries(settings, buckets=TokenBuckets(1, 3, clock=lambda: 0.0))


@pytest.fixture
def client(queries: SpeechQueries) -> Iterator[TestClient]:
    app = create_app()
    app.dependency_overrides[speech_queries] = lambda: queries
    with TestClient(app) as client:
        yield client


def send(client: TestClient, body: bytes | Iterator[bytes], kind: str = "audio/webm") -> tuple[int, str, str]:
    answer = client.post(PATH, content=body, headers={"Content-Type": kind} if kind else {})
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


def test_without_weights_it_says_so(client: TestClient) -> None:
    status, code, message = send(client, b"sound")
    assert (status, code) == (503, "unavailable")
    assert "weights not installed" in message


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "video/webm", "multipart/form-data; boundary=x", "audio/midi"]
)
def test_what_does_not_call_itself_sound_is_not_read(client: TestClient, kind: str) -> None:
    status, code, message = send(client, b"sound", kind)
    assert (status, code) == (415, "not_sound")
    assert "WebM" in message


def test_an_empty_body_is_refused(client: TestClient) -> None:
    assert send(client, b"")[:2] == (422, "empty")


def test_a_body_that_is_too_large_is_refused(client: TestClient, queries: SpeechQueries) -> None:
    status, code, message = send(client, bytes(queries.rules.max_bytes + 1))
    assert (status, code) == (413, "too_large")
    assert "1 000 000 bytes" in message
    assert send(client, iter([bytes(queries.rules.max_bytes), b"x"]))[0] == 413  # without Content-Length


def test_who_asks_too_often_is_told_when_to_come_back(client: TestClient) -> None:
    assert [send(client, b"")[0] for _ in range(4)] == [422, 422, 422, 429]
    answer = client.post(PATH, content=b"sound", headers={"Content-Type": "audio/webm"})
    assert answer.json()["error"]["code"] == "too_many"
    assert answer.headers["Retry-After"] == "60"


@pytest.fixture
def invoke(client: TestClient) -> Callable[[str, bytes], tuple[int, dict]]:
    """Give the application an event of API Gateway from an address, as Lambda does."""
    handler = Mangum(client.app, lifespan="off")  # as functions/search/handler.py

    def invoke(address: str, body: bytes) -> tuple[int, dict]:
        event = json.loads(EVENT.read_text(encoding="utf-8"))
        event["requestContext"]["http"]["sourceIp"] = address
        event["headers"]["content-length"] = str(len(body))
        event["body"] = base64.b64encode(body).decode()
        answer = handler(event, None)
        return answer["statusCode"], json.loads(answer["body"])

    return invoke


def test_behind_api_gateway_each_address_has_its_own_limit(
    invoke: Callable[[str, bytes], tuple[int, dict]],
) -> None:
    assert [invoke("203.0.113.7", b"")[0] for _ in range(4)] == [422, 422, 422, 429]
    assert invoke("203.0.113.8", b"")[0] == 422
    # A subscriber has a whole /64 of IPv6.
    answers = [invoke(f"2001:db8::{host}", b"")[0] for host in range(4)]
    assert answers == [422, 422, 422, 429]


def test_a_header_does_not_make_another_client(client: TestClient) -> None:
    headers = {"Content-Type": "audio/webm"}
    answers = [
        client.post(PATH, content=b"", headers=headers | {"X-Forwarded-For": f"203.0.113.{n}"}).status_code
        for n in range(4)
    ]
    assert answers[-1] == 429


def test_a_body_of_the_largest_size_fits_into_what_lambda_takes(queries: SpeechQueries) -> None:
    # A synchronous invocation carries 6 MB, and the body in base64.
    assert len(base64.b64encode(bytes(queries.rules.max_bytes))) < 6e6 / 2


def test_the_types_are_documented(client: TestClient) -> None:
    route = client.get("/openapi.json").json()["paths"][PATH]["post"]
    assert set(route["requestBody"]["content"]) == set(CONTENT_TYPES)
    assert {"200", "413", "415", "422", "429", "503"} <= set(route["responses"])


def test_search_starts_without_what_only_spoken_queries_need() -> None:
    heavy = ("av", "faster_whisper", "ctranslate2", "onnxruntime")
    program = f"import sys, functions.search.handler; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stderr
