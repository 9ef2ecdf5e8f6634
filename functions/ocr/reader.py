"""Reading the text of one frame after another, each line only once while it stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from functions.ocr import lines
from functions.ocr.spelling import scripts, tidy
from kadr.adapters.rapid import PaddleDetector, TextBox
from kadr.adapters.tesseract import Reading, Tesseract
from kadr.core.segments import Box, Sighting

_READINGS = 6  # ways of seeing a line that are read at most; a seventh changed nothing
_SURE = 0.85  # plausibility at which no other way is tried; found on 136 lines, 2.5 readings each
_HOPELESS = 0.35  # plausibility that a pattern does not exceed in
_TRIES = 3  # readings
_MIXED = 0.95  # a line in two scripts counts this much against the same line in one
_UNKNOWN = 0.85  # so much does a word count that no dictionary has
_SIGNS = frozenset(".,!?:;…-—–\"'’«»“”()%№#@&+=/$€₽*")  # signs that people write
_LEAST = 0.45  # plausibility below which a line is taken for a pattern of the background
_LETTERS_PER_HEIGHT = 1.1  # a line this many letters short for its length was not read to its end
_LOOKS = 3  # frames in which a line with a word that does not exist is read
_MOST = 12  # new lines read in one frame, the largest first: more are a pattern, or a page of a book
_LOWEST = 0.011  # of the frame's height: lines lower than that are unreadable
_OVERLAP = 0.5  # of two boxes, intersection over union, to be the place of one line
_STILL = 1.2  # of 255: mean difference of two frames that show the same


@dataclass(frozen=True, slots=True)
class _Known:
    """A line that stood in the previous frame."""

    box: Box
    way: str
    fingerprint: npt.NDArray[np.float32]
    aspect: float
    text: str
    plausibility: float
    certain: bool  # all its words exist
    looks: int  # frames in which it was read

    @property
    def settled(self) -> bool:
        """Whether reading it once more is not worth the time."""
        return self.plausibility >= _SURE and (self.certain or self.looks >= _LOOKS)


@dataclass(slots=True)
class _Line:
    """A line of this frame while it is being read."""

    box: Box
    aspect: float
    picture: lines.Image
    before: _Known | None = None  # the same line in the frame before, where it was read and is not settled
    candidates: list[lines.Candidate] = field(default_factory=list)
    best: Reading | None = None
    way: lines.Candidate | None = None
    plausibility: float = 0.0


class FrameReader:
    """Reads frames in order of time, and remembers what stood in the one before."""

    def __init__(self, detector: PaddleDetector, recogniser: Tesseract, knows: Callable[[str], bool]) -> None:
        self._detector = detector
        self._recogniser = recogniser
        self._knows = knows  # whether a word exists
        self._known: list[_Known] = []
        self._thumbnail: npt.NDArray[np.int16] | None = None
        self._sightings: list[Sighting] = []
        self.detected = 0  # lines found, in all frames
        self.recognised = 0  # of them, those that had to be read
        self.readings = 0  # calls of the recogniser

    def read(self, time: float, image: lines.Image) -> list[Sighting]:
        """Return the lines of a frame: RGB (h, w, 3), ``time`` in seconds."""
        thumbnail = image[::8, ::8].mean(axis=2).astype(np.int16)
        before, self._thumbnail = self._thumbnail, thumbnail
        if before is not None and before.shape == thumbnail.shape and _still(before, thumbnail):
            self._sightings = [Sighting(time, old.text, old.confidence, old.box) for old in self._sightings]
            return self._sightings
        height, width = image.shape[:2]
        boxes = [box for box in self._detector.detect(image) if box.height >= _LOWEST * height]
        boxes.sort(key=lambda box: -box.width * box.height)
        self.detected += len(boxes)
        known: list[_Known] = []
        unread: list[_Line] = []
        for box in boxes:
            place, aspect = _place(box, width, height), box.width / max(box.height, 1.0)
            picture = lines.crop(image, box)
            seen = self._seen(place, aspect, picture)
            if seen is not None and seen.settled:
                known.append(seen)
            elif len(unread) < _MOST:
                unread.append(_Line(place, aspect, picture, seen))
        self._recognise(unread)
        known += [read for line in unread if (read := self._known_from(line)) is not None]
        self._known = known
        self._sightings = [
            Sighting(time, line.text, line.plausibility, line.box)
            for line in known
            if line.plausibility >= _LEAST and sum(map(str.isalnum, line.text)) > 1
        ]
        return self._sightings

    def _known_from(self, line: _Line) -> _Known | None:
        """Return what is known of a line now: this reading, or a better one of the same line before."""
        before = line.before
        if line.way is None or line.best is None:
            return None if before is None else replace(before, looks=before.looks + 1)
        looks = before.looks + 1 if before is not None else 1
        if before is not None and before.plausibility >= line.plausibility:
            return replace(before, box=line.box, looks=looks)
        return _Known(
            box=line.box,
            way=line.way.way,
            fingerprint=line.way.fingerprint,
            aspect=line.aspect,
            text=tidy(line.best.words),
            plausibility=line.plausibility,
            certain=all(map(self._knows, line.best.words)),
            looks=looks,
        )

    def _seen(self, place: Box, aspect: float, picture: lines.Image) -> _Known | None:
        """Return the line of the previous frame that this one still is, at its new place."""
        for old in self._known:
            if not 0.93 < aspect / old.aspect < 1.07 or place.overlap(old.box) < _OVERLAP:
                continue
            if lines.same(lines.see(picture, old.way).fingerprint, old.fingerprint):
                return replace(old, box=place)
        return None

    def _doubtful(self, reading: Reading) -> bool:
        """Whether a line may be of another script than it was read in."""
        return len(scripts(reading.words)) > 1 or not all(map(self._knows, reading.words))

    def _recognise(self, unread: list[_Line]) -> None:
        """Read lines, all of them at once, way after way, until each is read plausibly."""
        self.recognised += len(unread)
        for line in unread:
            line.candidates = lines.candidates(line.picture)[:_READINGS]
        for attempt in range(_READINGS):
            left = [
                line
                for line in unread
                if attempt < len(line.candidates)
                and line.plausibility < _SURE
                and (attempt < _TRIES or line.plausibility > _HOPELESS)
            ]
            if not left:
                break
            self.readings += len(left)
            pictures = [line.candidates[attempt].picture for line in left]
            for line, reading in zip(left, self._recogniser.read(pictures), strict=True):
                value = plausibility(reading, line.aspect, self._knows)
                if line.best is None or value > line.plausibility:
                    line.best, line.plausibility = reading, value
                    line.way = line.candidates[attempt]
        self._ask_again([line for line in unread if line.plausibility > _HOPELESS])

    def _ask_again(self, read: list[_Line]) -> None:
        """Read lines whose script is in doubt in each language alone, and keep what is most plausible.

        With both languages at once the engine decides word by word, and letters that look the same in
        both scripts mislead it: ``Норрег`` for Hopper, ``CKOJIBKO`` for сколько.
        """
        left = [line for line in read if line.best is not None and self._doubtful(line.best)]
        pictures = [line.way.picture for line in left if line.way is not None]
        self.readings += 2 * len(left)
        for language in ("rus", "eng"):
            for line, reading in zip(left, self._recogniser.read(pictures, language), strict=True):
                assert line.best is not None  # noqa: S101 - only such lines are in the list
                value = plausibility(reading, line.aspect, self._knows)
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


def _place(box: TextBox, width: int, height: int) -> Box:
    left, top = box.corners.min(axis=0)
    right, bottom = box.corners.max(axis=0)
    return Box(float(left) / width, float(top) / height, float(right) / width, float(bottom) / height)


def _still(before: npt.NDArray[np.int16], now: npt.NDArray[np.int16]) -> bool:
    """Whether nothing moved: neither the whole picture nor any part the size of a word."""
    difference = np.abs(now - before)
    if difference.mean() > _STILL:
        return False
    rows, columns = (max(1, size // 8) * 8 if size >= 8 else size for size in difference.shape)
    tiles = difference[:rows, :columns]
    if rows < 8 or columns < 8:
        return bool(tiles.max() < 8 * _STILL)
    means = tiles.reshape(rows // 8, 8, columns // 8, 8).mean(axis=(1, 3))
    return bool(means.max() < 4 * _STILL)
