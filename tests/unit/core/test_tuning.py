"""Constants are fitted where that helps, stay where it does not, and are judged on unseen queries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kadr.core.modality import Modality
from kadr.core.rankers import Similarities
from kadr.core.ranking import Ranking, Spread
from kadr.core.tuning import Judged, fit, ndcg, split, tune

SPREADS = {"visual": Spread(0.0, 0.1), "text": Spread(0.0, 0.1)}
N = 60


def world(*, good: str, seed: int = 0, queries: int = 60) -> tuple[Similarities, Judged]:
    """Query i asks for video i; ``good`` tells it ("ocr", "speech", "exact"), everything else is noise."""
    rng = np.random.default_rng(seed)
    there = np.ones(N, dtype=np.bool_)

    def noise() -> np.ndarray:
        return rng.normal(0.0, 0.1, (queries, N))

    signal = np.eye(queries, N) * 0.25
    cosines = {
        Modality.VISUAL: np.zeros((queries, N)),
        Modality.OCR: noise() + signal * (good == "ocr"),
        Modality.SPEECH: noise() + signal * (good == "speech"),
    }
    exact = np.abs(rng.normal(0, 2.0, (queries, N))) if good != "exact" else signal * 20
    counts = {Modality.OCR: np.full(N, 10.0), Modality.SPEECH: np.full(N, 10.0)}
    similarities = Similarities(
        keys=tuple(f"{at:03}.mp4" for at in range(N)),
        cosines=cosines,
        present={Modality.VISUAL: ~there, Modality.OCR: there, Modality.SPEECH: there},
        words=counts,
        characters=counts,
        exact=exact,
        matched=np.zeros((queries, N)),
        asked=frozenset({Modality.OCR, Modality.SPEECH}),
    )
    return similarities, Judged(tuple(frozenset({at}) for at in range(queries)), ("exact",) * queries)


def test_what_misleads_loses_its_weight() -> None:
    of, judged = world(good="ocr")
    found = fit(of, judged, Ranking(), SPREADS)
    assert found.words_weight < Ranking().words_weight / 2
    assert found.ceilings[Modality.SPEECH] < found.ceilings[Modality.OCR] / 2
    assert ndcg(of, judged, found, SPREADS) > ndcg(of, judged, Ranking(), SPREADS) + 0.1


def test_what_tells_gains_weight() -> None:
    of, judged = world(good="exact")
    assert fit(of, judged, Ranking(words_weight=0.05), SPREADS).words_weight > 0.05


def test_a_gain_is_one_on_queries_that_were_not_fitted_on() -> None:
    of, judged = world(good="ocr")
    tuned = tune(of, judged, Ranking(), SPREADS)
    assert tuned.better
    assert tuned.expected > tuned.before + 0.05
    assert sum(fold.queries for fold in tuned.folds) == 60
    # the same constants on unseen queries of the same kind
    other, wanted = world(good="ocr", seed=1)
    assert ndcg(other, wanted, tuned.ranking, SPREADS) > ndcg(other, wanted, Ranking(), SPREADS) + 0.05


def test_noise_alone_is_not_sold_as_a_gain() -> None:
    gains = []
    for seed in range(5):
        of, judged = world(good="nothing", seed=seed)
        tuned = tune(of, judged, Ranking(), SPREADS)
        assert tuned.after >= tuned.before
        gains.append((tuned.after - tuned.before, tuned.expected - tuned.before))
    fitted, expected = np.mean(gains, axis=0)
    assert fitted > expected + 0.01  # what was learnt by heart is not in the cross-validated figure
    assert abs(expected) < 0.02


def test_constants_that_make_no_difference_stay() -> None:
    of, judged = world(good="exact")
    start = Ranking(words_weight=5.0)
    assert ndcg(of, judged, start, SPREADS) == 1.0
    assert fit(of, judged, start, SPREADS) == start


def test_a_constant_that_was_switched_off_stays_off() -> None:
    of, judged = world(good="exact")
    assert fit(of, judged, Ranking(words_weight=0.0), SPREADS).words_weight == 0.0


def test_it_is_the_same_every_time() -> None:
    of, judged = world(good="ocr")
    assert tune(of, judged, Ranking(), SPREADS, seed=3) == tune(of, judged, Ranking(), SPREADS, seed=3)


def test_queries_for_the_same_video_are_never_on_both_sides() -> None:
    relevant = [frozenset({at // 3, 100 + at // 6}) for at in range(60)]
    judged = Judged(tuple(relevant), tuple("ab"[at % 2] for at in range(60)))
    folds = split(judged, folds=5, seed=0)
    assert sorted(query for fold in folds for query in fold) == list(range(60))
    for fold in folds:
        inside = {video for query in fold for video in relevant[query]}
        assert all(not relevant[query] & inside for query in range(60) if query not in fold)
        assert len(fold) == 12
        assert sum(judged.strata[query] == "a" for query in fold) == 6


def test_too_few_groups_are_refused_with_their_number() -> None:
    judged = Judged((frozenset({1}), frozenset({1, 2}), frozenset({2})), ("a", "a", "a"))
    with pytest.raises(ValueError, match="1 group"):
        split(judged, folds=2, seed=0)


def test_the_measure_is_that_of_the_full_ranking() -> None:
    of, judged = world(good="exact")
    assert ndcg(of, judged, Ranking(words_weight=100.0), SPREADS) == 1.0
    missed = replace(judged, relevant=(frozenset({N + 5}), *judged.relevant[1:]))
    assert ndcg(of, missed, Ranking(words_weight=100.0), SPREADS) == pytest.approx(59 / 60)
