"""A query with syntax: what is quoted stays as it was typed, the rest is understood."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from functions.search.reading import Reading, read
from kadr.core.errors import EmptyQueryError
from kadr.core.glossary import Glossary
from kadr.core.query import understand
from kadr.core.vocabulary import Vocabulary
from kadr.core.words import ORIGINAL_WEIGHT, TRANSLATION_WEIGHT, token_id
from tests.lemmatizers import TableLemmatizer


@pytest.fixture(scope="module")
def reading() -> Callable[[str], Reading]:
    glossary = Glossary.load(TableLemmatizer().lemmas)
    vocabulary = Vocabulary({"рецепты": 2, "борща": 2}, background=glossary.vocabulary)
    understood = partial(understand, glossary=glossary, vocabulary=vocabulary)
    return partial(read, understand=understood, translate=lambda text: f"<{text}>")


def test_without_syntax_nothing_is_different(reading):
    found = reading("рицепты борща")
    assert found.query.corrected == "рецепты борща"
    assert found.english == found.query.translated
    assert (found.asked.phrases, found.asked.excluded) == ((), ())


def test_quoted_words_are_neither_repaired_nor_translated_but_the_rest_is(reading):
    found = reading('рицепты "барща как варить" -мисо')
    assert found.asked.phrases == ("барща как варить",)
    assert found.asked.excluded == ("мисо",)
    assert found.query.corrected == 'рецепты "барща как варить" -мисо'
    assert found.query.translated.lower() == 'recipe "барща как варить" -мисо'
    assert ("барща как варить", ORIGINAL_WEIGHT) in found.query.words
    assert ("рецепты", ORIGINAL_WEIGHT) in found.query.words
    assert not any("мис" in text for text, _ in found.query.words)


def test_what_a_quote_means_is_put_into_english_for_the_embedding_alone(reading):
    found = reading('рецепты "как варить" -мясо')
    assert found.english.lower() == "recipe <как варить>"


def test_a_query_that_is_all_quoted_has_a_language_and_words(reading):
    found = reading("«как варить»")
    assert found.query.original == found.query.corrected == found.query.translated == "«как варить»"
    assert found.query.language == "ru"
    assert found.query.words == (("как варить", ORIGINAL_WEIGHT),)


def test_the_wrong_layout_is_repaired_beside_a_quote(reading):
    assert reading('rfr dfhbnm "Борщ"').query.corrected == 'как варить "Борщ"'


def test_words_come_with_their_stems(reading):
    words = reading("рецепты борща").words(0.5)
    assert words is not None
    assert words.weight == 0.5
    assert {"рецепт", "борщ", "borscht"} <= set(words.stems)
    assert {token_id(stem) for stem in words.stems} == set(words.vector.indices)
    assert TRANSLATION_WEIGHT in words.vector.values


@pytest.mark.parametrize("query", ["", "🍲", '""', "…"])
def test_nothing_to_look_for(reading, query):
    with pytest.raises(EmptyQueryError, match="type a word"):
        reading(query)


@pytest.mark.parametrize("query", ["-кот", "-кот -собака", '-"кот учёный"', "-кот …"])
def test_exclusions_alone_find_nothing(reading, query):
    with pytest.raises(EmptyQueryError, match="type what to look for"):
        reading(query)
