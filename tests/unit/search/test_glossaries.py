"""Whose glossary a query is read with."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest

from functions.search.glossaries import FRESH_SECONDS, Glossaries
from kadr.core.errors import DependencyError
from kadr.core.glossary import Entry, Glossary
from tests.fakes import MemoryGlossaryStore
from tests.lemmatizers import TableLemmatizer


class Store(MemoryGlossaryStore):
    """Counts what it is asked, and can be out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.down = False

    def versions(self) -> Mapping[str, int]:
        self.asked += 1
        if self.down:
            raise DependencyError("PostgreSQL did not answer")
        return super().versions()


@cache
def base() -> Glossary:
    return Glossary.load(TableLemmatizer().lemmas)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def glossaries(store: Store, clock: Clock) -> Glossaries:
    return Glossaries(store, base(), TableLemmatizer().lemmas, clock=clock)


def test_without_entries_it_is_the_one_that_comes_with_kadr(glossaries: Glossaries) -> None:
    assert glossaries.of().glossary is glossaries.of("acme").glossary is base()


def test_an_added_entry_is_known_within_seconds(glossaries: Glossaries, store: Store, clock: Clock) -> None:
    glossaries.of()
    store.change(put=[Entry("щукарь", ("Shchukar the Angler",))])
    assert "Angler" not in glossaries.of().glossary.translate("щукарь").text
    clock.now += FRESH_SECONDS
    assert glossaries.of().glossary.translate("щукарь").text == "Shchukar the Angler"
    assert "щукарь" in glossaries.of().added
    assert "angler" in glossaries.of().added
    store.change(put=[Entry("злой бравлик", ("mean brawler",))])
    clock.now += FRESH_SECONDS
    assert ("злой", "бравлик") in glossaries.of().neighbours
    store.change(remove=["щукарь"])
    clock.now += FRESH_SECONDS
    assert "Angler" not in glossaries.of().glossary.translate("щукарь").text


def test_a_tenants_own_entries_win_over_everybodys(glossaries: Glossaries, store: Store) -> None:
    store.change(put=[Entry("бравлик", ("brawler",)), Entry("щукарь", ("pike",))])
    store.change("acme", put=[Entry("бравлик", ("Acme hero",))])
    assert glossaries.of("acme").glossary.translate("бравлик щукарь").text == "Acme hero pike"
    assert glossaries.of().glossary.translate("бравлик щукарь").text == "brawler pike"
    assert glossaries.of("made-up") is glossaries.of()


def test_queries_in_between_ask_nothing(glossaries: Glossaries, store: Store) -> None:
    store.change(put=[Entry("щукарь", ("pike",))])
    first = glossaries.of()
    assert all(glossaries.of() is first for _ in range(10))
    assert store.asked == 1


def test_what_was_known_lasts_while_the_database_is_out_of_reach(
    glossaries: Glossaries, store: Store, clock: Clock
) -> None:
    store.change("acme", put=[Entry("щукарь", ("pike",))])
    known = glossaries.of("acme")
    store.down = True
    clock.now += FRESH_SECONDS
    assert glossaries.of("acme") is known
    assert glossaries.of().glossary is base()
