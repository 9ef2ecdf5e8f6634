from __future__ import annotations

import random

import pytest
from rapidfuzz.distance import OSA

from kadr.core.prefixes import LONGEST, PrefixIndex

WORDS = sorted({"борщ", "борща", "борода", "варить", "вар", "кот", "котенок", "щи", "достопримечательности"})


def begins(index: PrefixIndex, prefix: str) -> list[str]:
    first, end = index.range(prefix)
    return WORDS[first:end]


def test_a_prefix_finds_what_begins_with_it() -> None:
    index = PrefixIndex(WORDS)
    assert begins(index, "бор") == ["борода", "борщ", "борща"]
    assert begins(index, "кот") == ["кот", "котенок"]
    assert begins(index, "коты") == begins(index, "я") == []
    assert begins(index, "") == WORDS


def test_a_whole_word_is_not_a_prefix() -> None:
    index = PrefixIndex(WORDS)
    first, end = index.whole("борщ")
    assert WORDS[first:end] == ["борщ"]
    for missing in ("бор", "яяя"):
        first, end = index.whole(missing)
        assert first == end


@pytest.mark.parametrize("typed", ["кот", "рот"])
def test_short_prefixes_are_taken_at_their_word(typed: str) -> None:
    assert PrefixIndex(WORDS).near(typed) == []


def test_an_index_without_words_finds_nothing() -> None:
    index = PrefixIndex([])
    assert index.range("а") == index.whole("а") == (0, 0)
    assert index.near("абвгд") == []


def test_mistakes_are_found_as_by_comparing_with_everything() -> None:
    """Bits and tables are a short cut: what they find is what the edit distance of all prefixes finds."""
    chance = random.Random(4)
    words = sorted({"".join(chance.choices("абвгь", k=chance.randint(1, 9))) for _ in range(800)})
    index = PrefixIndex(words)
    for _ in range(300):
        typed = "".join(chance.choices("абвгьд", k=chance.randint(4, 9)))
        found = {words[place] for (first, end), _ in index.near(typed) for place in range(first, end)}
        expected: set[str] = set()
        for distance in (1, 2) if len(typed) >= 7 else (1,):
            for same_start in (True, False):
                if not expected:
                    expected = {
                        word
                        for word in words
                        if (word[0] == typed[0] or not same_start)
                        and any(
                            OSA.distance(typed, word[:length]) <= distance
                            for length in range(
                                len(typed) - distance, min(len(word), len(typed) + distance) + 1
                            )
                            if len(word) >= length
                        )
                    }
        assert found == expected, typed


def test_long_words_are_compared_by_their_beginning() -> None:
    (((first, end), mistakes),) = PrefixIndex(WORDS).near("достопримичательность")
    assert WORDS[first:end] == ["достопримечательности"]
    assert mistakes == 1
    assert len("достопримичательность") > LONGEST
