"""Counting what was read, seen and found against the truth."""

from __future__ import annotations

import numpy as np
import pytest

from bench import quality_faces, quality_ocr, quality_visual
from bench.quality import CHECKS, sample_clips, totals
from bench.quality_ocr import stretch_distance
from kadr.core.extraction import FaceTrack, FrameEmbeddings, Moment


@pytest.mark.parametrize(
    ("written", "read", "expected"),
    [
        ("борщ", "борщ", 0),
        ("борщ", "как варить борщ дома", 0),
        ("борщ", "как варить бощ дома", 1),
        ("борщ", "борщщ", 0),
        ("борщ", "боорщ", 1),
        ("борщ", "", 4),
        ("", "борщ", 0),
        ("kitten", "sitting", 2),  # "sittin": the rest of what was read does not count
    ],
)
def test_distance_to_the_best_stretch(written: str, read: str, expected: int) -> None:
    assert stretch_distance(written, read) == expected


def line(text: str, start: float, end: float) -> dict[str, object]:
    return {"text": text, "start": start, "end": end, "legible": [start, end], "motion": "cut"}


def test_text_counts_where_it_is_read_in_time() -> None:
    clip = {"lines": [line("Как варить борщ", 0, 3), line("Свёкла", 3, 6)]}
    found = [Moment(0.5, 2.5, "как варить бощ"), Moment(0.5, 2.5, "свекла"), Moment(3.5, 5, "Свекла! 100")]
    counts = quality_ocr.measure(clip, found)
    assert counts == {"characters": 21, "wrong": 1, "words": 4, "found": 3, "spurious": 2}
    assert quality_ocr.rates(counts) == {"cer": 1 / 21, "coverage": 0.75}


def test_text_that_is_never_read_is_all_wrong() -> None:
    counts = quality_ocr.measure({"lines": [line("борщ", 0, 3)]}, [])
    assert quality_ocr.rates(counts) == {"cer": 1.0, "coverage": 0.0}


def person(count: int) -> FaceTrack:
    return FaceTrack(np.zeros(128, np.float32), count, 0.0, float(count), b"", 1.0)


def test_people_who_are_missing_and_people_who_are_not_there() -> None:
    shown = {"people": [{"start": 0, "end": 5}]}
    missed = quality_faces.measure(shown, [])
    split = quality_faces.measure(shown, [person(3), person(2)])
    assert (missed["right"], missed["found"], missed["spurious"]) == (False, 0, 0)
    assert (split["right"], split["found"], split["spurious"], split["seen"]) == (False, 1, 1, 5)
    assert quality_faces.measure(shown, [person(5)])["right"]


def frames(*times: float) -> FrameEmbeddings:
    return FrameEmbeddings(np.array(times, np.float32), np.zeros((len(times), 512), np.float32))


def test_a_clip_is_looked_at_each_second() -> None:
    clip = {"duration": 4.0}
    right = quality_visual.measure(clip, frames(0, 1.02, 2.1, 3.0))
    gap = quality_visual.measure(clip, frames(0, 1, 3))
    assert (right["right"], right["expected"], right["frames"]) == (True, 4, 4)
    assert right["late"] == pytest.approx(0.1)
    assert not gap["right"]
    assert not quality_visual.measure(clip, frames())["right"]


def test_totals_are_rates_of_sums_and_the_worst_delay() -> None:
    rows = [
        {"file": "a", "clips": 1, "right": True, "expected": 4, "frames": 4, "late": 0.1},
        {"file": "b", "clips": 1, "right": False, "expected": 6, "frames": 3, "late": 1.5},
    ]
    assert totals("visual", rows) == {
        "clips": 2,
        "right": 1,
        "expected": 10,
        "frames": 7,
        "late": 1.5,
        "share right": 0.5,
    }


def test_clips_are_chosen_by_a_part_of_their_name() -> None:
    assert [clip["file"] for clip in sample_clips("borscht")] == ["grandma_borscht.mp4"]
    assert len(sample_clips()) == 72
    assert set(CHECKS) <= {"ocr", "faces", "visual", "speech"}
