"""EasyOCR's networks as ONNX: what PyTorch computes, and no other weights than theirs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("torch")

import torch

from bench.weights import easyocr as weights
from kadr.adapters.craft import CraftDetector
from kadr.adapters.onnx import open_session
from kadr.core.errors import WeightsRefusedError
from kadr.models import easyocr_int8
from kadr.models.catalogue import EASYOCR_CYRILLIC
from kadr.models.easyocr_onnx import build_detector, build_recogniser
from tests.models.easyocr.networks import Craft, Recogniser
from tests.models.easyocr.rendering import write

pytestmark = [pytest.mark.onnx, pytest.mark.torch]

ALPHABET = "0123456789абвгд "
NARROW = (8, 16, 24, 32, 40, 24, 16, 16, 16, 8)


def arbitrary(network: torch.nn.Module) -> torch.nn.Module:
    """Give a network's batch norms statistics that matter."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.2)
    return network.eval()


def tensors(network: torch.nn.Module, prefix: str = "") -> dict[str, np.ndarray]:
    return {prefix + name: value.numpy() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_detector_computes_what_torch_computes(tmp_path: Path, prefix: str) -> None:
    network = arbitrary(Craft(NARROW))
    assert build_detector(tensors(network, prefix), tmp_path / "detector.onnx", int8=False) == {}
    pixels = torch.randn(2, 3, 96, 160)
    with torch.no_grad():
        wanted = network(pixels).permute(0, 3, 1, 2).numpy()
    maps = open_session(tmp_path / "detector.onnx").run(["maps"], {"pixels": pixels.numpy()})[0]
    assert maps.shape == (2, 2, 48, 80)
    assert np.abs(maps - wanted).max() < 1e-4 * np.abs(wanted).max()


def test_the_recogniser_computes_what_torch_computes(tmp_path: Path) -> None:
    network = arbitrary(Recogniser(len(ALPHABET) + 1, 32))
    build_recogniser(tensors(network), ALPHABET, tmp_path / "recogniser.onnx")
    lines = torch.rand(3, 1, 64, 320) * 2 - 1
    with torch.no_grad():
        wanted = network(lines).numpy()
    logits = open_session(tmp_path / "recogniser.onnx").run(["logits"], {"lines": lines.numpy()})[0]
    assert logits.shape == (3, 79, len(ALPHABET) + 1)
    assert np.abs(logits - wanted).max() < 1e-4 * np.abs(wanted).max()


def test_the_published_widths_do_what_the_small_ones_do(tmp_path: Path) -> None:
    detector, recogniser = weights.small()
    wide = weights.wide_detector(detector)
    assert wide.keys() == {name for name in tensors(Craft()) if "num_batches" not in name}
    assert {name: value.shape for name, value in tensors(Craft()).items() if name in wide} == {
        name: value.shape for name, value in wide.items()
    }
    build_detector(detector, tmp_path / "small.onnx", int8=False)
    build_detector(wide, tmp_path / "wide.onnx", int8=False)
    frame = next(easyocr_int8.drawn(5, 1))
    small, large = (
        open_session(tmp_path / f"{name}.onnx").run(["maps"], {"pixels": frame})[0]
        for name in ("small", "wide")
    )
    assert small.max() > 0.7  # it finds the words
    assert np.abs(small - large).max() < 1e-3
    build_recogniser(recogniser, EASYOCR_CYRILLIC, tmp_path / "small.onnx")
    build_recogniser(weights.wide_recogniser(recogniser), EASYOCR_CYRILLIC, tmp_path / "wide.onnx")
    lines = np.random.default_rng(1).uniform(-1, 1, (1, 1, 64, 256)).astype(np.float32)
    small, large = (
        open_session(tmp_path / f"{name}.onnx").run(["logits"], {"lines": lines})[0]
        for name in ("small", "wide")
    )
    assert np.abs(small - large).max() < 1e-3


def test_in_8_bits_the_maps_stay_what_they_were(tmp_path: Path) -> None:
    detector, _ = weights.small()
    build_detector(detector, tmp_path / "float.onnx", int8=False)
    checks = build_detector(detector, tmp_path / "int8.onnx")
    assert checks["int8"] == 1.0
    assert checks["int8_difference"] < easyocr_int8.MOST_DIFFERENCE
    image = np.full((320, 300, 3), 60, np.uint8)
    for y, text in ((80, "Как варить борщ"), (160, "Best 5 recipes"), (250, "в день")):
        write(image, text, (20, y), 30, weight=600)
    whole, short = (
        CraftDetector(tmp_path / f"{name}.onnx", version=name, canvas=480).detect(image)
        for name in ("float", "int8")
    )
    assert len(whole) == len(short) == 3
    for one, other in zip(whole, short, strict=True):
        assert np.abs(one.corners - other.corners).max() <= 0.3 * one.height
    sizes = [(tmp_path / f"{name}.onnx").stat().st_size for name in ("float", "int8")]
    assert sizes[1] < 0.6 * sizes[0]
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("spoil", [lambda value: value * 0.0, lambda value: value * 3 - 1])
def test_what_8_bits_would_spoil_stays_in_float(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[np.ndarray], np.ndarray]
) -> None:
    detector, _ = weights.small()
    head = {name: spoil(value) if name == "conv_cls.8.weight" else value for name, value in detector.items()}
    monkeypatch.setattr(easyocr_int8, "MOST_DIFFERENCE", 1e-6)
    build_detector(head, tmp_path / "float.onnx", int8=False)
    assert build_detector(head, tmp_path / "detector.onnx")["int8"] == 0.0
    assert (tmp_path / "detector.onnx").read_bytes() == (tmp_path / "float.onnx").read_bytes()


def test_other_weights_are_refused(tmp_path: Path) -> None:
    _, recogniser = weights.small()
    with pytest.raises(WeightsRefusedError, match=r"no tensor basenet\.slice1\.0\.weight"):
        build_detector(recogniser, tmp_path / "detector.onnx")
    with pytest.raises(WeightsRefusedError, match="do not belong together"):
        build_recogniser(recogniser, "абв", tmp_path / "recogniser.onnx")
    assert list(tmp_path.iterdir()) == []
