"""Speech spans, windows without silence, and the way back to the video's time."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from functions.speech.windows import Window, windows
from kadr.adapters.silero import FRAME, RATE, SileroVad, Span
from kadr.models.catalogue import Engine, Role
from kadr.models.registry import InstalledModel

MODEL = InstalledModel(
    role=Role.VAD,
    variant="scripted",
    directory=Path(),
    engine=Engine.ONNX,
    files={},
    dimensions=None,
    calibration=None,
    preprocessing={},
    licence="",
    source="",
)


class Scripted:
    """Gives the probabilities it was made with, whatever it hears; counts its calls."""

    def __init__(self, probabilities: list[float]) -> None:
        self._left = np.array(probabilities, np.float32)
        self.frames: list[np.ndarray] = []

    def run(self, outputs: list[str] | None, inputs: Mapping[str, Any]) -> list[np.ndarray]:
        count = len(inputs["input"])
        self.frames.append(inputs["input"])
        now, self._left = self._left[:count], self._left[count:]
        return [now[:, None], inputs["h"] + 1, inputs["c"]]


def spans(probabilities: list[float], *, longest: float = 29.0) -> list[tuple[float, float]]:
    """Return spans in frames."""
    audio = np.zeros(len(probabilities) * FRAME, np.float32)
    vad = SileroVad(MODEL, session=Scripted(probabilities))
    return [(span.start / FRAME, span.end / FRAME) for span in vad.spans(audio, longest=longest)]


def test_silence_has_no_spans() -> None:
    assert spans([0.1] * 100) == []
    assert SileroVad(MODEL, session=Scripted([])).spans(np.zeros(0, np.float32)) == []


def test_speech_is_padded_by_a_fifth_of_a_second() -> None:
    ((start, end),) = spans([0.0] * 50 + [0.95] * 40 + [0.0] * 50)
    assert start == 50 - 0.2 * RATE / FRAME
    assert end == 90 + 0.2 * RATE / FRAME


def test_padding_stops_at_the_edges() -> None:
    assert spans([0.95] * 40) == [(0, 40)]


def test_a_short_pause_is_part_of_the_speech_and_a_long_one_is_not() -> None:
    assert len(spans([0.95] * 30 + [0.1] * 5 + [0.95] * 30)) == 1
    assert len(spans([0.95] * 30 + [0.1] * 60 + [0.95] * 30)) == 2


def test_what_wavers_between_the_thresholds_neither_begins_nor_ends() -> None:
    assert spans([0.45] * 60) == []
    assert len(spans([0.95] * 20 + [0.45] * 40 + [0.95] * 20)) == 1


@pytest.mark.parametrize(
    "probabilities", [[0.0] * 20 + [0.99] * 4 + [0.0] * 20, [0.0] * 20 + [0.8] * 40 + [0.0] * 20]
)
def test_clicks_and_doubtful_sounds_are_no_speech(probabilities: list[float]) -> None:
    assert spans(probabilities) == []


def test_endless_speech_is_cut_where_it_is_least_likely() -> None:
    probabilities = [0.95] * 1000
    probabilities[700] = 0.6
    found = spans(probabilities, longest=29)
    assert all((end - start) * FRAME / RATE <= 29 for start, end in found)
    assert found[0][1] == found[1][0] == 700
    assert found[-1][1] == 1000


def test_spans_never_share_a_sample() -> None:
    found = spans([0.95] * 20 + [0.0] * 11 + [0.95] * 20 + [0.0] * 14 + [0.95] * 20)
    assert len(found) == 3
    assert all(before[1] <= after[0] for before, after in pairwise(found))


def test_every_frame_is_seen_with_the_end_of_the_one_before() -> None:
    session = Scripted([0.0] * 5000)
    audio = np.arange(5000 * FRAME - 100, dtype=np.float32)
    SileroVad(MODEL, session=session).probabilities(audio)
    frames = np.concatenate(session.frames)
    assert frames.shape == (5000, 64 + FRAME)
    assert not frames[0, :64].any()
    assert frames[4100, :64].tolist() == audio[4100 * FRAME - 64 : 4100 * FRAME].tolist()
    assert frames[1, 64] == FRAME
    assert not frames[-1, -100:].any()  # filled up with silence


def at(*seconds: tuple[float, float]) -> list[Span]:
    return [Span(round(start * RATE), round(end * RATE)) for start, end in seconds]


def test_windows_are_filled_up_to_thirty_seconds() -> None:
    found = windows(at((0, 12), (20, 32), (40, 50), (60, 61)), longest=30)
    assert [len(window.spans) for window in found] == [2, 2]
    assert [window.seconds for window in found] == [24, 11]
    assert windows([]) == []


def test_a_windows_sound_has_no_silence_in_it() -> None:
    whole = np.arange(100 * RATE, dtype=np.float32)
    window = Window(tuple(at((1, 2), (50, 51))))
    audio = window.audio(whole)
    assert audio.size == 2 * RATE
    assert audio[0] == RATE
    assert audio[RATE] == 50 * RATE


@pytest.mark.parametrize(
    ("time", "end", "expected"),
    [
        (0.0, False, 10),
        (1.5, False, 11.5),
        (2.0, False, 40),
        (2.0, True, 12),
        (3.0, True, 41),
        (9.0, True, 45),
        (-1.0, False, 10),
    ],
)
def test_times_lead_back_into_the_video(time: float, end: bool, expected: float) -> None:
    window = Window(tuple(at((10, 12), (40, 45))))
    assert window.in_video(time, end=end) == pytest.approx(expected)
