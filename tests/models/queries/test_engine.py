"""Understanding as the search function does it: with the words of index and team."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from functions.search import engine as engine_module
from functions.search import glossaries
from functions.search.engine import Engine
from kadr.core.glossary import Entry
from kadr.core.query import QueryStep
from kadr.core.words import TRANSLATION_WEIGHT
from kadr.runtime.settings import SearchSettings
from tests.fakes import MemoryGlossaryStore


@pytest.fixture
def store() -> MemoryGlossaryStore:
    return MemoryGlossaryStore()


@pytest.fixture
def engine(store: MemoryGlossaryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(glossaries, "FRESH_SECONDS", 0.0)
    settings = SearchSettings(
        postgres_host="unused",
        postgres_secret_arn="unused",
        qdrant_url="http://127.0.0.1:1",
        media_bucket="unused",
        derived_bucket="unused",
        models_dir=tmp_path,
    )
    ledger = SimpleNamespace(newest_texts=lambda: ["Райан Гослинг варит борщ", "пампушки к борщу"])
    return Engine(settings, SimpleNamespace(ledger=ledger, glossaries=store))


def test_words_of_the_index_are_what_queries_are_repaired_to(engine: Engine) -> None:
    assert engine.understand("пмпушки").corrected == "пампушки"
    assert engine.understand("gfvgeirb").corrected == "пампушки"
    assert ("гослинг", TRANSLATION_WEIGHT) in engine.understand("ryan gosling").words
    assert engine.understand("пмпушки", skip=[QueryStep.SPELLING]).corrected == "пмпушки"


def test_words_of_newer_videos_are_read_behind_the_back_of_a_query(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.understand("борщ")
    texts, read = ["вертикальный глинтвок"], threading.Event()

    def newest_texts() -> list[str]:
        read.set()
        return texts

    engine._world.ledger.newest_texts = newest_texts  # type: ignore[method-assign]
    assert engine.understand("глинтвк").corrected == "глинтвк"
    assert not read.is_set()  # they are fresh
    monkeypatch.setattr(engine_module, "_VOCABULARY_SECONDS", 0.0)
    assert engine.understand("глинтвк").corrected == "глинтвк"  # the old words answer
    assert read.wait(10)
    deadline = time.monotonic() + 10
    while engine.understand("глинтвк").corrected != "глинтвок" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert engine.understand("глинтвк").corrected == "глинтвок"


def test_a_team_teaches_it_a_word_without_a_restart(engine: Engine, store: MemoryGlossaryStore) -> None:
    assert "Zorb" not in engine.understand("зорбофон").translated
    store.change("acme", put=[Entry("зорбофон", ("Zorb Phone",))])
    assert engine.understand("зорбофоны", tenant="acme").translated == "Zorb Phone"
    assert engine.understand("зорбофн", tenant="acme").corrected == "зорбофон"
    assert "Zorb" not in engine.understand("зорбофон").translated
    store.change("acme", remove=["зорбофон"])
    assert "Zorb" not in engine.understand("зорбофон", tenant="acme").translated
