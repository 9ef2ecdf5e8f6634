"""Deleting and trying again over HTTP: only with a key, only what is there, and nothing by halves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from functions.search.app import create_app
from functions.search.services import services
from kadr.core.errors import DependencyError
from kadr.core.identity import video_id
from kadr.core.modality import Modality, Stage, StageState, VideoState
from kadr.events import ModalityExtracted
from kadr.ports.ledger import VideoRecord
from kadr.runtime import s3_events
from tests.fakes import MemoryObjectStore, ScopedKeys

APP = create_app()
NAME = "uploads/😀 ../<b>&amp;%20+.mp4"
VIDEO = video_id("media", NAME)
KEY = {"Authorization": "Bearer edit"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Ledger:
    """One video; ``requeue`` keeps its promises."""

    states: dict[Stage, StageState]

    def video(self, wanted: UUID) -> VideoRecord | None:
        return (
            VideoRecord(VIDEO, "media", NAME, 7, VideoState.FAILED, 1, NOW, NOW) if wanted == VIDEO else None
        )

    def requeue(
        self, wanted: UUID, states: Collection[StageState], send: Callable[[Stage, int], None]
    ) -> list[Stage] | None:
        chosen = [stage for stage, state in self.states.items() if state in states]
        for stage in chosen:
            send(stage, 7)
        self.states |= dict.fromkeys(chosen, StageState.QUEUED)
        return chosen


@dataclass
class Queues:
    broken: frozenset[Stage] = frozenset()
    sent: list[tuple[Stage, str]] = field(default_factory=list)

    def send(self, stage: Stage, body: str) -> None:
        if stage in self.broken:
            raise DependencyError("SQS did not take a message")
        self.sent.append((stage, body))


@dataclass
class Index:
    forgotten: list[tuple[UUID, int | None]] = field(default_factory=list)

    def forget(self, which: UUID, *, below: int | None = None) -> None:
        self.forgotten.append((which, below))


@pytest.fixture
def world() -> SimpleNamespace:
    objects = MemoryObjectStore()
    objects.put("media", NAME, b"video")
    states = {
        Stage.INGEST: StageState.DONE,
        Stage.VISUAL: StageState.UNAVAILABLE,
        Stage.OCR: StageState.FAILED,
        Stage.SPEECH: StageState.EMPTY,
        Stage.FACES: StageState.RUNNING,
        Stage.ASSEMBLE: StageState.DEAD,
    }
    return SimpleNamespace(
        keys=ScopedKeys(), objects=objects, ledger=Ledger(states), stage_queues=Queues(), index=Index()
    )


@pytest.fixture
def client(world: SimpleNamespace) -> Iterator[TestClient]:
    APP.dependency_overrides[services] = lambda: SimpleNamespace(world=world)
    with TestClient(APP, raise_server_exceptions=False) as client:
        yield client


REQUESTS = [("DELETE", f"/videos/{VIDEO}"), ("POST", f"/videos/{VIDEO}/retry")]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize(("key", "status"), [("", 401), ("revoked:edit", 401), ("upload+glossary", 403)])
def test_without_the_right_key_nothing_happens(client, world, method, path, key, status):
    answer = client.request(method, path, headers={"Authorization": f"Bearer {key}"} if key else {})
    assert answer.status_code == status
    assert world.objects.keys("media") == {NAME}
    assert world.stage_queues.sent == []


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_a_video_that_is_not_there_is_not_found(client, method, path):
    answer = client.request(method, path.replace(str(VIDEO), str(UUID(int=0))), headers=KEY)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("name", ["..", "%2e%2e", "clip.mp4", "'; DROP TABLE video; --"])
def test_a_video_is_named_by_its_id_only(client, world, name):
    assert client.delete(f"/videos/{name}", headers=KEY).status_code in {404, 405, 422}
    assert world.objects.keys("media") == {NAME}


def test_a_deleted_video_is_gone_from_the_bucket_and_from_search_and_stays_so(client, world):
    for _ in range(2):  # the bucket's event has not been there yet: the ledger still knows it
        answer = client.delete(f"/videos/{VIDEO}", headers=KEY)
        assert (answer.status_code, answer.json()) == (202, {"video_id": str(VIDEO), "state": "deleting"})
    assert world.objects.keys("media") == set()
    assert set(world.index.forgotten) == {(VIDEO, 8)}  # its own version, and none that came later


def test_what_did_not_finish_is_queued_again_and_nothing_else(client, world):
    answer = client.post(f"/videos/{VIDEO}/retry", headers=KEY)
    assert answer.status_code == 202
    assert answer.json() == {"video_id": str(VIDEO), "stages": ["visual", "ocr", "assemble"]}
    sent = dict(world.stage_queues.sent)
    (message,) = s3_events.parse(sent[Stage.OCR])
    assert (message.video_id, message.key) == (VIDEO, NAME)
    assert ModalityExtracted.model_validate_json(sent[Stage.ASSEMBLE]) == ModalityExtracted(
        video_id=VIDEO,
        generation=7,
        modality=Modality.FACES,  # or nobody is recognised
    )
    again = client.post(f"/videos/{VIDEO}/retry", headers=KEY)
    assert again.json()["stages"] == []


def test_a_queue_that_does_not_answer_is_said_without_its_address(client, world):
    world.stage_queues.broken = frozenset({Stage.OCR})
    answer = client.post(f"/videos/{VIDEO}/retry", headers=KEY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert "SQS" not in answer.text
