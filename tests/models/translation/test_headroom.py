"""Weights in 8 bits have room for the sums of processors without VNNI."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ctranslate2")

from ctranslate2.specs.common_spec import LinearSpec

from kadr.models.ctranslate2_convert import leave_headroom

pytestmark = [pytest.mark.torch]


def test_weights_take_seven_bits_and_mean_the_same() -> None:
    linear = LinearSpec()
    exact = np.random.default_rng(1).normal(size=(40, 30)).astype(np.float32)
    linear.weight = exact.copy()  # it is worked on in its place
    linear.bias = np.ones(40, np.float32)
    linear.validate()
    linear.optimize(quantization="int8")
    assert np.abs(linear.weight.numpy()).max() == 127
    leave_headroom(linear)
    weights, scale = linear.weight.numpy(), linear.weight_scale.numpy()
    assert weights.dtype == np.int8
    assert np.abs(weights).max() == 63
    largest = np.abs(exact).max(axis=1, keepdims=True)
    # half a step of rounding to 8 bits, and half a step to 7
    assert (np.abs(weights / scale[:, None] - exact) <= largest * (0.5 / 127 + 0.5 / 63) + 1e-6).all()
    assert linear.bias.numpy().tolist() == [1.0] * 40
