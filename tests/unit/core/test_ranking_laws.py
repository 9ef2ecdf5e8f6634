"""What a viewer may rely on, whatever the constants: nothing absent counts, and better evidence never hurts.

"A video with less matching evidence" is a copy of the video in which, for a query,

- the modalities are as many and as long, and each matches no better and one matches worse; or
- a modality is taken away that matched at least as well as the rest of the video did; or
- a query's word is said or shown less often.

Taking away a modality that matched, but *less* well than the rest, raises the semantic score: the weights sum
to 1, so a score is a mean. That is the price of comparing videos with one modality to videos with three.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kadr.core.extraction import Moment, Vector
from kadr.core.fusion import fuse, fuse_query
from kadr.core.modality import Modality
from kadr.core.ranking import RANKED, Ranking, Spread
from kadr.core.weights import video_weights
from kadr.core.words import document_words, query_words

SPREADS = {"visual": Spread(0.2, 0.04), "text": Spread(0.06, 0.08)}
SIZES = {Modality.VISUAL: 512, Modality.OCR: 384, Modality.SPEECH: 384}

positive = st.floats(0.1, 5.0)
rankings = st.builds(
    lambda scale, visual, ocr, speech, emphasis: Ranking(
        words_scale=scale,
        ceilings={Modality.VISUAL: visual, Modality.OCR: ocr, Modality.SPEECH: speech},
        calibration=SPREADS,
        emphasis=emphasis,
    ),
    st.floats(0.5, 100.0),
    positive,
    positive,
    positive,
    positive,
)
cosines = st.dictionaries(st.sampled_from(RANKED), st.floats(-0.5, 0.9), min_size=1)
lengths = st.fixed_dictionaries({modality: st.integers(1, 60) for modality in RANKED})
orders = st.permutations(RANKED)


@dataclass(frozen=True)
class Video:
    vectors: dict[Modality, Vector]
    moments: dict[Modality, list[Moment]]


def along(size: int, cosine: float) -> Vector:
    """A unit vector whose cosine with the first axis is ``cosine``."""
    vector = np.zeros(size, dtype=np.float32)
    vector[0], vector[1] = cosine, math.sqrt(1 - cosine**2)
    return vector


def video(cosines: dict[Modality, float], lengths: dict[Modality, int]) -> Video:
    return Video(
        {modality: along(SIZES[modality], cosine) for modality, cosine in cosines.items()},
        {
            modality: [Moment(0, 1, " ".join(["слово"] * lengths[modality]))]
            for modality in cosines
            if modality is not Modality.VISUAL
        },
    )


def score(of: Video, ranking: Ranking) -> float:
    """The semantic score for the query whose vectors are the first axes."""
    fused = fuse(
        of.vectors,
        video_weights(list(of.vectors), of.moments, ranking),
        visual=ranking.calibration["visual"],
        text=ranking.calibration["text"],
    )
    query = fuse_query(clip=along(512, 1.0), text=along(384, 1.0), emphasis=ranking.emphasis)
    return float(fused.astype(np.float64) @ query.astype(np.float64))


def z(modality: Modality, cosine: float, ranking: Ranking) -> float:
    spread = SPREADS["visual" if modality is Modality.VISUAL else "text"]
    emphasis = ranking.emphasis if modality is Modality.VISUAL else 1.0
    return emphasis * (cosine - spread.mean) / spread.deviation


@settings(deadline=None)
@given(cosines=cosines, lengths=lengths, ranking=rankings, order=orders)
def test_the_order_of_modalities_changes_nothing(
    cosines: dict[Modality, float], lengths: dict[Modality, int], ranking: Ranking, order: list[Modality]
) -> None:
    one = video(cosines, lengths)
    other = Video(
        {modality: one.vectors[modality] for modality in order if modality in one.vectors},
        {modality: one.moments[modality] for modality in order if modality in one.moments},
    )
    assert score(other, ranking) == pytest.approx(score(one, ranking), abs=1e-4)


@settings(deadline=None)
@given(cosines=cosines, lengths=lengths, ranking=rankings)
def test_what_is_absent_counts_nothing_however_its_absence_is_said(
    cosines: dict[Modality, float], lengths: dict[Modality, int], ranking: Ranking
) -> None:
    one = video(cosines, lengths)
    expected = score(one, ranking)
    for modality in (Modality.OCR, Modality.SPEECH):
        if modality in one.vectors:
            continue
        assert score(Video(one.vectors, {**one.moments, modality: []}), ranking) == expected
        # recognised, but not embedded: there is nothing to compare with
        unread = [Moment(0, 1, "слово")]
        assert score(Video(one.vectors, {**one.moments, modality: unread}), ranking) == expected
        # a vector without one recognised word is no evidence
        empty = {**one.vectors, modality: along(384, 0.9)}
        assert score(Video(empty, one.moments), ranking) == expected


@settings(deadline=None)
@given(cosines=cosines, lengths=lengths, ranking=rankings)
def test_weights_sum_to_one_and_are_those_of_what_is_there(
    cosines: dict[Modality, float], lengths: dict[Modality, int], ranking: Ranking
) -> None:
    one = video(cosines, lengths)
    shares = video_weights(list(one.vectors), one.moments, ranking)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert set(shares) == set(one.vectors)


@settings(deadline=None)
@given(cosines=cosines, lengths=lengths, ranking=rankings, less=st.floats(0.01, 0.4), data=st.data())
def test_the_same_video_matching_worse_in_one_modality_scores_less(
    cosines: dict[Modality, float],
    lengths: dict[Modality, int],
    ranking: Ranking,
    less: float,
    data: st.DataObject,
) -> None:
    modality = data.draw(st.sampled_from(sorted(cosines)))
    weaker = {**cosines, modality: cosines[modality] - less}
    assert score(video(weaker, lengths), ranking) < score(video(cosines, lengths), ranking)


@settings(deadline=None)
@given(cosines=cosines, lengths=lengths, ranking=rankings, data=st.data())
def test_losing_a_modality_that_matched_as_well_as_the_rest_never_helps(
    cosines: dict[Modality, float], lengths: dict[Modality, int], ranking: Ranking, data: st.DataObject
) -> None:
    assume(len(cosines) > 1)
    modality = data.draw(st.sampled_from(sorted(cosines)))
    rest = video({other: cosine for other, cosine in cosines.items() if other is not modality}, lengths)
    without = score(rest, ranking)
    assume(z(modality, cosines[modality], ranking) >= without)
    assert score(video(cosines, lengths), ranking) >= without - 1e-3


@settings(deadline=None)
@given(cosines=cosines, lengths=lengths, ranking=rankings, fewer=st.integers(1, 59), data=st.data())
def test_fewer_words_of_the_best_matching_text_never_help(
    cosines: dict[Modality, float],
    lengths: dict[Modality, int],
    ranking: Ranking,
    fewer: int,
    data: st.DataObject,
) -> None:
    texts = sorted(set(cosines) - {Modality.VISUAL})
    assume(texts)
    modality = data.draw(st.sampled_from(texts))
    assume(all(z(modality, cosines[modality], ranking) >= z(m, c, ranking) for m, c in cosines.items()))
    shorter = {**lengths, modality: max(1, lengths[modality] - fewer)}
    assert score(video(cosines, shorter), ranking) <= score(video(cosines, lengths), ranking) + 1e-3


def test_a_modality_that_matches_less_well_than_the_rest_does_lower_the_mean() -> None:
    # the limit of the law above, stated so that nobody promises more
    ranking = Ranking(calibration=SPREADS)
    alone = {Modality.VISUAL: 0.4}  # 5 deviations
    beside = {**alone, Modality.OCR: 0.2}  # 1.75 deviations: related, but less
    lengths = dict.fromkeys(RANKED, 10)
    assert score(video(beside, lengths), ranking) < score(video(alone, lengths), ranking)


@settings(deadline=None)  # the first example makes the stemmers
@given(
    others=st.lists(st.sampled_from(["лук", "дом", "лес", "море"]), max_size=200),
    times=st.integers(1, 20),
    weight=st.floats(0.1, 1.0),
)
def test_a_word_that_is_said_more_often_never_scores_less(
    others: list[str], times: int, weight: float
) -> None:
    asked = query_words([("кот", 1.0)])

    def exact(n: int) -> float:
        document = document_words([(" ".join(others), 1.0), (" ".join(["кот"] * n), weight)])
        values = dict(zip(document.indices, document.values, strict=True))
        return sum(
            value * values.get(index, 0.0) for index, value in zip(asked.indices, asked.values, strict=True)
        )

    assert exact(times) > exact(times - 1)
