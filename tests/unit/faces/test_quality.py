"""What a view of a face must have to stand for the person."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from functions.faces.quality import grade, passes, sharpness

DETAIL = np.random.default_rng(3).integers(0, 255, (150, 150, 1), np.uint8).repeat(3, 2)


@dataclass(frozen=True)
class View:
    score: float = 1.0
    eyes: float = 50.0
    nose_along: float = 0.5
    nose_down: float = 0.72
    chip: np.ndarray = field(default_factory=lambda: DETAIL)


def smeared(axis: int, length: int) -> np.ndarray:
    grey = DETAIL.astype(float)
    moved = np.mean([np.roll(grey, step, axis) for step in range(length)], axis=0)
    return moved.astype(np.uint8)


def test_a_large_sharp_face_straight_ahead_passes() -> None:
    assert passes(View())


@pytest.mark.parametrize(
    "view",
    [
        View(score=0.4),
        View(eyes=20),
        View(nose_along=0.2),
        View(nose_along=0.8),
        View(nose_down=1.0),
        View(nose_down=float("inf")),
        View(chip=np.full((150, 150, 3), 90, np.uint8)),
        View(chip=np.linspace(0, 255, 150).astype(np.uint8)[:, None, None].repeat(150, 1).repeat(3, 2)),
    ],
    ids=[
        "unsure",
        "tiny",
        "turned right",
        "turned left",
        "squeezed",
        "landmarks collapsed",
        "flat",
        "gradient",
    ],
)
def test_what_cannot_stand_for_a_person_does_not_pass(view: View) -> None:
    assert not passes(view)


@pytest.mark.parametrize("axis", [0, 1])
def test_movement_in_one_direction_is_not_sharp_whatever_the_other_shows(axis: int) -> None:
    assert sharpness(smeared(axis, 40)) < sharpness(DETAIL) / 10


def test_neither_light_nor_contrast_counts() -> None:
    dim = (DETAIL * 0.3 + 20).astype(np.uint8)
    assert sharpness(dim) == pytest.approx(sharpness(DETAIL), rel=0.02)


def test_the_better_view_has_the_better_grade() -> None:
    best = grade(View(eyes=80))
    assert best == pytest.approx(1.0)
    assert grade(View(eyes=40)) < best
    assert grade(View(eyes=80, nose_along=0.6)) < best
    assert grade(View(eyes=80, nose_down=0.85)) < best
