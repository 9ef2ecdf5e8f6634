"""How much each modality counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadr.core.extraction import Moment
from kadr.core.modality import Modality
from kadr.core.ranking import RANKED, Ranking
from kadr.core.weights import reference_weights, video_weights, weights, word_count

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
    assert word_count([Moment(0, 1, "— 🎉 …", confidence=1.0)]) == 0
    # as many characters, fewer words
    assert word_count([Moment(0, 1, "электроэнцефалограмма")]) < word_count(
        [Moment(0, 1, "кот и пёс на диване")]
    )


def test_text_that_is_trusted_more_never_weighs_less() -> None:
    def share(confidence: float) -> float:
        moments = {Modality.OCR: [Moment(0, 1, "как варить борщ", confidence=confidence)]}
        return video_weights([Modality.VISUAL, Modality.OCR], moments, Ranking()).get(Modality.OCR, 0.0)

    shares = [share(confidence) for confidence in (0.0, 0.2, 0.6, 1.0)]
    assert shares == sorted(set(shares))


def test_the_constants_decide_how_much_text_counts() -> None:
    def share(ranking: Ranking) -> float:
        return weights(has_visual=True, words={Modality.OCR: 8.0}, ranking=ranking)[Modality.OCR]

    assert share(Ranking(words_scale=2.0)) > share(Ranking(words_scale=8.0))
    louder = Ranking(ceilings={Modality.VISUAL: 1.0, Modality.OCR: 2.0, Modality.SPEECH: 1.0})
    assert share(louder) > share(Ranking())


def test_the_reference_formula_wastes_weight_on_what_is_not_there() -> None:
    assert reference_weights(RANKED, {}) == {
        Modality.VISUAL: pytest.approx(0.56),
        Modality.OCR: pytest.approx(0.22),
        Modality.SPEECH: pytest.approx(0.22),
    }
    assert reference_weights([Modality.VISUAL], {}) == {Modality.VISUAL: pytest.approx(0.56)}
    # it counts characters, and no more than 77
    a, b = (reference_weights(RANKED, {Modality.OCR: length}) for length in (77, 5000))
    assert a == b
    moments = {Modality.OCR: [Moment(0, 1, "борщ")]}
    assert video_weights(RANKED, moments, Ranking(formula="reference")) == reference_weights(
        RANKED, {Modality.OCR: 4}
    )
