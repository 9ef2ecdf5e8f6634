"""One direction out of many."""

from __future__ import annotations

import numpy as np
import pytest

from kadr.core.pooling import mean_direction, unit_rows


def test_the_mean_direction_lies_between_and_has_length_one() -> None:
    mean = mean_direction(np.array([[1, 0], [0, 1]], np.float32))
    assert mean is not None
    assert mean == pytest.approx([0.5**0.5, 0.5**0.5])


def test_weights_pull_it_over() -> None:
    mean = mean_direction(np.array([[1, 0], [0, 1]], np.float32), [3, 0])
    assert mean is not None
    assert mean == pytest.approx([1, 0])


@pytest.mark.parametrize(
    ("vectors", "weights"),
    [(np.zeros((0, 2)), None), (np.array([[1.0, 0], [-1, 0]]), None), (np.array([[1.0, 0]]), [0.0])],
)
def test_there_is_no_direction_of_nothing(vectors: np.ndarray, weights: list[float] | None) -> None:
    assert mean_direction(vectors.astype(np.float32), weights) is None


def test_unit_rows_leaves_zeros_alone() -> None:
    rows = unit_rows(np.array([[3, 4], [0, 0]], np.float32))
    assert rows.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, 0]]
