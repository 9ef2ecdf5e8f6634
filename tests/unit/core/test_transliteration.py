"""Words in the letters of the other script."""

from __future__ import annotations

import time

import pytest

from kadr.core.transliteration import respell, transliterate
from kadr.core.vocabulary import Vocabulary, WordIndex

LANGUAGE = WordIndex(
    {"борщ": 3.3, "как": 6.9, "варит": 3.0, "варить": 3.6, "дом": 5.3, "в": 7.5, "любовь": 5.3, "щука": 3.0,
     "чай": 4.5, "юля": 4.0, "объезд": 3.0, "видео": 5.2, "dom": 3.8, "ryan": 4.6, "rain": 4.7,
     "gosling": 3.0, "lewis": 4.4, "ее": 6.5, "когда": 6.4, "день": 5.6, "den": 4.0, "вал": 3.8,
     "wall": 5.0,
     "fake": 4.8, "wine": 4.8, "michael": 5.0, "phoenix": 4.2, "johansson": 3.2, "cat": 5.0, "can": 6.3,
     "video": 5.2}
)  # fmt: skip
VOCABULARY = Vocabulary({}, background=["brawl", "stars"], language=LANGUAGE)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("borshch", "борщ"), ("borsch", "борщ"), ("borshh", "борщ"),
        ("kak", "как"), ("lyubov'", "любовь"), ("lubov", "любовь"), ("ljubov", "любовь"),
        ("4ai", "чай"), ("chay", "чай"), ("shuka", "щука"), ("iulia", "юля"), ("obezd", "объезд"),
        ("гослинг", "gosling"), ("райан", "ryan"), ("льюис", "lewis"), ("фейк", "fake"),
        ("феникс", "phoenix"),
        ("майкл", "michael"), ("йоханссон", "johansson"), ("бравлстарс", "brawl stars"),
    ],
)  # fmt: skip
def test_the_word_of_the_vocabulary_that_is_spelt(typed: str, meant: str) -> None:
    assert respell(typed, VOCABULARY)[0] == meant


@pytest.mark.parametrize("word", ["minecraft", "щукарь", "йогакурс", "ab", "12345", "борщ-2", "a" * 200])
def test_what_spells_nothing(word: str) -> None:
    assert respell(word, VOCABULARY)[0] is None


def unknown(word: str) -> bool:
    return word not in {"dom", "video", "cat", "can", "den", "wall", "как", "в"}


def read(query: str) -> str:
    return transliterate(query, lambda word: not unknown(word), VOCABULARY)


def test_a_query_of_russian_words_in_latin_letters() -> None:
    assert read("kak varit borshch") == "как варить борщ"
    assert read("Borshch, lyubov’!") == "борщ, любовь!"
    assert read("lyubov' v dom") == "любовь в дом"  # words that English has, too, follow


def test_english_words_stay_where_they_are_most_of_the_query() -> None:
    assert read("dom") == "dom"
    assert read("cat can video dom kak") == "cat can video dom как"


def test_a_soft_sign_is_read_with_the_word_that_follows_others() -> None:
    assert read("den' lyubov'") == "день любовь"


def test_a_far_likelier_word_follows_none() -> None:
    assert read("borshch wall") == "борщ wall"


def test_a_name_is_no_little_word() -> None:
    assert read("yoyo") == "yoyo"
    assert read("kogda") == "когда"
    assert read("yoyo borshch") == "ее борщ"


def test_a_word_of_a_hashtag_stays_apart() -> None:
    assert read("#РайанЧай") == "#ryan Чай"


def test_a_likelier_reading_wins() -> None:
    assert transliterate("borshch", lambda _: False, VOCABULARY, rival=lambda _: 5.0) == "borshch"
    assert transliterate("borshch", lambda _: False, VOCABULARY, rival=lambda _: -1.0) == "борщ"


def test_a_hostile_word_takes_milliseconds() -> None:
    words = {
        first + second + third: 3.0 for first in ("а", "я") for second in ("а", "я") for third in ("а", "я")
    }
    vocabulary = Vocabulary({}, language=WordIndex(words | {word * 12: 3.0 for word in words}))

    def seconds() -> float:
        begun = time.perf_counter()
        respell("a" * 40, vocabulary)
        return time.perf_counter() - begun

    assert min(seconds() for _ in range(3)) < 0.2
