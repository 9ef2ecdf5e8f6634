from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from uuid import UUID

import numpy as np
import pytest

from kadr.cli import themes
from kadr.core.themes import POINT_DIMENSIONS, Assigned
from kadr.ports.themes import NamedBy, Theme, ThemeRecord
from kadr.runtime.themes import Found, Sample, Summary

COOKING, SPORT = UUID("8a4e0c52-7e0b-4c5e-9d51-4b3f2c7b9e10"), UUID(int=2)
NOWHERE = np.zeros(POINT_DIMENSIONS, np.float32)


class Store:
    def __init__(self) -> None:
        self.records = [
            ThemeRecord(COOKING, "Борщ, рецепт", NamedBy.TERMS, ("борщ", "рецепт"), 3),
            ThemeRecord(SPORT, "Йога", NamedBy.TERMS, ("йога",), 2),
        ]

    def listed(self, *, limit, offset=0):
        return self.records[:limit], len(self.records)

    def rename(self, theme_id, name):
        place = next(place for place, each in enumerate(self.records) if each.theme_id == theme_id)
        self.records[place] = replace(self.records[place], name=name or "Борщ")
        return self.records[place]


@pytest.fixture
def store(monkeypatch):
    found = Store()

    @contextmanager
    def opened(_target):
        yield None, found

    monkeypatch.setattr(themes, "_opened", opened)
    return found


@pytest.fixture
def run(monkeypatch):
    """A run that finds two themes in five videos, and somebody who finds people."""
    asked = []
    videos = [UUID(int=100 + place) for place in range(5)]
    found = Found(
        Sample(videos, np.zeros((5, POINT_DIMENSIONS), np.float32), [None] * 5, range(5), True),
        NOWHERE,
        [
            Theme(COOKING, "Борщ, рецепт", NamedBy.TERMS, ("борщ", "рецепт"), NOWHERE, 0.5),
            Theme(SPORT, "Йога", NamedBy.TERMS, ("йога",), NOWHERE, 0.4),
        ],
        [Assigned(COOKING, 0.1)] * 2 + [Assigned(SPORT, 0.1)] * 2 + [None],
        frozenset({COOKING}),
    )

    def find(_target, _models_dir, _err, *, dry_run=False):
        asked.append(dry_run)
        return found, None if dry_run else Summary(videos=5, themes=2, kept=1, outside=1, changed=2)

    monkeypatch.setattr(themes, "find", find)
    monkeypatch.setattr(themes, "find_people", lambda _target: {"people": 4, "faces": 9})
    return asked


def test_a_run_says_what_it_found(stand, run):
    out = stand.invoke("cluster").stdout
    lines = [line.split() for line in out.splitlines()]
    first = next(line for line in lines if "Борщ," in line)
    assert first[:5] == ["8a4e0c52", "Борщ,", "рецепт", "2", "борщ,"]
    assert "new" in next(line for line in lines if "Йога" in line)
    assert "2 themes; 1 of 5 videos are like no others, 2 have another theme than before." in out
    assert "4 people in 9 faces." in out


def test_a_dry_run_changes_nothing(stand, run):
    out = stand.invoke("cluster", "--dry-run").stdout
    assert run == [True]
    assert "Nothing was changed." in out
    assert "people" not in out


def test_a_run_as_json(stand, run):
    said = stand.json("cluster", "--json")
    assert said["summary"]["changed"] == 2
    assert [(each["name"], each["videos"]) for each in said["themes"]] == [("Борщ, рецепт", 2), ("Йога", 2)]
    assert said["people"] == {"people": 4, "faces": 9}


def test_a_picture_is_svg_or_png(stand, run):
    assert stand.invoke("cluster", "--plot", "themes.gif").exit_code == 2
    assert run == []


def test_themes_are_listed(stand, store):
    out = stand.invoke("themes", "list").stdout
    assert "8a4e0c52" in out
    assert "Борщ, рецепт" in out
    assert [each["videos"] for each in stand.json("themes", "list", "--json")] == [3, 2]


@pytest.mark.parametrize("wanted", ["борщ, рецепт", "8a4e"])
def test_a_theme_is_named_by_its_name_or_its_id(stand, store, wanted):
    assert "Борщ, рецепт is Супы now" in stand.invoke("themes", "rename", wanted, "Супы").stdout
    assert store.records[0].name == "Супы"


@pytest.mark.parametrize(("wanted", "name"), [("никто", "Супы"), ("йога", "fuck"), ("йога", "🎉")])
def test_what_cannot_be_named_so_is_said(stand, store, wanted, name):
    result = stand.invoke("themes", "rename", wanted, name)
    assert (result.exit_code, store.records[1].name) == (1, "Йога")
    assert result.stderr.startswith("Error:")


def test_people_are_found_by_the_stacks_own_function(monkeypatch):
    calls = []

    class Client:
        def describe_stack_resource(self, **_):
            return {"StackResourceDetail": {"PhysicalResourceId": "kadr-cluster"}}

        def invoke(self, **arguments):
            calls.append(arguments)
            return {"Payload": BytesIO(json.dumps({"people": {"people": 4}}).encode())}

    class Target:
        name, local = "kadr-local", True

        def client(self, _service):
            return Client()

    assert themes.find_people(Target()) == {"people": 4}
    assert (calls[0]["FunctionName"], json.loads(calls[0]["Payload"])) == (
        "kadr-cluster",
        {"tasks": ["people"]},
    )
