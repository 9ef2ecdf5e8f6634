"""The pairs that calibrate a text encoder."""

from __future__ import annotations

import numpy as np

from kadr.models.convert import cosines_of_unrelated, unrelated


def test_there_are_64_pairs_and_none_twice() -> None:
    pairs = unrelated()
    assert len(pairs) == 64
    assert len({text for pair in pairs for text in pair}) == 128


def test_only_unrelated_pairs_count() -> None:
    rows = np.eye(3, dtype=np.float32)
    assert cosines_of_unrelated(rows, rows).tolist() == [0.0] * 6
