"""Pairs of words that are known side by side."""

from __future__ import annotations

from kadr.core.neighbours import Neighbours
from kadr.core.text import tokens


def neighbours(*texts: str) -> Neighbours:
    return Neighbours(tokens(text) for text in texts)


def test_words_that_follow_one_another_are_known_in_their_order() -> None:
    known = neighbours("Зубная паста", "паста карбонара")
    assert ("зубная", "паста") in known
    assert ("паста", "карбонара") in known
    assert ("паста", "зубная") not in known
    assert ("зубная", "карбонара") not in known
    assert len(known) == 2


def test_endings_and_little_words_between_do_not_count() -> None:
    known = neighbours("бегать в парке", "lights in the park")
    assert ("бегаем", "парк") in known
    assert ("light", "parks") in known
    assert ("в", "парке") not in known


def test_nothing_is_known_of_nothing() -> None:
    assert len(neighbours()) == len(neighbours("борщ", "")) == 0
    assert ("борщ", "борщ") not in neighbours()
