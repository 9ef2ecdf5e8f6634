"""The embedded engine: PP-OCR's detector and Tesseract, which come with the installation."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from functions.ocr import lines
from functions.ocr.engine import Read, Unread
from functions.ocr.spelling import scripts, tidy
from kadr.adapters.tesseract import Tesseract
from kadr.ports.ocr import LineDetector, Reading, TextBox

_READINGS = 6  # ways of seeing a line that are read at most; a seventh changed nothing
_SURE = 0.85  # plausibility at which no other way is tried; found on 136 lines, 2.5 readings each
_HOPELESS = 0.35  # plausibility that a pattern does not exceed in
_TRIES = 3  # readings
_MIXED = 0.95  # a line in two scripts counts this much against the same line in one
_UNKNOWN = 0.85  # so much does a word count that no dictionary has
_SIGNS = frozenset(".,!?:;…-—–\"'’«»“”()%№#@&+=/$€₽*")  # signs that people write
_LETTERS_PER_HEIGHT = 1.1  # a line this many letters short for its length was not read to its end


@dataclass(slots=True)
class _Line:
    """A line while it is being read."""

    aspect: float
    candidates: list[lines.Candidate]
    best: Reading | None = None
    way: lines.Candidate | None = None
    plausibility: float = 0.0


@dataclass(slots=True)
class Embedded:
    """Reads a line in several ways of seeing it, until one reading is plausible.

    ``knows`` says whether a word exists.
    """

    detector: LineDetector
    recogniser: Tesseract
    knows: Callable[[str], bool]
    sure: float = _SURE
    patience: int = sys.maxsize  # a line that is not plausible yet may stand on a better ground later
    readings: int = field(default=0, init=False)

    @property
    def model_version(self) -> str:
        """The detector and the recogniser."""
        return f"{self.detector.model_version} {self.recogniser.model_version}"

    def detect(self, image: lines.Image) -> list[TextBox]:
        """Return the lines of an RGB frame (h, w, 3)."""
        return self.detector.detect(image)

    def read(self, image: lines.Image, unread: Sequence[Unread]) -> list[Read | None]:
        """Read lines, all of them at once, way after way, until each is read plausibly."""
        found = [_Line(line.aspect, lines.candidates(line.picture)[:_READINGS]) for line in unread]
        for attempt in range(_READINGS):
            left = [
                line
                for line in found
                if attempt < len(line.candidates)
                and line.plausibility < _SURE
                and (attempt < _TRIES or line.plausibility > _HOPELESS)
            ]
            if not left:
                break
            self.readings += len(left)
            pictures = [line.candidates[attempt].picture for line in left]
            for line, reading in zip(left, self.recogniser.read(pictures), strict=True):
                value = plausibility(reading, line.aspect, self.knows)
                if line.best is None or value > line.plausibility:
                    line.best, line.plausibility = reading, value
                    line.way = line.candidates[attempt]
        self._ask_again([line for line in found if line.plausibility > _HOPELESS])
        return [self._result(line) for line in found]

    def _result(self, line: _Line) -> Read | None:
        if line.best is None or line.way is None:
            return None
        certain = all(map(self.knows, line.best.words))
        return Read(tidy(line.best.words), line.plausibility, certain, line.way)

    def _doubtful(self, reading: Reading) -> bool:
        """Whether a line may be of another script than it was read in."""
        return len(scripts(reading.words)) > 1 or not all(map(self.knows, reading.words))

    def _ask_again(self, read: list[_Line]) -> None:
        """Read lines whose script is in doubt in each language alone, and keep what is most plausible.

        With both languages at once the engine decides word by word, and letters that look the same in
        both scripts mislead it: ``Норрег`` for Hopper, ``CKOJIBKO`` for сколько.
        """
        left = [line for line in read if line.best is not None and self._doubtful(line.best)]
        pictures = [line.way.picture for line in left if line.way is not None]
        self.readings += 2 * len(left)
        for language in ("rus", "eng"):
            for line, reading in zip(left, self.recogniser.read(pictures, language), strict=True):
                assert line.best is not None  # noqa: S101 - only such lines are in the list
                value = plausibility(reading, line.aspect, self.knows)
                mixed = len(scripts(line.best.words)) > 1
                if value > line.plausibility * (_MIXED if mixed else 1.0):
                    line.best, line.plausibility = reading, value


def plausibility(reading: Reading, aspect: float, knows: Callable[[str], bool]) -> float:
    """Return 0…1: the confidence of the letters, over as many as a line of this shape should have.

    ``aspect`` is the line's width over its height. Patterns are read as few letters, as odd signs, and as
    words that do not exist.
    """
    good = expected = 0.0
    for word, confidence in zip(reading.words, reading.confidences, strict=True):
        letters = sum(map(str.isalnum, word))
        odd = sum(1 for sign in word if not sign.isalnum() and sign not in _SIGNS)
        good += letters * confidence * (1.0 if knows(word) else _UNKNOWN)
        expected += letters + odd
    return good / max(expected, aspect * _LETTERS_PER_HEIGHT, 3.0)
