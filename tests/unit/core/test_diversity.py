from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kadr.core.diversity import diversified

CATS, DOG, NOTHING = [1.0, 0.0], [0.1, 1.0], [0.0, 0.0]


def test_without_diversity_the_order_is_that_of_the_scores():
    vectors = np.array([CATS, CATS, DOG], np.float32)
    assert diversified([3.0, 2.0, 1.0], vectors, 0.0) == [0, 1, 2]


def test_something_else_comes_before_more_of_the_same():
    vectors = np.array([CATS, CATS, CATS, DOG], np.float32)
    assert diversified([3.0, 2.9, 2.8, 2.5], vectors, 0.5)[:2] == [0, 3]


def test_length_is_no_likeness_and_no_vector_is_like_nothing():
    vectors = np.array([CATS, [100.0, 0.0], NOTHING], np.float32)
    assert diversified([3.0, 2.9, 2.8], vectors, 0.5) == [0, 2, 1]


def test_equals_keep_their_order():
    assert diversified([1.0, 1.0, 1.0], np.zeros((3, 2), np.float32), 0.7) == [0, 1, 2]


@settings(deadline=None)
@given(st.lists(st.floats(-10, 10), max_size=12), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_every_candidate_comes_once_and_the_best_first(scores, diversity, seed):
    vectors = np.random.default_rng(seed).normal(size=(len(scores), 3)).astype(np.float32)
    order = diversified(scores, vectors, diversity)
    assert sorted(order) == list(range(len(scores)))
    if scores:
        assert scores[order[0]] == max(scores)
