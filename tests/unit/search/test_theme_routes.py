"""Themes over HTTP: which there are, what is in them, and who may name them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from functions.search.app import create_app
from functions.search.services import services
from functions.search.theme_names import FRESH_FOR, ThemeNames
from kadr.ports.themes import Member, NamedBy, ThemeRecord
from tests.fakes import ScopedKeys

APP = create_app()
KEY = {"Authorization": "Bearer edit"}
COOKING, NUMBERED, GONE = (UUID(int=number) for number in (1, 2, 9))


class Themes:
    """What the routes read of the store: a theme of three videos, and one of two that has no words."""

    def __init__(self) -> None:
        self.records = {
            COOKING: ThemeRecord(COOKING, "Борщ, рецепт", NamedBy.TERMS, ("борщ", "рецепт"), 3),
            NUMBERED: ThemeRecord(NUMBERED, "Тема 1", NamedBy.NUMBER, (), 2),
        }
        self.videos = [
            Member(
                UUID(int=100 + place), "media", f"{place}.mp4", 9.5, f"thumbnails/{place}.jpg" * (place > 0)
            )
            for place in range(3)
        ]
        self.asked = 0

    def listed(self, *, limit: int, offset: int = 0) -> tuple[list[ThemeRecord], int]:
        return list(self.records.values())[offset : offset + limit], len(self.records)

    def record(self, theme_id: UUID) -> ThemeRecord | None:
        return self.records.get(theme_id)

    def members(self, theme_id: UUID, *, limit: int, offset: int = 0) -> list[Member]:
        return self.videos[offset : offset + limit] if theme_id == COOKING else []

    def thumbnails(self, theme_ids: Sequence[UUID], most: int) -> dict[UUID, list[str]]:
        return {COOKING: ["thumbnails/a.jpg", "thumbnails/b.jpg"][:most]} if COOKING in theme_ids else {}

    def rename(self, theme_id: UUID, name: str) -> ThemeRecord | None:
        found = self.records.get(theme_id)
        if found is None:
            return None
        named_by = NamedBy.EDITOR if name else NamedBy.TERMS
        self.records[theme_id] = replace(found, name=name or "Борщ, рецепт", named_by=named_by)
        return self.records[theme_id]

    def names(self) -> dict[UUID, str]:
        self.asked += 1
        return {theme_id: each.name for theme_id, each in self.records.items()}


@pytest.fixture
def store() -> Themes:
    return Themes()


@pytest.fixture
def client(store: Themes) -> Iterator[TestClient]:
    APP.dependency_overrides[services] = lambda: SimpleNamespace(
        settings=SimpleNamespace(derived_bucket="derived"),
        world=SimpleNamespace(keys=ScopedKeys(), themes=store),
        link=lambda bucket, key: f"https://{bucket}.example/{key}",
    )
    with TestClient(APP) as client:
        yield client


def test_themes_come_with_typical_pictures_and_by_pages(client):
    answer = client.get("/themes", params={"limit": 1}).json()
    assert answer == {
        "themes": [
            {
                "theme_id": str(COOKING),
                "name": "Борщ, рецепт",
                "named_by": "terms",
                "terms": ["борщ", "рецепт"],
                "videos": 3,
                "thumbnails": [
                    "https://derived.example/thumbnails/a.jpg",
                    "https://derived.example/thumbnails/b.jpg",
                ],
            }
        ],
        "total": 2,
        "next_offset": 1,
    }
    last = client.get("/themes", params={"limit": 1, "offset": 1}).json()
    assert (last["themes"][0]["named_by"], last["next_offset"]) == ("terms", None)
    assert client.get("/themes", params={"offset": 7}).json()["themes"] == []


def test_a_themes_page_has_its_videos(client):
    answer = client.get(f"/themes/{COOKING}", params={"limit": 2}).json()
    assert answer["theme"]["name"] == "Борщ, рецепт"
    assert [each["key"] for each in answer["videos"]] == ["0.mp4", "1.mp4"]
    assert answer["videos"][0]["thumbnail_url"] is None
    assert answer["videos"][1] == {
        "video_id": str(UUID(int=101)),
        "key": "1.mp4",
        "duration": 9.5,
        "thumbnail_url": "https://derived.example/thumbnails/1.jpg",
        "video_url": "https://media.example/1.mp4",
    }
    assert answer["next_offset"] == 2
    assert client.get(f"/themes/{COOKING}", params={"offset": 2}).json()["next_offset"] is None


def test_an_editor_names_a_theme_and_takes_the_name_back(client):
    answer = client.patch(f"/themes/{COOKING}", json={"name": "  Супы  и борщи "}, headers=KEY)
    assert (answer.status_code, answer.json()["name"], answer.json()["named_by"]) == (
        200,
        "Супы и борщи",
        "editor",
    )
    answer = client.patch(f"/themes/{COOKING}", json={"name": " "}, headers=KEY).json()
    assert (answer["name"], answer["named_by"]) == ("Борщ, рецепт", "terms")


@pytest.mark.parametrize("name", ["🎉", "я" * 81, "fuck", "я" * 5000])
def test_what_is_no_name_is_refused_in_words(client, store, name):
    answer = client.patch(f"/themes/{COOKING}", json={"name": name}, headers=KEY)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid"
    assert store.records[COOKING].name == "Борщ, рецепт"


@pytest.mark.parametrize(("key", "status"), [("", 401), ("wrong", 401), ("upload", 403), ("acme:edit", 403)])
def test_nobody_else_names_themes(client, store, key, status):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    assert client.patch(f"/themes/{COOKING}", json={"name": "Супы"}, headers=headers).status_code == status
    assert store.records[COOKING].name == "Борщ, рецепт"


def test_a_theme_that_is_gone_is_said_to_be(client):
    for answer in (
        client.get(f"/themes/{GONE}"),
        client.patch(f"/themes/{GONE}", json={"name": "Супы"}, headers=KEY),
    ):
        assert answer.status_code == 404
        assert str(GONE) in answer.json()["error"]["message"]


def test_names_for_results_are_read_every_few_seconds_and_not_for_each(store: Themes) -> None:
    now = 0.0
    names = ThemeNames(store, clock=lambda: now)  # type: ignore[arg-type]
    assert [names.of(COOKING) for _ in range(40)] == ["Борщ, рецепт"] * 40
    assert names.of(GONE) is None
    assert store.asked == 1
    store.rename(COOKING, "Супы")
    now += FRESH_FOR
    assert names.of(COOKING) == "Супы"
