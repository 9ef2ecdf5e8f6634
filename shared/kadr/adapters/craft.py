"""CRAFT, EasyOCR's text detector, under ONNX Runtime, and its rules that make lines out of letters.

The network gives every second pixel a region score (the middle of a letter) and an affinity score (the
middle between two letters of a word); see :func:`kadr.models.easyocr_onnx.build_detector`. Letters that hang
together are a word, words side by side a line. The thresholds are EasyOCR's defaults, and the lines are those
that ``easyocr.Reader.detect`` finds on the same canvas; ``tests/models/easyocr`` compares them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kadr.adapters.onnx import Session, open_session
from kadr.ports.ocr import Image, TextBox

Corners = npt.NDArray[np.float32]  # (4, 2): x and y, clockwise from the upper left
Map = npt.NDArray[np.float32]  # (h/2, w/2)

_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255  # ImageNet's, of red, green and blue
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32) * 255
_STRIDE = 32  # pixels: canvases are multiples of it

_TEXT = 0.7  # region score that a word must reach somewhere
_PIXEL = 0.4  # region score from which a pixel belongs to a letter
_LINK = 0.4  # affinity score from which a pixel joins two letters
_SMALLEST_WORD = 10  # pixels of a map
_SQUARE = 0.1  # how far the sides of a word may differ for its rectangle to be set upright

_SLOPE = 0.1  # a word that rises more than this is read by itself, turned level
_SAME_ROW = 0.5  # heights between the middles of words of one row
_SAME_HEIGHT = 0.5  # share of the height by which words of one line differ
_GAP = 0.5  # heights between words of one line
_MARGIN = 0.1  # of a line's shorter side, on all sides
_SMALLEST_LINE = 20  # pixels of the longer side


def normalised(image: Image) -> npt.NDArray[np.float32]:
    """Return an RGB picture (h, w, 3) as the network was trained on it."""
    return ((image.astype(np.float32) - _MEAN) / _DEVIATION).astype(np.float32)


class CraftDetector:
    """Finds lines of text with CRAFT.

    ``canvas`` is the longer side, in pixels, to which larger pictures are reduced; smaller ones stay as they
    are. ``version`` names the weights. Safe to share between threads.
    """

    def __init__(self, model: Path, *, version: str, canvas: int, threads: int = 0) -> None:
        self._path = model
        self._version = version
        self._canvas = canvas
        self._threads = threads

    @property
    def model_version(self) -> str:
        """The name of the weights and the size at which pictures are looked at."""
        return f"{self._version}-{self._canvas}"

    @cached_property
    def _session(self) -> Session:
        return open_session(self._path, threads=self._threads)

    def maps(self, image: Image) -> tuple[Map, Map, float]:
        """Return region and affinity scores of an RGB picture, and its pixels per pixel of a map."""
        import cv2

        rows, columns = image.shape[:2]
        scale = min(1.0, self._canvas / max(rows, columns))
        height, width = int(rows * scale), int(columns * scale)
        if scale < 1:
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        canvas = np.zeros((*(-(-side // _STRIDE) * _STRIDE for side in (height, width)), 3), np.uint8)
        canvas[:height, :width] = image
        pixels = np.ascontiguousarray(normalised(canvas).transpose(2, 0, 1))[None]
        ((region, affinity),) = self._session.run(["maps"], {"pixels": pixels})[0]
        return region, affinity, 2 / scale

    def detect(self, image: Image) -> list[TextBox]:
        """Return the lines of an RGB picture (h, w, 3), from top to bottom."""
        region, affinity, scale = self.maps(image)
        found = lines(
            (np.trunc(corners * scale).astype(np.float32), score)
            for corners, score in words(region, affinity)
        )
        rows, columns = image.shape[:2]
        inside = [box for box in found if _touches(box.corners, columns, rows)]
        return sorted(inside, key=lambda box: (float(box.corners[:, 1].mean()), float(box.corners[0, 0])))


def words(region: Map, affinity: Map) -> list[tuple[Corners, float]]:
    """Return the rectangles of words, in pixels of the maps, and their highest region scores.

    A word is a connected component of letters and links; of it, the letters alone are widened by an amount
    that grows with their thickness, and the smallest rectangle around them is the word.
    """
    import cv2

    letters, links = region > _PIXEL, affinity > _LINK
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (letters | links).astype(np.uint8), connectivity=4
    )
    rows, columns = region.shape
    found = []
    for label in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[label])
        if area < _SMALLEST_WORD:
            continue
        inside = labels[top : top + height, left : left + width] == label
        score = float(region[top : top + height, left : left + width][inside].max())
        if score < _TEXT:
            continue
        by = int(math.sqrt(area * min(width, height) / (width * height)) * 2)
        x0, y0 = max(0, left - by), max(0, top - by)
        x1, y1 = min(columns, left + width + by + 1), min(rows, top + height + by + 1)
        mask = (labels[y0:y1, x0:x1] == label) & letters[y0:y1, x0:x1]
        wide = cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_RECT, (1 + by, 1 + by)))
        points = cv2.findNonZero(wide)
        if points is not None:
            found.append((_rectangle(points.reshape(-1, 2) + np.array([x0, y0], np.int32)), min(score, 1.0)))
    return found


def _rectangle(points: npt.NDArray[np.int32]) -> Corners:
    import cv2

    corners: Corners = cv2.boxPoints(cv2.minAreaRect(points))
    one, other = np.linalg.norm(corners[0] - corners[1]), np.linalg.norm(corners[1] - corners[2])
    if abs(1 - max(one, other) / (min(one, other) + 1e-5)) <= _SQUARE:
        # what is nearly square has no direction: the smallest rectangle may stand on its tip
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    return np.roll(corners, 4 - int(corners.sum(axis=1).argmin()), axis=0)


@dataclass(frozen=True, slots=True)
class _Word:
    """An upright word, in whole pixels."""

    left: float
    right: float
    top: float
    bottom: float
    score: float

    @property
    def middle(self) -> float:
        return 0.5 * (self.top + self.bottom)

    @property
    def height(self) -> float:
        return self.bottom - self.top


def lines(found: Iterable[tuple[Corners, float]]) -> list[TextBox]:
    """Return words joined to lines: level ones side by side, those that rise or fall as they are."""
    level: list[_Word] = []
    joined: list[TextBox] = []
    for corners, score in found:
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = ((float(x), float(y)) for x, y in corners)
        rise = max(abs((y1 - y0) / max(10.0, x1 - x0)), abs((y2 - y3) / max(10.0, x2 - x3)))
        if rise < _SLOPE:
            xs, ys = corners[:, 0], corners[:, 1]
            level.append(_Word(float(xs.min()), float(xs.max()), float(ys.min()), float(ys.max()), score))
        else:
            joined.append(TextBox(_widened(corners), score))
    for row in _rows(sorted(level, key=lambda word: word.middle)):
        joined += [_box(part) for part in _parts(sorted(row, key=lambda word: word.left))]
    return [box for box in joined if float(np.ptp(box.corners, axis=0).max()) > _SMALLEST_LINE]


def _rows(level: Sequence[_Word]) -> list[list[_Word]]:
    """Group words, ordered from top to bottom, whose middles are close to the mean of those before."""
    rows: list[list[_Word]] = []
    for word in level:
        row = rows[-1] if rows else []
        mean = sum(each.height for each in row) / max(len(row), 1)
        if row and abs(sum(each.middle for each in row) / len(row) - word.middle) < _SAME_ROW * mean:
            row.append(word)
        else:
            rows.append([word])
    return rows


def _parts(row: Sequence[_Word]) -> list[list[_Word]]:
    """Cut a row, ordered from left to right, where a gap is wide or the height changes."""
    parts = [[row[0]]]
    for before, word in pairwise(row):
        mean = sum(each.height for each in parts[-1]) / len(parts[-1])
        close = word.left - before.right < _GAP * word.height
        if close and abs(mean - word.height) < _SAME_HEIGHT * mean:
            parts[-1].append(word)
        else:
            parts.append([word])
    return parts


def _box(part: Sequence[_Word]) -> TextBox:
    left, right = min(word.left for word in part), max(word.right for word in part)
    top, bottom = min(word.top for word in part), max(word.bottom for word in part)
    margin = int(_MARGIN * min(right - left, bottom - top))
    left, right, top, bottom = left - margin, right + margin, top - margin, bottom + margin
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    return TextBox(corners, max(word.score for word in part))


def _widened(corners: Corners) -> Corners:
    """Return a rectangle that is not level with a margin along its diagonals."""
    width, height = np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[3] - corners[0])
    margin = int(1.44 * _MARGIN * min(width, height))

    def towards(one: int, other: int) -> tuple[float, float]:
        (x0, y0), (x1, y1) = corners[one], corners[other]
        angle = abs(math.atan((y0 - y1) / max(10.0, float(x0 - x1))))
        return math.cos(angle) * margin, math.sin(angle) * margin

    (x, y), (u, v) = towards(0, 2), towards(1, 3)
    return corners + np.array([[-x, -y], [u, -v], [x, y], [-u, v]], np.float32)


def _touches(corners: Corners, columns: int, rows: int) -> bool:
    """Whether a line is more than a sliver inside the picture."""
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    return bool(min(x1, columns) - max(x0, 0) >= 2 and min(y1, rows) - max(y0, 0) >= 2)
