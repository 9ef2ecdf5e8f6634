"""Phrases are found as they were written, inside one text only."""

from __future__ import annotations

from kadr.core.phrases import SEPARATOR, phrase, phrase_index


def found(quoted: str, texts: list[str]) -> bool:
    """As the index does it: the words of the phrase, one after the other."""
    words, wanted = phrase_index(texts).split(), phrase(quoted).split()
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words)))


def test_a_phrase_is_found_in_other_inflections_and_with_its_small_words() -> None:
    assert found("суп из тыквы", ["Готовим супы из тыкв!"])
    assert not found("суп из тыквы", ["суп тыквы"])
    assert not found("тыква суп", ["суп, тыква"])


def test_a_phrase_does_not_cross_from_one_text_into_the_next() -> None:
    assert not found("рыба кот", ["ест рыба", "кот спит"])


def test_a_hyphenated_word_is_found_as_written() -> None:
    assert found("wi-fi", ["ловит Wi-Fi везде"])
    assert found("fi", ["ловит Wi-Fi везде"])


def test_a_text_that_is_shown_again_and_again_is_kept_once() -> None:
    assert phrase_index(["подпишись", "Подпишись!", "🍲", ""]) == phrase("подпишись")


def test_no_query_contains_the_separator() -> None:
    assert phrase(SEPARATOR) == ""
    assert SEPARATOR not in phrase(f"кот {SEPARATOR} рыба")
