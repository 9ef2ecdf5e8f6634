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


def test_a_model_that_has_grown_gives_the_vectors_that_it_gave_before() -> None:
    import torch

    small = Shape(side=32, width=64, layers=2, text_width=64, text_layers=1)
    large = Shape(side=32, width=64, layers=4, text_width=128, text_layers=1)
    torch.manual_seed(1)
    before, after = build(small, 20).eval(), build(large, 20).eval()
    weights = {
        name: value.numpy() for name, value in before.state_dict().items() if value.is_floating_point()
    }
    pictures = {name: value for name, value in weights.items() if name.startswith("vis")}
    texts = {name: value for name, value in weights.items() if name.startswith("text")}
    grown = published.deepened(pictures, "vision_model", 4)
    grown |= published.doubled(texts, np.random.default_rng(0))
    tensors = {name: torch.tensor(value) for name, value in grown.items()}
    assert not after.load_state_dict(tensors, strict=False).unexpected_keys
    pixels, ids = torch.rand(2, 3, 32, 32), torch.tensor([[2, 5, 6, 19], [2, 7, 19, 0]])
    with torch.no_grad():
        assert torch.allclose(see(before, pixels), see(after, pixels), atol=1e-5)
        assert torch.allclose(read(before, ids), read(after, ids), atol=1e-5)
    halves = np.split(grown["text_projection.weight"], 2, 1)
    assert np.abs(halves[0] - halves[1]).min() > 0  # the two may come to differ


def test_positions_of_a_larger_picture_lie_between_those_of_a_smaller_one() -> None:
    places = np.zeros((1 + 100, 2), np.float32)
    places[0] = 7
    places[1:, 0], places[1:, 1] = np.repeat(np.arange(10), 10), np.tile(np.arange(10), 10)
    larger = published.spread(places, 20)
    assert larger.shape == (401, 2)
    assert larger[0].tolist() == [7, 7]
    table = larger[1:].reshape(20, 20, 2)
    assert np.abs(table[2:-2, 2:-2, 0].mean(1) - (np.arange(2, 18) - 0.5) / 2).max() < 0.1
    assert np.abs(table - table.transpose(1, 0, 2)[..., ::-1]).max() < 1e-5
    assert np.abs(published.spread(places, 10) - places).max() < 1e-6


def test_weights_of_another_shape_are_refused() -> None:
    clip = build(Shape(width=128), Texts(DEMO / "tokenizer.json").size)
    with pytest.raises(ValueError, match="another shape"):
        published.load(DEMO, clip)
