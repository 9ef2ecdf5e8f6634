"""What the score of a hit is made of."""

from __future__ import annotations

import numpy as np
import pytest

from kadr.core.contributions import contributions
from kadr.core.extraction import Vector
from kadr.core.fusion import TEXT_DIMENSIONS, VISUAL_DIMENSIONS, fuse, fuse_query
from kadr.core.modality import Modality
from kadr.core.pooling import unit_rows
from kadr.core.ranking import Spread

VISUAL, TEXT = Spread(0.2, 0.04), Spread(0.056, 0.075)
WEIGHTS = {Modality.VISUAL: 0.5, Modality.OCR: 0.3, Modality.SPEECH: 0.2}
COSINES = {Modality.VISUAL: 0.30, Modality.OCR: 0.506, Modality.SPEECH: 0.056}


def split(score: float, words: float | None = None, **changes: object) -> dict[str, float]:
    arguments = {"weights": WEIGHTS, "cosines": COSINES, "visual": VISUAL, "text": TEXT} | changes
    return contributions(score, words=words, **arguments)  # type: ignore[arg-type]


def test_each_modality_counts_its_weight_times_its_deviations() -> None:
    assert split(3.05 + 4.0, 4.0) == {"visual": 1.25, "ocr": 1.8, "speech": 0.0, "words": 4.0}


def test_what_eight_bits_lose_is_divided_by_the_weights() -> None:
    assert split(3.15 + 4.0, 4.0) == {"visual": 1.3, "ocr": 1.83, "speech": 0.02, "words": 4.0}


def test_a_half_that_did_not_propose_the_video_has_no_part() -> None:
    assert split(4.0, 4.0) == {"words": 4.0}
    assert split(3.05, 4.0) == {"visual": 1.25, "ocr": 1.8, "speech": 0.0}


def test_emphasis_multiplies_what_is_seen() -> None:
    assert split(2.5 + 1.8, emphasis=2.0)["visual"] == 2.5


def test_a_modality_that_the_query_does_not_ask_for_has_no_part() -> None:
    assert set(split(1.8, cosines={Modality.OCR: 0.506})) == {"ocr"}
    assert split(0.0, cosines={}) == {}


@pytest.mark.parametrize("seed", range(20))
def test_they_sum_to_the_score_of_the_fused_vector(seed: int) -> None:
    random = np.random.default_rng(seed)

    def unit(size: int) -> Vector:
        return unit_rows(random.standard_normal((1, size)).astype(np.float32))[0]

    has = [modality for modality in WEIGHTS if random.random() < 0.7] or [Modality.OCR]
    vectors = {each: unit(VISUAL_DIMENSIONS if each is Modality.VISUAL else TEXT_DIMENSIONS) for each in has}
    shares = random.dirichlet(np.ones(len(has))).tolist()
    weights = dict(zip(has, shares, strict=True))
    clip, text, emphasis = unit(VISUAL_DIMENSIONS), unit(TEXT_DIMENSIONS), float(random.uniform(0.2, 3))
    words = float(random.uniform(0, 8)) if random.random() < 0.5 else None
    fused = fuse(vectors, weights, visual=VISUAL, text=TEXT)
    score = float(fused @ fuse_query(clip=clip, text=text, emphasis=emphasis)) + (words or 0.0)
    cosines = {
        each: float(vector @ (clip if each is Modality.VISUAL else text)) for each, vector in vectors.items()
    }
    found = contributions(
        score, weights=weights, cosines=cosines, words=words, visual=VISUAL, text=TEXT, emphasis=emphasis
    )
    assert sum(found.values()) == pytest.approx(score, abs=1e-4)
    for modality in has:
        by = VISUAL if modality is Modality.VISUAL else TEXT
        factor = emphasis if modality is Modality.VISUAL else 1.0
        exact = factor * weights[modality] * (cosines[modality] - by.mean) / by.deviation
        assert found[str(modality)] == pytest.approx(exact, abs=2e-4)
    assert found.get("words") == (None if words is None else pytest.approx(words, abs=2e-4))
