"""The test: clips of known concepts in compositions, with emoji and on backgrounds that were not trained on.

They are videos: drawn at 360 × 640, moved, written over, compressed with H.264, and read through the same
sampling as the visual extractor's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.demo.clip.backdrops import KINDS, painter
from training.demo.clip.concepts import concepts
from training.demo.clip.glyphs import SETS, Glyphs
from training.demo.clip.scenes import Scene

Rng = np.random.Generator
Pixels = npt.NDArray[np.uint8]

WIDTH, HEIGHT, RATE, SECONDS = 360, 640, 5, 3.0  # the extractor looks at a frame a second
MOTIONS = ("still", "float", "sway", "pulse", "drift", "turn")
# Nobody searches videos for these; they are taught because they are in the same sets.
NOT_ASKED = frozenset({"signs", "numbers", "shapes"})
_WORDS = (
    "смотри до конца",
    "new video",
    "лайк и подписка",
    "part 2",
    "как это сделать",
    "wait for it",
    "топ 5",
)


@dataclass(frozen=True, slots=True)
class Thing:
    """One glyph of a clip: its concept, centre and size in pixels, and how it moves."""

    concept: int
    x: float
    y: float
    size: float
    angle: float
    motion: str


@dataclass(frozen=True, slots=True)
class Clip:
    """What is in a clip. ``seed`` decides the colours and movements of the background."""

    file: str
    seed: int
    background: str
    things: tuple[Thing, ...]
    text: str = ""
    crf: int = 28

    @property
    def scene(self) -> Scene:
        """What is true of it."""
        return Scene(tuple(thing.concept for thing in self.things), None)


@dataclass(frozen=True, slots=True)
class Test:
    """``asked``: the concepts that are searched for, by their first name; ``clips`` to find them in."""

    asked: tuple[int, ...]
    clips: tuple[Clip, ...]

    def relevant(self) -> npt.NDArray[np.bool_]:
        """(asked, clips): whether the name is true of the clip."""
        said = [clip.scene.atoms for clip in self.clips]
        return np.array([[concepts()[c].name in atoms for atoms in said] for c in self.asked])


def invent(glyphs: Glyphs, *, seed: int = 2, asked: int = 200, count: int = 500) -> Test:
    """Compositions with the glyphs given: each asked concept is in two clips or more."""
    rng = np.random.default_rng(seed)
    known = sorted(set(glyphs.concept.tolist()))
    askable = [c for c in known if concepts()[c].group not in NOT_ASKED]
    chosen = tuple(sorted(rng.choice(askable, min(asked, len(askable)), replace=False).tolist()))
    backgrounds = [name for name, kind in KINDS.items() if kind.held_out]
    clips = []
    for number in range(count):
        main = chosen[number % len(chosen)]
        things = [_thing(rng, main, 0)]
        if rng.random() < 0.5:
            other = int(rng.choice(known))
            things = [_thing(rng, main, 1), _thing(rng, other, 2)]
        clips.append(
            Clip(
                file=f"{number:04d}.mp4",
                seed=seed * 100_000 + number,
                background=backgrounds[int(rng.integers(len(backgrounds)))],
                things=tuple(things),
                text=str(rng.choice(_WORDS)) if rng.random() < 0.5 else "",
                crf=int(rng.integers(24, 35)),
            )
        )
    return Test(chosen, tuple(clips))


def _thing(rng: Rng, concept: int, side: int) -> Thing:
    """A glyph in the middle square, which is what the model looks at; ``side`` 1 is left, 2 right of two."""
    if side == 0:
        size = rng.uniform(0.35, 0.8) * WIDTH
        x, y = rng.uniform(-0.5, 0.5, 2) * (WIDTH - size)
    else:
        size = rng.uniform(0.3, 0.48) * WIDTH
        x = (-0.23 if side == 1 else 0.23) * WIDTH + rng.normal(0, 8)
        y = rng.uniform(-0.5, 0.5) * (WIDTH - size) * 0.8
    angle = float(rng.normal(0, 10))
    motion = MOTIONS[int(rng.integers(len(MOTIONS)))]
    return Thing(concept, float(WIDTH / 2 + x), float(HEIGHT / 2 + y), float(size), angle, motion)


def frames(clip: Clip, glyphs: Glyphs) -> Iterator[Pixels]:
    """The frames of a clip, (HEIGHT, WIDTH, 3) RGB."""
    import cv2

    show = painter(clip.background, np.random.default_rng(clip.seed))
    pick = np.random.default_rng([clip.seed, 1])
    bitmaps = []
    for thing in clip.things:
        own = np.flatnonzero(glyphs.concept == thing.concept)
        bitmaps.append(glyphs.bitmaps[own[int(pick.integers(len(own)))]].astype(np.float32))
    strip = _strip(clip.text)
    for n in range(round(SECONDS * RATE)):
        t = n / RATE
        canvas = np.asarray(show(t)).astype(np.float32)
        for thing, bitmap in zip(clip.things, bitmaps, strict=True):
            x, y, scale, angle = _moved(thing, t)
            side = bitmap.shape[0]
            matrix = cv2.getRotationMatrix2D(((side - 1) / 2,) * 2, angle, scale * thing.size / side)
            matrix[:, 2] += np.array([x, y]) - (side - 1) / 2
            alpha = bitmap[..., 3:] / 255
            layer = np.concatenate([bitmap[..., :3] * alpha, alpha], axis=2)
            layer = cv2.warpAffine(layer, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
            canvas = canvas * (1 - layer[..., 3:]) + layer[..., :3]
        if strip is not None:
            top = 165 if clip.seed % 2 else 440
            left = (WIDTH - strip.shape[1]) // 2
            part = canvas[top : top + strip.shape[0], left : left + strip.shape[1]]
            alpha = strip[..., 3:] / 255
            part[:] = part * (1 - alpha) + strip[..., :3] * alpha
        yield np.clip(canvas, 0, 255).astype(np.uint8)


def _moved(thing: Thing, t: float) -> tuple[float, float, float, float]:
    """Centre, scale and angle at a time."""
    x, y, scale, angle = thing.x, thing.y, 1.0, thing.angle
    wave = math.sin(2.2 * t + thing.x)
    if thing.motion == "float":
        y += 9 * wave
    elif thing.motion == "sway":
        angle += 10 * wave
    elif thing.motion == "pulse":
        scale += 0.1 * wave
    elif thing.motion == "drift":
        x += 14 * (t - SECONDS / 2)
    elif thing.motion == "turn":
        angle += 14 * (t - SECONDS / 2)
    return x, y, scale, angle


def _strip(text: str) -> npt.NDArray[np.float32] | None:
    if not text:
        return None
    from PIL import Image, ImageDraw

    from samples.recipe.lettering import font

    face = font("dejavu-bold", 30)
    image = Image.new("RGBA", (math.ceil(face.getlength(text)) + 12, 48), (0, 0, 0, 0))
    ImageDraw.Draw(image).text((6, 6), text, font=face, fill="white", stroke_width=3, stroke_fill="black")
    return np.asarray(image).astype(np.float32)


def render(test: Test, glyphs: Glyphs, folder: Path) -> None:
    """Write the clips and ``test.json``; clips that are there already are left as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for clip in test.clips:
        path = folder / clip.file
        if not path.is_file():
            part = path.with_suffix(".part")
            _encode(clip, glyphs, part)
            part.replace(path)
    (folder / "test.json").write_text(json.dumps(asdict(test)), encoding="utf-8")


def _encode(clip: Clip, glyphs: Glyphs, path: Path) -> None:
    import av

    with av.open(str(path), "w", format="mp4") as out:
        video: Any = out.add_stream("libx264", rate=RATE)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.thread_count = 1
        video.options = {"crf": str(clip.crf), "preset": "veryfast", "g": str(3 * RATE)}
        for picture in frames(clip, glyphs):
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(video.encode(None))


def opened(folder: Path) -> Test:
    """Read the test that :func:`render` wrote."""
    kept = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    clips = [
        Clip(**{**clip, "things": tuple(Thing(**thing) for thing in clip["things"])})
        for clip in kept["clips"]
    ]
    return Test(tuple(kept["asked"]), tuple(clips))


def seen(folder: Path, side: int) -> Pixels:
    """(clips, frames, side, side, 3): what the extractor's sampling gives the model, at its size."""
    from PIL import Image

    from kadr.media.frames import FramePlan, sample_frames
    from kadr.media.limits import MediaLimits

    path = folder / f"seen-{side}.npy"
    if path.is_file():
        return np.load(path)
    plan = FramePlan(every=1.0, max_side=512, scene_changes=False, max_frames=120)
    pictures = []
    for clip in opened(folder).clips:
        row = []
        for frame in sample_frames(folder / clip.file, plan, MediaLimits()):
            height, width = frame.image.shape[:2]
            size = (width * side // min(height, width), height * side // min(height, width))
            picture = Image.fromarray(frame.image).resize(size, Image.Resampling.BICUBIC)
            left, top = (size[0] - side) // 2, (size[1] - side) // 2
            row.append(np.asarray(picture)[top : top + side, left : left + side])
        pictures.append(np.stack(row[: int(SECONDS)]))
    np.save(path, np.stack(pictures))
    return np.load(path)


def named(name: str) -> int:
    """The index of a set of glyphs in :data:`SETS`."""
    return next(i for i, each in enumerate(SETS) if each.name == name)
