"""Products in 8 bits are the same on every processor, those that add two of them in 16 bits included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from kadr.adapters.onnx import open_session
from kadr.models.graph import Array, Graph

pytestmark = pytest.mark.onnx


def product(tmp_path: Path, x: Array, weight: Array) -> Array:
    graph = Graph("product", int8=True, by_row=True)
    graph.op("Identity", graph.linear("x", weight), to="y")
    graph.save(
        tmp_path / "product.onnx",
        {"x": (np.float32, ["n", weight.shape[1]])},
        {"y": ["n", weight.shape[0]]},
    )
    answer: Array = open_session(tmp_path / "product.onnx", threads=1).run(None, {"x": x})[0]
    return answer


@pytest.mark.parametrize("width", [64, 192, 67])
def test_weights_near_the_largest_and_large_activations_are_not_cut_off(tmp_path: Path, width: int) -> None:
    """Each pair of products is as large as it can be: 255 · 254 does not fit into 16 bits."""
    generator = np.random.default_rng(0)
    weight = generator.choice([-1.0, 1.0], (8, width)).astype(np.float32)
    x = np.ones((4, width), np.float32)
    x[1] = weight[0]
    x[2] = np.abs(generator.normal(size=width))
    x[3, 0] = -1.0  # what is not that much has its share, too
    assert np.abs(product(tmp_path, x, weight) - x @ weight.T).max() <= 0.02 * width


def test_ordinary_weights_lose_next_to_nothing(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    weight = generator.normal(0, 0.05, (256, 192)).astype(np.float32)
    x = generator.normal(size=(50, 192)).astype(np.float32)
    exact, found = x @ weight.T, product(tmp_path, x, weight)
    cosines = (exact * found).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(found, axis=1)
    assert cosines.min() > 0.9998
