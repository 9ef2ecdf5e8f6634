"""What the stores of glossary entries and of keys promise, kept by a real PostgreSQL."""

from __future__ import annotations

import threading

import pytest

from kadr.adapters.api_keys import PostgresKeyStore
from kadr.adapters.glossary_store import PostgresGlossaryStore
from kadr.adapters.postgres import Postgres
from kadr.core.errors import KeyNameTakenError
from kadr.core.glossary import Entry
from kadr.ports.glossary import GlossaryStore
from kadr.ports.keys import KeyStore
from tests.fakes import MemoryGlossaryStore

BRAWLER = Entry("бравлик", ("brawler", "fighter"))
NOTHING = Entry("ну", (), term=False)


@pytest.fixture(params=["postgres", "memory"])
def store(request: pytest.FixtureRequest) -> GlossaryStore:
    if request.param == "memory":
        return MemoryGlossaryStore()
    return PostgresGlossaryStore(request.getfixturevalue("postgres"))


@pytest.fixture
def keys(postgres: Postgres) -> KeyStore:
    return PostgresKeyStore(postgres)


def test_entries_come_back_as_they_were_put(store: GlossaryStore) -> None:
    store.change(put=[NOTHING, BRAWLER])
    assert store.entries() == (BRAWLER, NOTHING)
    store.change(put=[Entry("бравлик", ("brawler",))])
    assert store.entries() == (Entry("бравлик", ("brawler",)), NOTHING)


def test_tenants_do_not_see_one_another(store: GlossaryStore) -> None:
    store.change("acme", put=[BRAWLER])
    assert store.entries("acme") == (BRAWLER,)
    assert store.entries() == store.entries("other") == ()


def test_removing_counts_what_was_there(store: GlossaryStore) -> None:
    store.change(put=[BRAWLER, NOTHING])
    assert store.change(remove=["бравлик", "абв"]) == 1
    assert store.entries() == (NOTHING,)


def test_versions_rise_with_every_change_and_with_nothing_else(store: GlossaryStore) -> None:
    assert store.versions() == {}
    store.change("acme", put=[BRAWLER])
    first = store.versions()
    assert set(first) == {"acme"}
    store.change("acme", put=[BRAWLER])
    store.change("acme", remove=["абв"])
    store.change("other", put=[])
    assert store.versions() == first
    store.change("acme", remove=["бравлик"])
    assert store.versions()["acme"] > first["acme"]


def test_changes_at_the_same_time_are_all_counted(postgres: Postgres) -> None:
    store = PostgresGlossaryStore(postgres)
    threads = [
        threading.Thread(target=store.change, kwargs={"put": [Entry(f"слово{n}", ("word",))]})
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.entries()) == 4
    assert store.versions() == {"": 4}


def test_a_key_is_found_by_itself_only(keys: KeyStore) -> None:
    key = keys.create("ci", ["glossary"], tenant="acme")
    found = keys.find(key)
    assert found is not None
    assert (found.name, found.scopes, found.tenant) == ("ci", frozenset({"glossary"}), "acme")
    assert keys.find(key[:-1]) is keys.find("") is keys.find("ci") is None
    assert keys.create("second", ["glossary"]) != key


def test_a_key_allows_what_it_was_made_for(keys: KeyStore) -> None:
    one = keys.find(keys.create("one", ["glossary"], tenant="acme"))
    every = keys.find(keys.create("every", ["glossary"]))
    assert one is not None
    assert every is not None
    assert one.allows("glossary", "acme")
    assert not one.allows("glossary", "")
    assert not one.allows("videos", "acme")
    assert every.allows("glossary", "")
    assert every.allows("glossary", "acme")


def test_the_secret_is_not_kept(keys: KeyStore, postgres: Postgres) -> None:
    key = keys.create("ci", ["glossary"])
    with postgres.transaction() as connection:
        (row,) = connection.execute("SELECT api_key::text FROM api_key").fetchall()
    assert key not in row[0]
    assert key.removeprefix("kadr_") not in row[0]


def test_a_revoked_key_allows_nothing_and_its_name_is_free(keys: KeyStore) -> None:
    key = keys.create("ci", ["glossary"])
    with pytest.raises(KeyNameTakenError):
        keys.create("ci", ["glossary"])
    assert keys.revoke("ci")
    assert not keys.revoke("ci")
    found = keys.find(key)
    assert found is not None
    assert not found.allows("glossary", "")
    keys.create("ci", ["glossary"])
    assert [each.revoked_at is None for each in keys.keys()]  # noqa: SIM118 == [False, True]
