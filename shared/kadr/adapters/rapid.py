"""The text detector of PP-OCR, whose ONNX weights lie inside the ``rapidocr`` wheel.

Only the detector: the wheel's recogniser does not read Cyrillic. The network gives every pixel the
probability that it lies in the core of a line of text (Differentiable Binarization, Liao et al. 2020);
the line is that core grown by ``area · ratio / perimeter``.
"""

from __future__ import annotations

import importlib.util
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kadr.core.errors import WeightsUnavailableError
from kadr.ports.ocr import TextBox

_STRIDE = 32  # pixels: the network halves its input five times
_PIXEL = 0.3  # probability from which a pixel counts as text: what the network was trained with
_GROW = 1.6  # the ratio of growing: what the network was trained with
_SMALLEST = 3.0  # pixels of a core's shorter side


class PaddleDetector:
    """Finds lines of text in a picture.

    ``side`` is the longer side, in pixels, at which the network looks at a picture; ``score`` the least
    mean probability of a line.
    """

    def __init__(self, *, side: int = 960, score: float = 0.5, threads: int = 2) -> None:
        self._side = side
        self._score = score
        self._threads = threads

    @cached_property
    def _model(self) -> Path:
        spec = importlib.util.find_spec("rapidocr")
        folders = list(spec.submodule_search_locations or ()) if spec is not None else []
        for folder in folders:
            for path in sorted(Path(folder, "models").glob("*_det_*.onnx")):
                return path
        raise WeightsUnavailableError(
            "ocr", "weights not installed: ocr (the package rapidocr, which brings the text detector)"
        )

    @property
    def model_version(self) -> str:
        """The name of the weights."""
        return self._model.stem

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(str(self._model), options, providers=["CPUExecutionProvider"])

    def detect(self, image: npt.NDArray[np.uint8]) -> list[TextBox]:
        """Return the lines of an RGB image (h, w, 3), from top to bottom."""
        import cv2

        height, width = image.shape[:2]
        scale = self._side / max(height, width)
        size = [max(_STRIDE, round(side * scale / _STRIDE) * _STRIDE) for side in (width, height)]
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        scaled = cv2.resize(image, size, interpolation=interpolation)
        # the network was trained on blue, green, red in −1…1
        tensor = scaled[None, ..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1.0
        (output,) = self._session.run(None, {self._session.get_inputs()[0].name: tensor})
        boxes = _boxes(output[0, 0], self._score)
        ratio = np.array([width / size[0], height / size[1]], np.float32)
        found = [TextBox(corners * ratio, score) for corners, score in boxes]
        return sorted(found, key=lambda box: (float(box.corners[:, 1].mean()), float(box.corners[0, 0])))


def _boxes(probability: npt.NDArray[np.float32], least: float) -> list[tuple[npt.NDArray[np.float32], float]]:
    import cv2

    mask = (probability > _PIXEL).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours:
        (x, y), (long, short), angle = cv2.minAreaRect(contour)
        if min(long, short) < _SMALLEST:
            continue
        left, top, w, h = cv2.boundingRect(contour)
        inside = np.zeros((h, w), np.uint8)
        cv2.drawContours(inside, [contour - (left, top)], -1, 1, cv2.FILLED)
        score = float(cv2.mean(probability[top : top + h, left : left + w], inside)[0])
        if score < least:
            continue
        # a rectangle grown on all sides by area · ratio / perimeter
        by = long * short * _GROW / (2 * (long + short))
        corners = cv2.boxPoints(((x, y), (long + 2 * by, short + 2 * by), angle))
        found.append((_clockwise(corners), score))
    return found


def _clockwise(corners: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Order the corners of a rectangle from its upper left one, so that lines lie as flat as they can."""
    centre = corners.mean(axis=0)
    angles = np.arctan2(corners[:, 1] - centre[1], corners[:, 0] - centre[0])
    ordered = corners[np.argsort(angles)]
    # of the four rotations, the one whose first edge points most to the right
    edges = np.roll(ordered, -1, axis=0) - ordered
    first = int(np.argmax(edges[:, 0] / np.maximum(np.linalg.norm(edges, axis=1), 1e-6)))
    return np.roll(ordered, -first, axis=0).astype(np.float32)
