"""Pictures to train on: glyphs on a background, moved and spoilt as video does it, at the model's size.

Everything follows from a random generator. A picture takes 1.3 ms, a tenth of its training step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.demo.clip.backdrops import KINDS, Backdrops
from training.demo.clip.concepts import concepts
from training.demo.clip.glyphs import Glyphs

Rng = np.random.Generator
Pixels = npt.NDArray[np.uint8]
Coverage = npt.NDArray[np.float32]

TOGETHER = 2  # glyphs in a picture, at most
PAIRS = 0.58  # of the pictures that are not easy show two things: what each is takes longest to learn there
WARPED = 3  # more shapes of each glyph, as other artists might have drawn it
RESTYLED = 8  # more again, whose manner of drawing differs too

_SCENERY = tuple(KINDS.values())


@dataclass(frozen=True, slots=True)
class Scene:
    """What is in a picture: concepts (a concept twice if it is there twice) and background."""

    concepts: tuple[int, ...]
    backdrop: int | None

    @property
    def background(self) -> tuple[str, ...]:
        """What may be said of the background."""
        return () if self.backdrop is None else _SCENERY[self.backdrop].atoms

    @property
    def atoms(self) -> frozenset[str]:
        """Everything that may be said of the picture."""
        known = concepts()
        said = set(self.background)
        for index in set(self.concepts):
            said |= known[index].atoms
            if self.concepts.count(index) > 1:
                said |= {f"two {name}" for name in known[index].names}
        return frozenset(said)


class Composer:
    """Makes pictures of ``side`` pixels out of glyphs and backgrounds."""

    def __init__(
        self,
        glyphs: Glyphs,
        backdrops: Backdrops,
        lettering: Sequence[Pixels],
        *,
        side: int,
        patch: int,
        warped: int = WARPED,
        restyled: int = RESTYLED,
    ) -> None:
        shapes = [_levels(glyphs.bitmaps)]
        shapes += [_levels(warp(glyphs.bitmaps, seed)) for seed in range(1, warped + 1)]
        for seed in range(warped + 1, warped + restyled + 1):
            shapes.append(_levels(restyle(warp(glyphs.bitmaps, seed, 0.05), seed)))
        self._shapes = shapes
        self._backdrops = backdrops
        self._lettering = lettering
        self.side, self.grid = side, side // patch
        self._of = {int(c): np.flatnonzero(glyphs.concept == c) for c in np.unique(glyphs.concept)}
        self.known = np.array(sorted(self._of))

    def picture(self, rng: Rng, concept: int, easy: float = 0.0) -> tuple[Pixels, Scene, Coverage]:
        """Return a picture (side, side, 3) with ``concept`` in it, what else there is, and where.

        Where: (TOGETHER, grid, grid), the share of each patch that each of the glyphs covers. ``easy`` is the
        share of pictures with one large glyph and nothing over it, from which its looks are learned soonest.
        """
        simple = rng.random() < easy
        canvas, backdrop = self._background(rng)
        shown = [concept]
        draw = 1.0 if simple else rng.random()
        if draw < PAIRS:
            shown.append(int(rng.choice(self.known)))
        elif draw < PAIRS + 0.07:
            shown.append(concept)
        sizes = [self.side * rng.uniform(0.45, 1.0)] if simple else self._sizes(rng, len(shown))
        places = self._places(rng, sizes)
        covered = np.zeros((TOGETHER, self.grid, self.grid), np.float32)
        for n, (index, size, place) in enumerate(zip(shown, sizes, places, strict=True)):
            alpha = self._paste(rng, canvas, index, size, place)
            covered[:n] *= 1 - cv2.resize(alpha, (self.grid, self.grid), interpolation=cv2.INTER_AREA)
            covered[n] = cv2.resize(alpha, (self.grid, self.grid), interpolation=cv2.INTER_AREA)
        if self._lettering and not simple and rng.random() < 0.4:
            self._write(rng, canvas)
        spoilt = np.clip(canvas, 0, 255).astype(np.uint8) if simple else self._spoil(rng, canvas)
        return spoilt, Scene(tuple(shown), backdrop), covered

    def _background(self, rng: Rng) -> tuple[npt.NDArray[np.float32], int | None]:
        side = self.side
        draw = rng.random()
        if draw < 0.55:
            which = int(rng.integers(len(self._backdrops.pictures)))
            picture = self._backdrops.pictures[which]
            cut = int(picture.shape[0] * rng.uniform(0.65, 1.0))
            x, y = rng.integers(0, picture.shape[0] - cut + 1, 2)
            picture = picture[y : y + cut, x : x + cut]
            picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
            if rng.random() < 0.5:
                picture = picture[:, ::-1]
            canvas = picture.astype(np.float32)
            if rng.random() < 0.3:
                canvas *= rng.uniform(0.5, 1.2)
            return canvas, int(self._backdrops.kind[which])
        colours = rng.uniform(0, 255, (3, 3)).astype(np.float32)
        if draw < 0.65:
            return np.broadcast_to(colours[0], (side, side, 3)).copy(), None
        if draw < 0.80:
            a = rng.uniform(0, 2 * np.pi)
            y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
            ramp = np.clip(0.5 + x * np.cos(a) + y * np.sin(a), 0, 1).astype(np.float32)[..., None]
            return colours[0] * (1 - ramp) + colours[1] * ramp, None
        # Noise of a few sizes: like a photograph that is out of focus.
        small = int(rng.integers(2, 17))
        field = rng.uniform(0, 1, (small, small, 3)).astype(np.float32)
        field = np.clip(cv2.resize(field, (side, side), interpolation=cv2.INTER_CUBIC), 0, 1)
        return colours[0] * (1 - field) + colours[1] * field, None

    def _sizes(self, rng: Rng, count: int) -> list[float]:
        if count == 1:
            return [self.side * rng.uniform(0.28, 0.88)]
        return [self.side * rng.uniform(0.28, 0.56) for _ in range(count)]

    def _places(self, rng: Rng, sizes: Sequence[float]) -> list[tuple[float, float]]:
        """Centres: anywhere with at most a sixth outside; two glyphs on different sides."""

        def within(size: float) -> tuple[float, float]:
            free = max(self.side - 0.7 * size, 1.0)
            x, y = 0.35 * size + free * rng.uniform(0, 1, 2)
            return float(x), float(y)

        if len(sizes) == 1:
            return [within(sizes[0])]
        best: list[tuple[float, float]] = []
        apart = -1.0
        for _ in range(4):
            tried = [within(size) for size in sizes]
            distance = float(np.hypot(tried[0][0] - tried[1][0], tried[0][1] - tried[1][1]))
            if distance > apart:
                apart, best = distance, tried
        return best

    def _paste(
        self,
        rng: Rng,
        canvas: npt.NDArray[np.float32],
        concept: int,
        size: float,
        place: tuple[float, float],
    ) -> Coverage:
        choices = self._of[concept]
        which = choices[int(rng.integers(len(choices)))]
        levels = self._shapes[int(rng.integers(len(self._shapes)))]
        level = next((each for each in levels if each.shape[1] <= 1.5 * size), levels[-1])
        glyph = level[which]
        scale = max(size, 8.0) / glyph.shape[0]
        angle = rng.normal(0, 12) if rng.random() < 0.93 else rng.uniform(-60, 60)
        cosine, sine = scale * np.cos(np.radians(angle)), scale * np.sin(np.radians(angle))
        turn = np.array([[cosine, sine], [-sine, cosine]])
        if rng.random() < 0.12:  # mirrored
            turn[:, 0] *= -1
        if rng.random() < 0.2:  # seen from aside
            turn = turn @ np.array([[1, rng.normal(0, 0.15)], [0, rng.uniform(0.8, 1.15)]])
        middle = np.full(2, (glyph.shape[0] - 1) / 2)
        matrix = np.column_stack([turn, np.asarray(place) - turn @ middle])
        layer = cv2.warpAffine(glyph, matrix, (self.side, self.side), flags=cv2.INTER_LINEAR)
        if rng.random() < 0.5:
            layer = cv2.transform(layer, self._tint(rng))
        alpha = layer[..., 3].astype(np.float32) / 255
        canvas *= 1 - alpha[..., None]
        canvas += layer[..., :3]
        return alpha

    @staticmethod
    def _tint(rng: Rng) -> npt.NDArray[np.float32]:
        """Other colours, as another artist would have chosen them: mixed channels, another contrast.

        (4, 4), for colours that have been multiplied with their alpha, 0…255.
        """
        mix = np.eye(3) + rng.normal(0, 0.12, (3, 3))
        if rng.random() < 0.15:
            share = rng.uniform(0.4, 1.0)
            mix = (1 - share) * mix + share / 3
        gain = rng.uniform(0.75, 1.2)
        shift = (128 * (1 - gain) + rng.normal(0, 14)) / 255
        return np.block([[gain * mix, np.full((3, 1), shift)], [np.zeros((1, 3)), 1.0]]).astype(np.float32)

    def _write(self, rng: Rng, canvas: npt.NDArray[np.float32]) -> None:
        """Letters over the picture, near its upper or lower edge more often than in the middle."""
        strip = self._lettering[int(rng.integers(len(self._lettering)))]
        height, width = strip.shape[:2]
        width = min(width, self.side)
        y = round(rng.beta(0.6, 0.6) * (self.side - height))
        x = int(rng.integers(0, self.side - width + 1))
        part = strip[:, :width].astype(np.float32)
        alpha = part[..., 3:] / 255
        target = canvas[y : y + height, x : x + width]
        target *= 1 - alpha
        target += part[..., :3] * alpha

    def _spoil(self, rng: Rng, canvas: npt.NDArray[np.float32]) -> Pixels:
        if rng.random() < 0.5:
            gain, shift = rng.uniform(0.7, 1.25), rng.normal(0, 12)
            canvas = (canvas - 128) * gain + 128 + shift
        if rng.random() < 0.2:
            canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, 1.0))
        if rng.random() < 0.07:  # motion
            length = int(rng.integers(2, 6))
            kernel = np.full((1, length), 1 / length, np.float32)
            canvas = cv2.filter2D(canvas, -1, kernel if rng.random() < 0.7 else kernel.T)
        if rng.random() < 0.3:
            canvas = canvas + rng.normal(0, rng.uniform(1, 8), canvas.shape).astype(np.float32)
        picture = np.clip(canvas, 0, 255).astype(np.uint8)
        if rng.random() < 0.25:
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))]
            return np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR))
        return picture


def _levels(bitmaps: Pixels) -> list[Pixels]:
    """The glyphs in falling sizes, so that none has to be reduced much; colours multiplied with alpha."""
    alpha = bitmaps[..., 3:].astype(np.uint16)
    whole = bitmaps.copy()
    whole[..., :3] = (bitmaps[..., :3] * alpha + 127) // 255
    side = bitmaps.shape[1]
    levels = [whole]
    for smaller in (side * 5 // 9, side // 3):
        reduced = [cv2.resize(each, (smaller, smaller), interpolation=cv2.INTER_AREA) for each in whole]
        levels.append(np.stack(reduced))
    return levels


def warp(bitmaps: Pixels, seed: int, most: float = 0.035) -> Pixels:
    """The glyphs bent smoothly, each in its own way, some of them with gradients and details levelled out.

    By at most ``most`` of a side, as a standard deviation.

    Colour and form of a thing differ from artist to artist; what is taught must not hang on one outline.
    """
    rng = np.random.default_rng([seed, 9])
    side = bitmaps.shape[1]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    bent = np.empty_like(bitmaps)
    for n, bitmap in enumerate(bitmaps):
        field = rng.normal(0, 1, (int(rng.integers(3, 6)),) * 2 + (2,)).astype(np.float32)
        field = (
            cv2.resize(field, (side, side), interpolation=cv2.INTER_CUBIC) * rng.uniform(0.01, most) * side
        )
        shape = cv2.remap(bitmap, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR)
        if rng.random() < 0.4:
            shape[..., :3] = cv2.medianBlur(
                np.ascontiguousarray(shape[..., :3]), 5 if rng.random() < 0.5 else 3
            )
        bent[n] = shape
    return bent


def restyle(bitmaps: Pixels, seed: int) -> Pixels:
    """The glyphs (n, side, side, 4) as sets in another manner have them, each in its own.

    Some in few flat colours, some with contours or shaded as solids, some darker, paler or of one hue more:
    what tells the sets apart, so that none of it is taken for the thing itself.
    """
    rng = np.random.default_rng([seed, 10])
    side = bitmaps.shape[1]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    drawn = np.empty_like(bitmaps)
    for n, bitmap in enumerate(bitmaps):
        colour, alpha = bitmap[..., :3].astype(np.float32), np.ascontiguousarray(bitmap[..., 3])
        if rng.random() < 0.35:
            colour = _flat(rng, colour)
        if rng.random() < 0.25:
            colour = _contoured(rng, colour)
        if rng.random() < 0.3:
            a, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.9)
            colour *= (1 + strength * (x * np.cos(a) + y * np.sin(a)))[..., None]
        if rng.random() < 0.4:
            colour = 255 * (np.clip(colour, 0, 255) / 255) ** rng.uniform(0.55, 1.7)
        if rng.random() < 0.3:
            share = rng.uniform(0.1, 0.35)
            colour = (1 - share) * colour + share * rng.uniform(0, 255, 3)
        if rng.random() < 0.3:
            colour, alpha = _outlined(rng, colour, alpha)
        drawn[n, ..., :3] = np.clip(colour, 0, 255)
        drawn[n, ..., 3] = alpha
    return drawn


def _flat(rng: Rng, colour: Coverage) -> Coverage:
    """Few colours without gradients."""
    step = float(rng.uniform(40, 90))
    offset = rng.uniform(0, step, 3).astype(np.float32)
    calm = cv2.medianBlur(np.clip(colour, 0, 255).astype(np.uint8), 5).astype(np.float32)
    return ((np.floor((calm + offset) / step) + 0.5) * step - offset).astype(np.float32)


def _contoured(rng: Rng, colour: Coverage) -> Coverage:
    """Dark lines where colours meet."""
    grey = np.clip(colour, 0, 255).mean(2).astype(np.float32)
    edge = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    share = np.clip(edge / rng.uniform(60, 140), 0, 1) * rng.uniform(0.5, 1.0)
    return (colour * (1 - share[..., None])).astype(np.float32)


def _outlined(rng: Rng, colour: Coverage, alpha: Pixels) -> tuple[Coverage, Pixels]:
    """A dark or a light line around the whole."""
    width = int(rng.integers(2, 6))
    wide = cv2.dilate(alpha, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
    line = rng.uniform(0, 60, 3) if rng.random() < 0.7 else rng.uniform(200, 255, 3)
    inside = (alpha.astype(np.float32) / np.maximum(wide, 1))[..., None]
    return (colour * inside + line.astype(np.float32) * (1 - inside)).astype(np.float32), wide


def letterings(seed: int, count: int, side: int) -> list[Pixels]:
    """Strips of random letters (h, w, 4) RGBA, as short videos have them over the picture."""
    from PIL import Image, ImageDraw, ImageFont

    alphabet = "abcdefghijklmnopqrstuvwxyzабвгдежзиклмнопрстуфхцчшыьэюя0123456789"
    strips = []
    rng = np.random.default_rng([seed, 7])
    for _ in range(count):
        words = [
            "".join(rng.choice(list(alphabet), int(rng.integers(2, 9))))
            for _ in range(int(rng.integers(1, 4)))
        ]
        text = " ".join(words)
        text = text.upper() if rng.random() < 0.3 else text.capitalize()
        face = ImageFont.load_default(size=40)
        box = face.getbbox(text, stroke_width=3)
        image = Image.new("RGBA", (int(box[2]) + 8, int(box[3]) + 8), (0, 0, 0, 0))
        draw = ImageDraw.Draw(image)
        if rng.random() < 0.4:
            draw.rectangle((0, 0, *image.size), fill=(*rng.integers(0, 256, 3).tolist(), 230))
        light = bool(rng.integers(2))
        colour = rng.integers(180, 256, 3) if light else rng.integers(0, 90, 3)
        draw.text(
            (4, 4),
            text,
            font=face,
            fill=(*colour.tolist(), 255),
            stroke_width=3 * int(rng.integers(2)),
            stroke_fill=(0, 0, 0, 255) if light else (255, 255, 255, 255),
        )
        height = int(rng.integers(6, 15) * side / 64)
        width = max(4, round(image.width * height / image.height))
        strips.append(np.asarray(image.resize((width, height), Image.Resampling.BOX)))
    return strips
