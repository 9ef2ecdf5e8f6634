"""Training may go on from the weights that are published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("transformers")
pytest.importorskip("torch")
pytest.importorskip("cv2")
pytest.importorskip("onnxruntime")

from training.demo.clip import published
from training.demo.clip.model import Shape, build
from training.demo.clip.train import Texts, normalise, read, see

pytestmark = [pytest.mark.torch, pytest.mark.onnx]
DEMO = Path(__file__).resolve().parents[3] / "models" / "visual" / "demo"


def test_the_published_weights_give_the_vectors_of_the_converted_model() -> None:
    import onnxruntime
    import torch

    texts = Texts(DEMO / "tokenizer.json")
    shape = Shape()
    clip = build(shape, texts.size).eval()
    published.load(DEMO, clip)
    rng = np.random.default_rng(1)
    pixels = normalise(rng.integers(0, 256, (3, shape.side, shape.side, 3)).astype(np.uint8))
    ids = texts.ids(["a cat", "two dogs in the snow", "ambulance"])
    with torch.no_grad():
        seen, told = see(clip, torch.from_numpy(pixels)).numpy(), read(clip, torch.from_numpy(ids)).numpy()
    # What is multiplied is rounded, too, which costs pictures more than texts.
    for name, given, own, near in (
        ("model", {"pixels": pixels}, seen, 0.98),
        ("text", {"input_ids": ids}, told, 0.995),
    ):
        (converted,) = onnxruntime.InferenceSession(DEMO / f"{name}.onnx").run(None, given)
        assert (own * converted).sum(1).min() > near
        assert abs(own @ own.T - converted @ converted.T).max() < 0.02


def test_weights_of_another_shape_are_refused() -> None:
    clip = build(Shape(width=128), Texts(DEMO / "tokenizer.json").size)
    with pytest.raises(ValueError, match="another shape"):
        published.load(DEMO, clip)
