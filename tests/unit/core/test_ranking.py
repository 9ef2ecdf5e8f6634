"""The constants of ranking are read as they were written, and refused where they make no sense."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kadr.core.errors import RankingError
from kadr.core.modality import Modality
from kadr.core.ranking import Logistic, Ranking, Spread, default_ranking, parse_ranking, ranking_json


def test_what_is_written_is_read_again() -> None:
    ranking = Ranking(
        words_scale=5.5,
        ceilings={Modality.VISUAL: 1.0, Modality.OCR: 0.8, Modality.SPEECH: 0.6},
        calibration={"text": Spread(0.06, 0.08)},
        words_weight=0.4,
        confidence=Logistic(0.9, -4.0, 1.5),
        confidence_with_pictures=Logistic(1.1, -3.0, 1.0),
    )
    assert parse_ranking(json.loads(json.dumps(ranking_json(ranking)))) == ranking


def test_what_is_left_out_is_as_the_release_has_it() -> None:
    louder = replace(default_ranking(), words_weight=0.9, fitted_on="")
    assert parse_ranking({"words_weight": 0.9}) == louder
    assert parse_ranking({**ranking_json(louder), "confidence": ranking_json(Ranking())["confidence"]}) == (
        replace(louder, confidence=Ranking().confidence)
    )
    assert parse_ranking(ranking_json(Ranking())) == Ranking()  # it is whole, though it has one curve only


def test_where_pictures_count_confidence_has_a_curve_of_its_own_if_one_was_fitted() -> None:
    text, pictures = Logistic(1.0, -4.0), Logistic(1.0, -2.0)
    one, two = Ranking(confidence=text), Ranking(confidence=text, confidence_with_pictures=pictures)
    assert [one.curve(pictures=each) for each in (False, True)] == [text, text]
    assert [two.curve(pictures=each) for each in (False, True)] == [text, pictures]


def test_the_constants_that_kadr_comes_with_can_be_read() -> None:
    assert parse_ranking(ranking_json(default_ranking())) == default_ranking()


def test_the_version_changes_with_what_is_in_the_vectors_and_with_nothing_else() -> None:
    ranking = Ranking()
    assert replace(ranking, words_weight=2.0, nothing_good=0.7, emphasis=3.0).version == ranking.version
    for other in (
        replace(ranking, words_scale=9.0),
        replace(ranking, formula="reference"),
        replace(ranking, calibration={"text": Spread(0.0, 1.0)}),
        replace(ranking, ceilings={**ranking.ceilings, Modality.OCR: 0.5}),
    ):
        assert other.version != ranking.version


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ([], "JSON object"),
        ({"word_weight": 1}, "word_weight"),
        ({"words_scale": 0}, "words_scale"),
        ({"words_weight": "much"}, "words_weight"),
        ({"words_weight": True}, "words_weight"),
        ({"ceilings": {"visual": 1.0}}, "ceilings"),
        ({"ceilings": {"visual": 1, "ocr": 1, "speech": 1, "smell": 1}}, "smell"),
        ({"ceilings": {"visual": 1, "ocr": 1, "speech": 1, "faces": 1}}, "ceilings"),
        ({"calibration": {"text": {"mean": 0.1, "deviation": 0}}}, "deviation"),
        ({"calibration": {"sound": {"mean": 0.1, "deviation": 1}}}, "sound"),
        ({"formula": "guess"}, "formula"),
        ({"confidence": {"slope": -1, "offset": 0}}, "slope"),
        ({"confidence": {"slope": 1}}, "offset"),
        ({"confidence_with_pictures": {"slope": 0, "offset": 0}}, "confidence_with_pictures.slope"),
        ({"nothing_good": float("nan")}, "nothing_good"),
        ({"nothing_good": 3.6}, "nothing_good"),
        ({"fitted_on": 3}, "fitted_on"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(data: Any, named: str) -> None:
    with pytest.raises(RankingError, match=named):
        parse_ranking(data)


def test_a_probability_rises_with_the_score_and_stays_between_zero_and_one() -> None:
    confidence = Logistic(slope=1.0, offset=-3.0)
    assert confidence(3.0) == pytest.approx(0.5)
    assert 0.0 <= confidence(-1e6) < confidence(2.0) < confidence(4.0) <= confidence(1e6) == 1.0
