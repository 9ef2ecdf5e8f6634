"""Mistakes of spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadr.core.neighbours import Neighbours
from kadr.core.spelling import correct_spelling, mistakes, nearest
from kadr.core.text import tokens
from kadr.core.vocabulary import Vocabulary, WordIndex


@pytest.mark.parametrize(
    ("likely", "unlikely", "meant"),
    [
        ("малоко", "мулоко", "молоко"),  # heard alike
        ("учится", "учитмся", "учиться"),  # the soft sign
        ("касета", "кссета", "кассета"),  # a doubled letter
        ("корова", "колова", "корова"),
        ("кшрова", "кюрова", "корова"),  # a key beside
        ("борщш", "борщв", "борщ"),  # two keys at once
        ("кропива", "крюпива", "крапива"),
        ("миленый", "милынный", "миленный"),
        ("корвоа", "корвк", "корова"),  # swapped
        ("recieve", "recxive", "receive"),
    ],
)
def test_usual_mistakes_cost_less(likely: str, unlikely: str, meant: str) -> None:
    assert mistakes(likely, meant) < mistakes(unlikely, meant)


@given(st.text("абьт", max_size=8), st.text("абьт", max_size=8))
def test_only_the_word_itself_costs_nothing(typed: str, meant: str) -> None:
    assert (mistakes(typed, meant) == 0) == (typed == meant)


def test_the_most_plausible_word_is_meant() -> None:
    vocabulary = Vocabulary({"котлета": 2, "котлеты": 9, "портрета": 9})
    assert nearest("катлета", vocabulary)[0] == "котлета"
    assert nearest("абракадабра", vocabulary)[0] is None
    assert nearest("кот", vocabulary)[0] is None
    rare_or_common = Vocabulary({}, language=WordIndex({"корона": 4.4, "короне": 2.1}))
    assert nearest("коронк", rare_or_common)[0] == "корона"


def test_a_listed_mistake_is_corrected_and_a_rare_word_is_not() -> None:
    vocabulary = Vocabulary(
        {}, language=WordIndex({"извини": 5.2, "извени": 2.3, "борода": 4.3, "борозда": 3.0})
    )
    assert nearest("извени", vocabulary)[0] == "извини"
    assert nearest("борозда", vocabulary)[0] is None


def test_a_new_word_is_not_taken_for_a_rare_one() -> None:
    assert nearest("зумеры", Vocabulary({}, language=WordIndex({"замеры": 2.9, "химеры": 3.0})))[0] is None


def test_forms_of_a_word_that_nobody_lists_stay() -> None:
    language = WordIndex({"однушки": 3.5})
    assert nearest("однушке", Vocabulary({}, language=language))[0] is None
    assert (
        nearest("адпушки", Vocabulary({"однушки": 1}, language=language))[0] is None
    )  # two mistakes in seven letters


def test_only_unknown_words_change_and_everything_between_stays() -> None:
    vocabulary = Vocabulary({"рецепты": 2, "абвг": 1})
    assert correct_spelling("«Рицепты», 2024!", lambda _: False, vocabulary) == "«рецепты», 2024!"
    assert correct_spelling("рицепты", lambda _: True, vocabulary) == "рицепты"
    assert correct_spelling("абв", lambda _: False, vocabulary) == "абв"
    assert correct_spelling("iphone15", lambda _: False, vocabulary) == "iphone15"


COUNTS = {"комнатные": 1, "командные": 9, "растения": 2, "игры": 5, "плюшевый": 1, "мишка": 3, "светлый": 4}
BESIDE = Neighbours(map(tokens, ["комнатные растения", "командные игры", "плюшевый мишка", "вокруг света"]))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("комнадные растения", "комнатные растения"),
        ("комнадные игры", "командные игры"),
        ("комнадные", "командные"),  # with nothing beside it, the more usual word
        ("пюевый мишка", "плюшевый мишка"),  # two mistakes in a short word: only beside what it goes with
        ("пюевый слон", "пюевый слон"),
    ],
)
def test_the_word_beside_it_tells_what_was_meant(typed: str, meant: str) -> None:
    vocabulary = Vocabulary(COUNTS, neighbours=BESIDE)
    assert correct_spelling(typed, lambda word: word == "слон", vocabulary) == meant
    assert correct_spelling("пюевый мишка", lambda _: False, Vocabulary(COUNTS)) == "пюевый мишка"


def test_a_real_word_is_a_slip_where_another_one_goes_with_the_words_around() -> None:
    counts = {"света": 30, "вокруг": 9, "белая": 3, "дочь": 3}
    language = WordIndex({"сета": 2.4, "ночь": 5.2, "дочь": 4.4})
    beside = Neighbours(map(tokens, ["вокруг света", "белая дочь"]))
    vocabulary = Vocabulary(counts, language=language, neighbours=beside)

    def corrected(query: str) -> str:
        return correct_spelling(query, lambda _: True, vocabulary)

    assert corrected("вокруг сета") == "вокруг света"
    assert corrected("сета") == "сета"
    assert corrected("после сета") == "после сета"
    assert corrected("белая ночь") == "белая ночь"  # as usual as what is known beside it
    assert corrected("вокруг света") == "вокруг света"
    assert (
        correct_spelling("вокруг сета", lambda _: True, Vocabulary(counts, language=language))
        == "вокруг сета"
    )


def test_what_is_known_side_by_side_stays_whatever_is_more_usual() -> None:
    language = WordIndex({"пасты": 2.0, "посты": 5.5})
    beside = Neighbours(map(tokens, ["зубная паста", "зубная посты"]))
    vocabulary = Vocabulary({"посты": 50}, language=language, neighbours=beside)
    assert correct_spelling("зубная пасты", lambda _: True, vocabulary) == "зубная пасты"
