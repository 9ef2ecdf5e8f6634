from __future__ import annotations

from contextlib import contextmanager

import httpx
import pytest

from kadr.adapters.published_suggestions import Pointer
from kadr.cli import suggestions
from kadr.runtime import suggestions as building
from kadr.runtime.suggestions import Built

ANSWER = {
    "suggestions": [
        {"text": "как варить борщ", "source": "query", "group": 0},
        {"text": "как варить рис", "source": "term", "group": 1},
    ],
    "personal": False,
    "took_ms": 0.4,
}


def says(stand, answer):
    stand.api.failure = httpx.Response(200, json=answer)


def test_phrases_one_a_line(stand):
    says(stand, ANSWER)
    assert stand.invoke("suggest", "как", "ва").stdout == "как варить борщ\nкак варить рис\n"
    assert dict(stand.api.requests[0].url.params) == {"q": "как ва", "k": "10"}


def test_a_user_and_json(stand):
    says(stand, ANSWER)
    assert stand.json("suggest", "как", "--user", "u-1", "-k", "2", "--json") == ANSWER
    assert dict(stand.api.requests[0].url.params) == {"q": "как", "k": "2", "user": "u-1"}


def test_nothing_typed_asks_for_what_is_popular(stand):
    says(stand, ANSWER)
    assert stand.invoke("suggest").exit_code == 0
    assert stand.api.requests[0].url.params["q"] == ""


def test_nothing_found_says_what_may_help_and_is_no_failure(stand):
    says(stand, ANSWER | {"suggestions": []})
    result = stand.invoke("suggest", "ъъъ")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "kadr suggestions build" in result.stderr


@pytest.mark.parametrize(
    ("changed", "said"), [(True, "published as suggestions/a.npz"), (False, "nothing has")]
)
def test_building(stand, monkeypatch, changed, said):
    given = []

    @contextmanager
    def database(target):
        assert target is stand.target
        yield "postgres"

    def rebuild(postgres, objects, bucket, models_dir):
        given.append((postgres, bucket, models_dir.name))
        print("a log line")  # as the logger does where weights are not installed
        return Built(Pointer("v", "suggestions/a.npz", 7, "2026-01-01"), 7, 3, 0, 0, changed)

    monkeypatch.setattr(suggestions, "database", database)
    monkeypatch.setattr(building, "rebuild", rebuild)
    printed = stand.invoke("suggestions", "build").stdout
    assert printed.startswith("7 phrases, 3 of them new; ")
    assert said in printed
    assert given == [("postgres", "derived", "models")]
    assert stand.json("suggestions", "build", "--json")["pointer"]["phrases"] == 7
