from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from kadr.adapters import api_keys, glossary_store
from kadr.cli import glossary, keys
from kadr.core.errors import KeyNameTakenError
from kadr.ports.keys import ApiKey
from tests.fakes import MemoryGlossaryStore


@pytest.fixture
def store(stand, monkeypatch):
    """The entries in memory, in the place of the stack's database."""
    store = MemoryGlossaryStore()

    @contextmanager
    def database(target):
        assert target is stand.target
        yield store

    monkeypatch.setattr(glossary, "database", database)
    monkeypatch.setattr(glossary_store, "PostgresGlossaryStore", lambda postgres: postgres)
    return store


class TestGlossary:
    def test_adding_listing_removing(self, stand, store):
        assert stand.invoke("glossary", "add", "Бравлик", "brawler", "hero").stdout == (
            "added: бравлик → brawler | hero\n"
        )
        assert stand.invoke("glossary", "add", "бравлик", "brawler", "--kind", "word").stdout.startswith(
            "changed"
        )
        assert stand.json("glossary", "list", "--json") == {
            "tenant": "", "entries": [{"source": "бравлик", "targets": ["brawler"], "kind": "word"}]
        }  # fmt: skip
        assert stand.invoke("glossary", "list").stdout == "бравлик → brawler  [word]\n"
        asked = stand.invoke("glossary", "remove", "БРАВЛИК", input="n\n")
        assert (asked.exit_code, "Remove бравлик?" in asked.stderr, len(store.entries())) == (1, True, 1)
        assert stand.invoke("glossary", "remove", "БРАВЛИК", "--yes").stdout == "removed: бравлик\n"
        assert "No entries" in stand.invoke("glossary", "list").stderr

    def test_a_tenant_has_its_own(self, stand, store):
        stand.invoke("glossary", "add", "бравлик", "brawler", "--tenant", "acme")
        assert [each.source for each in store.entries("acme")] == ["бравлик"]
        assert store.entries() == ()
        assert stand.invoke("glossary", "list", "--tenant", "A B").exit_code == 2

    def test_what_cannot_be_is_said(self, stand, store):
        wrong = stand.invoke("glossary", "add", "brawler", "бравлик")
        assert wrong.exit_code == 1
        assert "the Russian comes first" in wrong.stderr
        assert stand.invoke("glossary", "add", "бравлик", "brawler", "--kind", "name").exit_code == 2
        missing = stand.invoke("glossary", "remove", "кот")
        assert missing.exit_code == 1
        assert "no entry кот" in missing.stderr

    def test_a_file_is_imported_and_exported(self, stand, store, tmp_path):
        stand.invoke("glossary", "add", "кот", "cat")
        stand.invoke("glossary", "add", "ёж", "hedgehog")
        file = tmp_path / "our.tsv"
        file.write_text("кот\tpuss\nбравлик\tbrawler|hero\tword\n", encoding="utf-8")
        would = stand.invoke("glossary", "import", str(file), "--replace", "--dry-run").stdout
        assert would == (
            "+ бравлик → brawler | hero  [word]\n~ кот → puss  (was кот → cat)\n- еж → hedgehog\n"
            "would be: 1 added, 1 changed, 1 removed, 0 as they were\n"
        )
        assert len(store.entries()) == 2  # as before
        assert stand.json("glossary", "import", str(file), "--json")["removed"] == []
        assert stand.invoke("glossary", "export").stdout == (
            "бравлик\tbrawler|hero\tword\nеж\thedgehog\tterm\nкот\tpuss\tterm\n"
        )
        again = stand.invoke("glossary", "import", str(file)).stdout
        assert again == "0 added, 0 changed, 0 removed, 2 as they were\n"

    def test_a_damaged_file_changes_nothing_and_every_line_is_named(self, stand, store, tmp_path):
        file = tmp_path / "our.tsv"
        file.write_text("кот\tcat\nкот puss\ncat\tкот\n", encoding="utf-8")
        refused = stand.invoke("glossary", "import", str(file))
        assert refused.exit_code == 1
        assert "line 2" in refused.stderr
        assert "line 3" in refused.stderr
        assert store.entries() == ()
        file.write_bytes("кот\tcat\n".encode("utf-16"))
        assert "UTF-8" in stand.invoke("glossary", "import", str(file)).stderr


class TestKeys:
    @pytest.fixture(autouse=True)
    def database(self, stand, monkeypatch):
        made = []

        class Keys:
            def __init__(self, postgres):
                pass

            def create(self, name, scopes, *, tenant=None):
                if name in made:
                    raise KeyNameTakenError(f"there is a key called {name} already")
                made.append(name)
                return "kadr_secret"

            def keys(self):
                return [
                    ApiKey(name, frozenset({"edit"}), None, datetime(2026, 1, 1, tzinfo=UTC)) for name in made
                ]

            def revoke(self, name):
                return name in made

        @contextmanager
        def database(target):
            yield None

        monkeypatch.setattr(keys, "database", database)
        monkeypatch.setattr(api_keys, "PostgresKeyStore", Keys)

    def test_a_key_is_shown_once_and_alone_on_stdout(self, stand):
        made = stand.invoke("key", "create", "ci")
        assert made.stdout == "kadr_secret\n"
        assert "not shown again" in made.stderr
        assert "kadr_secret" not in stand.invoke("key", "list").output
        assert re.search("already", stand.invoke("key", "create", "ci").stderr)

    def test_a_key_is_revoked_for_who_is_sure(self, stand):
        stand.invoke("key", "create", "ci")
        for answer in ("n\n", ""):
            asked = stand.invoke("key", "revoke", "ci", input=answer)
            assert (asked.exit_code, "Revoke ci?" in asked.stderr) == (1, True)
            assert "Nothing was revoked" in asked.stderr
            assert "revoked:" not in asked.stdout
        unknown = stand.invoke("key", "revoke", "nobody")
        assert (unknown.exit_code, "Revoke" in unknown.stderr) == (1, False)
        assert stand.invoke("key", "revoke", "ci", input="y\n").stdout.endswith("revoked: ci\n")
        assert stand.invoke("key", "revoke", "ci", "--yes").stdout == "revoked: ci\n"

    def test_scopes_and_names_that_are_not_there(self, stand):
        assert stand.invoke("key", "create", "x", "--scope", "everything").exit_code == 2
        missing = stand.invoke("key", "revoke", "nobody", "--yes")
        assert (missing.exit_code, "no valid key called nobody" in missing.stderr) == (1, True)
