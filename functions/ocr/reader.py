"""Reading the text of one frame after another, each line only once while it stays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from functions.ocr import lines
from functions.ocr.engine import Engine, Read, Unread
from kadr.core.segments import Box, Sighting
from kadr.ports.ocr import TextBox

_LEAST = 0.45  # confidence below which a line is taken for a pattern of the background
_LOOKS = 3  # frames in which a line with a word that does not exist is read
_MOST = 12  # new lines read in one frame, the largest first: more are a pattern, or a page of a book
_LOWEST = 0.011  # of the frame's height: lines lower than that are unreadable
_OVERLAP = 0.5  # of two boxes, intersection over union, to be the place of one line
_STILL = 1.2  # of 255: mean difference of two frames that show the same
_CELL = 8  # pixels of a thumbnail: the part of a picture that a word fills


@dataclass(frozen=True, slots=True)
class _Known:
    """A line that stood in the previous frame."""

    box: Box
    aspect: float
    read: Read
    looks: int  # frames in which it was read


class FrameReader:
    """Reads frames in order of time, and remembers what stood in the one before."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: list[_Known] = []
        self._thumbnail: npt.NDArray[np.int16] | None = None
        self._sightings: list[Sighting] = []
        self.detected = 0  # lines found, in all frames
        self.recognised = 0  # of them, those that had to be read

    def read(self, time: float, image: lines.Image) -> list[Sighting]:
        """Return the lines of a frame: RGB (h, w, 3), ``time`` in seconds."""
        thumbnail = image[::8, ::8].mean(axis=2).astype(np.int16)
        before, self._thumbnail = self._thumbnail, thumbnail
        if before is not None and before.shape == thumbnail.shape and _still(before, thumbnail):
            self._sightings = [Sighting(time, old.text, old.confidence, old.box) for old in self._sightings]
            return self._sightings
        height, width = image.shape[:2]
        boxes = [box for box in self._engine.detect(image) if box.height >= _LOWEST * height]
        boxes.sort(key=lambda box: -box.width * box.height)
        self.detected += len(boxes)
        known: list[_Known] = []
        unread: list[tuple[Unread, Box, _Known | None]] = []
        for box in boxes:
            place, line = _place(box, width, height), Unread(box, lines.crop(image, box))
            seen = self._seen(place, line)
            if seen is not None and self._settled(seen):
                known.append(seen)
            elif len(unread) < _MOST:
                unread.append((line, place, seen))
        self.recognised += len(unread)
        results = self._engine.read(image, [line for line, _, _ in unread])
        for (line, place, old), read in zip(unread, results, strict=True):
            now = _better(old, read, place, line.aspect)
            if now is not None:
                known.append(now)
        self._known = known
        self._sightings = [
            Sighting(time, line.read.text, line.read.confidence, line.box)
            for line in known
            if line.read.confidence >= _LEAST and sum(map(str.isalnum, line.read.text)) > 1
        ]
        return self._sightings

    def _settled(self, line: _Known) -> bool:
        """Whether reading it once more is not worth the time."""
        sure = line.read.confidence >= self._engine.sure and (line.read.certain or line.looks >= _LOOKS)
        return sure or line.looks >= self._engine.patience

    def _seen(self, place: Box, line: Unread) -> _Known | None:
        """Return the line of the previous frame that this one still is, at its new place."""
        for old in self._known:
            if not 0.93 < line.aspect / old.aspect < 1.07 or place.overlap(old.box) < _OVERLAP:
                continue
            way = old.read.seen
            if lines.same(lines.see(line.picture, way.way).fingerprint, way.fingerprint):
                return replace(old, box=place)
        return None


def _better(old: _Known | None, read: Read | None, place: Box, aspect: float) -> _Known | None:
    """Return what is known of a line now: this reading, or a better one of the same line before."""
    looks = old.looks + 1 if old is not None else 1
    if old is not None and (read is None or old.read.confidence >= read.confidence):
        return replace(old, looks=looks)
    return None if read is None else _Known(place, aspect, read, looks)


def _place(box: TextBox, width: int, height: int) -> Box:
    left, top = box.corners.min(axis=0)
    right, bottom = box.corners.max(axis=0)
    return Box(float(left) / width, float(top) / height, float(right) / width, float(bottom) / height)


def _still(before: npt.NDArray[np.int16], now: npt.NDArray[np.int16]) -> bool:
    """Whether nothing moved: neither the whole picture nor any part the size of a word."""
    difference = np.abs(now - before)
    if difference.mean() > _STILL:
        return False
    cell = tuple(min(_CELL, size) for size in difference.shape)
    # The last ones overlap those before them, so that the edges count too: there subtitles stand.
    down, right = (
        np.minimum(np.arange(0, size, _CELL), size - side)
        for size, side in zip(difference.shape, cell, strict=True)
    )
    cells = np.lib.stride_tricks.sliding_window_view(difference, cell)[np.ix_(down, right)]
    return bool(cells.mean(axis=(2, 3)).max() < 4 * _STILL)
