"""The fused vector's score is the weighted sum of calibrated similarities, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadr.core.extraction import Vector
from kadr.core.fusion import FUSED_DIMENSIONS, fuse, fuse_query
from kadr.core.modality import Modality
from kadr.core.ranking import Centre


@dataclass(frozen=True)
class Measured:
    mean: float
    deviation: float


VISUAL, TEXT = Measured(0.2, 0.04), Measured(0.05, 0.1)


def unit(seed: int, dimensions: int) -> Vector:
    vector = np.random.default_rng(seed).standard_normal(dimensions).astype(np.float32)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@given(
    seeds=st.lists(st.integers(0, 2**32 - 1), min_size=5, max_size=5),
    raw=st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3),
    emphasis=st.floats(0.0, 4.0),
)
def test_one_dot_product_is_the_whole_formula(seeds: list[int], raw: list[float], emphasis: float) -> None:
    vectors = {
        Modality.VISUAL: unit(seeds[0], 512),
        Modality.OCR: unit(seeds[1], 384),
        Modality.SPEECH: unit(seeds[2], 384),
    }
    clip, text = unit(seeds[3], 512), unit(seeds[4], 384)
    shares = {modality: value / sum(raw) for modality, value in zip(vectors, raw, strict=True)}
    expected = sum(
        share
        * (emphasis if modality is Modality.VISUAL else 1.0)
        * (
            float(vectors[modality] @ (clip if modality is Modality.VISUAL else text))
            - (VISUAL if modality is Modality.VISUAL else TEXT).mean
        )
        / (VISUAL if modality is Modality.VISUAL else TEXT).deviation
        for modality, share in shares.items()
    )
    fused = fuse(vectors, shares, visual=VISUAL, text=TEXT)
    assert fused.shape == (FUSED_DIMENSIONS,)
    query = fuse_query(clip=clip, text=text, emphasis=emphasis)
    assert float(fused @ query) == pytest.approx(expected, abs=1e-3)


@given(seeds=st.lists(st.integers(0, 2**32 - 1), min_size=7, max_size=7), emphasis=st.floats(0.0, 4.0))
def test_centres_change_no_score(seeds: list[int], emphasis: float) -> None:
    vectors = {
        Modality.VISUAL: unit(seeds[0], 512),
        Modality.OCR: unit(seeds[1], 384),
        Modality.SPEECH: unit(seeds[2], 384),
    }
    shares = {Modality.VISUAL: 0.5, Modality.OCR: 0.3, Modality.SPEECH: 0.2}
    centres = {
        "visual": Centre(tuple((0.7 * unit(seeds[3], 512)).tolist()), 0.19),
        "text": Centre(tuple((0.2 * unit(seeds[4], 384)).tolist()), 0.07),
    }
    clip, text = unit(seeds[5], 512), unit(seeds[6], 384)
    for given_clip, given_text in ((clip, text), (clip, None), (None, text)):
        plain, centred = (
            float(
                fuse(vectors, shares, visual=VISUAL, text=TEXT, centres=own)
                @ fuse_query(clip=given_clip, text=given_text, emphasis=emphasis, centres=own)
            )
            for own in ({}, centres)
        )
        assert centred == pytest.approx(plain, abs=2e-3)


def test_centres_take_out_of_the_vectors_what_all_of_them_share() -> None:
    common = unit(1, 512)
    videos = [
        fuse(
            {Modality.VISUAL: (common + unit(seed, 512)) / np.sqrt(2)},
            {Modality.VISUAL: 1.0},
            visual=VISUAL,
            text=TEXT,
            centres={"visual": Centre(tuple((common / np.sqrt(2)).tolist()), VISUAL.mean)},
        )
        for seed in (2, 3)
    ]
    alike = float(videos[0] @ videos[1]) / float(np.linalg.norm(videos[0]) * np.linalg.norm(videos[1]))
    assert abs(alike) < 0.2  # 0.5 as they are, and a constant of −5 each


def test_what_a_query_does_not_ask_for_scores_like_something_unrelated() -> None:
    vectors = {Modality.VISUAL: unit(1, 512), Modality.OCR: unit(2, 384)}
    both = fuse(vectors, {Modality.VISUAL: 0.5, Modality.OCR: 0.5}, visual=VISUAL, text=TEXT)
    text = unit(3, 384)
    only_text = 0.5 * (float(vectors[Modality.OCR] @ text) - TEXT.mean) / TEXT.deviation
    assert float(both @ fuse_query(clip=None, text=text)) == pytest.approx(only_text, abs=1e-4)


def test_a_modality_without_a_vector_changes_nothing() -> None:
    vectors = {Modality.OCR: unit(1, 384)}
    alone = fuse(vectors, {Modality.OCR: 1.0}, visual=VISUAL, text=TEXT)
    beside = fuse(vectors, {Modality.OCR: 1.0, Modality.SPEECH: 0.5}, visual=VISUAL, text=TEXT)
    np.testing.assert_array_equal(alone, beside)


def test_an_unrelated_query_scores_zero() -> None:
    vector = unit(1, 384)
    other = unit(2, 384)
    other = other - (other @ vector) * vector
    query = TEXT.mean * vector + np.sqrt(1 - TEXT.mean**2) * other / np.linalg.norm(other)
    fused = fuse({Modality.OCR: vector}, {Modality.OCR: 1.0}, visual=VISUAL, text=TEXT)
    assert float(fused @ fuse_query(clip=None, text=query.astype(np.float32))) == pytest.approx(0, abs=1e-4)
