"""The EasyOCR engine: CRAFT finds lines, the recogniser of generation 2 reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2

from functions.ocr import lines
from functions.ocr.engine import Read, Unread
from functions.ocr.spelling import tidy
from kadr.adapters.easyocr import EasyRecogniser
from kadr.ports.ocr import LineDetector, TextBox

_LEAST = 0.5  # EasyOCR's confidence below which a line counts for nothing
# A letter's probability. A line of 16 letters that EasyOCR is 0.8 sure of has 0.97.
_SURE = 0.95
_PATIENCE = 3  # frames


@dataclass(slots=True)
class EasyOCR:
    """Reads every line once, in the grey frame; ``knows`` says whether a word exists."""

    detector: LineDetector
    recogniser: EasyRecogniser
    knows: Callable[[str], bool]
    sure: float = _SURE
    patience: int = _PATIENCE
    readings: int = field(default=0, init=False)

    @property
    def model_version(self) -> str:
        """The weights of both networks, and the size at which frames are looked at."""
        return self.detector.model_version

    def detect(self, image: lines.Image) -> list[TextBox]:
        """Return the lines of an RGB frame (h, w, 3)."""
        return self.detector.detect(image)

    def read(self, image: lines.Image, unread: Sequence[Unread]) -> list[Read | None]:
        """Read lines of an RGB frame.

        What EasyOCR is less than 0.5 sure of has the confidence 0. That of the others is a letter's, which,
        unlike EasyOCR's, does not fall with the length of the line: it is what lines are compared by.
        """
        if not unread:
            return []
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        self.readings += len(unread)
        found: list[Read | None] = []
        for line, read in zip(unread, self.recogniser.read(grey, [line.box for line in unread]), strict=True):
            words = read.text.split()
            found.append(
                Read(
                    tidy(words),
                    read.letters if read.confidence >= _LEAST else 0.0,
                    all(map(self.knows, words)),
                    lines.clearest(line.picture),
                )
            )
        return found
