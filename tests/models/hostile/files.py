"""Files that nobody should upload and somebody will, made in seconds: damaged, odd, absurd, and malicious."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.models.media.clips import claim_duration, write_clip, write_tone


@dataclass(frozen=True)
class File:
    """``make`` writes it into a folder. ``video`` says whether it has to be indexed (True), has to be refused
    with a reason that matches ``says`` (False), or may be either (None)."""

    make: Callable[[Path], Path]
    video: bool | None = None
    says: str = ""


CONTAINERS: dict[str, tuple[str, dict[str, Any]]] = {
    "mp4": ("a.mp4", {}),
    "mp4-index-last": ("a.mp4", {"faststart": False}),
    "mkv": ("a.mkv", {}),
    "webm": ("a.webm", {"codec": "libvpx", "options": {"deadline": "realtime", "cpu-used": "8"}}),
    "ts": ("a.ts", {}),
    "avi": ("a.avi", {"codec": "mpeg4"}),
}


def clip(folder: Path, name: str = "a.mp4", **more: Any) -> Path:
    """Write a second of something that moves, with a tone unless that is not wanted."""
    tone = {} if name.endswith(".webm") else {"tone": 440.0}
    return write_clip(folder / name, **{"seconds": 1.0, "options": {"g": "6"}, **tone, **more})


def container(folder: Path, kind: str) -> Path:
    name, more = CONTAINERS[kind]
    return clip(folder, name, **more)


def truncated(folder: Path, kind: str, tenths: int) -> Path:
    path = container(folder, kind)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * tenths // 10])
    return path


def noisy(folder: Path, kind: str) -> Path:
    """The middle fifth replaced by noise."""
    path = container(folder, kind)
    data = bytearray(path.read_bytes())
    middle = slice(len(data) * 2 // 5, len(data) * 3 // 5)
    data[middle] = np.random.default_rng(3).bytes(middle.stop - middle.start)
    path.write_bytes(data)
    return path


def flipped(folder: Path, kind: str, seed: int) -> Path:
    """One bit in 2000 turned over, headers included."""
    path = container(folder, kind)
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    random = np.random.default_rng(seed)
    for bit in random.integers(0, data.size * 8, data.size * 8 // 2000):
        data[bit // 8] ^= 1 << (bit % 8)
    path.write_bytes(data.tobytes())
    return path


def patched(folder: Path, old: bytes, new: bytes, name: str = "a.mp4", **more: Any) -> Path:
    """A clip in which bytes are replaced by others."""
    path = clip(folder, name, **more)
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def containing(folder: Path, content: bytes | Callable[[], bytes], name: str = "a.mp4") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content())
    return path


def picture(form: str) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    frames = [Image.new("RGB", (64, 64), (index * 40, 90, 30)) for index in range(4)]
    frames[0].save(file, form, **({"save_all": True, "append_images": frames[1:]} if form == "GIF" else {}))
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(10 << 20))
    return file.getvalue()


def without_first_packets(folder: Path, suffix: str, drop: int) -> Path:
    """A clip whose only keyframe is gone, or nearly all of it."""
    whole = write_clip(folder / f"whole{suffix}", seconds=1, options={"g": "100", "bf": "0"})
    path = folder / f"a{suffix}"
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for number, packet in enumerate(packet for packet in source.demux(stream) if packet.size):
            if number >= drop:
                packet.stream = copy
                target.mux(packet)
    return path


def five_audio_tracks(folder: Path) -> Path:
    clip(folder, "one.mkv")
    path = folder / "a.mkv"
    with av.open(str(folder / "one.mkv")) as source, av.open(str(path), "w") as target:
        video, sound = source.streams.video[0], source.streams.audio[0]
        copies = {
            video.index: [target.add_stream_from_template(video)],
            sound.index: [target.add_stream_from_template(sound) for _ in range(5)],
        }
        for packet in source.demux(video, sound):
            if packet.size:
                for copy in copies[packet.stream.index if packet.stream in (video, sound) else 0]:
                    packet.stream = copy
                    target.mux(packet)
    return path


def sound_longer_than_picture(folder: Path) -> Path:
    return clip(folder, "a.mkv", audio_late=4.0)


def subtitles_only(folder: Path) -> Path:
    path = folder / "a.mkv"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("ass")
        stream.codec_context.subtitle_header = b"[Script Info]\n[Events]\n"
        packet = av.Packet(b"0,0,Default,,0,0,0,,Words")
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 1000)
        packet.duration = 1000
        target.mux(packet)
    return path


def changing_size(folder: Path) -> Path:
    """Two transport streams, one after the other, of another size each."""
    first = clip(folder, "one.ts", tone=None).read_bytes()
    second = clip(folder, "two.ts", size=(160, 96), tone=None).read_bytes()
    return containing(folder, first + second, "a.ts")


def nested_boxes(folder: Path) -> Path:
    """An MP4 followed by a movie in a movie in a movie, deeper than a parser can call itself."""
    path = clip(folder)
    depth = 3000
    boxes = b"".join(struct.pack(">I4s", 8 * (depth - level), b"moov") for level in range(depth))
    path.write_bytes(path.read_bytes() + boxes)
    return path


def counted(folder: Path, box: bytes) -> Path:
    """A table of samples that claims to have two thousand million entries."""
    path = clip(folder)
    data = bytearray(path.read_bytes())
    at = data.find(box)
    count_at = at + (12 if box == b"stsz" else 8)
    data[count_at : count_at + 4] = (2**31 - 1).to_bytes(4, "big")
    path.write_bytes(data)
    return path


def vp8_bomb(folder: Path) -> Path:
    """A few kilobytes that unfold to 16383 × 16383 pixels: the size in the keyframe itself is changed."""
    path = clip(folder, "a.webm", codec="libvpx", options={"deadline": "realtime", "cpu-used": "8"})
    data = bytearray(path.read_bytes())
    at = data.find(b"\x9d\x01\x2a")  # the start code of a keyframe
    while at >= 0:
        data[at + 3 : at + 7] = struct.pack("<HH", 16383, 16383)
        at = data.find(b"\x9d\x01\x2a", at + 3)
    path.write_bytes(data)
    return path


def jpeg_bomb(folder: Path) -> Path:
    path = clip(folder, "a.avi", codec="mjpeg", pix_fmt="yuvj420p", options={})
    data = bytearray(path.read_bytes())
    at = data.find(b"\xff\xc0")  # start of frame
    while at >= 0:
        data[at + 5 : at + 9] = struct.pack(">HH", 65500, 65500)
        at = data.find(b"\xff\xc0", at + 2)
    path.write_bytes(data)
    return path


def broken_sound(folder: Path) -> Path:
    """A video whose sound is noise that calls itself AAC."""
    whole = clip(folder, "whole.mp4")
    path = folder / "a.mp4"
    random = np.random.default_rng(4)
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        copies = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if not packet.size:
                continue
            copy = copies[packet.stream.index]
            if packet.stream.type == "audio":
                broken = av.Packet(random.bytes(packet.size))
                broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
                packet = broken
            packet.stream = copy
            target.mux(packet)
    return path


def ticks(*milliseconds: int) -> list[Fraction]:
    return [Fraction(each, 1000) for each in milliseconds]


X264_10BIT = {
    "g": "6",
    "x264-params": "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
}
HOUR = 3_600_000
ODD = {"codec": "mjpeg", "pix_fmt": "yuvj444p", "options": {}, "tone": None}

FILES: dict[str, File] = {
    **{
        f"truncated-{kind}-{tenths}0%": File(partial(truncated, kind=kind, tenths=tenths))
        for kind in CONTAINERS
        for tenths in range(1, 10)
    },
    **{f"whole-{kind}": File(partial(container, kind=kind), video=True) for kind in CONTAINERS},
    **{f"noise-in-{kind}": File(partial(noisy, kind=kind)) for kind in CONTAINERS},
    **{
        f"bits-flipped-{kind}-{seed}": File(partial(flipped, kind=kind, seed=seed))
        for kind in CONTAINERS
        for seed in (1, 2)
    },
    **{f"rotated-{degrees}": File(partial(clip, rotation=degrees), video=True) for degrees in (90, 180, 270)},
    **{
        f"size-{width}x{height}": File(partial(clip, name="a.mov", size=(width, height), **ODD), video=True)
        for width, height in ((1, 1), (2, 2), (3, 5), (17, 1001), (1001, 17), (8192, 16), (16, 8192))
    },
    # what a file says of itself
    "codec-tag-unknown": File(partial(patched, old=b"avc1", new=b"xyz1"), video=False, says="codec"),
    "codec-tag-of-another": File(partial(patched, old=b"avc1", new=b"mp4v")),
    "claims-two-hours": File(
        lambda folder: claim_duration(clip(folder), 7200), video=False, says="7200 s long"
    ),
    "claims-a-day": File(lambda folder: claim_duration(clip(folder), 86_400), video=False, says="s long"),
    "claims-no-duration": File(lambda folder: claim_duration(clip(folder), 0), video=True),
    "claims-many-samples": File(partial(counted, box=b"stsz")),
    "claims-many-times": File(partial(counted, box=b"stts")),
    "claims-many-chunks": File(partial(counted, box=b"stco")),
    "boxes-in-boxes": File(nested_boxes, video=True),
    "many-streams": File(partial(clip, name="a.mkv", streams=17), video=False, says="18 streams"),
    "vp8-bomb": File(vp8_bomb),
    "jpeg-bomb": File(jpeg_bomb),
    # time
    "variable-rate": File(partial(clip, times=ticks(0, 40, 50, 400, 410, 900, 1900)), video=True),
    "one-frame": File(partial(clip, seconds=1 / 12, tone=None), video=True),
    "240-a-second": File(partial(clip, seconds=0.5, fps=240), video=True),
    "negative-times": File(partial(clip, name="a.mkv", times=ticks(-5000, -4000, -3000, 0)), video=True),
    "absurd-times": File(partial(clip, name="a.mkv", times=ticks(0, 40, 2**40), tone=None)),
    "times-jump-by-hours": File(
        partial(clip, name="a.mkv", times=ticks(0, 40, 3 * HOUR, 3 * HOUR + 40), tone=None),
        video=False,
        says="s long",
    ),
    "times-jump-in-ts": File(partial(clip, name="a.ts", times=ticks(0, 40, 80, 9 * HOUR), tone=None)),
    "times-start-over": File(
        lambda folder: containing(folder, clip(folder, "one.ts").read_bytes() * 2, "a.ts"), video=True
    ),
    "times-start-late": File(partial(clip, name="a.mkv", times=ticks(90_000, 90_040), tone=None), video=True),
    # streams
    "no-keyframe-mkv": File(partial(without_first_packets, suffix=".mkv", drop=1)),
    "no-keyframe-ts": File(partial(without_first_packets, suffix=".ts", drop=3)),
    "no-keyframe-mp4": File(partial(without_first_packets, suffix=".mp4", drop=2)),
    "five-sounds": File(five_audio_tracks, video=True),
    "sound-longer-than-picture": File(sound_longer_than_picture, video=True),
    "sound-broken": File(broken_sound, video=True),
    "size-changes": File(changing_size, video=True),
    "hdr-10-bit": File(partial(clip, pix_fmt="yuv420p10le", options=X264_10BIT), video=True),
    "4:4:4": File(partial(clip, pix_fmt="yuv444p"), video=True),
    "4:2:2-10-bit": File(partial(clip, pix_fmt="yuv422p10le"), video=True),
    "grey": File(partial(clip, pix_fmt="gray"), video=True),
    "interlaced": File(partial(clip, options={"x264-params": "tff=1"}), video=True),
    "mpeg2": File(partial(clip, name="a.ts", fps=25, codec="mpeg2video"), video=True),
    "hevc": File(
        partial(clip, codec="libx265", options={"x265-params": "log-level=none", "preset": "ultrafast"}),
        video=True,
    ),
    "sound-only": File(
        lambda folder: write_tone(folder / "a.m4a", seconds=1), video=False, says="sound only"
    ),
    "subtitles-only": File(subtitles_only, video=False, says="nothing in it to see"),
    "codec-not-known": File(
        partial(clip, name="a.mkv", codec="ffv1", options={}), video=False, says="convert it to H.264"
    ),
    # not videos
    "empty": File(partial(containing, content=b""), video=False, says="empty"),
    "one-byte": File(partial(containing, content=b"\x00"), video=False, says="not a video"),
    "zeros": File(partial(containing, content=bytes(100_000)), video=False, says="not a video"),
    "first-box-only": File(
        partial(containing, content=struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0)),
        video=False,
        says="cut off or damaged",
    ),
    "text": File(partial(containing, content=b"words " * 500), video=False, says="not a video"),
    "html": File(
        partial(containing, content=b"<!doctype html><title>404</title>"), video=False, says="not a video"
    ),
    "pdf": File(partial(containing, content=b"%PDF-1.7\n" * 99), video=False, says="not a video"),
    "zip-bomb": File(partial(containing, content=archive), video=False, says="not a video"),
    **{
        form.lower(): File(
            partial(containing, content=partial(picture, form)), video=False, says="not a video"
        )
        for form in ("PNG", "GIF", "JPEG", "WEBP")
    },
    "playlist": File(
        partial(containing, content=b"#EXTM3U\n#EXTINF:2,\n/etc/hostname\n#EXT-X-ENDLIST\n"),
        video=False,
        says="not a video",
    ),
    "list-of-files": File(
        partial(containing, content=b"ffconcat version 1.0\nfile /etc/hostname\n"),
        video=False,
        says="not a video",
    ),
    # names
    "name-with-emoji": File(partial(clip, name="кот 🐈 и 🎉.mp4"), video=True),
    "name-with-spaces-and-newline": File(partial(clip, name=" a b\nc .mp4"), video=True),
    "name-with-dash": File(partial(clip, name="-i.mp4"), video=True),
    "name-like-an-address": File(partial(clip, name="http:a.mp4"), video=True),
    "name-like-a-sequence": File(partial(clip, name="a%03d?*.mp4"), video=True),
}
