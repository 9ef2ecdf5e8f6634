"""CRAFT in 8 bits, where its heat maps stay what they were.

CRAFT is VGG-16, and nearly all its time goes into 3×3 convolutions. With weights and activations in 8 bits
they take a third of it (docs/adr/0009-easyocr.md). What ranges the activations have is measured on drawn
frames; whether the result is as good is measured on others, and where it is not, the network stays in float.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Mean difference of the maps, 0…1, over all places that either network takes for part of a word.
MOST_DIFFERENCE = 0.03
_PART_OF_A_WORD = 0.2
_ROWS, _COLUMNS = 320, 192  # of a drawn frame
_CALIBRATE, _CHECK = 12, 6  # frames

_WORDS = (
    "How to cook",
    "5 easy steps",
    "LIKE",
    "and subscribe",
    "Wow",
    "2024",
    "NEW recipe",
    "best day ever",
)


def quantise(model: Path, to: Path) -> float | None:
    """Write ``model`` in 8 bits; return the mean difference of its maps, or ``None`` if it finds no words.

    Weights have a scale per channel and seven bits: processors without instructions for 8-bit products add
    pairs of them in 16 bits, which eight bits overflow.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Frames(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._frames = drawn(1, _CALIBRATE)

        def get_next(self) -> dict[str, Array] | None:
            frame = next(self._frames, None)
            return None if frame is None else {"pixels": frame}

    described = onnx.load(model)
    # Its shapes are known and nothing is left to be folded, which is what the warning without this is about.
    onnx.helper.set_model_props(described, {"onnx.quant.pre_process": "onnxruntime.quant"})
    quantize_static(
        described,
        to,
        Frames(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=True,
        op_types_to_quantize=["Conv", "MaxPool", "Add", "Relu", "Resize"],
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return _difference(model, to)


def drawn(seed: int, count: int) -> Iterator[Array]:
    """Yield frames (1, 3, 320, 192) with words on grounds of many kinds, normalised as for ImageNet."""
    import cv2

    random = np.random.default_rng(seed)
    mean = np.array([0.485, 0.456, 0.406], np.float32) * 255
    deviation = np.array([0.229, 0.224, 0.225], np.float32) * 255
    for _ in range(count):
        grain = int(random.choice([1, 4, 16, 64]))
        coarse = random.integers(0, 256, (_ROWS // grain + 1, _COLUMNS // grain + 1, 3)).astype(np.uint8)
        image = cv2.resize(coarse, (_COLUMNS, _ROWS), interpolation=cv2.INTER_LINEAR)
        share = random.random()
        image = (image * share + random.integers(0, 256, 3) * (1 - share)).astype(np.uint8)
        y = int(random.integers(15, 50))
        while y < _ROWS:
            size, bold = random.uniform(0.4, 1.4), int(random.integers(1, 4))
            place = (int(random.integers(0, _COLUMNS // 2)), y)
            text = " ".join(random.choice(_WORDS, 2))
            bright = random.random() < 0.6
            fill = tuple(
                int(v) for v in (random.integers(200, 256, 3) if bright else random.integers(0, 60, 3))
            )
            edge = (0, 0, 0) if bright else (255, 255, 255)
            font = cv2.FONT_HERSHEY_DUPLEX
            if random.random() < 0.7:
                cv2.putText(image, text, place, font, size, edge, bold + 3, cv2.LINE_AA)
            cv2.putText(image, text, place, font, size, fill, bold, cv2.LINE_AA)
            y += int(size * random.uniform(28, 80))
        yield np.ascontiguousarray(((image.astype(np.float32) - mean) / deviation).transpose(2, 0, 1))[None]


def _difference(model: Path, other: Path) -> float | None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    sessions = [
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for path in (model, other)
    ]
    total = places = 0.0
    for frame in drawn(2, _CHECK):
        one, two = (session.run(["maps"], {"pixels": frame})[0] for session in sessions)
        seen = np.maximum(one, two) > _PART_OF_A_WORD
        total += float(np.abs(one - two)[seen].sum())
        places += float(seen.sum())
    return total / places if places else None
