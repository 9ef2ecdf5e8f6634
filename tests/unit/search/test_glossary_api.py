"""The glossary over HTTP: nobody changes it without a key."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from functions.search.app import create_app
from functions.search.services import services
from kadr.ports.keys import ApiKey
from tests.fakes import MemoryGlossaryStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENTRY = {"source": "Бравлик", "targets": ["brawler"], "kind": "term"}
KEYS = {
    "good": ApiKey("good", frozenset({"glossary"}), None, NOW),
    "acme": ApiKey("acme", frozenset({"glossary"}), "acme", NOW),
    "other": ApiKey("other", frozenset({"videos"}), None, NOW),
    "old": ApiKey("old", frozenset({"glossary"}), None, NOW, revoked_at=NOW),
}


class Keys:
    def find(self, key: str) -> ApiKey | None:
        return KEYS.get(key)

    def create(self, name: str, scopes: Collection[str], *, tenant: str | None = None) -> str:
        raise NotImplementedError


@pytest.fixture
def store() -> MemoryGlossaryStore:
    return MemoryGlossaryStore()


@pytest.fixture
def client(store: MemoryGlossaryStore) -> Iterator[TestClient]:
    app = create_app()
    app.dependency_overrides[services] = lambda: SimpleNamespace(
        world=SimpleNamespace(glossaries=store, keys=Keys())
    )
    with TestClient(app) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "headers", [{}, bearer(""), bearer("wrong"), bearer("old"), {"Authorization": "Basic good"}]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_without_a_valid_key_nothing_is_read_or_written(
    client: TestClient, store: MemoryGlossaryStore, headers: dict[str, str], method: str
) -> None:
    answer = client.request(
        method, "/glossary", headers=headers, params={"source": "кот"}, json={"entries": [ENTRY]}
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "unauthorised"
    assert store.versions() == {}


def test_a_key_for_something_or_somebody_else_is_refused(client: TestClient) -> None:
    assert client.get("/glossary", headers=bearer("other")).status_code == 403
    assert client.get("/glossary", headers=bearer("acme")).status_code == 403
    assert client.get("/glossary?tenant=acme", headers=bearer("acme")).status_code == 200


def test_entries_are_added_listed_and_removed(client: TestClient) -> None:
    put = client.put("/glossary", headers=bearer("good"), json={"entries": [ENTRY]})
    assert put.json() == {"tenant": "", "added": 1, "changed": 0, "removed": 0}
    put = client.put(
        "/glossary", headers={"x-api-key": "good"}, json={"entries": [ENTRY | {"targets": ["hero"]}]}
    )
    assert put.json()["changed"] == 1
    listed = client.get("/glossary", headers=bearer("good")).json()
    assert listed == {"tenant": "", "entries": [{"source": "бравлик", "targets": ["hero"], "kind": "term"}]}
    gone = client.delete("/glossary", headers=bearer("good"), params={"source": ["БРАВЛИК", "кот"]})
    assert gone.json()["removed"] == 1
    assert client.get("/glossary", headers=bearer("good")).json()["entries"] == []


def test_wrong_entries_are_all_named_and_nothing_is_changed(
    client: TestClient, store: MemoryGlossaryStore
) -> None:
    wrong = [ENTRY, {"source": "cat", "targets": ["кот"]}, ENTRY]
    answer = client.put("/glossary", headers=bearer("good"), json={"entries": wrong})
    assert answer.status_code == 422
    assert "entries.1" in answer.json()["error"]["message"]
    assert "entries.2" in answer.json()["error"]["message"]
    assert store.entries() == ()


def test_a_tenants_name_has_to_be_a_name(client: TestClient) -> None:
    assert client.get("/glossary?tenant=A%20B", headers=bearer("good")).status_code == 422


def test_the_steps_that_can_be_left_out_are_documented(client: TestClient) -> None:
    parameters = client.get("/openapi.json").json()["paths"]["/search"]["get"]["parameters"]
    skip = next(each for each in parameters if each["name"] == "skip")
    assert "spelling" in str(skip["examples"])
    refused = client.get("/search?q=кот&skip=magic")
    assert refused.status_code == 422
    assert "spelling" in refused.json()["error"]["message"]
