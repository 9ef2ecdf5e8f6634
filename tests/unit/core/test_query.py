"""Keyboard layout, spelling, translation of a query."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial

import pytest

from kadr.core.glossary import Glossary
from kadr.core.query import Understood, Vocabulary, correct_spelling, switch_layout, understand
from kadr.core.words import ORIGINAL_WEIGHT, TRANSLATION_WEIGHT
from tests.lemmatizers import TableLemmatizer

DICTIONARY = frozenset({"кошара", "крона"})


Query = Callable[[str], Understood]


@pytest.fixture(scope="module")
def glossary() -> Glossary:
    return Glossary.load(TableLemmatizer().lemmas)


@pytest.fixture(scope="module")
def query(glossary: Glossary) -> Query:
    indexed = {"рецепты": 2, "борща": 2, "пампушки": 1, "quokka": 1}
    vocabulary = Vocabulary(indexed, background=glossary.vocabulary)
    return partial(understand, glossary=glossary, vocabulary=vocabulary, dictionary=DICTIONARY.__contains__)


def test_a_russian_query_is_translated(query: Query) -> None:
    assert query(" Как варить борщ? 🍲 ") == Understood(
        original="Как варить борщ?",
        corrected="Как варить борщ?",
        translated="How to cook borscht?",
        language="ru",
        words=(("Как варить борщ?", ORIGINAL_WEIGHT), ("How to cook borscht?", TRANSLATION_WEIGHT)),
    )


def test_an_english_query_is_kept_and_looks_for_russian_words_too(query: Query) -> None:
    understood = query("how to cook borscht")
    assert understood.translated == understood.corrected == "how to cook borscht"
    assert understood.language == "en"
    assert {("как варить", TRANSLATION_WEIGHT), ("борщ", TRANSLATION_WEIGHT)} <= set(understood.words)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("rjn", "кот"),
        ("rfr dfhbnm ,jho", "как варить борщ"),
        (",jho d ljvt", "борщ в доме"),
        ("ghbdtn!", "привет!"),
        ("кщидщч", "roblox"),
        ("ьштускфае 2", "minecraft 2"),
    ],
)
def test_the_wrong_keyboard_layout_is_put_right(query: Query, typed: str, meant: str) -> None:
    assert query(typed).corrected == meant


@pytest.mark.parametrize("typed", ["cat", "кот", "c", "iPhone 15", "css", "рок", "wi-fi", "q", ",.", "a.b"])
def test_a_right_layout_is_left_alone(query: Query, typed: str) -> None:
    assert query(typed).corrected == typed


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("рицепты борща", "рецепты борща"),  # wrong letter
        ("пмпушки", "пампушки"),  # missing letter
        ("пампушкии", "пампушки"),  # one too many
        ("папмушки", "пампушки"),  # swapped
        ("памушик", "памушик"),  # two mistakes are too many for seven letters
        ("пампуши", "пампушки"),
        ("пампуфкы", "пампушки"),  # two in eight letters
        ("minecrfat", "minecraft"),
        ("майнкравт", "майнкрафт"),
        ("«Рицепты», 2024!", "«рецепты», 2024!"),
    ],
)
def test_spelling_is_corrected_to_words_that_exist(query: Query, typed: str, meant: str) -> None:
    assert query(typed).corrected == meant


@pytest.mark.parametrize("typed", ["кошара", "крона", "кта", "iphone15", "Щукарь", "qwrtzxcv"])
def test_real_words_short_words_and_names_are_left_alone(query: Query, typed: str) -> None:
    assert query(typed).corrected == typed


def test_what_was_typed_stays_part_of_the_search(query: Query) -> None:
    understood = query("рицепты")
    weights = dict(understood.words)
    assert understood.original == "рицепты"
    assert 0 < weights["рицепты"] < weights["рецепты"]


@pytest.mark.parametrize("empty", ["", "   ", "🍲", "\u200b"])
def test_an_empty_query_means_nothing(query: Query, empty: str) -> None:
    assert query(empty) == Understood("", "", "", "und", ())


def test_other_languages_pass_through(query: Query) -> None:
    assert query("如何做汤").corrected == "如何做汤"


def test_the_words_of_the_index_and_of_the_glossary_are_corrected_to(glossary: Glossary) -> None:
    def corrected(text: str, vocabulary: Vocabulary) -> str:
        return understand(text, glossary, vocabulary).corrected

    background = glossary.vocabulary
    assert corrected("хачапуридзе", Vocabulary({}, background=background)) == "хачапуридзе"
    indexed = Vocabulary({"хачапуридзи": 1}, background=background)
    assert corrected("хачапуридзе", indexed) == "хачапуридзи"
    assert corrected("майнкравт", indexed) == "майнкрафт"


def test_the_nearest_word_is_the_closest_then_the_most_frequent() -> None:
    vocabulary = Vocabulary({"котлета": 2, "котлеты": 9, "котлована": 50, "портрета": 9})
    assert vocabulary.nearest("котлетк") == "котлеты"
    assert vocabulary.nearest("катлета") == "котлета"
    assert vocabulary.nearest("абракадабра") is None
    assert len(vocabulary) == 4


def test_the_nearest_word_is_of_the_same_script() -> None:
    assert Vocabulary({"roblox": 5}).nearest("роблох") is None


def test_a_hundred_thousand_words_are_searched_in_milliseconds() -> None:
    randomness = random.Random(1)
    letters = "абвгдежзиклмнопрстуфхчшыья"
    words = {"".join(randomness.choices(letters, k=randomness.randint(4, 14))) for _ in range(100_000)}
    vocabulary = Vocabulary(dict.fromkeys(words, 1) | {"достопримечательность": 3})

    def seconds() -> float:
        start = time.perf_counter()
        assert vocabulary.nearest("достопримечателность") == "достопримечательность"
        assert vocabulary.nearest("щщщщщщщщщ") is None
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.02  # two words


def test_steps_can_be_used_alone() -> None:
    assert correct_spelling("абв", lambda _: False, Vocabulary({"абвг": 1})) == "абв"
    assert correct_spelling("абвгдд", lambda _: False, Vocabulary({"абвгд": 1})) == "абвгд"
    assert switch_layout("rjn", {"кот"}.__contains__, common=lambda _: False) == "rjn"
    assert switch_layout("rjn", lambda _: False, common={"кот"}.__contains__) == "кот"
    assert switch_layout("rjnbr", {"котик"}.__contains__, common=lambda _: False) == "котик"
