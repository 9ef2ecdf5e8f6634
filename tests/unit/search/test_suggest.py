"""Suggestions over HTTP, and the dictionary that follows what is published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from functions.search.app import create_app
from functions.search.engine import Page
from functions.search.services import services
from functions.search.suggester import FRESH_SECONDS, Suggester
from kadr.adapters.published_suggestions import LATEST, PREFIX, PublishedSuggestions
from kadr.core.errors import DependencyError, DictionaryError
from kadr.core.query import Understood
from kadr.core.suggestions import Dictionary, Phrase, Source
from tests.fakes import MemoryObjectStore, MemoryQueryHistory

COOKING, CATS = np.eye(2, dtype=np.float32)


def dictionary(*texts: str) -> Dictionary:
    phrases = [Phrase(text, Source.CAPTION, 9.0 - place) for place, text in enumerate(texts)]
    meanings = [CATS if "кот" in text else COOKING for text in texts]
    return Dictionary.of(phrases, (127 * np.array(meanings)).astype(np.int8))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Later:
    """Keeps what is to be done in the background until a test lets it happen."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, work: Callable[[], None]) -> None:
        self.waiting.append(work)

    def happens(self) -> None:
        while self.waiting:
            self.waiting.pop()()


class Stand:
    def __init__(self) -> None:
        self.objects = MemoryObjectStore()
        self.published = PublishedSuggestions(self.objects, "derived")
        self.history = MemoryQueryHistory()
        self.clock, self.later = Clock(), Later()
        self.suggester = Suggester(self.published, self.history, clock=self.clock, in_background=self.later)

    def texts(self, typed: str, user: str | None = None) -> list[str]:
        return [each.text for each in self.suggester.suggest(typed, limit=10, user=user)[0]]


@pytest.fixture
def stand() -> Stand:
    return Stand()


class Engine:
    fits = True

    def search(self, text: str, wanted: Any, **_: Any) -> Page:
        return Page(Understood(text, "борщ", "borscht", "ru", ()), (), nothing_good=not self.fits)

    def meaning(self, understood: Understood) -> np.ndarray:
        return COOKING


@pytest.fixture
def client(stand: Stand) -> Iterator[TestClient]:
    app = create_app()
    here = SimpleNamespace(
        suggester=stand.suggester, engine=Engine(), world=SimpleNamespace(history=stand.history)
    )
    app.dependency_overrides[services] = lambda: here
    with TestClient(app) as client:
        yield client


class TestFollowing:
    def test_nothing_is_published_yet(self, stand: Stand) -> None:
        assert stand.texts("") == []

    def test_the_first_one_is_seen_within_seconds(self, stand: Stand) -> None:
        assert stand.texts("б") == []
        stand.published.publish(dictionary("борщ"))
        stand.clock.now += 3.0
        stand.texts("б")
        stand.later.happens()
        assert stand.texts("б") == ["борщ"]

    def test_a_new_dictionary_is_read_behind_the_old_one(self, stand: Stand) -> None:
        stand.published.publish(dictionary("старый борщ"))
        assert stand.texts("борщ") == ["старый борщ"]
        stand.published.publish(dictionary("новый борщ"))
        assert stand.texts("борщ") == ["старый борщ"]
        assert stand.later.waiting == []  # it has just looked
        stand.clock.now += FRESH_SECONDS
        assert stand.texts("борщ") == ["старый борщ"]
        assert stand.texts("борщ") == ["старый борщ"]
        assert len(stand.later.waiting) == 1  # one look is enough
        stand.later.happens()
        assert stand.texts("борщ") == ["новый борщ"]

    def test_an_unchanged_dictionary_is_not_read_again(self, stand: Stand, monkeypatch) -> None:
        stand.published.publish(dictionary("борщ"))
        assert stand.texts("б") == ["борщ"]
        monkeypatch.setattr(stand.published, "load", lambda: pytest.fail("it was read again"))
        stand.clock.now += FRESH_SECONDS
        assert stand.texts("б") == ["борщ"]
        stand.later.happens()
        assert stand.texts("б") == ["борщ"]

    def test_a_damaged_dictionary_leaves_the_old_one(self, stand: Stand) -> None:
        stand.published.publish(dictionary("борщ"))
        assert stand.texts("б") == ["борщ"]
        stand.objects.put("derived", LATEST, b"{}")
        stand.clock.now += FRESH_SECONDS
        stand.texts("б")
        stand.later.happens()
        assert stand.texts("б") == ["борщ"]
        stand.published.publish(dictionary("блины"))
        stand.clock.now += FRESH_SECONDS
        stand.texts("б")
        stand.later.happens()
        assert stand.texts("б") == ["блины"]

    def test_storage_that_does_not_answer_gives_an_empty_list(self, stand: Stand, monkeypatch) -> None:
        def broken() -> None:
            raise DependencyError("S3 did not answer")

        monkeypatch.setattr(stand.published, "tag", broken)
        assert stand.texts("б") == []


class TestPublishing:
    def test_the_pointer_is_written_last(self, stand: Stand, monkeypatch) -> None:
        written: list[str] = []
        put = stand.objects.put
        monkeypatch.setattr(
            stand.objects,
            "put",
            lambda bucket, key, *rest, **more: (written.append(key), put(bucket, key, *rest, **more)),
        )
        stand.published.publish(dictionary("борщ"))
        assert [key == LATEST for key in written] == [False, True]

    def test_the_same_dictionary_is_not_written_twice(self, stand: Stand) -> None:
        stand.published.publish(dictionary("борщ"))
        tag = stand.published.tag()
        stand.published.publish(dictionary("борщ"))
        assert stand.published.tag() == tag

    def test_two_versions_are_kept(self, stand: Stand) -> None:
        for text in ("раз", "два", "три", "четыре"):
            stand.published.publish(dictionary(text))
        versions = stand.objects.keys("derived") - {LATEST}
        assert len(versions) == 2
        assert all(key.startswith(PREFIX) for key in versions)

    def test_a_version_that_was_changed_is_refused(self, stand: Stand) -> None:
        pointer = stand.published.publish(dictionary("борщ"))
        stand.objects.put("derived", pointer.key, b"something else")
        with pytest.raises(DictionaryError, match="suggestions build"):
            stand.published.load()


class TestRoutes:
    @pytest.fixture(autouse=True)
    def published(self, stand: Stand) -> None:
        stand.published.publish(dictionary("кулинарный борщ", "кулинарный кот"))

    def listed(self, client: TestClient, query: str, **headers: str) -> list[str]:
        answer = client.get(f"/suggest?{query}", headers=headers)
        assert answer.status_code == 200, answer.text
        return [each["text"] for each in answer.json()["suggestions"]]

    def test_a_keystroke(self, client: TestClient) -> None:
        answer = client.get("/suggest?q=кулин&k=1").json()
        assert answer["suggestions"] == [{"text": "кулинарный борщ", "source": "caption", "group": 0}]
        assert answer["personal"] is False

    def test_nothing_typed_and_nothing_found(self, client: TestClient) -> None:
        assert len(self.listed(client, "")) == 2
        assert self.listed(client, "q=ъъъъ") == []

    def test_recent_queries_change_the_order_unless_somebody_does_not_want_that(
        self, client: TestClient, stand: Stand
    ) -> None:
        stand.history.remember("anna", "кот", CATS)
        assert self.listed(client, "q=ку&user=anna")[0] == "кулинарный кот"
        assert self.listed(client, "q=ку&user=boris")[0] == "кулинарный борщ"
        assert self.listed(client, "q=ку&user=anna&history=false")[0] == "кулинарный борщ"
        headers = {"X-Kadr-History": "off"}
        answer = client.get("/suggest?q=ку&user=anna", headers=headers).json()
        assert answer["personal"] is False

    def test_personal_answers_are_kept_by_nobody(self, client: TestClient, stand: Stand) -> None:
        stand.history.remember("anna", "кот", CATS)
        assert client.get("/suggest?q=ку&user=anna").headers["Cache-Control"] == "no-store"

    def test_searching_is_remembered_as_it_was_understood(self, client: TestClient, stand: Stand) -> None:
        assert client.get("/search?q=боршч&user=anna").status_code == 200
        ((user, query, vector),) = stand.history.asked
        assert (user, query) == ("anna", "борщ")
        assert vector is COOKING

    def test_what_nothing_fits_is_not_remembered(self, client, stand, monkeypatch) -> None:
        monkeypatch.setattr(Engine, "fits", False)
        assert client.get("/search?q=выдумка&user=anna").status_code == 200
        assert stand.history.asked == []

    @pytest.mark.parametrize("query", ["", "&user=anna&history=false", "&user=anna&offset=20"])
    def test_searching_is_remembered_for_nobody_else(
        self, client: TestClient, stand: Stand, query: str
    ) -> None:
        assert client.get(f"/search?q=борщ{query}").status_code == 200
        assert client.get("/search?q=борщ&user=anna", headers={"X-Kadr-History": "OFF"}).status_code == 200
        assert stand.history.asked == []

    def test_a_history_is_erased(self, client: TestClient, stand: Stand) -> None:
        client.get("/search?q=борщ&user=anna")
        client.get("/search?q=борщ&user=boris")
        assert client.delete("/history?user=anna").json() == {"erased": 1}
        assert client.delete("/history?user=anna").json() == {"erased": 0}
        assert [user for user, *_ in stand.history.asked] == ["boris"]

    @pytest.mark.parametrize("user", ["", "a" * 65, "anna@example.org", "a b", "анна"])
    def test_what_cannot_be_an_id_is_refused(self, client: TestClient, user: str) -> None:
        for method, path in (("GET", "/suggest"), ("DELETE", "/history")):
            answer = client.request(method, path, params={"user": user})
            assert answer.status_code == 422
            assert "user" in answer.json()["error"]["message"]

    def test_a_database_that_does_not_answer_is_asked_once_in_a_while(
        self, client: TestClient, stand: Stand, monkeypatch
    ) -> None:
        asked = []

        def broken(*_: object) -> None:
            asked.append(1)
            raise DependencyError("PostgreSQL did not answer")

        monkeypatch.setattr(stand.history, "recent", broken)
        monkeypatch.setattr(stand.history, "remember", broken)
        for _ in range(3):
            assert self.listed(client, "q=ку&user=anna") == ["кулинарный борщ", "кулинарный кот"]
        assert client.get("/search?q=борщ&user=anna").status_code == 200
        assert len(asked) == 1
