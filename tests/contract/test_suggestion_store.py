"""What is remembered of queries, and what a dictionary is made of, in a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest

from kadr.adapters.postgres import Postgres
from kadr.adapters.published_suggestions import PublishedSuggestions
from kadr.adapters.suggestion_store import PostgresQueryHistory, PostgresSuggestionContent
from kadr.core.terms import Text
from kadr.ports.suggestions import QueryHistory
from kadr.runtime.suggestions import rebuild
from tests.fakes import MemoryObjectStore, MemoryQueryHistory

FIRST, SECOND = np.eye(2, 4, dtype=np.float32)


@pytest.fixture(params=["postgres", "memory"])
def history(request: pytest.FixtureRequest) -> QueryHistory:
    if request.param == "memory":
        return MemoryQueryHistory()
    return PostgresQueryHistory(request.getfixturevalue("postgres"))


def test_the_newest_queries_come_back_first(history: QueryHistory) -> None:
    history.remember("anna", "кот", FIRST)
    history.remember("anna", "борщ", SECOND)
    assert np.allclose(history.recent("anna", 10), [SECOND, FIRST], atol=0.01)
    assert np.allclose(history.recent("anna", 1), [SECOND], atol=0.01)


def test_users_do_not_see_one_another(history: QueryHistory) -> None:
    history.remember("anna", "кот", FIRST)
    assert history.recent("boris", 10) == []


def test_a_query_without_a_vector_is_remembered_for_its_popularity_only(history: QueryHistory) -> None:
    history.remember("anna", "кот", None)
    assert history.recent("anna", 10) == []
    assert history.erase("anna") == 1


def test_what_is_erased_is_gone_and_others_is_not(history: QueryHistory) -> None:
    history.remember("anna", "кот", FIRST)
    history.remember("anna", "борщ", None)
    history.remember("boris", "кот", FIRST)
    assert history.erase("anna") == 2
    assert history.erase("anna") == 0
    assert history.recent("anna", 10) == []
    assert len(history.recent("boris", 10)) == 1


def test_old_queries_are_forgotten(postgres: Postgres) -> None:
    history = PostgresQueryHistory(postgres)
    history.remember("anna", "давно", FIRST)
    with postgres.transaction() as connection:
        connection.execute("UPDATE query_log SET asked_at = now() - interval '91 days'")
    history.remember("anna", "сейчас", SECOND)
    assert history.forget(90) == 1
    assert len(history.recent("anna", 10)) == 1


def test_queries_are_counted_in_users(postgres: Postgres) -> None:
    history = PostgresQueryHistory(postgres)
    for user in ("anna", "boris", "vera", "anna", "anna"):
        history.remember(user, "борщ", None)
    for _ in range(9):
        history.remember("anna", "только моё", None)
    assert PostgresSuggestionContent(postgres).content().queries == {"борщ": 3}


@pytest.fixture
def video(postgres: Postgres) -> UUID:
    """A video with a good caption, a bad one and none, a name for somebody and one for a theme."""
    video = uuid4()
    with postgres.transaction() as connection:
        connection.execute(
            "INSERT INTO video (video_id, bucket, key, generation, version, etag, size, content_type,"
            " modified_at) VALUES (%s, 'media', 'a.mp4', 1, '1', 'e', 1, 'video/mp4', now())",
            (video,),
        )
        for position, (text, confidence) in enumerate((("рецепт борща", 0.9), ("щв##к", 0.2), ("", 0.9))):
            connection.execute(
                "INSERT INTO moment (video_id, modality, position, starts_at, ends_at, text, language,"
                " confidence) VALUES (%s, 'ocr', %s, 0, 1, %s, 'ru', %s)",
                (video, position, text, confidence),
            )
        connection.execute(
            "INSERT INTO person (person_id, name) VALUES (%s, 'Анна'), (%s, '')", (video, uuid4())
        )
        connection.execute(
            "INSERT INTO theme (theme_id, name, radius, centroid) VALUES (%s, 'Кулинария', 1, '')", (video,)
        )
    return video


def test_names_and_texts_of_videos_are_there(postgres: Postgres, video: UUID) -> None:
    content = PostgresSuggestionContent(postgres).content()
    assert content.people == ["Анна"]
    assert content.themes == ["Кулинария"]
    assert content.texts == [Text(video, "рецепт борща")]


def test_a_dictionary_is_built_out_of_it(postgres: Postgres, video: UUID, tmp_path: Path) -> None:
    pytest.importorskip("pymorphy3")
    history, objects = PostgresQueryHistory(postgres), MemoryObjectStore()
    for user in ("anna", "boris", "vera"):
        history.remember(user, "борщ с чесноком", None)
    built = rebuild(postgres, objects, "derived", tmp_path)  # a folder without weights
    assert built.changed
    dictionary = PublishedSuggestions(objects, "derived").load()
    assert dictionary is not None
    found = {each.text: each.source.value for each in dictionary.phrases}
    assert found == {
        "рецепт борща": "caption",
        "Анна": "person",
        "Кулинария": "theme",
        "борщ с чесноком": "query",
    }
