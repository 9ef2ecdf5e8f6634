"""Small video files, made where a test needs them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


def moving(index: int, width: int, height: int) -> Image:
    """Return a picture whose red channel tells its index, over a gradient that moves."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = min(index * 8, 255)
    image[..., 1] = (np.arange(width) * 2 + index * 4)[None, :] % 256
    image[..., 2] = (np.arange(height) % 256)[:, None]
    return image


def write_clip(
    path: Path,
    *,
    seconds: float = 2.0,
    fps: int = 12,
    size: tuple[int, int] = (96, 160),
    picture: Callable[[int, int, int], Image] = moving,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    tone: float | None = None,
    times: list[Fraction] | None = None,
    audio_late: float = 0.0,
    faststart: bool = True,
    rotation: int = 0,
    streams: int = 1,
    movflags: str = "",
) -> Path:
    """Write a video of ``size`` (width, height); with ``tone`` (Hz) it has a sound track.

    ``times`` gives every frame its own time in seconds; ``rotation`` is written as a display matrix.
    """
    width, height = size
    movflags = movflags or ("+faststart" if faststart and path.suffix == ".mp4" else "")
    container_options = {"movflags": movflags} if movflags else {}
    with av.open(str(path), "w", options=container_options) as container:
        tracks = []
        for _ in range(streams):
            video = container.add_stream(codec, rate=fps, options=options or {})
            video.width, video.height, video.pix_fmt = width, height, pix_fmt
            if not codec.startswith("mpeg"):  # whose own clock allows a few rates only
                video.codec_context.time_base = Fraction(1, 1000)
            video.codec_context.thread_count = 1  # with more, x264 does not always write the same bytes
            if rotation:
                video.set_display_rotation(rotation)
            tracks.append(video)
        sound = container.add_stream("aac", rate=44_100, layout="mono") if tone is not None else None
        count = len(times) if times is not None else max(1, round(seconds * fps))
        for index in range(count):
            time = times[index] if times is not None else Fraction(index, fps)
            for video in tracks:
                frame = av.VideoFrame.from_ndarray(picture(index, width, height), format="rgb24")
                frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
                container.mux(video.encode(frame))
        for video in tracks:
            container.mux(video.encode(None))
        if sound is not None and tone is not None:
            _write_tone(container, sound, tone, seconds, audio_late)
    return path


def write_tone(path: Path, *, seconds: float = 2.0, tone: float = 440.0, codec: str = "aac") -> Path:
    """Write a file that has sound only."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream(codec, rate=44_100, layout="mono")
        _write_tone(container, sound, tone, seconds, 0.0)
    return path


def _write_tone(container, sound, tone: float, seconds: float, late: float) -> None:
    rate = 44_100
    samples = (0.5 * np.sin(2 * np.pi * tone * np.arange(int(seconds * rate)) / rate)).astype(np.float32)
    for start in range(0, samples.size, 1024):
        piece = samples[start : start + 1024]
        frame = av.AudioFrame.from_ndarray(piece[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start + int(late * rate), Fraction(1, rate)
        container.mux(sound.encode(frame))
    container.mux(sound.encode(None))


def claim_duration(path: Path, seconds: float) -> Path:
    """Rewrite the durations in an MP4's headers (mvhd, tkhd, mdhd) in place, leaving its frames alone."""
    data = bytearray(path.read_bytes())
    for box, scale_at, duration_at in ((b"mvhd", 16, 20), (b"mdhd", 16, 20)):
        position = data.find(box)
        while position >= 0:
            scale = int.from_bytes(data[position + scale_at : position + scale_at + 4], "big")
            field = slice(position + duration_at, position + duration_at + 4)
            data[field] = int(seconds * scale).to_bytes(4, "big")
            position = data.find(box, position + 4)
    path.write_bytes(data)
    return path
