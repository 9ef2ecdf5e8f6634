"""How much each modality counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadr.core.extraction import Moment
from kadr.core.modality import Modality
from kadr.core.weights import weights, word_count

counts = st.floats(min_value=0, max_value=1000)


def test_an_absent_modality_has_no_weight() -> None:
    assert weights(has_visual=False, words={Modality.OCR: 5.0}) == {Modality.OCR: 1.0}
    assert weights(has_visual=True, words={Modality.OCR: 0.0}) == {Modality.VISUAL: 1.0}
    assert weights(has_visual=False, words={}) == {}


@given(has_visual=st.booleans(), ocr=counts, speech=counts)
def test_weights_sum_to_one(has_visual: bool, ocr: float, speech: float) -> None:
    shares = weights(has_visual=has_visual, words={Modality.OCR: ocr, Modality.SPEECH: speech})
    assert not shares or sum(shares.values()) == pytest.approx(1.0)
    assert all(share >= 0 for share in shares.values())


@given(ocr=counts, more=counts, speech=counts)
def test_more_words_never_weigh_less(ocr: float, more: float, speech: float) -> None:
    few = weights(has_visual=True, words={Modality.OCR: ocr, Modality.SPEECH: speech})
    many = weights(has_visual=True, words={Modality.OCR: ocr + more, Modality.SPEECH: speech})
    assert many.get(Modality.OCR, 0.0) >= few.get(Modality.OCR, 0.0) - 1e-12


def test_words_are_words_and_count_as_much_as_they_are_trusted() -> None:
    assert word_count([Moment(0, 1, "как варить борщ", confidence=0.5), Moment(1, 2, "раз")]) == 2.5
