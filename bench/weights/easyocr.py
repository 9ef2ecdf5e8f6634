"""EasyOCR's two networks at their real size, finding and reading as the small trained ones do.

Random weights find nothing or everything, so the cost of reading lines could not be measured with them. Here
the small networks of ``tests/models/easyocr`` stand in the corner of networks of the published widths: the
other channels hold random numbers and are computed like any, but nothing that is read from the outputs
depends on them. What comes out is what the small ones say; what it costs is what EasyOCR's weights cost.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kadr.core.errors import KadrError
from kadr.models import registry

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "tests" / "models" / "easyocr" / "small.safetensors"
VARIANT = "easyocr-random"
# Channels of craft_mlt_25k: VGG's four widths, the layer behind them, the steps up, the head.
CRAFT = (64, 128, 256, 512, 1024, 256, 128, 64, 32, 16)
RECOGNISER = 256  # cyrillic_g2's
_SEED = 9

Array = npt.NDArray[np.float32]
Parts = Sequence[tuple[int, int]]  # (small, wide) sizes of the parts that an axis is made of


def small() -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the tensors of the small detector and recogniser, float32, by EasyOCR's names."""
    from safetensors.numpy import load_file

    networks: dict[str, dict[str, Array]] = {"detector": {}, "recogniser": {}}
    for name, value in load_file(SMALL).items():
        network, _, tensor = name.partition("/")
        networks[network][tensor] = value.astype(np.float32)
    return networks["detector"], networks["recogniser"]


def wide_detector(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Return a CRAFT of the published widths with the same outputs as ``tensors``."""
    net = _Wide(tensors)
    a, b, c, d = (net.rows(f"basenet.{at}") for at in ("slice1.0", "slice1.7", "slice2.14", "slice3.24"))
    full = net.rows("basenet.slice5.1")
    ups = [net.rows(f"upconv{step}.conv.3") for step in (1, 2, 3, 4)]
    narrow = net.rows("conv_cls.4")
    first, second, third, fourth, fifth, *steps, last = (
        (inside, outside) for inside, outside in zip((a, b, c, d, full, *ups, narrow), CRAFT, strict=True)
    )
    previous: Parts = [(3, 3)]
    for name, norm, width in (
        ("slice1.0", "slice1.1", first), ("slice1.3", "slice1.4", first),
        ("slice1.7", "slice1.8", second), ("slice1.10", "slice1.11", second),
        ("slice2.14", "slice2.15", third), ("slice2.17", "slice2.18", third),
        ("slice3.20", "slice3.21", third), ("slice3.24", "slice3.25", fourth),
        ("slice3.27", "slice3.28", fourth), ("slice4.30", "slice4.31", fourth),
        ("slice4.34", "slice4.35", fourth), ("slice4.37", "slice4.38", fourth),
    ):  # fmt: skip
        net.layer(f"basenet.{name}", [width], previous)
        net.norm(f"basenet.{norm}", [width])
        previous = [width]
    net.layer("basenet.slice5.1", [fifth], [fourth])
    net.layer("basenet.slice5.2", [fifth], [fifth])
    middle = (fourth, *steps[:3])
    for index, beside in enumerate((fourth, fourth, third, second)):
        name, below = f"upconv{index + 1}.conv", fifth if index == 0 else steps[index - 1]
        net.layer(f"{name}.0", [middle[index]], [below, beside])
        net.norm(f"{name}.1", [middle[index]])
        net.layer(f"{name}.3", [steps[index]], [middle[index]])
        net.norm(f"{name}.4", [steps[index]])
    head = steps[3]
    for position, out, into in ((0, head, head), (2, head, head), (4, last, head), (6, last, last)):
        net.layer(f"conv_cls.{position}", [out], [into])
    net.layer("conv_cls.8", [(2, 2)], [last])
    return net.wide


def wide_recogniser(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Return a recogniser of the published width with the same outputs as ``tensors``."""
    net = _Wide(tensors)
    inside = net.rows("FeatureExtraction.ConvNet.18")
    eighth, quarter, half, whole = ((inside // part, RECOGNISER // part) for part in (8, 4, 2, 1))
    previous: Parts = [(1, 1)]
    for position, norm, width in (
        (0, 0, eighth), (3, 0, quarter), (6, 0, half), (8, 0, half),
        (11, 12, whole), (14, 15, whole), (18, 0, whole),
    ):  # fmt: skip
        net.layer(f"FeatureExtraction.ConvNet.{position}", [width], previous)
        if norm:
            net.norm(f"FeatureExtraction.ConvNet.{norm}", [width])
        previous = [width]
    for layer in ("SequenceModeling.0", "SequenceModeling.1"):
        gates = [whole] * 4
        for end in ("", "_reverse"):
            net.put(f"{layer}.rnn.weight_ih_l0{end}", gates, [whole])
            net.put(f"{layer}.rnn.weight_hh_l0{end}", gates, [whole])
            net.put(f"{layer}.rnn.bias_ih_l0{end}", gates)
            net.put(f"{layer}.rnn.bias_hh_l0{end}", gates)
        net.layer(f"{layer}.linear", [whole], [whole, whole])
    classes = net.rows("Prediction")
    net.layer("Prediction", [(classes, classes)], [whole])
    return net.wide


class _Wide:
    """A network that is being widened."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self._small = tensors
        self._random = np.random.default_rng(_SEED)
        self.wide: dict[str, Array] = {}

    def rows(self, layer: str) -> int:
        return int(self._small[f"{layer}.weight"].shape[0])

    def layer(self, name: str, out: Parts, into: Parts) -> None:
        self.put(f"{name}.weight", out, into)
        if f"{name}.bias" in self._small:
            self.put(f"{name}.bias", out)

    def norm(self, name: str, width: Parts) -> None:
        for part, rest in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.put(f"{name}.{part}", width, fill=rest)

    def put(self, name: str, out: Parts, into: Parts | None = None, *, fill: float | None = None) -> None:
        """Place a tensor; what it does not cover is random, but what the small outputs take from it is 0."""
        tensor = self._small[name]
        rows, wide_rows = _positions(out)
        if into is None:
            wide = self._random.standard_normal(wide_rows) * 0.1 if fill is None else np.full(wide_rows, fill)
            wide[rows] = tensor
        else:
            columns, wide_columns = _positions(into)
            shape = (wide_rows, wide_columns, *tensor.shape[2:])
            # Smaller than keeps the size of what passes through: in 8 bits a layer has one scale for all its
            # channels, and those that count are to be the largest, as they are in trained weights.
            wide = self._random.standard_normal(shape) * np.sqrt(1 / np.prod(shape[1:]))
            wide[rows] = 0
            wide[np.ix_(rows, columns)] = tensor
        self.wide[name] = wide.astype(np.float32)


def _positions(parts: Parts) -> tuple[npt.NDArray[np.int64], int]:
    """Return where the small parts lie in the wide axis, and how long that is."""
    begins = np.cumsum([0, *(wide for _, wide in parts)])
    places = [begin + np.arange(inside) for begin, (inside, _) in zip(begins[:-1], parts, strict=True)]
    return np.concatenate(places), int(begins[-1])


def write(models_dir: Path) -> Path:
    """Install both as a variant of the ``ocr`` role of ``models_dir``; return the variant's folder.

    Made again only where the small networks have changed. It takes a minute: the detector is put into 8 bits.
    """
    detector, recogniser = small()
    return install(models_dir, wide_detector(detector), wide_recogniser(recogniser), variant=VARIANT)


def install(
    models_dir: Path, detector: Mapping[str, Array], recogniser: Mapping[str, Array], *, variant: str
) -> Path:
    """Install EasyOCR's networks from their tensors as ``kadr models`` does; return the variant's folder."""
    from safetensors.numpy import save_file

    from kadr.models import convert

    folder = models_dir / "ocr" / variant
    origin = registry.Origin(source=str(SMALL.relative_to(ROOT)), revision=registry.sha256(SMALL)[:8])
    try:
        model = registry.open_directory(folder)
        model.verified()
        made = json.loads((folder / registry.MANIFEST).read_text(encoding="utf-8"))
        if made["revision"] == origin.revision:
            return folder
    except (OSError, ValueError, KadrError):
        pass
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary)
        save_file(dict(detector), source / "craft_mlt_25k.safetensors")
        save_file(dict(recogniser), source / "cyrillic_g2.safetensors")
        return convert.easyocr(variant, source, models_dir, origin=origin).directory
