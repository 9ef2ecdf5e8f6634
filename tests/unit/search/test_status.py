"""``/status`` and ``/healthz`` say which weights are in use, and that demo weights are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from functions.search.app import create_app
from functions.search.parameters import DEEPEST_LISTED
from functions.search.services import services
from functions.search.video_counts import OLDEST, VideoCounts
from kadr.core.errors import DependencyError, UnstorableError
from kadr.core.modality import Stage, StageState, VideoState
from kadr.models.catalogue import Role
from tests.unit.models.test_registry import install


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    ledger: Any = SimpleNamespace(video_counts=dict, counts=dict)
    here = SimpleNamespace(
        world=SimpleNamespace(
            ledger=ledger,
            postgres=SimpleNamespace(ping=lambda: None),
            index=SimpleNamespace(ping=lambda: None),
        ),
        video_counts=VideoCounts(ledger),
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
    def fail() -> None:
        raise DependencyError("PostgreSQL at db.internal:5432 did not answer")

    here = client.app.dependency_overrides[services]()  # type: ignore[attr-defined]
    here.world.postgres.ping = fail
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


def test_the_longer_counting_takes_the_longer_its_numbers_are_kept() -> None:
    class Ledger:
        now, searchable, takes = 0.0, 1, 0.2

        def video_counts(self) -> dict[VideoState, int]:
            self.now += self.takes
            return {VideoState.SEARCHABLE: self.searchable}

        def counts(self) -> dict[Stage, dict[StageState, int]]:
            return {Stage.OCR: {StageState.DONE: self.searchable}}

    ledger = Ledger()
    counts = VideoCounts(ledger, clock=lambda: ledger.now)  # type: ignore[arg-type]
    before = counts.read()
    assert before == ({VideoState.SEARCHABLE: 1}, {Stage.OCR: {StageState.DONE: 1}})
    ledger.searchable, ledger.takes = 2, 9.0
    ledger.now += 19
    assert counts.read() == before
    ledger.now += 2
    assert counts.read()[0] == {VideoState.SEARCHABLE: 2}
    ledger.searchable = 3
    ledger.now += OLDEST
    assert counts.read()[0] == {VideoState.SEARCHABLE: 3}


@pytest.mark.parametrize(
    "path", ["/videos", "/people", f"/people/{UUID(int=1)}", "/themes", f"/themes/{UUID(int=1)}"]
)
def test_lists_are_not_read_through_to_any_depth(client: TestClient, path: str) -> None:
    answer = client.get(path, params={"offset": DEEPEST_LISTED + 1})
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == "offset: Input should be less than or equal to 100000"
