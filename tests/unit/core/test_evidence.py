"""Which moments of a video are shown as the reason for a hit."""

from __future__ import annotations

from kadr.core.evidence import best_moments
from kadr.core.extraction import Moment
from kadr.core.modality import Modality

BORSCHT = Moment(0, 2, "Как варить борщ", "ru", 0.9, "How to cook borscht")
BEET = Moment(2, 4, "Натрите свёклу", "ru", 0.9, "Grate the beetroot")
MOMENTS = {Modality.OCR: [BEET, BORSCHT]}


def test_the_moment_with_the_words_comes_first_whatever_their_form() -> None:
    found = best_moments(MOMENTS, [("варим борщи", 1.0), ("we cook borscht", 0.7)])
    assert [each.moment for each in found] == [BORSCHT]
    assert found[0].score == 1.0
    assert found[0].matched


def test_a_translation_matches_too_but_counts_less() -> None:
    found = best_moments(MOMENTS, [("свекольник", 1.0), ("beetroot", 0.7)])
    assert found[0].moment == BEET
    assert found[0].score == 0.7


def test_without_a_common_word_meaning_decides() -> None:
    near = {"Grate the beetroot": 0.2, "How to cook borscht": 0.6}
    found = best_moments(MOMENTS, [("red soup", 1.0)], similarity=near.__getitem__)
    assert [each.moment for each in found] == [BORSCHT]
    assert not found[0].matched


def test_nothing_alike_is_no_evidence() -> None:
    assert best_moments(MOMENTS, [("football", 1.0)], similarity=lambda _: 0.1) == ()


def test_at_most_three_are_shown() -> None:
    many = {Modality.SPEECH: [Moment(at, at + 1, "борщ") for at in range(9)]}
    found = best_moments(many, [("борщ", 1.0)])
    assert [each.moment.start for each in found] == [0, 1, 2]
