"""EasyOCR's recogniser of generation 2 under ONNX Runtime, one line of text at a time.

What comes before and after the network follows the package (``easyocr.Reader.recognize``): the line is cut
from the grey picture, scaled to 64 pixels, and its last column repeated to a multiple of 64; letters are
taken greedily from CTC's steps; a line that was hardly read is read once more with its contrast raised.
``tests/models/easyocr`` compares both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kadr.adapters.onnx import Session, cores, open_session
from kadr.core.errors import WeightsRefusedError
from kadr.ports.ocr import Image, Reading, TextBox

HEIGHT = 64  # pixels of a line
_WIDEST = 40  # times the height, a hundred letters: a wall of pattern is not read to its end

# What is written in Russian and English: EasyOCR's character lists of both and the signs of the model.
# Letters of other languages, which the network knows as well, are never read.
_SIGNS = "0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ €₽"
_LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RUSSIAN = "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдеёжзийклмнопрстуфхцчшщъыьэюя"
_READ = frozenset(_SIGNS + _LATIN + _RUSSIAN)

_HARDLY = 0.1  # confidence below which the contrast is raised
_CONTRAST = 0.5  # the contrast that is wanted then


@dataclass(frozen=True, slots=True)
class Line:
    """What EasyOCR reads in a line.

    ``confidence`` is EasyOCR's: the product of the steps' probabilities to the power of 2/√n, 0…1. It falls
    with length; ``letters`` is the probability of a letter, their geometric mean, which does not.
    """

    text: str
    confidence: float
    letters: float

    @property
    def reading(self) -> Reading:
        """The words; the network does not say which of them it is less sure of."""
        found = tuple(self.text.split())
        return Reading(found, (self.letters,) * len(found))


class EasyRecogniser:
    """Reads lines of Russian and English text. Safe to share between threads.

    ``characters`` are the network's classes in order, after the blank. Lines are read side by side, one on
    each of ``threads`` processors (0: all), because a single one is too little work to be divided.
    """

    def __init__(self, model: Path, characters: str, *, threads: int = 0) -> None:
        self._path = model
        self._characters = characters
        self._threads = threads or cores()
        self._allowed = np.array([True, *(character in _READ for character in characters)])

    @cached_property
    def _session(self) -> Session:
        return open_session(self._path, threads=1)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="easyocr")

    def load(self) -> None:
        """Load the network.

        Raises:
            WeightsRefusedError: it is not what its manifest says, or for another list of characters.
        """
        blank = np.zeros((HEIGHT, HEIGHT), np.uint8)
        classes = self.logits(blank).shape[1]
        if classes != len(self._allowed):
            raise WeightsRefusedError(
                f"{self._path} tells {classes - 1} characters apart, and its list has "
                f"{len(self._characters)}: install the weights again"
            )

    def read(self, grey: Image, boxes: Sequence[TextBox]) -> list[Line]:
        """Read the lines of a grey picture (h, w) that stand in ``boxes``."""
        pictures = [cut(grey, box) for box in boxes]
        if len(pictures) < 2 or self._threads == 1:
            return [self.read_line(picture) for picture in pictures]
        return list(self._pool.map(self.read_line, pictures))

    def read_line(self, line: Image) -> Line:
        """Read a grey picture (64, w) of one line."""
        found = self._decoded(self.logits(line))
        if found.confidence < _HARDLY:
            again = self._decoded(self.logits(_contrasted(line)))
            return again if again.confidence >= found.confidence else found
        return found

    def logits(self, line: Image) -> npt.NDArray[np.float32]:
        """Return the network's (steps, 1 + characters) for a grey picture (64, w)."""
        columns = line.shape[1]
        # a picture that is higher than wide is given as much room as if it lay on its side
        ratio = max(columns / HEIGHT, HEIGHT / max(columns, 1))
        padded = np.pad(line, ((0, 0), (0, math.ceil(ratio) * HEIGHT - columns)), mode="edge")
        pixels = padded.astype(np.float32)[None, None] / 127.5 - 1
        logits: npt.NDArray[np.float32] = self._session.run(["logits"], {"lines": pixels})[0][0]
        return logits

    def _decoded(self, logits: npt.NDArray[np.float32]) -> Line:
        """Take the likeliest class of each step; join equal ones; leave out blanks."""
        likely = np.exp(logits - logits.max(axis=1, keepdims=True))
        likely = np.where(self._allowed, likely, 0)
        likely /= likely.sum(axis=1, keepdims=True)
        best = likely.argmax(axis=1)
        written = best > 0
        if not written.any():
            return Line("", 0.0, 0.0)
        changed = np.concatenate([[True], best[1:] != best[:-1]])
        text = "".join(self._characters[index - 1] for index in best[written & changed])
        logarithms = np.log(likely.max(axis=1)[written])
        count = len(logarithms)
        confidence = math.exp(float(logarithms.sum()) * 2 / math.sqrt(count))
        return Line(text, confidence, math.exp(float(logarithms.mean())))


def cut(grey: Image, box: TextBox) -> Image:
    """Return the line in ``box`` (64, w) of a grey picture; one that is not level is turned."""
    import cv2

    (x0, y0), (x1, y1) = box.corners.min(axis=0), box.corners.max(axis=0)
    corners = box.corners
    if corners[0, 1] == corners[1, 1] and corners[0, 0] == corners[3, 0]:
        rows, columns = grey.shape
        line = grey[max(0, int(y0)) : min(rows, int(y1)), max(0, int(x0)) : min(columns, int(x1))]
    else:
        edges = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
        width, height = max(1, int(max(edges[0], edges[2]))), max(1, int(max(edges[1], edges[3])))
        level = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
        matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), level)
        line = cv2.warpPerspective(grey, matrix, (width, height))
    height, width = line.shape
    wide = math.ceil(HEIGHT * width / height) if width < height else int(HEIGHT * width / height)
    resized: Image = cv2.resize(
        line, (min(max(1, wide), _WIDEST * HEIGHT), HEIGHT), interpolation=cv2.INTER_LINEAR
    )
    return resized


def _contrasted(line: Image) -> Image:
    """Return a line with its tenth and ninetieth percentiles moved apart, where they are close."""
    low, high = (float(value) for value in np.percentile(line, (10, 90)))
    if (high - low) / max(10.0, high + low) >= _CONTRAST:
        return line
    ratio = 200 / max(10.0, high - low)
    stretched: Image = np.clip((line.astype(np.int64) - low + 25) * ratio, 0, 255).astype(np.uint8)
    return stretched
