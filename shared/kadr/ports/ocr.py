"""What reading text needs: something that finds lines in a picture, and something that reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]  # (h, w, 3) RGB, or (h, w) grey


@dataclass(frozen=True, slots=True)
class TextBox:
    """A line of text: ``corners`` (4, 2) float32, x and y in pixels, clockwise from the upper left."""

    corners: npt.NDArray[np.float32]
    score: float  # 0…1: how sure the detector is

    @property
    def width(self) -> float:
        """Pixels along the line."""
        return float(np.linalg.norm(self.corners[1] - self.corners[0]))

    @property
    def height(self) -> float:
        """Pixels across the line."""
        return float(np.linalg.norm(self.corners[3] - self.corners[0]))


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: ``words`` and their confidences 0…1; ``confidence`` is weighted by length."""

    words: tuple[str, ...]
    confidences: tuple[float, ...]

    @property
    def text(self) -> str:
        """The words, one space between them."""
        return " ".join(self.words)

    @property
    def confidence(self) -> float:
        """The mean confidence of a letter; 0.0 where nothing was read."""
        letters = sum(map(len, self.words))
        if not letters:
            return 0.0
        pairs = zip(self.words, self.confidences, strict=True)
        return sum(len(word) * confidence for word, confidence in pairs) / letters


class LineDetector(Protocol):
    """Finds lines of text."""

    @property
    def model_version(self) -> str:
        """The weights that it finds them with."""
        ...

    def detect(self, image: Image) -> list[TextBox]:
        """Return the lines of an RGB picture (h, w, 3), from top to bottom."""
        ...
