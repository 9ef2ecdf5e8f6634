"""EasyOCR's two networks, CRAFT and the generation-2 recogniser, from their published tensors to ONNX.

Tensors are named as in ``craft_mlt_25k.pth`` and ``cyrillic_g2.pth``, with or without the ``module.`` that
training on several cards left in front; linear weights come as PyTorch keeps them. Widths are taken from the
tensors, so a narrow network of the same layout is converted alike. Batch norms go into the convolution before
them, and a few linear steps that follow one another are multiplied out; both change results by rounding only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kadr.core.errors import WeightsRefusedError
from kadr.models.graph import Graph

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]

_EPSILON = 1e-5  # of every batch norm in both networks
RECOGNISER_HEIGHT = 64  # pixels of a line


def build_detector(tensors: Tensors, to: Path, *, int8: bool = True) -> dict[str, float]:
    """Write CRAFT: ``pixels (batch, 3, h, w) float32 → maps (batch, 2, h/2, w/2)``.

    ``pixels`` are RGB, normalised as ImageNet's; h and w are multiples of 16. ``maps`` are the region score
    (the middle of a letter) and the affinity score (the middle between two letters of a word), about 0…1.

    CRAFT is VGG-16 with batch norms up to its twelfth convolution, a dilated convolution in place of the
    fully connected layers, and four steps back up that join what was seen on the way (Baek et al., 2019,
    arXiv:1904.01941).

    With ``int8`` it is written in 8 bits, if its maps stay what they were
    (:mod:`kadr.models.easyocr_int8`). What was measured is returned, for the manifest: ``int8_difference``,
    and ``int8``, 1.0 where it was good enough.

    Raises:
        WeightsRefusedError: a tensor is missing or has another shape.
    """
    net = _Layers(tensors, Graph("craft"))
    graph = net.graph
    # The numbers are the positions of the convolutions in torchvision's vgg16_bn. ReLU works in place there,
    # so what is kept of a slice for later has gone through the ReLU that begins the next; the last has not.
    x = net.relu(net.conv("pixels", *net.folded("basenet.slice1.0", "basenet.slice1.1")))
    x = net.relu(net.conv(x, *net.folded("basenet.slice1.3", "basenet.slice1.4")))
    x = net.pool(x)
    x = net.relu(net.conv(x, *net.folded("basenet.slice1.7", "basenet.slice1.8")))
    half = x = net.relu(net.conv(x, *net.folded("basenet.slice1.10", "basenet.slice1.11")))
    x = net.pool(x)
    x = net.relu(net.conv(x, *net.folded("basenet.slice2.14", "basenet.slice2.15")))
    quarter = x = net.relu(net.conv(x, *net.folded("basenet.slice2.17", "basenet.slice2.18")))
    x = net.relu(net.conv(x, *net.folded("basenet.slice3.20", "basenet.slice3.21")))
    x = net.pool(x)
    x = net.relu(net.conv(x, *net.folded("basenet.slice3.24", "basenet.slice3.25")))
    eighth = x = net.relu(net.conv(x, *net.folded("basenet.slice3.27", "basenet.slice3.28")))
    x = net.relu(net.conv(x, *net.folded("basenet.slice4.30", "basenet.slice4.31")))
    x = net.pool(x)
    x = net.relu(net.conv(x, *net.folded("basenet.slice4.34", "basenet.slice4.35")))
    last = net.conv(x, *net.folded("basenet.slice4.37", "basenet.slice4.38"))

    # Between here and the next ReLU everything is linear: the dilated convolution, the 1×1 after it, and the
    # 1×1 that joins it with ``last``. As one convolution it has 0.4 of the multiplications.
    (dilated, dilated_bias), (mixed, mixed_bias) = net.pair("basenet.slice5.1"), net.pair("basenet.slice5.2")
    joined, bias = net.folded("upconv1.conv.0", "upconv1.conv.1")
    width = mixed.shape[0]
    through = joined[:, :width, 0, 0] @ mixed[:, :, 0, 0]
    wide = np.einsum("om,mikl->oikl", through, dilated)
    bias = bias + through @ dilated_bias + joined[:, :width, 0, 0] @ mixed_bias
    pooled = graph.op("MaxPool", last, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    x = net.relu(
        graph.op("Add", net.conv(pooled, wide, None, dilation=6), net.conv(last, joined[:, width:], bias))
    )
    x = net.relu(net.conv(x, *net.folded("upconv1.conv.3", "upconv1.conv.4")))
    for before, step, beside in (
        ("upconv1", "upconv2", eighth),
        ("upconv2", "upconv3", quarter),
        ("upconv3", "upconv4", half),
    ):
        channels = net.tensor(f"{before}.conv.3.weight").shape[0]
        x = net.up(x, channels, beside, step)

    for layer in (0, 2, 4, 6):
        x = net.relu(net.conv(x, *net.pair(f"conv_cls.{layer}")))
    net.conv(x, *net.pair("conv_cls.8"), to="maps")
    graph.save(
        to,
        {"pixels": (np.float32, ["batch", 3, "height", "width"])},
        {"maps": ["batch", 2, "rows", "columns"]},
    )
    return _in_8_bits(to) if int8 else {}


def _in_8_bits(model: Path) -> dict[str, float]:
    """Replace a detector by one in 8 bits, if that is as good."""
    from kadr.models import easyocr_int8

    smaller = model.with_name(f".{model.name}.int8")
    try:
        difference = easyocr_int8.quantise(model, smaller)
        if difference is None:  # it finds no words in drawn frames: there is nothing to compare by
            return {"int8": 0.0}
        good = difference <= easyocr_int8.MOST_DIFFERENCE
        if good:
            smaller.replace(model)
        return {"int8": float(good), "int8_difference": round(difference, 5)}
    finally:
        smaller.unlink(missing_ok=True)


def build_recogniser(tensors: Tensors, characters: str, to: Path) -> None:
    """Write the recogniser: ``lines (batch, 1, 64, w) float32 → logits (batch, steps, 1 + characters)``.

    ``lines`` are grey in −1…1; there is one step for every four pixels, less one. Class 0 is CTC's blank,
    class i is ``characters[i − 1]``. The network is a VGG of seven convolutions, two bidirectional LSTMs with
    a linear layer behind each, and a linear layer (Shi et al., 2015, arXiv:1507.05717).

    Raises:
        WeightsRefusedError: a tensor is missing or has another shape, or the weights are for another list of
            characters.
    """
    net = _Layers(tensors, Graph("easyocr-recogniser"))
    graph = net.graph
    convolutions = "FeatureExtraction.ConvNet"
    x = net.relu(net.conv("lines", *net.pair(f"{convolutions}.0")))
    x = net.pool(x)
    x = net.relu(net.conv(x, *net.pair(f"{convolutions}.3")))
    x = net.pool(x)
    x = net.relu(net.conv(x, *net.pair(f"{convolutions}.6")))
    x = net.relu(net.conv(x, *net.pair(f"{convolutions}.8")))
    x = net.pool(x, rows=2, columns=1)
    x = net.relu(net.conv(x, *net.folded(f"{convolutions}.11", f"{convolutions}.12")))
    x = net.relu(net.conv(x, *net.folded(f"{convolutions}.14", f"{convolutions}.15")))
    x = net.pool(x, rows=2, columns=1)
    x = net.relu(net.conv(x, *net.pair(f"{convolutions}.18"), padded=False))
    x = graph.op("ReduceMean", x, graph.constant([2]), keepdims=0)  # (batch, channels, steps)
    x = graph.op("Transpose", x, perm=[2, 0, 1])  # time first, as ONNX's LSTM wants it
    x = net.bidirectional(x, "SequenceModeling.0")
    x = net.bidirectional(x, "SequenceModeling.1")
    weight, bias = net.pair("Prediction")
    if weight.shape[0] != len(characters) + 1:
        raise WeightsRefusedError(
            f"the recogniser has {weight.shape[0] - 1} characters, and its list has {len(characters)}: they "
            "do not belong together"
        )
    logits = graph.linear(x, weight, bias)
    graph.op("Transpose", logits, perm=[1, 0, 2], to="logits")
    graph.save(
        to,
        {"lines": (np.float32, ["batch", 1, RECOGNISER_HEIGHT, "width"])},
        {"logits": ["batch", "steps", weight.shape[0]]},
    )


class _Layers:
    """The layers that both networks are made of, by the names of their tensors."""

    def __init__(self, tensors: Tensors, graph: Graph) -> None:
        self._tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
        self.graph = graph

    def tensor(self, name: str) -> Array:
        """Return a tensor in float32."""
        try:
            return np.asarray(self._tensors[name], np.float32)
        except KeyError:
            raise WeightsRefusedError(f"these are not EasyOCR's weights: there is no tensor {name}") from None

    def pair(self, name: str) -> tuple[Array, Array]:
        """Return weight and bias of a layer."""
        return self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias")

    def folded(self, convolution: str, norm: str) -> tuple[Array, Array]:
        """Return weight and bias of a convolution with the batch norm after it."""
        weight = self.tensor(f"{convolution}.weight")
        gain, shift = self.pair(norm)
        mean, variance = self.tensor(f"{norm}.running_mean"), self.tensor(f"{norm}.running_var")
        scale = gain / np.sqrt(variance + _EPSILON)
        bias = -mean
        if f"{convolution}.bias" in self._tensors:  # those of the recogniser have none
            bias = bias + self.tensor(f"{convolution}.bias")
        return weight * scale[:, None, None, None], bias * scale + shift

    def conv(
        self,
        x: str,
        weight: Array,
        bias: Array | None,
        *,
        dilation: int = 1,
        padded: bool = True,
        to: str = "",
    ) -> str:
        """Add a convolution with stride 1 that, where it is ``padded``, keeps height and width."""
        if weight.ndim != 4:
            raise WeightsRefusedError(f"a convolution's weights have {weight.ndim} dimensions instead of 4")
        size = weight.shape[2]
        inputs = [x, self.graph.constant(weight.astype(np.float32))]
        if bias is not None:
            inputs.append(self.graph.constant(bias.astype(np.float32)))
        return self.graph.op(
            "Conv",
            *inputs,
            to=to,
            kernel_shape=[size, size],
            dilations=[dilation, dilation],
            pads=[dilation * (size // 2) * padded] * 4,
        )

    def relu(self, x: str) -> str:
        """Add max(x, 0)."""
        return self.graph.op("Relu", x)

    def pool(self, x: str, *, rows: int = 2, columns: int = 2) -> str:
        """Add the maximum of tiles."""
        return self.graph.op("MaxPool", x, kernel_shape=[rows, columns], strides=[rows, columns])

    def up(self, x: str, channels: int, beside: str, name: str) -> str:
        """Double ``x`` (of so many channels), join it with ``beside``, and add one step's two convolutions.

        The network doubles first, then joins both, then mixes the channels. Mixing and doubling (a weighted
        mean) can change places, so ``x`` is mixed while it is small, and joining is an addition.
        """
        weight, bias = self.folded(f"{name}.conv.0", f"{name}.conv.1")
        small = self.conv(x, weight[:, :channels], bias)
        large = self.graph.op(
            "Resize",
            small,
            "",
            self.graph.constant(np.array([1, 1, 2, 2], np.float32)),
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        )
        both = self.graph.op("Add", large, self.conv(beside, weight[:, channels:], None))
        return self.relu(self.conv(self.relu(both), *self.folded(f"{name}.conv.3", f"{name}.conv.4")))

    def bidirectional(self, x: str, name: str) -> str:
        """Add an LSTM in both directions and the linear layer behind it: (steps, batch, in) → (…, out)."""
        kernels, recurrences, biases = [], [], []
        for end in ("", "_reverse"):
            kernels.append(_gates(self.tensor(f"{name}.rnn.weight_ih_l0{end}")))
            recurrences.append(_gates(self.tensor(f"{name}.rnn.weight_hh_l0{end}")))
            biases.append(
                np.concatenate(
                    [_gates(self.tensor(f"{name}.rnn.bias_{part}_l0{end}")) for part in ("ih", "hh")]
                )
            )
        width = recurrences[0].shape[1]
        states = self.graph.op(
            "LSTM",
            x,
            self.graph.constant(np.stack(kernels)),
            self.graph.constant(np.stack(recurrences)),
            self.graph.constant(np.stack(biases)),
            direction="bidirectional",
            hidden_size=width,
        )  # (steps, 2, batch, width)
        beside = self.graph.op("Transpose", states, perm=[0, 2, 1, 3])
        joined = self.graph.op("Reshape", beside, self.graph.constant([0, 0, 2 * width]))
        return self.graph.linear(joined, *self.pair(f"{name}.linear"))


def _gates(tensor: Array) -> Array:
    """Reorder an LSTM's rows: PyTorch has input, forget, cell, output; ONNX input, output, forget, cell."""
    into, forget, cell, out = np.split(tensor, 4)
    return np.concatenate([into, out, forget, cell])
