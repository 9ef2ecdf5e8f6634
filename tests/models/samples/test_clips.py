"""The committed files are videos that show and sound as ``clips.jsonl`` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from kadr.media.audio import read_audio
from kadr.media.frames import FramePlan, sample_frames
from kadr.media.limits import MediaLimits
from kadr.media.probe import probe

pytestmark = pytest.mark.av

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
CLIPS = SAMPLES / "clips"
ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (SAMPLES / "clips.jsonl").read_text(encoding="utf-8").splitlines()
]
RATE = 16_000

each_clip = pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"])


def test_the_folder_holds_the_described_clips_and_nothing_else() -> None:
    assert sorted(path.name for path in CLIPS.iterdir()) == sorted(row["file"] for row in ROWS)


def test_together_they_stay_small() -> None:
    assert sum(path.stat().st_size for path in CLIPS.iterdir()) <= 8_000_000


def test_some_names_are_as_users_have_them() -> None:
    odd = [row["file"] for row in ROWS if not row["file"].isascii()]
    assert len(odd) == 2
    assert any(" " in name for name in odd)


@each_clip
def test_a_clip_is_as_long_large_and_loud_as_it_is_said_to_be(row: dict[str, Any]) -> None:
    info = probe(CLIPS / row["file"], MediaLimits())

    assert info.duration == pytest.approx(row["duration"], abs=0.1)
    assert 4 <= info.duration <= 15
    assert (info.width, info.height) == (row["width"], row["height"])
    assert info.fps == pytest.approx(row["fps"])
    assert info.has_audio == (row["music"] or row["narration"] is not None)


@each_clip
def test_a_clip_can_be_played_before_all_of_it_has_arrived(row: dict[str, Any]) -> None:
    data = (CLIPS / row["file"]).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row["narration"] and not row["music"]], ids=lambda row: row["file"]
)
def test_speech_is_heard_where_the_truth_says_and_nowhere_else(row: dict[str, Any]) -> None:
    sound = read_audio(CLIPS / row["file"], MediaLimits(), rate=RATE)
    spoken = np.zeros(len(sound), dtype=bool)
    close = np.zeros(len(sound), dtype=bool)
    for said in row["narration"]:
        start, end = round(said["start"] * RATE), round(said["end"] * RATE)
        spoken[start:end] = True
        close[max(start - RATE // 10, 0) : end + RATE // 10] = True
        # a word begins and ends where the sentence is said to
        assert _level(sound[start : start + RATE // 4]) > 0.01
        assert _level(sound[end - RATE // 4 : end]) > 0.01

    assert _level(sound[spoken]) > 0.03
    assert _level(sound[~close]) < 0.003


@pytest.mark.parametrize("row", [row for row in ROWS if row["lines"]], ids=lambda row: row["file"])
def test_a_text_appears_where_and_when_the_truth_says_and_stays(row: dict[str, Any]) -> None:
    times, frames = _grey_frames(CLIPS / row["file"])
    for line in row["lines"]:
        if line["box"] is None or line["start"] < 1.5 / row["fps"]:
            continue
        left, top, right, bottom = line["box"]
        # the last frame without the text, the first with all of it, and one in which it still stands there
        moments = [line["start"] - 1e-3, line["legible"][0] + 1.5 / row["fps"]]
        moments.append(min(moments[1] + 0.4, line["legible"][1] - 1 / row["fps"]))
        at = np.searchsorted(times, moments, side="right") - 1
        before, first, later = (frames[index][top:bottom, left:right] for index in at)

        # of 255; the least seen is 23
        assert np.abs(first - before).mean() > 15, f"{line['text']!r} did not appear"
        assert np.abs(later - before).mean() > 15, f"{line['text']!r} did not stay"


def _level(sound: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(sound)))) if len(sound) else 0.0


def _grey_frames(path: Path) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    plan = FramePlan(every=1 / 60, max_side=None, scene_changes=False, max_frames=400)
    sampled = list(sample_frames(path, plan, MediaLimits()))
    times = np.array([frame.time for frame in sampled])
    return times, np.stack([frame.image.mean(axis=2, dtype=np.float32) for frame in sampled])
