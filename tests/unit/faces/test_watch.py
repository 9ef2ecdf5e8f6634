"""Where faces are looked for."""

from __future__ import annotations

import dataclasses

import numpy as np

from functions.faces.watch import Watch, brightness
from kadr.adapters.faces_dlib import DetectedFace

SCENE = np.full((64, 36, 3), 100, np.uint8)
OTHER_SCENE = np.full((64, 36, 3), 200, np.uint8)
FACE = DetectedFace(
    box=(0, 0, 10, 10),
    score=1.0,
    chip=np.zeros((150, 150, 3), np.uint8),
    eyes=50.0,
    nose_along=0.5,
    nose_down=0.7,
)


class Shows:
    """A detector for which the faces of the picture are given."""

    def __init__(self, faces: list[DetectedFace]) -> None:
        self.faces = faces

    def detect(self, image: np.ndarray, *, min_score: float, limit: int) -> list[DetectedFace]:
        return [face for face in self.faces if face.score >= min_score][:limit]

    def follow(
        self, image: np.ndarray, boxes: list[tuple[int, int, int, int]], *, min_score: float
    ) -> list[DetectedFace]:
        return [face for face in self.faces if face.box in boxes and face.score >= min_score]


def test_a_face_that_stays_is_looked_for_everywhere_every_second_time() -> None:
    watch = Watch(Shows([FACE]))
    assert [len(watch.faces(SCENE)) for _ in range(6)] == [1] * 6
    assert watch.whole_frames == 3


def test_a_face_that_left_its_place_is_looked_for_everywhere_at_once() -> None:
    shows = Shows([FACE])
    watch = Watch(shows)
    watch.faces(SCENE)
    shows.faces = [dataclasses.replace(FACE, box=(20, 0, 30, 10))]
    assert watch.faces(SCENE) == shows.faces
    assert watch.whole_frames == 2


def test_somebody_who_joins_is_seen_one_frame_late_at_most() -> None:
    shows = Shows([FACE])
    watch = Watch(shows)
    watch.faces(SCENE)
    shows.faces = [FACE, dataclasses.replace(FACE, box=(20, 0, 30, 10))]
    assert [len(watch.faces(SCENE)) for _ in range(3)] == [1, 2, 2]


def test_a_new_scene_is_looked_at_as_a_whole() -> None:
    shows = Shows([FACE])
    watch = Watch(shows)
    watch.faces(SCENE)
    shows.faces = [FACE, dataclasses.replace(FACE, box=(20, 0, 30, 10))]
    assert len(watch.faces(OTHER_SCENE)) == 2


def test_a_still_without_faces_is_looked_at_every_second_time() -> None:
    watch = Watch(Shows([]))
    for _ in range(6):
        assert watch.faces(SCENE) == []
    assert watch.whole_frames == 3


def test_what_the_detector_is_not_sure_of_is_looked_for_everywhere() -> None:
    watch = Watch(Shows([dataclasses.replace(FACE, score=0.3)]))
    assert [len(watch.faces(SCENE)) for _ in range(4)] == [1] * 4
    assert watch.whole_frames == 4


def test_brightness_is_that_of_the_cells_of_any_picture() -> None:
    halves = np.zeros((2160, 1215, 3), np.uint8)
    halves[1080:] = 250
    cells = brightness(halves)
    assert cells.shape == (16, 16)
    assert cells[0, 0] == 0
    assert cells[15, 15] == 250
    assert brightness(np.full((4, 3, 3), 7, np.uint8)).shape == (16, 16)
