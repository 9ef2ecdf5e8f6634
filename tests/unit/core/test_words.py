"""BM25 as a dot product of sparse vectors."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadr.core.text import stem
from kadr.core.words import (
    AVERAGE_LENGTH,
    K1,
    TRANSLATION_WEIGHT,
    SparseVector,
    document_words,
    query_words,
    token_id,
)


def score(query: SparseVector, document: SparseVector) -> float:
    values = dict(zip(document.indices, document.values, strict=True))
    return sum(
        weight * values.get(index, 0.0) for index, weight in zip(query.indices, query.values, strict=True)
    )


def value(vector: SparseVector, word: str) -> float:
    return dict(zip(vector.indices, vector.values, strict=True))[token_id(stem(word))]


def test_another_inflection_is_found() -> None:
    document = document_words([("Готовим домашние пельмени", 1.0)])
    assert score(query_words([("пельменей", 1.0)]), document) > 0
    assert score(query_words([("котлета", 1.0)]), document) == 0


def test_the_value_is_bm25s_term_frequency() -> None:
    # a document of exactly average length: the length does not count
    filler = " ".join(f"слово{number}" for number in range(int(AVERAGE_LENGTH) - 3))
    document = document_words([(f"борщ борщ борщ {filler}", 1.0)])
    assert value(document, "борщ") == pytest.approx(3 * (K1 + 1) / (3 + K1))


def test_more_mentions_count_more_but_ever_less() -> None:
    one, two, three = (
        value(document_words([("борщ " * n + "и сметана " * 20, 1.0)]), "борщ") for n in (1, 2, 3)
    )
    assert one < two < three < K1 + 1
    assert two - one > three - two


def test_a_word_in_a_short_text_counts_more_than_in_a_long_one() -> None:
    short = document_words([("рецепт борща", 1.0)])
    long = document_words([("рецепт борща " + "и ещё много другого текста " * 40, 1.0)])
    assert value(short, "борщ") > value(long, "борщ")


def test_a_translated_word_counts_less_than_one_that_was_said() -> None:
    document = document_words([("борщ", 1.0), ("borscht", TRANSLATION_WEIGHT)])
    assert 0 < value(document, "borscht") < value(document, "борщ")
    query = query_words([("борщ", 1.0), ("borscht", TRANSLATION_WEIGHT)])
    assert value(query, "borscht") == TRANSLATION_WEIGHT
    assert value(query, "борщ") == 1.0


def test_a_query_drops_stop_words_of_both_languages() -> None:
    query = query_words([("как варить борщ", 1.0), ("how to cook borscht", 0.7)])
    assert set(query.indices) == {token_id(stem(word)) for word in ("варить", "борщ", "cook", "borscht")}


def test_a_query_of_stop_words_only_still_finds() -> None:
    query = query_words([("кто ты", 1.0), ("who you", 0.7)])
    assert score(query, document_words([("А кто же ты такой", 1.0)])) > 0


def test_a_query_word_counts_once_with_its_greatest_weight() -> None:
    query = query_words([("iphone iphone", 1.0), ("iphone", 0.7)])
    assert query.values == (1.0,)


def test_no_words_no_vector() -> None:
    nothing = SparseVector((), ())
    assert document_words([]) == document_words([("🍲 !", 1.0)]) == document_words([("борщ", 0.0)]) == nothing
    assert query_words([("", 1.0)]) == nothing


@given(st.lists(st.tuples(st.text(max_size=40), st.floats(min_value=0.1, max_value=1)), max_size=4))
def test_ids_are_unique_and_ascending_and_values_finite(texts: list[tuple[str, float]]) -> None:
    for vector in (document_words(texts), query_words(texts)):
        assert list(vector.indices) == sorted(set(vector.indices))
        assert all(0 <= index < 2**32 for index in vector.indices)
        assert all(math.isfinite(each) and 0 < each < K1 + 1 for each in vector.values)


def test_ids_are_the_same_for_ever() -> None:
    # stored in every index: a change would make all of them unreadable
    assert (token_id("борщ"), token_id("borscht")) == (613569648, 2753334584)
