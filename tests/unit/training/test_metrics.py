"""How good translations are."""

from __future__ import annotations

import pytest

from training.translator.metrics import chrf, exact, score


def test_chrf_is_what_others_compute() -> None:
    # sacrebleu 2.5's CHRF(), its default settings, gives 56.739… and 60.732… for these.
    answers = ["how to cook borscht", "a cat on the sofa", "", "ab"]
    references = ["how to cook borsch", "the cat sat on a couch", "hello", "ab"]
    assert chrf(answers, references) == pytest.approx(56.7390, abs=1e-3)
    assert chrf(answers[:2], references[:2]) == pytest.approx(60.7321, abs=1e-3)


def test_chrf_goes_from_nothing_to_all() -> None:
    assert chrf(["how to cook"], ["how to cook"]) == pytest.approx(100)
    assert chrf(["xyz"], ["abc"]) == 0
    assert chrf([], []) == chrf([""], [""]) == 0


def test_case_and_punctuation_are_not_compared() -> None:
    assert exact("How to cook, borscht!", "how to cook borscht")
    assert not exact("how to cook", "how to cook borscht")


def test_degenerate_answers_are_counted() -> None:
    found = score(["кот", "борщ", "дом", "лес"], ["cat", "", "house house house", "лес"], ["cat"] * 4)
    assert found.pairs == 4
    assert found.exact == 0.25
    assert found.degenerate == 0.75
