"""Which words there are, and which look alike."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from kadr.core.neighbours import Neighbours
from kadr.core.vocabulary import Vocabulary, WordIndex


@given(st.sets(st.text("абвг", min_size=1, max_size=7), max_size=30), st.text("абвг", min_size=1, max_size=7))
def test_near_words_are_exactly_those_within_the_distance(words: set[str], word: str) -> None:
    index = WordIndex(dict.fromkeys(words, 1.0))
    for distance in (1, 2):
        expected = {other for other in words if OSA.distance(word, other) <= distance}
        assert set(index.near(word, distance)) == expected


def test_near_words_are_of_the_same_script() -> None:
    assert WordIndex({"roblox": 5.0}).near("роблох", 2) == []
    assert WordIndex({"roblox": 5.0}).near("robloh", 2) == ["roblox"]


@pytest.mark.parametrize("word", ["", "я" * 100])
def test_a_word_of_no_length_or_of_any_has_nothing_near(word: str) -> None:
    assert WordIndex({"я": 5.0}).near(word, 2) == []


def test_beginnings() -> None:
    index = WordIndex({"борщ": 3.0, "боржоми": 3.0})
    assert index.begins("бор")
    assert index.begins("борщ")
    assert not index.begins("борщи")
    assert not index.begins("я")


def test_words_of_the_index_are_more_plausible_than_others() -> None:
    vocabulary = Vocabulary(
        {"борщ": 1, "кот": 900}, background=["роблокс"], language=WordIndex({"борщ": 5.0, "борт": 5.0})
    )
    assert vocabulary.zipf("борщ") > vocabulary.zipf("борт") > vocabulary.zipf("роблокс") > 0
    assert vocabulary.zipf("кот") > vocabulary.zipf("абв") == 0
    assert [vocabulary.certain(word) for word in ("борщ", "роблокс", "борт", "абв")] == [
        True,
        True,
        False,
        False,
    ]
    assert len(vocabulary) == 4
    assert "борт" in vocabulary
    assert "борт" not in vocabulary.index


@pytest.mark.parametrize("form", ["catwalks", "pantries", "misting", "striding", "misted"])
def test_forms_of_english_words_are_rarer_than_they(form: str) -> None:
    language = WordIndex({"catwalk": 3.0, "pantry": 3.2, "mist": 3.7, "stride": 3.5, "run": 5.2})
    vocabulary = Vocabulary({}, language=language)
    assert 0 < vocabulary.zipf(form) < 3
    assert vocabulary.zipf("runing") == 0


def test_a_team_adds_words_and_pairs_of_them() -> None:
    ours = Vocabulary({"паста": 1}, neighbours=Neighbours([("зубная", "паста")]))
    more = ours.extended(WordIndex({"бравлик": 3.0}), Neighbours([("злой", "бравлик")]))
    assert more.certain("бравлик")
    assert ("злой", "бравлик") in more.neighbours
    assert ("зубная", "паста") in more.neighbours
    assert ("злой", "бравлик") not in ours.neighbours


def test_a_hundred_thousand_words_are_searched_in_milliseconds() -> None:
    randomness = random.Random(1)
    letters = "абвгдежзиклмнопрстуфхчшыья"
    words = {"".join(randomness.choices(letters, k=randomness.randint(4, 14))) for _ in range(100_000)}
    index = WordIndex(dict.fromkeys(words, 1.0) | {"достопримечательность": 3.0})

    def seconds() -> float:
        start = time.perf_counter()
        assert index.near("достопримечателность", 2) == ["достопримечательность"]
        assert index.near("щщщщщщщщщ", 2) == []
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.02  # two words
