"""Silero voice activity detection under ONNX Runtime, with the weights that faster-whisper ships."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from kadr.adapters.onnx import Session, open_session
from kadr.core.extraction import Vector
from kadr.models.registry import InstalledModel

RATE = 16_000  # Hz
FRAME = 512  # samples: 32 ms
_CONTEXT = 64  # samples of the frame before, which the model wants to see again
_BLOCK = 1024  # frames per call, half a minute

# Speech begins above the first probability and ends below the second, as Silero's authors advise.
_BEGINS, _ENDS = 0.5, 0.35
# What never gets above this is no speech: music in which nobody sings was seen to reach 0.81 for half a
# second, while synthesised and recorded voices reach 0.97 and more.
_CERTAIN = 0.85
_MIN_SILENCE = 0.3  # seconds; shorter pauses do not end a span
_MIN_SPEECH = 0.25  # seconds; shorter sounds are clicks and laughs
_PAD = 0.2  # seconds before and after, so that soft consonants are not cut off


class Samples(Protocol):
    """(n,) float32 at 16 kHz: an array, or something that reads slices of one."""

    def __len__(self) -> int: ...

    def __getitem__(self, span: slice, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Span:
    """Speech from ``start`` to ``end``, in samples, and its mean probability."""

    start: int
    end: int
    probability: float = 1.0


class SileroVad:
    """Says where somebody speaks. Loads on first use; thread-safe."""

    def __init__(self, model: InstalledModel, *, session: Session | None = None) -> None:
        self._model = model
        self.model_version = model.version
        self._session = session
        self._lock = threading.Lock()

    def load(self) -> Session:
        """Load the weights unless that has been done."""
        with self._lock:
            if self._session is None:
                (name,) = self._model.files
                # The frames depend on one another, so there is nothing for a second thread to do.
                self._session = open_session(self._model.file(name), threads=1)
            return self._session

    def probabilities(self, audio: Samples) -> Vector:
        """Return the probability of speech, (⌈n / 512⌉,), for (n,) samples at 16 kHz."""
        count = -(-len(audio) // FRAME)
        if count == 0:
            return np.zeros(0, np.float32)
        session = self.load()
        state = cell = np.zeros((1, 1, 128), np.float32)
        parts = []
        for start in range(0, count, _BLOCK):
            # A block at a time, with the context before it: no second copy of hours of sound.
            block = np.zeros(_CONTEXT + min(_BLOCK, count - start) * FRAME, np.float32)
            first = start * FRAME - _CONTEXT
            heard = audio[max(first, 0) : first + len(block)]
            offset = max(-first, 0)
            block[offset : offset + len(heard)] = heard
            frames = np.lib.stride_tricks.sliding_window_view(block, _CONTEXT + FRAME)[::FRAME]
            inputs = {"input": np.ascontiguousarray(frames), "h": state, "c": cell}
            part, state, cell = session.run(None, inputs)
            parts.append(part.reshape(-1))
        return np.concatenate(parts).astype(np.float32)

    def spans(self, audio: Samples, *, longest: float = 29.0) -> list[Span]:
        """Return where somebody speaks, in order, none longer than ``longest`` seconds."""
        probabilities = self.probabilities(audio)
        return _pad(_spans(probabilities, int(longest * RATE / FRAME)), probabilities, len(audio))


def _spans(probabilities: Vector, longest: int) -> list[tuple[int, int]]:
    """Return [first, last) in frames; what is too long is cut where speech is least likely."""
    silence, speech = (int(seconds * RATE / FRAME) for seconds in (_MIN_SILENCE, _MIN_SPEECH))
    # Room for the padding on both sides.
    longest = max(2, longest - 2 * int(_PAD * RATE / FRAME) - 2)
    found: list[tuple[int, int]] = []
    start: int | None = None
    quiet = 0
    for index, probability in enumerate(probabilities):
        if start is None:
            if probability >= _BEGINS:
                start, quiet = index, 0
            continue
        quiet = quiet + 1 if probability < _ENDS else 0
        if quiet > silence:
            found.append((start, index - quiet + 1))
            start = None
        elif index - start >= longest:
            # In the second half: a span of a second would be hard to understand.
            half = start + (index - start) // 2
            cut = half + int(np.argmin(probabilities[half : index + 1]))
            found.append((start, cut))
            start, quiet = cut, 0
    if start is not None:
        found.append((start, len(probabilities) - quiet))
    return [
        (first, last)
        for first, last in found
        if last - first >= speech and probabilities[first:last].max() >= _CERTAIN
    ]


def _pad(spans: list[tuple[int, int]], probabilities: Vector, length: int) -> list[Span]:
    pad = int(_PAD * RATE)
    padded: list[Span] = []
    for position, (first, last) in enumerate(spans):
        before = spans[position - 1][1] * FRAME if position else 0
        after = spans[position + 1][0] * FRAME if position + 1 < len(spans) else length
        begin, end = first * FRAME, min(last * FRAME, length)
        # Two spans share the pause between them, so that no sample is heard twice.
        left = min(pad, begin - before if not position else (begin - before) // 2)
        right = min(pad, after - end if position + 1 == len(spans) else (after - end) // 2)
        padded.append(Span(begin - left, end + right, float(probabilities[first:last].mean())))
    return padded
