"""One vector for many texts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from kadr.core.extraction import Vector
from kadr.core.passages import embed_passages, windows


def test_windows_overlap_and_cover_every_word() -> None:
    words = [f"w{i}" for i in range(100)]
    parts = windows([" ".join(words[:30]), " ".join(words[30:])], size=48, step=32)
    assert all(len(part.split()) <= 48 for part in parts)
    assert {word for part in parts for word in part.split()} == set(words)
    for before, after in pairwise(parts):
        assert set(before.split()) & set(after.split())
    assert parts[-1].endswith("w99")


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 1), (48, 1), (49, 2), (80, 2), (81, 3)])
def test_short_texts_stay_in_one_window(count: int, expected: int) -> None:
    assert len(windows(["word "] * count)) == expected


def test_no_words_have_no_vector() -> None:
    def never(_: Sequence[str]) -> Vector:
        raise AssertionError("there was nothing to embed")

    assert embed_passages(never, []) is None
    assert embed_passages(never, ["", "  "]) is None


def test_the_vector_is_the_mean_of_the_windows() -> None:
    def by_language(texts: Sequence[str]) -> Vector:
        return np.array([[1.0, 0.0] if "cat" in text else [0.0, 1.0] for text in texts], np.float32)

    # windows from word 0, 32 and 48: cats only, cats and dogs, dogs only
    vector = embed_passages(by_language, ["cat " * 48, "dog " * 48])
    assert vector is not None
    assert vector == pytest.approx(np.array([2, 1]) / np.sqrt(5), abs=1e-6)
