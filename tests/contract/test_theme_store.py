"""Themes, and which video has which, in a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import numpy as np
import pytest

from kadr.adapters.ledger import PostgresLedger
from kadr.adapters.postgres import Postgres
from kadr.adapters.suggestion_store import PostgresSuggestionContent
from kadr.adapters.theme_store import PostgresThemeStore
from kadr.core.extraction import Vector
from kadr.core.identity import ObjectVersion
from kadr.core.theme_names import Said
from kadr.core.themes import POINT_DIMENSIONS, Assigned
from kadr.ports.themes import NamedBy, Theme

CENTRE = np.linspace(0, 0.01, POINT_DIMENSIONS, dtype=np.float32)
COOKING, SPORT = UUID(int=1), UUID(int=2)


def towards(place: int) -> Vector:
    return np.eye(1, POINT_DIMENSIONS, place, dtype=np.float32)[0]


def theme(theme_id: UUID, name: str, *terms: str, named_by: NamedBy = NamedBy.TERMS) -> Theme:
    return Theme(theme_id, name, named_by, terms, towards(theme_id.int), 0.5)


@pytest.fixture
def store(postgres: Postgres) -> PostgresThemeStore:
    return PostgresThemeStore(postgres)


def video(postgres: Postgres, *, searchable: bool = True, thumbnail: str | None = "t.jpg") -> UUID:
    video_id = uuid4()
    with postgres.transaction() as connection:
        connection.execute(
            "INSERT INTO video (video_id, bucket, key, generation, version, etag, size, content_type,"
            " modified_at, searchable, duration, thumbnail_key)"
            " VALUES (%s, 'media', %s, 1, '1', 'e', 1, 'video/mp4', now(), %s, 12.5, %s)",
            (video_id, f"{video_id}.mp4", searchable, thumbnail and f"{video_id}/{thumbnail}"),
        )
    return video_id


def put(store: PostgresThemeStore, **themes: Assigned | None) -> None:
    found = {UUID(video_id): assigned for video_id, assigned in themes.items()}
    with store.locked(list(found)) as rows:
        rows.set_themes(found)


def test_before_the_first_run_there_are_none(store: PostgresThemeStore) -> None:
    assert store.themes() == []
    assert store.space().theme_ids == ()
    assert store.listed(limit=10) == ([], 0)
    assert store.names() == {}


def test_themes_come_back_as_they_were_published(store: PostgresThemeStore) -> None:
    space = store.publish(CENTRE, [theme(COOKING, "Борщ", "борщ", "рецепт"), theme(SPORT, "Йога", "йога")])
    first, second = store.themes()
    assert (first.name, first.terms, first.named_by) == ("Борщ", ("борщ", "рецепт"), NamedBy.TERMS)
    assert np.array_equal(second.direction, towards(2))
    assert np.array_equal(space.centre, CENTRE)
    assert space.theme_ids == (COOKING, SPORT)
    assert np.array_equal(space.directions, np.stack([towards(1), towards(2)]))


def test_whoever_has_read_themes_reads_the_new_ones(store: PostgresThemeStore, postgres: Postgres) -> None:
    other = PostgresThemeStore(postgres)
    store.publish(CENTRE, [theme(COOKING, "Борщ")])
    assert other.space().theme_ids == (COOKING,)
    store.publish(CENTRE, [theme(SPORT, "Йога")])
    assert other.space().theme_ids == (SPORT,)
    assert other.space().version == store.space().version


def test_an_editors_name_outlives_what_a_run_thinks(store: PostgresThemeStore) -> None:
    store.publish(CENTRE, [theme(COOKING, "Борщ", "борщ")])
    renamed = store.rename(COOKING, "Супы")
    assert renamed is not None
    assert (renamed.name, renamed.named_by) == ("Супы", NamedBy.EDITOR)
    store.publish(CENTRE, [theme(COOKING, "Борщ, свёкла", "борщ", "свёкла")])
    (found,) = store.themes()
    assert (found.name, found.named_by, found.terms) == ("Супы", NamedBy.EDITOR, ("борщ", "свёкла"))
    named_again = store.rename(COOKING, "")
    assert named_again is not None
    assert (named_again.name, named_again.named_by) == ("Борщ, свёкла", NamedBy.TERMS)
    assert store.rename(SPORT, "Никто") is None


def test_a_theme_named_while_a_run_was_on_stays_as_long_as_it_has_videos(
    store: PostgresThemeStore, postgres: Postgres
) -> None:
    store.publish(CENTRE, [theme(COOKING, "Борщ"), theme(SPORT, "Йога")])
    put(store, **{str(video(postgres)): Assigned(COOKING, 0.1)})
    store.rename(COOKING, "Супы")
    store.rename(SPORT, "Спорт")
    store.publish(CENTRE, [])
    assert store.names() == {COOKING: "Супы"}


def test_a_theme_has_the_videos_that_can_be_found_the_most_typical_first(
    store: PostgresThemeStore, postgres: Postgres
) -> None:
    store.publish(CENTRE, [theme(COOKING, "Борщ"), theme(SPORT, "Йога")])
    far, near, hidden, alone = (
        video(postgres),
        video(postgres),
        video(postgres, searchable=False),
        video(postgres, thumbnail=None),
    )
    put(
        store,
        **{
            str(far): Assigned(COOKING, 0.4),
            str(near): Assigned(COOKING, 0.1),
            str(hidden): Assigned(COOKING, 0.0),
            str(alone): Assigned(SPORT, 0.0),
        },
    )
    listed, total = store.listed(limit=1)
    assert total == 2
    assert [(each.theme_id, each.videos) for each in listed] == [(COOKING, 2)]
    assert [each.theme_id for each in store.listed(limit=10, offset=1)[0]] == [SPORT]
    assert store.listed(limit=10, offset=5) == ([], 2)
    assert [each.video_id for each in store.members(COOKING, limit=10)] == [near, far]
    assert [each.video_id for each in store.members(COOKING, limit=10, offset=1)] == [far]
    assert store.members(COOKING, limit=1)[0].duration == 12.5
    assert store.thumbnails([COOKING, SPORT], 4) == {COOKING: [f"{near}/t.jpg", f"{far}/t.jpg"]}
    assert store.assigned([near, uuid4()]) == {near: COOKING}


def test_a_video_that_is_gone_is_in_no_theme(store: PostgresThemeStore, postgres: Postgres) -> None:
    store.publish(CENTRE, [theme(COOKING, "Борщ")])
    gone = video(postgres)
    put(store, **{str(gone): Assigned(COOKING, 0.1)})
    PostgresLedger(postgres).purge(gone, lambda: None, lambda: None)
    assert store.members(COOKING, limit=10) == []
    assert store.listed(limit=10) == ([], 0)
    found = store.record(COOKING)
    assert found is not None
    assert found.videos == 0


def test_assembling_gives_a_video_one_of_the_themes_in_force(
    store: PostgresThemeStore, postgres: Postgres
) -> None:
    store.publish(CENTRE, [theme(COOKING, "Борщ")])
    new = video(postgres)
    with PostgresLedger(postgres).assemble(new, 1) as commit:
        assert commit is not None
        assert commit.themes().theme_ids == (COOKING,)
        commit.set_theme(Assigned(COOKING, 0.2))
    assert store.assigned([new]) == {new: COOKING}
    with PostgresLedger(postgres).assemble(new, 1) as commit:
        assert commit is not None
        commit.set_theme(None)
    assert store.assigned([new]) == {new: None}


def test_another_version_of_a_video_has_no_theme_yet(store: PostgresThemeStore, postgres: Postgres) -> None:
    one = video(postgres)
    put(store, **{str(one): Assigned(COOKING, 0.1)})
    other = ObjectVersion("2", "e2", 1, datetime(2026, 1, 1, tzinfo=UTC), "video/mp4")
    PostgresLedger(postgres).register(one, "media", f"{one}.mp4", lambda: other, lambda _: None)
    assert store.assigned([one]) == {one: None}


def test_a_change_of_theme_is_a_change_of_the_video(store: PostgresThemeStore, postgres: Postgres) -> None:
    """An index that is being made anew meanwhile copies the video again."""
    one = video(postgres)

    def changed() -> object:
        with postgres.transaction() as connection:
            row = connection.execute("SELECT updated_at FROM video WHERE video_id = %s", (one,)).fetchone()
        return row

    before = changed()
    put(store, **{str(one): Assigned(COOKING, 0.25)})
    after = changed()
    assert after != before
    put(store, **{str(one): Assigned(COOKING, 0.25)})
    assert changed() == after


def test_two_never_find_themes_at_once(store: PostgresThemeStore, postgres: Postgres) -> None:
    other = PostgresThemeStore(postgres)
    with store.exclusively() as first, other.exclusively() as second:
        assert first
        assert not second
        assert store.themes() == []  # and meanwhile the store works
    with other.exclusively() as alone:
        assert alone


def test_words_that_were_badly_recognised_name_nothing(store: PostgresThemeStore, postgres: Postgres) -> None:
    one = video(postgres)
    with postgres.transaction() as connection:
        for position, (text, confidence) in enumerate((("борщ", 0.9), ("щв##к", 0.2), ("", 0.9))):
            connection.execute(
                "INSERT INTO moment (video_id, modality, position, starts_at, ends_at, text, language,"
                " translation, confidence) VALUES (%s, 'ocr', %s, 0, 1, %s, 'ru', 'borscht', %s)",
                (one, position, text, confidence),
            )
    assert store.texts([one, uuid4()]) == {one: [Said("борщ", "borscht", "ru")]}


def test_only_names_that_say_something_are_suggested(store: PostgresThemeStore, postgres: Postgres) -> None:
    store.publish(CENTRE, [theme(COOKING, "Борщ", "борщ"), theme(SPORT, "Тема 1", named_by=NamedBy.NUMBER)])
    assert PostgresSuggestionContent(postgres).content().themes == ["Борщ"]
