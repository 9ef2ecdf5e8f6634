"""The scheduled function: each task for itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from functions.cluster import handler as room
from kadr.core.errors import DependencyError
from tests.fakes import FakeContext
from tests.unit.infra.templates import load, resources


@dataclass
class Done:
    """What a task says."""

    found: int = 3


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which tasks were done; neither database is there."""
    found: list[str] = []

    def task(name: str) -> Any:
        def run(_world: Any, _settings: Any) -> Done:
            found.append(name)
            return Done()

        return run

    monkeypatch.setattr(room, "world", lambda: None)
    monkeypatch.setattr(room, "settings", lambda: None)
    monkeypatch.setattr(room, "TASKS", {name: task(name) for name in room.TASKS})
    return found


def test_the_schedules_have_each_task_done_by_itself(done: list[str]) -> None:
    function = resources(load(), "AWS::Serverless::Function")["ClusterFunction"]
    schedules = [event["Properties"] for event in function["Events"].values()]
    for schedule in schedules:
        assert len(room.handler(json.loads(schedule["Input"]), FakeContext())) == 1
    assert done == ["killed", "themes", "people"]


def test_without_a_name_everything_is_done(done: list[str]) -> None:
    said = room.handler({"source": "aws.events", "detail-type": "Scheduled Event"}, FakeContext())
    assert done == ["killed", "themes", "people"]
    assert said == {"killed": {"found": 3}, "themes": {"found": 3}, "people": {"found": 3}}


def test_one_task_can_be_asked_for(done: list[str]) -> None:
    assert room.handler({"tasks": ["people"]}, FakeContext()) == {"people": {"found": 3}}
    assert done == ["people"]


@pytest.mark.parametrize("error", [DependencyError("Qdrant did not answer"), RuntimeError("a bug")])
def test_one_that_fails_keeps_nobody_from_working_and_is_seen_by_the_alarm(
    done: list[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_world: Any, _settings: Any) -> Done:
        raise error

    monkeypatch.setitem(room.TASKS, "themes", fail)
    with pytest.raises(type(error)):
        room.handler({}, FakeContext())
    assert done == ["killed", "people"]
