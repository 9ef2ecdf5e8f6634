"""Speech without the silence in between, and the way back to the video's own time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kadr.adapters.silero import RATE, Samples, Span
from kadr.core.extraction import Vector


@dataclass(frozen=True, slots=True)
class Window:
    """Some spans of speech, played one after the other."""

    spans: tuple[Span, ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return sum(span.end - span.start for span in self.spans) / RATE

    @property
    def probability(self) -> float:
        """How sure voice activity detection is of it, 0…1: the mean over its time."""
        return sum((span.end - span.start) * span.probability for span in self.spans) / RATE / self.seconds

    def audio(self, whole: Samples) -> Vector:
        """Cut the window out of the video's sound (n,)."""
        return np.concatenate([whole[span.start : span.end] for span in self.spans])

    def in_video(self, time: float, *, end: bool = False) -> float:
        """Return the time in the video of a time in the window, both in seconds.

        Where one span ends another begins: as an ``end`` such a time belongs to the first of them.
        """
        sample = max(0, round(time * RATE))
        before = 0
        for span in self.spans:
            length = span.end - span.start
            if sample - before < length or (end and sample - before == length):
                return (span.start + sample - before) / RATE
            before += length
        return self.spans[-1].end / RATE

    def word_in_video(self, start: float, end: float) -> tuple[float, float]:
        """Return the times in the video of a word in the window: it does not cross a pause."""
        middle = self.in_video((start + end) / 2)
        span = next(span for span in self.spans if middle <= span.end / RATE)
        begin = max(self.in_video(start), span.start / RATE)
        return begin, max(begin, min(self.in_video(end, end=True), span.end / RATE))


def windows(spans: Sequence[Span], *, longest: float = 30.0) -> list[Window]:
    """Join spans into windows of at most ``longest`` seconds.

    Whisper always hears thirty seconds, and understands little in two: the fuller a window, the better
    and the cheaper.
    """
    limit = int(longest * RATE)
    found: list[list[Span]] = []
    filled = limit + 1
    for span in spans:
        length = span.end - span.start
        if filled + length > limit:
            found.append([])
            filled = 0
        found[-1].append(span)
        filled += length
    return [Window(tuple(group)) for group in found]
