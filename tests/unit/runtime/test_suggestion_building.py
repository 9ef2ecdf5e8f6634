"""Building the dictionary, with a small encoder, and publishing it."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from functions.search import handler as search
from kadr.adapters.published_suggestions import LATEST, PublishedSuggestions
from kadr.core.extraction import Vector
from kadr.core.glossary import Glossary
from kadr.core.popularity import Content
from kadr.core.suggestions import SuggestionIndex
from kadr.core.terms import Text
from kadr.core.translation import Translated
from kadr.runtime.suggestions import Built, build
from tests.fakes import MemoryObjectStore, MemoryQueryHistory
from tests.unit.infra.templates import load, resources

ENGLISH = {"рецепт борща": "borscht recipe", "варить борщ": "cook borscht", "кот": "cat"}


class Translator:
    model_version = "t-1"

    def translate(self, text: str, *, glossary: Glossary | None = None) -> str:
        return ENGLISH.get(text, text)

    def explain(self, texts: Sequence[str], *, glossary: Glossary | None = None) -> list[Translated]:
        return [Translated(self.translate(text), ()) for text in texts]


class Encoder:
    """Knows one meaning: whether a text is about borscht."""

    dimensions = 2

    def __init__(self, version: str = "e-1") -> None:
        self.model_version = version
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vector:
        self.embedded += texts
        return np.array([[1, 0] if "borscht" in text else [0, 1] for text in texts], dtype=np.float32)


class Stand:
    def __init__(self) -> None:
        self.texts = ["рецепт борща", "варить борщ", "кот"]
        self.objects = MemoryObjectStore()
        self.published = PublishedSuggestions(self.objects, "derived")

    def content(self) -> Content:
        return Content(texts=[Text(number, text) for number, text in enumerate(self.texts)])

    def build(self, encoder: Encoder | None, **more: float) -> Built:
        return build(
            self, MemoryQueryHistory(), self.published, encoder=encoder, translator=Translator(), **more
        )

    def index(self) -> SuggestionIndex:
        dictionary = self.published.load()
        assert dictionary is not None
        return SuggestionIndex(dictionary)


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_what_was_indexed_is_suggested_by_its_meaning(stand: Stand) -> None:
    encoder = Encoder()
    built = stand.build(encoder)
    assert (built.phrases, built.embedded, built.waiting, built.changed) == (3, 3, 0, True)
    assert "borscht recipe" in encoder.embedded  # the encoder speaks English
    first = stand.index().suggest("", limit=3)
    assert [each.group for each in first] == [0, 0, 1]
    assert first[2].text == "кот"


def test_only_what_is_new_is_embedded(stand: Stand) -> None:
    stand.build(Encoder())
    stand.texts.append("собака")
    encoder = Encoder()
    built = stand.build(encoder)
    assert (built.phrases, built.embedded) == (4, 1)
    assert encoder.embedded == ["собака"]
    assert [each.text for each in stand.index().suggest("соб")] == ["собака"]


def test_another_model_embeds_everything_again(stand: Stand) -> None:
    stand.build(Encoder())
    assert stand.build(Encoder("e-2")).embedded == 3


def test_what_is_deleted_is_not_suggested_any_more(stand: Stand) -> None:
    stand.build(Encoder())
    stand.texts.remove("кот")
    stand.build(Encoder())
    assert stand.index().suggest("кот") == []


def test_nothing_new_is_not_published_again(stand: Stand) -> None:
    stand.build(Encoder())
    assert stand.build(Encoder()).changed is False


def test_without_time_phrases_are_published_and_embedded_later(stand: Stand) -> None:
    built = stand.build(Encoder(), seconds=0)
    assert (built.phrases, built.embedded, built.waiting) == (3, 0, 3)
    assert [each.text for each in stand.index().suggest("кот")] == ["кот"]
    built = stand.build(Encoder())
    assert (built.embedded, built.waiting) == (3, 0)


def test_without_an_encoder_phrases_are_suggested_ungrouped(stand: Stand) -> None:
    stand.build(None)
    assert [each.group for each in stand.index().suggest("")] == [0, 1, 2]


def test_a_damaged_dictionary_is_replaced(stand: Stand) -> None:
    stand.build(Encoder())
    stand.objects.put("derived", LATEST, b"{")
    assert stand.build(Encoder()).changed
    assert len(stand.index()) == 3


def test_the_schedule_reaches_the_build_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    function = resources(load(), "AWS::Serverless::Function")["SearchFunction"]
    event = json.loads(function["Events"]["Suggestions"]["Properties"]["Input"])
    here = SimpleNamespace(
        world=SimpleNamespace(postgres=None, objects=None),
        settings=SimpleNamespace(derived_bucket="derived", models_dir=None),
    )
    monkeypatch.setattr(search, "this_process", lambda: here)
    monkeypatch.setattr(
        search, "rebuild", lambda *_, **more: SimpleNamespace(phrases=3, embedded=2, waiting=1)
    )
    assert search.handler(event, None) == {"phrases": 3, "embedded": 2, "waiting": 1}
    monkeypatch.setattr(search, "_api", lambda event, context: {"statusCode": 200})
    assert search.handler({"rawPath": "/healthz"}, None) == {"statusCode": 200}
