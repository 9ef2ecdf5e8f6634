"""What happens to files that people really upload, and to those that they should not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

pytest.importorskip("av")

from kadr.core.errors import DamagedMediaError, MediaLimitError, NotAVideoError
from kadr.media.audio import open_audio, read_audio
from kadr.media.frames import Frame, FramePlan, sample_frames
from kadr.media.limits import MediaLimits
from kadr.media.probe import probe
from tests.models.media.clips import Image, claim_duration, moving, write_clip, write_tone

pytestmark = pytest.mark.av


def frames(path: Path, limits: MediaLimits = MediaLimits(), **plan: object) -> list[Frame]:  # noqa: B008
    return list(sample_frames(path, FramePlan(**{"every": 0.5, **plan}), limits))


def red(frame: Frame) -> float:
    return float(frame.image[..., 0].mean())


def test_probe_says_what_the_video_is(tmp_path: Path) -> None:
    info = probe(write_clip(tmp_path / "a.mp4", seconds=2, fps=12, size=(96, 160), tone=440.0))
    assert (info.width, info.height, info.rotation) == (96, 160, 0)
    assert info.duration == pytest.approx(2.0, abs=0.15)
    assert info.fps == pytest.approx(12, abs=0.1)
    assert info.has_audio
    assert (info.video_codec, info.audio_codec) == ("h264", "aac")


def test_frames_come_at_the_times_asked_for_and_show_what_was_there(tmp_path: Path) -> None:
    found = frames(write_clip(tmp_path / "a.mp4", seconds=2, fps=12), every=0.5)
    assert [f.time for f in found] == pytest.approx([0, 0.5, 1.0, 1.5], abs=0.1)
    # frame i is painted with red = 8 i
    for frame in found:
        assert red(frame) == pytest.approx(8 * 12 * frame.time, abs=6)


def test_one_frame_is_enough_for_a_video(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", seconds=1 / 12, fps=12)
    assert len(frames(path)) == 1
    assert probe(path).width == 96


def test_a_rotated_video_stands_upright(tmp_path: Path) -> None:
    def left_is_red(_: int, width: int, height: int) -> Image:
        image = np.zeros((height, width, 3), np.uint8)
        image[:, : width // 2, 0] = 250
        return image

    path = write_clip(tmp_path / "a.mp4", size=(160, 96), picture=left_is_red, rotation=90)
    info = probe(path)
    assert (info.width, info.height, info.rotation) == (96, 160, 90)
    image = frames(path)[0].image
    assert image.shape == (160, 96, 3)
    # a quarter turn counter-clockwise brings the left half to the bottom
    assert image[100:, :, 0].mean() > 200
    assert image[:60, :, 0].mean() < 50


def test_large_frames_are_scaled_down_and_small_ones_left_alone(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", size=(320, 640))
    assert frames(path, max_side=160)[0].image.shape == (160, 80, 3)
    assert frames(path, max_side=None)[0].image.shape == (640, 320, 3)
    assert frames(path, max_side=2000)[0].image.shape == (640, 320, 3)


def test_pixels_are_as_wide_as_the_container_says(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libvpx-vp9", rate=12, options={"deadline": "realtime", "cpu-used": "8"})
        video.width, video.height, video.pix_fmt = 72, 96, "yuv420p"
        video.sample_aspect_ratio = Fraction(4, 3)
        container.mux(video.encode(av.VideoFrame.from_ndarray(moving(0, 72, 96), format="rgb24")))
        container.mux(video.encode(None))
    assert frames(path)[0].image.shape == (96, 96, 3)


def test_what_shows_through_a_picture_is_white(tmp_path: Path) -> None:
    image = np.zeros((64, 64, 4), np.uint8)
    image[:, 32:] = (200, 0, 0, 255)
    path = tmp_path / "a.png"
    with av.open(str(path), "w", format="image2") as container:
        picture = container.add_stream("png", rate=1)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "rgba"
        container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgba")))
        container.mux(picture.encode(None))
    (frame,) = frames(path, pictures=True)
    assert frame.image[32, 8].tolist() == [255, 255, 255]
    assert frame.image[32, 56].tolist() == [200, 0, 0]


def test_hdr_is_as_bright_as_on_an_ordinary_screen(tmp_path: Path) -> None:
    def grey(_: int, width: int, height: int) -> Image:
        return np.full((height, width, 3), 148, np.uint8)  # 203 cd/m², a white sheet of paper

    hdr = "transfer=smpte2084:colorprim=bt2020:colormatrix=bt2020nc:log-level=none"
    path = write_clip(
        tmp_path / "a.mp4",
        seconds=0.2,
        codec="libx265",
        pix_fmt="yuv420p10le",
        picture=grey,
        options={"x265-params": hdr},
    )
    assert red(frames(path)[0]) == pytest.approx(188, abs=4)


def test_odd_sizes_are_fine(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", size=(101, 67), pix_fmt="yuv444p")
    assert frames(path)[0].image.shape == (67, 101, 3)


def test_times_start_at_zero_and_follow_a_variable_frame_rate(tmp_path: Path) -> None:
    times = [Fraction(t, 10) for t in (13, 14, 15, 33, 34, 60)]  # the first frame comes after 1.3 s
    found = frames(write_clip(tmp_path / "a.mkv", times=times), every=0.05)
    assert [f.time for f in found] == pytest.approx([0, 0.1, 0.2, 2.0, 2.1, 4.7], abs=0.02)


def test_frames_are_in_order_with_b_frames(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", seconds=1.2, fps=24, options={"bf": "3", "b_strategy": "0"})
    found = frames(path, every=0.2)
    assert [f.time for f in found] == sorted(f.time for f in found)
    assert [red(f) for f in found] == sorted(red(f) for f in found)


def test_a_cut_is_found_between_the_regular_frames(tmp_path: Path) -> None:
    def cut(index: int, width: int, height: int) -> Image:
        return np.full((height, width, 3), 30 if index < 17 else 220, np.uint8)  # at 1.42 s of 12 a second

    path = write_clip(tmp_path / "a.mp4", seconds=3, picture=cut)
    found = frames(path, every=10, scene_changes=True)
    assert [f.scene_change for f in found] == [False, True]
    assert 1.4 <= found[1].time <= 2.2
    assert red(found[1]) > 200
    assert len(frames(path, every=10)) == 1


def test_a_long_plan_is_stretched_over_the_whole_video(tmp_path: Path) -> None:
    found = frames(write_clip(tmp_path / "a.mp4", seconds=8, fps=6), every=0.1, max_frames=4)
    assert len(found) == 4
    assert found[-1].time >= 5


def test_sound_comes_as_mono_samples_at_the_rate_asked_for(tmp_path: Path) -> None:
    sound = read_audio(write_clip(tmp_path / "a.mp4", seconds=2, tone=440.0), rate=16_000)
    assert sound.dtype == np.float32
    assert sound.size == pytest.approx(32_000, abs=1600)
    spectrum = np.abs(np.fft.rfft(sound[4000:20_000]))
    assert np.argmax(spectrum) == pytest.approx(440, abs=2)  # one bin is one hertz
    assert 0.3 < np.abs(sound[4000:20_000]).max() < 0.8


def test_long_sound_is_read_slice_by_slice(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", seconds=2, tone=440.0)
    whole = read_audio(path)
    with open_audio(path) as sound:
        assert len(sound) == whole.size
        for span in (slice(1000, 1600), slice(0, 64), slice(whole.size - 10, whole.size + 500)):
            assert np.array_equal(sound[span], whole[span])
        assert sound[500:400].size == 0
        with pytest.raises(ValueError, match="steps"):
            sound[::2]


def test_sound_that_begins_late_keeps_its_time(tmp_path: Path) -> None:
    sound = read_audio(write_clip(tmp_path / "a.mkv", seconds=1.5, tone=440.0, audio_late=1.0))
    loud = np.flatnonzero(np.abs(sound) > 0.1)
    assert loud[0] / 16_000 == pytest.approx(1.0, abs=0.1)


def test_a_gap_in_the_sound_keeps_what_follows_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    beep = (0.5 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype(np.float32)
    with av.open(str(path), "w") as container:
        track = container.add_stream("libopus", rate=48_000, layout="mono")
        for second in (0, 6):
            for start in range(0, 48_000, 960):
                frame = av.AudioFrame.from_ndarray(beep[None, start : start + 960], "flt", "mono")
                frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
                frame.pts = second * 48_000 + start
                container.mux(track.encode(frame))
        container.mux(track.encode(None))
    loud = np.flatnonzero(np.abs(read_audio(path)) > 0.1) / 16_000
    gap = int(np.argmax(np.diff(loud)))
    assert loud[[0, gap, gap + 1, -1]] == pytest.approx([0, 1, 6, 7], abs=0.05)
    with pytest.raises(MediaLimitError, match="7 s long"):
        read_audio(path, MediaLimits(max_duration=3))


def test_a_picture_that_begins_after_the_sound_keeps_its_time(tmp_path: Path) -> None:
    times = [3 + Fraction(index, 12) for index in range(24)]
    path = write_clip(tmp_path / "a.mp4", seconds=5, times=times, tone=440.0, options={"g": "6"})
    assert [frame.time for frame in frames(path, every=1.0)] == pytest.approx([3, 4], abs=0.1)


@pytest.mark.parametrize(("codec", "suffix"), [("mp2", ".ts"), ("pcm_s24be", ".mov"), ("adpcm_ms", ".avi")])
def test_sound_of_cameras_and_broadcasts_is_heard(tmp_path: Path, codec: str, suffix: str) -> None:
    path = write_tone(tmp_path / f"a{suffix}", seconds=1, codec=codec)
    assert np.abs(read_audio(path)).max() == pytest.approx(0.5, abs=0.1)


def test_sound_that_is_not_opened_is_named(tmp_path: Path) -> None:
    with open_audio(write_tone(tmp_path / "a.wav", seconds=1, codec="g722")) as sound:
        assert (len(sound), sound.unopened) == (0, "g722")


def test_a_video_without_sound_has_none(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4")
    assert read_audio(path).size == 0
    assert not probe(path).has_audio


def test_sound_alone_is_not_a_video_but_can_be_heard(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "a.m4a", seconds=1)
    with pytest.raises(NotAVideoError, match="sound only"):
        probe(path)
    with pytest.raises(NotAVideoError, match="sound only"):
        frames(path)
    assert read_audio(path).size == pytest.approx(16_000, abs=1600)


@pytest.mark.parametrize("content", [b"", b"just a text\n" * 200, b"\x00" * 5000, b"%PDF-1.7\n" * 99])
def test_what_is_not_a_video_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    for attempt in (probe, frames, read_audio):
        with pytest.raises(NotAVideoError, match=r"empty|not a video"):
            attempt(path)


def test_a_playlist_cannot_make_us_open_another_file(tmp_path: Path) -> None:
    write_clip(tmp_path / "secret.ts", codec="libx264")
    playlist = tmp_path / "a.mp4"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(NotAVideoError):
        probe(playlist)
    playlist.write_text("ffconcat version 1.0\nfile secret.ts\n")
    with pytest.raises(NotAVideoError):
        probe(playlist)


@pytest.mark.parametrize("tenths", range(1, 10))
def test_of_a_truncated_video_is_used_what_can_be_decoded(tmp_path: Path, tenths: int) -> None:
    whole = write_clip(tmp_path / "whole.mp4", seconds=3, tone=440.0).read_bytes()
    path = tmp_path / "a.mp4"
    path.write_bytes(whole[: len(whole) * tenths // 10])
    try:
        found = frames(path)
    except DamagedMediaError as error:
        assert tenths <= 3, "the first frames are there"
        assert "upload it again" in str(error)
    else:
        assert found[0].time == 0
        assert len(found) <= 6
    assert read_audio(path).size <= 3 * 16_000 + 2000


def test_a_truncated_video_whose_index_is_missing_is_damaged(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mp4", faststart=False).read_bytes()
    path = tmp_path / "a.mp4"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedMediaError, match="cut off or damaged"):
        probe(path)


def test_noise_in_the_middle_is_skipped(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", seconds=3, options={"g": "6"})
    data = bytearray(path.read_bytes())
    middle = slice(len(data) * 5 // 10, len(data) * 6 // 10)
    data[middle] = np.random.default_rng(1).bytes(middle.stop - middle.start)
    path.write_bytes(data)
    found = frames(path, every=0.25)
    assert found[-1].time > 2.0


class TestLimits:
    def test_bytes(self, tmp_path: Path) -> None:
        path = write_clip(tmp_path / "a.mp4")
        with pytest.raises(MediaLimitError, match=r"MiB; at most"):
            probe(path, MediaLimits(max_bytes=1000))

    @pytest.mark.parametrize("attempt", [probe, frames, read_audio])
    def test_a_header_that_claims_two_hours(self, tmp_path: Path, attempt) -> None:
        path = claim_duration(write_clip(tmp_path / "a.mp4", tone=300.0), 7200)
        with pytest.raises(MediaLimitError, match=r"7200 s long; at most 1800 s"):
            attempt(path)

    def test_a_header_that_claims_less_than_there_is(self, tmp_path: Path) -> None:
        path = claim_duration(write_clip(tmp_path / "a.mp4", seconds=6), 1)
        with pytest.raises(MediaLimitError, match="at most 4 s"):
            frames(path, MediaLimits(max_duration=4))

    def test_duration_that_only_decoding_tells(self, tmp_path: Path) -> None:
        path = write_clip(tmp_path / "a.ts", seconds=6)
        with pytest.raises(MediaLimitError, match="at most 2 s"):
            frames(path, MediaLimits(max_duration=2))

    def test_frames(self, tmp_path: Path) -> None:
        path = write_clip(tmp_path / "a.mp4", seconds=4, fps=25)
        with pytest.raises(MediaLimitError, match="more than the 10 frames"):
            frames(path, MediaLimits(max_frames=10))

    def test_pixels(self, tmp_path: Path) -> None:
        path = write_clip(tmp_path / "a.mp4", size=(640, 480), seconds=0.2)
        with pytest.raises(MediaLimitError, match="640 × 480"):
            probe(path, MediaLimits(max_pixels=320 * 240))
        with pytest.raises(MediaLimitError, match="640 × 480"):
            frames(path, MediaLimits(max_pixels=320 * 240))

    def test_streams(self, tmp_path: Path) -> None:
        path = write_clip(tmp_path / "a.mkv", seconds=0.2, streams=5)
        with pytest.raises(MediaLimitError, match="5 streams; at most 4"):
            probe(path, MediaLimits(max_streams=4))

    def test_memory(self, tmp_path: Path) -> None:
        path = write_clip(tmp_path / "a.mp4", size=(3840, 2160), seconds=0.2, options={"preset": "ultrafast"})
        with pytest.raises(MediaLimitError, match="memory than the 200 MiB"):
            frames(path, MediaLimits(max_memory=200 * 1024 * 1024), max_side=None)

    def test_the_sum_of_all_is_enough_for_4k(self, tmp_path: Path) -> None:
        path = write_clip(tmp_path / "a.mp4", size=(3840, 2160), seconds=0.2, options={"preset": "ultrafast"})
        assert frames(path, max_side=1280)[0].image.shape == (720, 1280, 3)
