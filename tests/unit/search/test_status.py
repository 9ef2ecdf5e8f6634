"""``/status`` and ``/healthz`` say which weights are in use, and that demo weights are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from functions.search.app import create_app
from functions.search.services import services
from kadr.core.errors import DependencyError, UnstorableError
from kadr.models.catalogue import Role
from tests.unit.models.test_registry import install


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    ledger = SimpleNamespace(video_counts=dict, counts=dict)
    here = SimpleNamespace(
        world=SimpleNamespace(ledger=ledger, index=SimpleNamespace(count=lambda: 0)),
        settings=SimpleNamespace(models_dir=tmp_path),
    )
    app = create_app()
    app.dependency_overrides[services] = lambda: here
    return TestClient(app)


def models(client: TestClient) -> dict[str, dict[str, object]]:
    return {model["role"]: model for model in client.get("/status").json()["models"]}


def test_demo_weights_are_called_so_until_others_are_installed(client: TestClient, tmp_path: Path) -> None:
    before = models(client)["speech"]
    assert (before["installed"], before["variant"], before["demo"]) == (False, "", False)
    assert "weights not installed" in str(before["detail"])

    files = {"model.bin": b"CT2", "config.json": b"{}", "tokenizer.json": b"{}"}
    install(tmp_path, Role.SPEECH, "demo", files)
    found = models(client)["speech"]
    assert (found["installed"], found["variant"], found["demo"]) == (True, "demo", True)
    assert client.get("/healthz").json()["checks"]["model speech"] == "ok, demo weights"

    install(tmp_path, Role.SPEECH, "whisper-base", files)
    found = models(client)["speech"]
    assert (found["installed"], found["variant"], found["demo"]) == (True, "whisper-base", False)
    assert client.get("/healthz").json()["checks"]["model speech"] == "ok"


def test_health_does_not_tell_where_services_are(client: TestClient) -> None:
    def fail() -> dict[str, int]:
        raise DependencyError("PostgreSQL at db.internal:5432 did not answer")

    here = client.app.dependency_overrides[services]()  # type: ignore[attr-defined]
    here.world.ledger.video_counts = fail
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["postgres"] == "does not answer"
    assert "db.internal" not in answer.text


def test_what_cannot_be_looked_up_is_the_callers_mistake(client: TestClient) -> None:
    def refuse(**_: object) -> list[object]:
        raise UnstorableError(
            "there can be no such text or number: PostgreSQL text fields cannot contain NUL"
        )

    here = client.app.dependency_overrides[services]()  # type: ignore[attr-defined]
    here.world.ledger.videos = refuse
    answer = client.get("/videos", params={"prefix": "a\0"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
