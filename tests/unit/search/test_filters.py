"""What the filters of an address mean."""

from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from functions.search.parameters import filters
from kadr.ports.search import Where


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()

    @app.get("/")
    def read(where: Annotated[Where, Depends(filters)]) -> list[str]:
        return [f"{where.after:%Y-%m-%d %H:%M %z}" if where.after else "", str(where.before or "")]

    return TestClient(app)


@pytest.mark.parametrize(
    ("after", "since"),
    [
        ("2026-01-31", "2026-01-31 00:00 +0000"),
        ("2026-03-01T12:00:00", "2026-03-01 12:00 +0000"),
        ("2026-03-01T12:00:00+03:00", "2026-03-01 12:00 +0300"),
        ("2026-03-01T00:00:00+03:00", "2026-03-01 00:00 +0300"),  # a midnight is somebody's
    ],
)
def test_a_day_or_a_time_in_its_zone(client: TestClient, after: str, since: str) -> None:
    answer = client.get("/", params={"after": after})
    assert answer.json()[0] == since


@pytest.mark.parametrize("number", ["20260131", "2026", "-1.5"])
def test_a_number_is_no_time(client: TestClient, number: str) -> None:
    answer = client.get("/", params={"before": number})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"].startswith("a number is no day or time: write it as 2026-01-31")


def test_what_is_no_time_is_refused(client: TestClient) -> None:
    assert client.get("/", params={"after": "yesterday"}).status_code == 422
