"""Which videos are about the same: points, themes with a radius, and which theme is which a run later."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest

from kadr.core.extraction import Vector
from kadr.core.modality import Modality
from kadr.core.themes import (
    POINT_DIMENSIONS,
    SEEN_BESIDE_WORDS,
    ThemedVideo,
    ThemeSpace,
    centre,
    centred,
    direction,
    points,
    reduced,
    representatives,
    smallest_theme,
    succession,
)

A, B, C = (UUID(int=number) for number in (1, 2, 3))


def unit(size: int, *at: int) -> Vector:
    vector = np.zeros(size, np.float32)
    vector[list(at)] = 1.0
    return vector / np.linalg.norm(vector)


def video(
    visual: Vector | None = None,
    ocr: Vector | None = None,
    speech: Vector | None = None,
    weights: tuple[float, float, float] = (0.5, 0.3, 0.2),
) -> ThemedVideo:
    names = (Modality.VISUAL, Modality.OCR, Modality.SPEECH)
    vectors = {
        name: each for name, each in zip(names, (visual, ocr, speech), strict=True) if each is not None
    }
    return ThemedVideo(A, vectors, dict(zip(names, weights, strict=True)))


def test_a_point_has_unit_length_whatever_the_video_has() -> None:
    seen, written = unit(512, 0), unit(384, 0)
    rows = points(
        [
            video(seen, written, written),
            video(seen),
            video(None, written),
            video(None, None, written),
        ]
    )
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0)


def test_pictures_count_less_beside_words_and_fully_alone() -> None:
    both, alone = points([video(unit(512, 0), unit(384, 0), weights=(0.5, 0.5, 0)), video(unit(512, 0))])
    share = SEEN_BESIDE_WORDS * 0.5 / (SEEN_BESIDE_WORDS * 0.5 + 0.5)
    assert float(np.dot(both[:512], both[:512])) == pytest.approx(share)
    assert float(np.dot(alone[:512], alone[:512])) == pytest.approx(1.0)


def test_a_video_without_anything_that_counts_is_nowhere() -> None:
    assert not points([ThemedVideo(A, {}, {}), video(unit(512, 0), weights=(0, 1, 0))]).any()


def test_what_all_have_in_common_says_nothing() -> None:
    rows = points([video(unit(512, 0, number)) for number in (1, 2, 3, 4)])
    apart = centred(rows, centre(rows))
    assert np.allclose(np.linalg.norm(apart, axis=1), 1.0)
    assert rows[0] @ rows[1] > 0.4
    assert apart[0] @ apart[1] < 0.0


def test_identical_videos_have_nothing_that_tells_them_apart() -> None:
    rows = points([video(unit(512, 0))] * 5)
    assert not centred(rows, centre(rows)).any()
    assert not reduced(centred(rows, centre(rows))).any()


def test_reduction_keeps_what_differs_most() -> None:
    generator = np.random.default_rng(0)
    about = np.repeat(np.eye(3, 50, dtype=np.float32), 20, axis=0)
    rows = about + generator.normal(0, 0.02, (60, 50)).astype(np.float32)
    rows -= rows.mean(axis=0)
    low = reduced(rows, 2)
    assert low.shape == (60, 2)
    assert np.allclose(np.linalg.norm(low, axis=1), 1.0, atol=1e-3)
    assert (low[:20] @ low[0] > 0.9).all()
    assert (low[20:] @ low[0] < 0.1).all()
    assert reduced(np.zeros((0, 896), np.float32)).shape[0] == 0


def test_a_radius_covers_a_small_theme_whole_and_leaves_one_in_a_hundred_of_a_large_one_out() -> None:
    generator = np.random.default_rng(0)
    rows = np.eye(1, POINT_DIMENSIONS, dtype=np.float32) + generator.normal(
        0, 0.01, (1000, POINT_DIMENSIONS)
    ).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    towards, radius = direction(rows[:5])
    assert ((1 - rows[:5] @ towards) <= radius + 1e-6).all()
    towards, radius = direction(rows)
    assert 0.985 <= ((1 - rows @ towards) <= radius).mean() < 1.0


def test_a_single_video_left_does_not_take_in_everything() -> None:
    row = np.eye(1, POINT_DIMENSIONS, dtype=np.float32)
    towards, radius = direction(row)
    assert (1 - row @ towards)[0] <= radius < 0.5


def test_a_stray_does_not_open_a_theme_to_everything() -> None:
    rows = np.eye(1, POINT_DIMENSIONS, dtype=np.float32).repeat(6, axis=0)
    rows += np.random.default_rng(0).normal(0, 0.01, rows.shape).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    stray = np.eye(1, POINT_DIMENSIONS, 500, dtype=np.float32)
    towards, radius = direction(np.concatenate([rows, stray]))
    assert ((1 - rows @ towards) <= radius + 1e-6).all()
    assert (1 - stray @ towards)[0] > radius


@pytest.fixture
def space() -> ThemeSpace:
    """Two themes: one of what is seen, one of what is written."""
    directions = np.zeros((2, POINT_DIMENSIONS), np.float32)
    directions[0, 0] = directions[1, 512] = 1.0
    return ThemeSpace(1, np.zeros(POINT_DIMENSIONS, np.float32), (A, B), directions, np.array([0.3, 0.3]))


def test_a_video_has_the_nearest_theme_and_none_where_the_nearest_is_far(space: ThemeSpace) -> None:
    seen, written, neither = points([video(unit(512, 0)), video(None, unit(384, 0)), video(unit(512, 9))])
    found = space.assign(np.stack([seen, written, neither]))
    assert [None if each is None else each.theme_id for each in found] == [A, B, None]
    assert found[0] is not None
    assert found[0].distance == pytest.approx(0.0, abs=1e-4)


def test_one_video_is_judged_as_it_is_among_many(space: ThemeSpace) -> None:
    one = video(unit(512, 0, 3), unit(384, 0))
    assert space.theme_of(one.vectors, one.weights) == space.assign(points([one]))[0]


def test_before_the_first_run_no_video_has_a_theme() -> None:
    assert ThemeSpace.empty().assign(points([video(unit(512, 0))])) == [None]
    assert ThemeSpace.empty().theme_of({}, {}) is None


def test_copies_do_not_make_a_theme() -> None:
    copies = [ThemedVideo(UUID(int=number), {}, {}, group="same") for number in range(5)]
    assert representatives([*copies, ThemedVideo(A, {}, {}, group=""), ThemedVideo(B, {}, {}, group="")]) == [
        0,
        5,
        6,
    ]


def test_the_smallest_theme_grows_slower_than_the_collection() -> None:
    sizes = [smallest_theme(videos) for videos in (0, 3, 72, 1_000, 10_000, 20_000)]
    assert sizes == [3, 3, 3, 13, 40, 57]


def test_a_theme_keeps_its_identity_while_videos_come_and_go() -> None:
    before = [A, A, A, A, B, B, B, None, None]
    now = [C, C, C, None, None, B, B, B, C]
    assert succession(before, now) == {C: A, B: B}


def test_of_two_halves_one_is_the_old_theme() -> None:
    halves = succession([A] * 6, [B] * 3 + [C] * 3)
    assert halves == {B: A}


def test_of_two_that_became_one_the_one_that_people_named_goes_on() -> None:
    before, now = [A] * 3 + [B] * 3, [C] * 6
    assert succession(before, now) == {C: A}
    assert succession(before, now, named={B}) == {C: B}


def test_a_few_common_videos_are_no_identity() -> None:
    assert succession([A] * 10 + [None] * 9, [None] * 9 + [B] * 10) == {}
