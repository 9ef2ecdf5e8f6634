"""Keyboard layout, spelling, translation of a query."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from kadr.core.glossary import Glossary
from kadr.core.query import Change, QueryStep, Understood, understand
from kadr.core.translation import Translated, TranslatedPart
from kadr.core.vocabulary import Vocabulary, WordIndex
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
        steps=(Change(QueryStep.TRANSLATION, "Как варить борщ?", "How to cook borscht?"),),
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


LANGUAGE = WordIndex(
    {
        "как": 6.9, "за": 6.8, "в": 7.5, "кот": 4.6, "уход": 4.2, "собой": 5.4, "найти": 5.1, "песню": 4.4,
        "котики": 3.2, "райан": 3.9, "ryan": 4.6, "gosling": 3.0, "stars": 4.9, "brawl": 3.5, "you": 7.4,
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def chain(glossary: Glossary) -> Callable[..., Understood]:
    vocabulary = Vocabulary(
        {"рецепты": 2, "борща": 2, "гослинг": 1}, background=glossary.vocabulary, language=LANGUAGE
    )
    return partial(understand, glossary=glossary, vocabulary=vocabulary, dictionary=DICTIONARY.__contains__)


def test_every_step_that_changed_something_is_told(chain: Callable[..., Understood]) -> None:
    understood = chain("RFR НАЙТИПЕСНЮ")
    assert [(change.step, change.after) for change in understood.steps] == [
        (QueryStep.LAYOUT, "как НАЙТИПЕСНЮ"),
        (QueryStep.SPLITTING, "как найти песню"),
        (QueryStep.TRANSLATION, understood.translated),
    ]
    assert understood.steps[0].before == understood.original == "RFR НАЙТИПЕСНЮ"
    assert chain("кот").steps == (Change(QueryStep.TRANSLATION, "кот", "cat"),)


@pytest.mark.parametrize(
    ("typed", "step"),
    [
        ("rjn", QueryStep.LAYOUT),
        ("КАК НАЙТИ ПЕСНЮ", QueryStep.CASE),
        ("borshch", QueryStep.TRANSLITERATION),
        ("найтипесню", QueryStep.SPLITTING),
        ("рицепты", QueryStep.SPELLING),
        ("кот", QueryStep.TRANSLATION),
    ],
)
def test_each_step_can_be_left_out(chain: Callable[..., Understood], typed: str, step: QueryStep) -> None:
    assert step in [change.step for change in chain(typed).steps]
    left_out = chain(typed, skip=[step])
    assert step not in [change.step for change in left_out.steps]
    assert chain(typed, skip=list(QueryStep)) == Understood(
        typed, typed, typed, left_out.language if step is not QueryStep.LAYOUT else "en", ((typed, 1.0),), ()
    )


def test_a_name_is_found_in_both_scripts(chain: Callable[..., Understood]) -> None:
    assert chain("райан гослинг").translated == "ryan gosling"
    assert ("гослинг", TRANSLATION_WEIGHT) in chain("ryan gosling").words


def test_the_likelier_of_two_readings_wins(chain: Callable[..., Understood]) -> None:
    # a letter too many, not a word and a preposition
    assert chain("рецептыв").corrected == "рецепты"
    assert chain("уходзасобой").corrected == "уход за собой"


def test_another_translator_takes_the_place_of_the_glossary(chain: Callable[..., Understood]) -> None:
    def neural(text: str) -> Translated:
        return Translated(f"<{text}>", (TranslatedPart(text, f"<{text}>", "neural"),))

    assert chain("рицепты", translate=neural).translated == "<рецепты>"
    assert chain("gosling", translate=neural).translated == "gosling"


def test_where_it_is_not_believed_names_are_spelt_as_ever(chain: Callable[..., Understood]) -> None:
    def refused(text: str) -> Translated:
        return Translated("rayan gosling", (TranslatedPart(text, "rayan gosling", "dictionary", "empty"),))

    assert chain("райан гослинг", translate=refused).translated == "ryan gosling"


def test_a_misspelt_form_is_not_known_by_a_guess_of_its_dictionary_form(glossary: Glossary) -> None:
    class Guessing:
        def __call__(self, word: str) -> tuple[str, ...]:
            return {"делатся": ("делать",), "роблоксе": ("роблокс",)}.get(word, (word,))

    guessed = Glossary.load(Guessing())
    vocabulary = Vocabulary({"делаться": 3}, background=guessed.vocabulary)
    dictionary = {"делать", "делаться"}.__contains__
    assert understand("делатся", guessed, vocabulary, dictionary=dictionary).corrected == "делаться"
    assert understand("роблоксе", guessed, vocabulary, dictionary=dictionary).corrected == "роблоксе"
