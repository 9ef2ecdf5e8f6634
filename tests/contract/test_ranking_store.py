"""Which constants of ranking are in force, kept by a real PostgreSQL."""

from __future__ import annotations

import json

import pytest

from kadr.adapters.postgres import Postgres
from kadr.adapters.ranking_store import FRESH_FOR, PostgresRankingStore
from kadr.core.errors import RankingError
from kadr.core.ranking import Ranking, default_ranking, ranking_json


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(postgres: Postgres, clock: Clock) -> PostgresRankingStore:
    return PostgresRankingStore(postgres, clock=clock)


def put(postgres: Postgres, constants: object, *, in_force: str = "now()") -> None:
    with postgres.transaction() as connection:
        connection.execute(
            "INSERT INTO ranking (constants, version, collection, in_force_at)"
            f" VALUES (%s, 'v', 'videos-0002', {in_force})",
            (None if constants is None else json.dumps(constants),),
        )


def test_without_any_of_its_own_an_installation_has_those_of_the_release(store: PostgresRankingStore) -> None:
    assert store.active() == default_ranking()


def test_new_constants_are_seen_within_half_a_minute(
    store: PostgresRankingStore, postgres: Postgres, clock: Clock
) -> None:
    before, after = store.active(), Ranking(words_scale=3.0, words_weight=0.9)
    put(postgres, ranking_json(after))
    assert store.active() == before
    clock.now += FRESH_FOR
    assert store.active() == after


def test_an_index_that_is_still_being_made_changes_nothing(
    store: PostgresRankingStore, postgres: Postgres
) -> None:
    put(postgres, ranking_json(Ranking(words_scale=3.0)), in_force="NULL")
    assert store.active() == default_ranking()


def test_the_newest_wins_and_may_be_those_of_the_release_again(
    store: PostgresRankingStore, postgres: Postgres, clock: Clock
) -> None:
    put(postgres, ranking_json(Ranking(words_scale=3.0)), in_force="now() - interval '1 hour'")
    put(postgres, ranking_json(Ranking(words_scale=4.0)))
    assert store.active().words_scale == 4.0
    put(postgres, None, in_force="now() + interval '1 second'")
    clock.now += FRESH_FOR
    assert store.active() == default_ranking()


def test_what_are_no_constants_is_said(store: PostgresRankingStore, postgres: Postgres) -> None:
    put(postgres, {"words_scale": -1})
    with pytest.raises(RankingError, match="words_scale"):
        store.active()
