"""What is not decoded is not missed: the same frames come with and without skipping, in every container."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

pytest.importorskip("av")

from kadr.media.decoder import frame_messages
from kadr.media.frames import Frame, FramePlan, sample_frames
from kadr.media.gops import LookAhead, Wanted
from kadr.media.limits import MediaLimits
from tests.models.media.clips import Image, write_clip

pytestmark = pytest.mark.av

FPS, SECONDS = 24, 12


def numbered(index: int, width: int, height: int) -> Image:
    """A plain picture whose red and green tell its index."""
    image = np.full((height, width, 3), 128, np.uint8)
    image[..., 0], image[..., 1] = 24 + 13 * (index % 16), 24 + 10 * (index // 16 % 20)
    return image


def number(frame: Frame) -> int:
    red, green = (float(np.median(frame.image[..., channel])) for channel in (0, 1))
    return round((red - 24) / 13) + 16 * round((green - 24) / 10)


@dataclass(frozen=True)
class Kind:
    """How a clip is written."""

    suffix: str
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    skips: bool = True  # whether there is anything to skip


VARIABLE = [Fraction(index, FPS) + Fraction(index % 7, 200) for index in range(SECONDS * FPS)]
CUT = [Fraction(index, FPS) - Fraction(5, 4) for index in range(SECONDS * FPS)]  # begins within a group
KINDS = {
    "mp4": Kind(".mp4", options={"g": "12"}),
    "long groups": Kind(".mp4", options={"g": "100"}),
    "B-frames": Kind(".mp4", options={"g": "24", "bf": "4", "b_strategy": "0", "b-pyramid": "normal"}),
    "open groups": Kind(".mp4", options={"g": "24", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}),
    "open groups in TS": Kind(".ts", options={"g": "24", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}),
    "gradual refresh": Kind(".ts", options={"g": "24", "x264-params": "intra-refresh=1"}),
    "index at the end": Kind(".mp4", options={"g": "12"}, more={"faststart": False}),
    "fragments": Kind(".mp4", options={"g": "12"}, more={"movflags": "frag_keyframe+empty_moov"}),
    "rotated": Kind(".mp4", options={"g": "12"}, more={"rotation": 90}),
    "an edit list": Kind(".mp4", options={"g": "24", "bf": "2"}, more={"times": CUT}),
    "variable rate": Kind(".mp4", options={"g": "12"}, more={"times": VARIABLE}),
    "variable rate in MKV": Kind(".mkv", options={"g": "12"}, more={"times": VARIABLE}),
    "mkv": Kind(".mkv", options={"g": "12"}),
    "MPEG-TS": Kind(".ts", options={"g": "12"}),
    "hevc": Kind(
        ".mp4", "libx265", {"x265-params": "keyint=24:open-gop=1:log-level=none", "preset": "ultrafast"}
    ),
    "vp8": Kind(".webm", "libvpx", {"g": "12", "deadline": "realtime", "cpu-used": "8"}),
    "vp9": Kind(".webm", "libvpx-vp9", {"g": "12", "deadline": "realtime", "cpu-used": "8"}),
    "av1": Kind(".mp4", "libsvtav1", {"g": "12", "preset": "12"}),
    "mpeg2 with B-frames": Kind(".ts", "mpeg2video", {"g": "12", "bf": "2", "b": "400k"}),
    "AVI": Kind(".avi", "mpeg4", {"g": "12", "b": "3M"}),
    "AVI with B-frames": Kind(".avi", "mpeg4", {"g": "12", "bf": "2", "b": "3M"}, skips=False),
    "only keyframes": Kind(".mov", "mjpeg", {"q": "3"}, more={"pix_fmt": "yuvj420p"}),
}


@pytest.fixture(scope="module", params=KINDS, ids=[name.replace(" ", "-") for name in KINDS])
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Kind]:
    kind = KINDS[request.param]
    path = tmp_path_factory.mktemp("clips") / f"a{kind.suffix}"
    write_clip(
        path,
        seconds=SECONDS,
        fps=FPS,
        size=(64, 48),
        picture=numbered,
        codec=kind.codec,
        options=kind.options,
        **kind.more,
    )
    return path, kind


def sampled(path: Path, *, every: float, seek: bool, **plan: Any) -> list[tuple[float, int]]:
    wanted = FramePlan(every=every, max_side=None, seek=seek, **plan)
    return [(frame.time, number(frame)) for frame in sample_frames(path, wanted)]


@pytest.mark.parametrize("every", [0.3, 1.0, 2.7])
def test_times_and_pictures_are_those_of_decoding_everything(clip: tuple[Path, Kind], every: float) -> None:
    path, _ = clip
    everything = sampled(path, every=every, seek=False)
    assert len(everything) > SECONDS / every * 0.7
    assert sampled(path, every=every, seek=True) == everything
    assert [index for _, index in everything] == sorted(index for _, index in everything)


def decoded_packets(path: Path, monkeypatch: pytest.MonkeyPatch, **plan: Any) -> int:
    """How many packets the decoder gets, in this process."""
    count = 0
    offer = LookAhead.offer

    def counting(self: LookAhead, packet: Any) -> Any:
        nonlocal count
        for ready in offer(self, packet):
            count += 1
            yield ready

    monkeypatch.setattr(LookAhead, "offer", counting)
    wanted = FramePlan(every=2.7, max_side=None, **plan)
    job = {"path": str(path), "plan": {name: getattr(wanted, name) for name in wanted.__slots__}}
    assert list(frame_messages(job, MediaLimits()))
    return count


def test_much_is_not_decoded(clip: tuple[Path, Kind], monkeypatch: pytest.MonkeyPatch) -> None:
    path, kind = clip
    count = decoded_packets(path, monkeypatch)
    if kind.skips and "refresh" not in str(kind.options) and kind.options.get("g") != "100":
        assert count < 0.75 * SECONDS * FPS


def test_changes_are_looked_for_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "a.mp4", seconds=6, fps=FPS, options={"g": "12"})
    assert decoded_packets(path, monkeypatch, scene_changes=True) == 6 * FPS


def test_a_long_video_is_sampled_without_decoding_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(
        tmp_path / "a.mp4", seconds=200, fps=6, size=(64, 48), picture=numbered, options={"g": "12"}
    )
    assert decoded_packets(path, monkeypatch, max_frames=10) < 0.15 * 200 * 6


class TestLookAhead:
    """The rules, on packets that need no file."""

    @staticmethod
    def packet(time: float | None, *, key: bool = False, size: int = 100) -> Any:
        pts = None if time is None else round(time * 1000)
        return SimpleNamespace(pts=pts, time_base=Fraction(1, 1000), size=size, is_keyframe=key)

    @staticmethod
    def fed(packets: list[Any], wanted: Wanted, on_feed: Callable[[Any], None] = lambda _: None) -> list[Any]:
        restarts: list[int] = []
        ahead = LookAhead(wanted, restart=lambda: restarts.append(1))
        times = []
        for packet in packets:
            for ready in ahead.offer(packet):
                times.append(None if ready.pts is None else ready.pts / 1000)
                on_feed(ready)
        return [*times, f"{len(restarts)} restarts"]

    def wanted(self, due: float) -> Wanted:
        wanted = Wanted(sparse=True)
        wanted.origin, wanted.due = 0.0, due
        return wanted

    def test_decoding_restarts_at_the_last_keyframe_before_the_moment(self) -> None:
        packets = [self.packet(t / 2, key=t % 4 == 0) for t in range(13)]
        assert self.fed(packets, self.wanted(5.0)) == [4.0, 4.5, 5.0, 5.5, 6.0, "1 restarts"]

    def test_a_frame_before_a_later_keyframe_may_need_the_group_before(self) -> None:
        # B-frames at 8 and 9 follow the keyframe at 10, are shown before it, and need what is before it
        packets = [self.packet(t, key=t in {0, 10}) for t in (0, 4, 7, 10, 8, 9)]
        assert self.fed(packets, self.wanted(8.5)) == [0, 4, 7, 10, 8, 9, "0 restarts"]

    def test_nothing_is_skipped_where_packets_have_no_times(self) -> None:
        packets = [self.packet(0, key=True), self.packet(None), self.packet(2, key=True), self.packet(3)]
        assert self.fed(packets, self.wanted(3.0)) == [0, None, 2, 3, "0 restarts"]

    def test_what_is_held_back_is_bounded(self) -> None:
        packets = [self.packet(t / 10, key=t == 0, size=8 << 20) for t in range(10)]
        assert len(self.fed(packets, self.wanted(100.0))) > 5

    def test_a_stream_whose_keyframes_are_none_is_decoded_whole(self) -> None:
        wanted = self.wanted(5.0)
        ahead = LookAhead(wanted, restart=lambda: None)
        for packet in [self.packet(0, key=True), self.packet(4, key=True), self.packet(5)]:
            list(ahead.offer(packet))
        ahead.decoded(4.5, whole=False)  # what was restarted at 4 shows something from 4.5 on only
        assert not wanted.sparse


class Unseekable:
    """What a browser's recorder or a pipe is to a muxer: the header is written before the end is known."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()


@pytest.mark.parametrize("pictures", [False, True])
def test_a_recording_without_a_duration_is_looked_at_to_its_end(tmp_path: Path, pictures: bool) -> None:
    path = tmp_path / "a.webm"
    target = Unseekable(path)
    with av.open(target, "w", format="webm") as container:
        video = container.add_stream("libvpx", rate=4, options={"deadline": "realtime", "cpu-used": "8"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for index in range(160):
            frame = av.VideoFrame.from_ndarray(numbered(index, 64, 48), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    target.close()
    with av.open(str(path)) as container:
        assert container.duration is None
    plan = FramePlan(every=1.0, max_side=None, max_frames=8, pictures=pictures)
    times = [frame.time for frame in sample_frames(path, plan)]
    assert times == pytest.approx([5.0 * n for n in range(8)], abs=0.3)
