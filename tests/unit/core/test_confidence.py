"""What a score says about how likely a hit is right."""

from __future__ import annotations

import numpy as np
import pytest

from kadr.core.confidence import JudgedHit, calibration_error, fit
from kadr.core.ranking import Logistic

TRUTH = Logistic(slope=0.8, offset=-4.0, matched=2.5)


def hits(count: int, truth: Logistic = TRUTH, seed: int = 3) -> list[JudgedHit]:
    """Hits whose verdicts are drawn with the probabilities of ``truth``."""
    random = np.random.default_rng(seed)
    scores, matched = random.uniform(-2, 12, count), random.choice([0.0, 0.5, 1.0], count)
    return [
        JudgedHit(score, share, bool(random.random() < truth(score, share)))
        for score, share in zip(scores.tolist(), matched.tolist(), strict=True)
    ]


def test_the_curve_that_verdicts_were_drawn_from_is_found_again() -> None:
    found = fit(hits(20_000))
    assert found.slope == pytest.approx(TRUTH.slope, rel=0.05)
    assert found.offset == pytest.approx(TRUTH.offset, rel=0.05)
    assert found.matched == pytest.approx(TRUTH.matched, rel=0.06)


def test_confidence_is_the_share_that_is_right_on_hits_it_was_not_fitted_on() -> None:
    curve = fit(hits(2_000))
    others = hits(5_000, seed=4)
    assert calibration_error(others, curve) < 0.03
    assert calibration_error(others, Logistic(slope=0.1, offset=0.0)) > 0.1


def test_it_is_the_maximum_of_the_likelihood() -> None:
    judged = hits(300)
    found = fit(judged)
    yes = sum(each.relevant for each in judged)
    no = len(judged) - yes

    def loss(curve: Logistic) -> float:
        said = np.array([curve(each.score, each.matched) for each in judged])
        target = np.array([(yes + 1) / (yes + 2) if each.relevant else 1 / (no + 2) for each in judged])
        return float(-(target * np.log(said) + (1 - target) * np.log(1 - said)).sum())

    best = loss(found)
    for slope, offset, matched in [
        (0.02, 0, 0),
        (-0.02, 0, 0),
        (0, 0.1, 0),
        (0, -0.1, 0),
        (0, 0, 0.1),
        (0, 0, -0.1),
    ]:
        moved = Logistic(found.slope + slope, found.offset + offset, found.matched + matched)
        assert loss(moved) > best


def test_hits_that_a_line_separates_leave_doubt() -> None:
    curve = fit([JudgedHit(score, 0.0, score > 4) for score in range(9)])
    assert curve.matched == 0.0
    assert 0.5 < curve(5) < curve(8) < 0.999
    assert 0.001 < curve(0) < curve(3) < 0.5


def test_two_hits_are_enough_and_say_little() -> None:
    curve = fit([JudgedHit(5.0, 0.0, True), JudgedHit(1.0, 0.0, False)])
    assert curve(5.0) == pytest.approx(2 / 3, abs=1e-4)
    assert curve(1.0) == pytest.approx(1 / 3, abs=1e-4)


def test_a_word_in_common_never_lowers_confidence() -> None:
    misleading = Logistic(slope=1.0, offset=-4.0, matched=-3.0)
    assert fit(hits(2_000, misleading)).matched == 0.0


def test_huge_scores_are_no_trouble() -> None:
    curve = fit([JudgedHit(each.score * 1e4, each.matched, each.relevant) for each in hits(500)])
    assert curve.slope > 0
    assert curve(1e6) == pytest.approx(1.0)


def test_what_cannot_be_learnt_from_is_said() -> None:
    with pytest.raises(ValueError, match="hits that are not"):
        fit([JudgedHit(1.0, 0.0, True), JudgedHit(2.0, 0.0, True)])
    with pytest.raises(ValueError, match="hits that are not"):
        fit([])
    with pytest.raises(ValueError, match="not more often right"):
        fit([JudgedHit(1.0, 0.0, True), JudgedHit(2.0, 0.0, False)])
