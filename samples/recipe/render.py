"""From a specification to a video file and its ground truth."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from samples.recipe import backgrounds, lettering, photographs, sound
from samples.recipe.spec import HEIGHT, RATE, WIDTH, Clip, Portrait, Sticker, Text

AUDIO_BITS = 32_000  # per second; mono


def check(clip: Clip) -> None:
    """Refuse a clip in which a text leaves the frame, is hidden by another one, or outlasts the clip.

    Raises:
        ValueError: with the text and what is wrong with it.
    """
    for i, text in enumerate(clip.texts):
        if text.font == "lobster" and not text.text.isascii():
            raise ValueError(f"{clip.file}: Lobster has Latin letters only: {text.text!r}")
        if not 0 <= text.start < text.end <= clip.duration:
            raise ValueError(f"{clip.file}: {text.text!r} is not within the clip's {clip.duration} s")
        left, top, right, bottom = lettering.frame_box(text)
        if text.motion != "crawl" and (left < 0 or top < 0 or right > WIDTH or bottom > HEIGHT):
            raise ValueError(f"{clip.file}: {text.text!r} leaves the frame: {left, top, right, bottom}")
        for other in clip.texts[:i]:
            _, top2, _, bottom2 = lettering.frame_box(other)
            in_time = text.start < other.end and other.start < text.end
            if in_time and top < bottom2 and top2 < bottom and "scroll" not in {text.motion, other.motion}:
                raise ValueError(f"{clip.file}: {text.text!r} lies over {other.text!r}")


def _sticker(canvas: Image.Image, sticker: Sticker, t: float) -> None:
    if not sticker.start <= t < sticker.end:
        return
    glyph = lettering.emoji(sticker.emoji, sticker.size)
    x, y = sticker.x * WIDTH, sticker.y * HEIGHT
    wave = math.sin(2.2 * t + 7 * sticker.x)
    if sticker.motion == "float":
        y += 9 * wave
    elif sticker.motion == "bounce":
        y -= 60 * abs(math.sin(3.0 * t + sticker.x))
    elif sticker.motion == "pulse":
        k = 1 + 0.08 * wave
        glyph = glyph.resize((round(glyph.width * k), round(glyph.height * k)), Image.Resampling.BILINEAR)
    elif sticker.motion == "spin":
        glyph = glyph.rotate(-50 * t, Image.Resampling.BICUBIC, expand=True)
    elif sticker.motion == "sway":
        glyph = glyph.rotate(10 * wave, Image.Resampling.BICUBIC, expand=True)
    elif sticker.motion == "cross":
        x = (x + 75 * t) % (WIDTH + 2 * glyph.width) - glyph.width
    canvas.paste(glyph, (round(x - glyph.width / 2), round(y - glyph.height / 2)), glyph)


def _portrait(canvas: Image.Image, portrait: Portrait, t: float) -> None:
    if not portrait.start <= t < portrait.end:
        return
    left, top, right, bottom = portrait.place
    share = (t - portrait.start) / (portrait.end - portrait.start)
    picture = photographs.load(portrait.person)
    shown = photographs.view(
        picture, portrait.view_from, portrait.view_to, share, (right - left, bottom - top)
    )
    if portrait.place != (0, 0, WIDTH, HEIGHT):
        canvas.paste("#ffffff", (left - 5, top - 5, right + 5, bottom + 5))
    canvas.paste(shown, (left, top))


def frames(clip: Clip) -> list[Image.Image]:
    """Every frame of the clip, RGB."""
    paint = backgrounds.make(clip.background, clip.seed, clip.options)
    result = []
    for n in range(clip.frames):
        t = n / clip.fps
        canvas = paint(t)
        for portrait in clip.portraits:
            _portrait(canvas, portrait, t)
        for sticker in clip.stickers:
            _sticker(canvas, sticker, t)
        for text in clip.texts:
            lettering.draw(canvas, text, t)
        result.append(canvas)
    return result


def encode(clip: Clip, heard: npt.NDArray[np.float64] | None, path: Path) -> None:
    """Write the clip as H.264 and AAC in MP4, its index in front."""
    import av

    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", options=options) as out:
        video = out.add_stream("libx264", rate=clip.fps)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        # One thread and no AVX-512 (with which two runs gave files of different sizes): the encoder's
        # decisions then depend on nothing but the pictures.
        video.codec_context.thread_count = 1
        video.options = {
            "crf": str(clip.crf),
            "preset": "slow",
            "g": str(clip.fps * 4),
            "flags": "+bitexact",
            "x264-params": "asm=SSE2",
        }
        audio = None
        if heard is not None:
            audio = out.add_stream("aac", rate=RATE)
            audio.codec_context.layout = "mono"
            audio.bit_rate = AUDIO_BITS
            audio.options = {"flags": "+bitexact"}
        for canvas in frames(clip):
            out.mux(video.encode(av.VideoFrame.from_image(canvas)))
        out.mux(video.encode(None))
        if audio is not None and heard is not None:
            for at in range(0, len(heard), 1024):
                part = heard[at : at + 1024].astype(np.float32)[None, :]
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format="fltp", layout="mono")
                frame.sample_rate, frame.pts = RATE, at
                out.mux(audio.encode(frame))
            out.mux(audio.encode(None))


def _line(text: Text) -> dict[str, Any]:
    readable = lettering.legible(text)
    still = text.motion not in {"crawl", "scroll"}
    return {
        "text": " ".join(text.text.split()),
        "language": text.language,
        "start": text.start,
        "end": text.end,
        "legible": None if readable is None else [round(s, 3) for s in readable],
        "box": [round(edge) for edge in lettering.frame_box(text)] if still else None,
        "motion": text.motion,
    }


def _span(portraits: list[Portrait], person: str) -> dict[str, Any]:
    """A person's appearances in a clip, as one entry."""
    shown = [p for p in portraits if p.person == person]
    return {
        "id": person,
        "name": photographs.PEOPLE[person],
        "start": min(p.start for p in shown),
        "end": max(p.end for p in shown),
    }


def truth(clip: Clip, spoken: list[tuple[Any, float, Any]]) -> dict[str, Any]:
    """The clip's row of ``clips.jsonl``; it is described in samples/README.md."""
    people = sorted({p.person for p in clip.portraits})
    return {
        "file": clip.file,
        "topic": clip.topic,
        "duration": round(clip.frames / clip.fps, 3),
        "fps": clip.fps,
        "width": WIDTH,
        "height": HEIGHT,
        "lines": [_line(text) for text in clip.texts],
        "narration": [
            {
                "text": speech.text,
                "language": speech.language,
                "voice": speech.voice,
                "start": round(speech.start, 3),
                "end": round(end, 3),
            }
            for speech, end, _ in spoken
        ]
        or None,
        "music": clip.music is not None,
        "people": [_span(list(clip.portraits), person) for person in people],
        "people_count": len(people),
    }


def make(clip: Clip, folder: Path) -> dict[str, Any]:
    """Draw, voice and encode a clip into ``folder``; return its ground truth.

    Raises:
        ValueError: the specification contradicts itself.
    """
    check(clip)
    spoken = sound.narration(clip)
    encode(clip, sound.mix(clip, spoken), folder / clip.file)
    return truth(clip, spoken)
