"""Words written together."""

from __future__ import annotations

import pytest

from kadr.core.splitting import split_word, split_words
from kadr.core.vocabulary import Vocabulary, WordIndex

LANGUAGE = WordIndex(
    {"уход": 4.2, "за": 6.8, "собой": 5.4, "домашние": 4.1, "животные": 4.4, "сдавать": 4.2, "с": 7.3,
     "доступа": 4.4, "код": 4.5, "ски": 3.2, "wide": 4.8, "comb": 3.6, "бу": 4.0, "зова": 3.0,
     "смешные": 3.9, "видео": 5.2}
)  # fmt: skip
VOCABULARY = Vocabulary({"шов": 1}, background=["роблокс"], language=LANGUAGE)


@pytest.mark.parametrize(
    ("together", "apart"),
    [
        ("уходзасобой", "уход за собой"),
        ("домашниеживотные", "домашние животные"),
        ("коддоступа", "код доступа"),
        ("widecomb", "wide comb"),
        ("смешныевидео2024", "смешные видео 2024"),
        ("роблоксвидео", "роблокс видео"),  # of the glossary
        ("смешныевидео50000", "смешные видео 50000"),
        ("смешныевидео500000", "смешные видео 500000"),
    ],
)
def test_known_words_are_cut_apart(together: str, apart: str) -> None:
    assert " ".join(split_word(together, VOCABULARY)[0]) == apart


@pytest.mark.parametrize(
    "word", ["щукарь", "бузова", "сдаватьс", "шовов", "кодски", "абракадабра", "код", "", "у" * 201]
)
def test_names_and_syllables_stay_whole(word: str) -> None:
    assert split_word(word, VOCABULARY)[0] == (word,)


def test_forms_that_only_a_dictionary_has_are_parts() -> None:
    assert split_word("хорамзасобой", VOCABULARY)[0] == ("хорамзасобой",)
    assert split_word("хорамзасобой", VOCABULARY, dictionary={"хорам"}.__contains__)[0] == (
        "хорам",
        "за",
        "собой",
    )


def test_only_unknown_words_of_a_query_are_cut_unless_something_else_is_likelier() -> None:
    query = "#уходзасобой, сдаватьс"
    assert split_words(query, lambda _: False, VOCABULARY) == "#уход за собой, сдаватьс"
    assert split_words(query, lambda _: True, VOCABULARY) == query
    assert split_words("коддоступа", lambda _: False, VOCABULARY, rival=lambda _: -9.0) == "код доступа"
    assert split_words("коддоступа", lambda _: False, VOCABULARY, rival=lambda _: 3.0) == "коддоступа"
