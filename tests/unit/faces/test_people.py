"""Linking faces over time and joining those of one person: geometry only."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from functions.faces.people import Sighting, Track, cluster, likeness, link, overlap, seen

RANDOM = np.random.default_rng(7)
ANNA, BORIS = (RANDOM.integers(0, 255, (5, 5, 3), np.uint8).repeat(30, 0).repeat(30, 1) for _ in range(2))


def sighting(time: float, left: int, chip: np.ndarray = ANNA, quality: float = 0.5) -> Sighting:
    box = (left, 100, left + 100, 200)
    return Sighting(time=time, box=box, chip=chip, crop=chip, quality=quality, score=1.0)


def track(times: list[float], encoding: float) -> Track:
    return Track([sighting(time, 0) for time in times], np.full((1, 128), encoding, np.float32))


def test_a_face_that_stays_is_one_track() -> None:
    (only,) = link([[sighting(0, 0)], [sighting(1, 20)], [sighting(2, 40)]])
    assert seen([only]) == [0, 1, 2]


def test_a_face_elsewhere_is_another_track() -> None:
    assert len(link([[sighting(0, 0)], [sighting(1, 400)]])) == 2


def test_another_face_in_the_same_place_is_another_track() -> None:
    # A cut from one speaker to the other, both in the middle of the picture.
    assert len(link([[sighting(0, 0, ANNA)], [sighting(1, 0, BORIS)], [sighting(2, 0, ANNA)]])) == 3


def test_a_face_that_moves_by_most_of_its_width_is_still_one_track() -> None:
    assert len(link([[sighting(0, 0)], [sighting(1, 75)]])) == 1


def test_a_gap_of_one_frame_ends_a_track() -> None:
    assert len(link([[sighting(0, 0)], [], [sighting(2, 0)]])) == 2


def test_two_faces_keep_their_tracks() -> None:
    frames = [[sighting(t, 0, ANNA), sighting(t, 300, BORIS)] for t in (0.0, 1.0, 2.0)]
    assert [len(found.sightings) for found in link(frames)] == [3, 3]


def test_tracks_of_one_person_are_joined_and_the_most_frequent_comes_first() -> None:
    groups = cluster([track([5], 0.5), track([0, 1], 0.0), track([3, 4], 0.001)])
    assert [seen(group) for group in groups] == [[0, 1, 3, 4], [5]]


def test_two_faces_in_one_frame_are_never_one_person() -> None:
    assert len(cluster([track([0, 1], 0.0), track([1, 2], 0.0)])) == 2


def test_a_group_that_took_a_track_keeps_others_of_its_frames_out() -> None:
    groups = cluster([track([0], 0.0), track([1], 0.001), track([1], 0.002)])
    assert sorted(map(len, groups)) == [1, 2]


@pytest.mark.parametrize(("left", "expected"), [(0, 1.0), (50, 1 / 3), (100, 0.0), (300, 0.0)])
def test_overlap(left: int, expected: float) -> None:
    assert overlap((0, 0, 100, 100), (left, 0, left + 100, 100)) == pytest.approx(expected)


def test_likeness_does_not_mind_the_light() -> None:
    darker = (ANNA * 0.5 + 20).astype(np.uint8)
    assert likeness(ANNA, darker) > 0.99
    assert likeness(ANNA, BORIS) < 0.75


def test_a_view_that_is_not_clear_counts_as_seen_but_never_stands_for_the_person() -> None:
    smeared = dataclasses.replace(sighting(1, 0, quality=0.9), clear=False)
    (only,) = link([[sighting(0, 0, quality=0.2)], [smeared], [sighting(2, 0, quality=0.3)]])
    assert seen([only]) == [0, 1, 2]
    assert [view.time for view in only.best(3)] == [2, 0]
