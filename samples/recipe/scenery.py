"""Backgrounds that are a place: landscapes, cities, roads, photographs.

Each factory takes a random generator and its options and returns a painter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from samples.recipe import photographs
from samples.recipe.paint import H2, SCALE, W2, Painter, Rng, rgb, ridge_line, vertical
from samples.recipe.patterns import bokeh, gradient
from samples.recipe.spec import HEIGHT, WIDTH, Colour


def hills(
    rng: Rng,
    *,
    sky: Sequence[Colour],
    layers: Sequence[Colour],
    sun: Colour | None = None,
    rough: float = 1.0,
    horizon: float = 0.5,
    snow: int = 0,
) -> Painter:
    """A landscape of ridges that pass by, the nearer the faster; with falling snow if asked for."""
    heaven = vertical(sky, W2, H2)
    ridges = [ridge_line(rng, rough) for _ in layers]
    flakes = rng.uniform(0, 1, (snow, 4))
    x = np.linspace(0, 1, 91)

    def paint(t: float) -> Image.Image:
        image = heaven.copy()
        draw = ImageDraw.Draw(image)
        if sun:
            cx, cy, r = W2 * 0.68, H2 * (horizon - 0.17) - 6 * t, 84
            draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=sun)
        for i, (colour, ridge) in enumerate(zip(layers, ridges, strict=True)):
            depth = i / max(len(layers) - 1, 1)
            top = horizon + (0.98 - horizon) * depth * 0.85
            outline = (top + (0.075 - 0.035 * depth) * ridge(x + t * (0.012 + 0.06 * depth))) * H2
            points = [(float(px * W2), float(py)) for px, py in zip(x, outline, strict=True)]
            draw.polygon([(0, H2), *points, (W2, H2)], fill=colour)
        for fx, fy, size, sway in flakes:
            px = (fx + 0.03 * math.sin(t * 1.5 + 6 * sway)) * W2
            py = ((fy + t * (0.10 + 0.08 * size)) % 1.05) * H2
            r = 3 + 5 * size
            draw.ellipse((px - r, py - r, px + r, py + r), fill="#f4f8ff")
        return image.reduce(SCALE)

    return paint


def sea(rng: Rng, sky: Sequence[Colour], water: Sequence[Colour], sun: Colour = "#ffe9a8") -> Painter:
    """Waves under a low sun."""
    heaven = vertical(sky, W2, H2)
    phase = rng.uniform(0, 6.28, len(water))
    x = np.linspace(0, 1, 91)

    def paint(t: float) -> Image.Image:
        image = heaven.copy()
        draw = ImageDraw.Draw(image)
        cx, cy, r = W2 * 0.5, H2 * 0.44 + 5 * t, 120
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=sun)
        for i, colour in enumerate(water):
            top = 0.47 + 0.53 * (i / len(water)) ** 1.25
            size = 0.004 + 0.016 * i / len(water)
            k = 22 - 2.2 * i
            y = (
                top
                + size * np.sin(k * x + phase[i] + (1.2 + 0.25 * i) * t)
                + 0.003 * np.sin(41 * x - 2 * t + i)
            )
            points = [(float(px * W2), float(py * H2)) for px, py in zip(x, y, strict=True)]
            draw.polygon([(0, H2), *points, (W2, H2)], fill=colour)
        return image.reduce(SCALE)

    return paint


def city(rng: Rng, sky: Sequence[Colour], walls: Sequence[Colour], window: Colour = "#ffd97a") -> Painter:
    """A skyline at night that passes by in layers."""
    heaven = vertical(sky, WIDTH, HEIGHT)
    strips = []
    for i, wall in enumerate(walls):
        strip = Image.new("RGBA", (WIDTH * 3, HEIGHT), (0, 0, 0, 0))
        draw = ImageDraw.Draw(strip)
        left = 0
        while left < strip.width:
            wide = int(rng.integers(44, 92))
            top = int(HEIGHT * (0.42 + 0.16 * i + rng.uniform(-0.09, 0.09)))
            draw.rectangle((left, top, left + wide - 2, HEIGHT), fill=wall)
            for wx in range(left + 8, left + wide - 14, 14):
                for wy in range(top + 12, HEIGHT, 20):
                    if rng.random() < 0.22 + 0.1 * i:
                        draw.rectangle((wx, wy, wx + 6, wy + 9), fill=window)
            left += wide
        strips.append(strip)

    def paint(t: float) -> Image.Image:
        image = heaven.copy()
        for i, strip in enumerate(strips):
            image.paste(strip, (-round(t * 9 * (i + 1)), 0), strip)
        return image

    return paint


def pitch(rng: Rng) -> Painter:
    """A football pitch seen from above, the camera moving along it."""
    tall = HEIGHT * 2
    field = Image.new("RGB", (W2, tall * SCALE))
    draw = ImageDraw.Draw(field)
    for i in range(0, tall // 64 + 1):
        draw.rectangle((0, i * 128, W2, i * 128 + 127), fill="#2f8f3e" if i % 2 else "#37a049")
    line: dict[str, Any] = {"outline": "#eef7ee", "width": 7}
    draw.rectangle((40, 40, W2 - 40, tall * SCALE - 40), **line)
    draw.rectangle((170, 40, W2 - 170, 380), **line)
    draw.rectangle((260, 40, W2 - 260, 180), **line)
    draw.arc((W2 // 2 - 110, 270, W2 // 2 + 110, 490), 0, 180, fill="#eef7ee", width=7)
    middle = tall * SCALE // 2
    draw.line((40, middle, W2 - 40, middle), fill="#eef7ee", width=7)
    draw.ellipse((W2 // 2 - 160, middle - 160, W2 // 2 + 160, middle + 160), **line)
    field = field.reduce(SCALE)

    def paint(t: float) -> Image.Image:
        top = round((field.height - HEIGHT) * (0.5 - 0.5 * math.cos(0.28 * t)))
        return field.crop((0, top, WIDTH, top + HEIGHT))

    return paint


def road(
    rng: Rng, sky: Sequence[Colour], ground: Colour, asphalt: Colour = "#3b3d44", speed: float = 1.1
) -> Painter:
    """A road to the horizon, seen by the driver."""
    heaven = vertical(sky, W2, H2)
    horizon = 0.46 * H2
    ridge = ridge_line(rng, 1.0)
    x = np.linspace(0, 1, 61)

    def paint(t: float) -> Image.Image:
        image = heaven.copy()
        draw = ImageDraw.Draw(image)
        far = horizon - 46 - 40 * ridge(x + 0.01 * t)
        points = [(float(px * W2), float(py)) for px, py in zip(x, far, strict=True)]
        draw.polygon([(0, H2), *points, (W2, H2)], fill="#5b6a7d")
        draw.rectangle((0, horizon, W2, H2), fill=ground)
        centre = W2 / 2
        draw.polygon(
            [(centre - 18, horizon), (centre + 18, horizon), (W2 * 1.15, H2), (-W2 * 0.15, H2)], fill=asphalt
        )
        for side in (-1, 1):
            draw.line((centre + side * 16, horizon, centre + side * W2 * 0.6, H2), fill="#e8e8e8", width=7)
        for i in range(9):
            near = ((i + speed * 2 * t) % 9) / 9
            a, b = near**2.6, min(near + 0.05, 1) ** 2.6
            ya, yb = horizon + (H2 - horizon) * a, horizon + (H2 - horizon) * b
            wa, wb = 2 + 20 * a, 2 + 20 * b
            draw.polygon(
                [(centre - wa, ya), (centre + wa, ya), (centre + wb, yb), (centre - wb, yb)], fill="#f2e7a0"
            )
        return image.reduce(SCALE)

    return paint


def stars(rng: Rng, colours: Sequence[Colour], count: int = 110) -> Painter:
    """Flight through stars."""
    ground = gradient(rng, colours, speed=0.3)
    place = rng.uniform(-1, 1, (count, 2))
    depth = rng.uniform(0, 1, count)

    def paint(t: float) -> Image.Image:
        image = ground(t)
        draw = ImageDraw.Draw(image)
        for (sx, sy), d in zip(place, depth, strict=True):
            z = 1 - (d + 0.09 * t) % 1
            x, y = WIDTH / 2 + sx * 150 / (z + 0.05), HEIGHT / 2 + sy * 260 / (z + 0.05)
            r = 0.6 + 1.5 * (1 - z)
            level = int(90 + 165 * (1 - z))
            draw.ellipse((x - r, y - r, x + r, y + r), fill=(level, level, min(level + 20, 255)))
        return image

    return paint


def blocks(rng: Rng, sky: Sequence[Colour], top: Colour = "#5fae3c", speed: float = 26) -> Painter:
    """A landscape of cubes, as in building games."""
    cell, columns = 24, 60
    wide = Image.new("RGBA", (columns * cell, HEIGHT), (0, 0, 0, 0))
    draw = ImageDraw.Draw(wide)
    height = 15
    for column in range(columns):
        height = int(np.clip(height + rng.integers(-1, 2), 12, 17))
        for row in range(height, HEIGHT // cell + 1):
            name = top if row == height else "#8a5a36" if row < height + 4 else "#7c7c80"
            jitter = int(rng.integers(-9, 10))
            fill = tuple(int(np.clip(c + jitter, 0, 255)) for c in rgb(name))
            draw.rectangle(
                (column * cell, row * cell, column * cell + cell - 1, row * cell + cell - 1), fill=fill
            )
        if column % 7 == 3:
            for row in range(height - 4, height):
                draw.rectangle(
                    (column * cell, row * cell, column * cell + cell - 1, row * cell + cell - 1),
                    fill="#6b4423",
                )
            for dx in (-1, 0, 1):
                for row in range(height - 7, height - 4):
                    left = (column + dx) * cell
                    shade = "#3c8a2e" if (row + dx) % 2 else "#45983a"
                    draw.rectangle((left, row * cell, left + cell - 1, row * cell + cell - 1), fill=shade)
    heaven = vertical(sky, WIDTH, HEIGHT)

    def paint(t: float) -> Image.Image:
        image = heaven.copy()
        drawing = ImageDraw.Draw(image)
        for i in range(3):
            left = (i * 190 - 12 * t) % 560 - 120
            drawing.rectangle((left, 60 + 70 * i, left + 96, 84 + 70 * i), fill="#f5fbff")
            drawing.rectangle((left + 24, 44 + 70 * i, left + 72, 84 + 70 * i), fill="#f5fbff")
        image.paste(wide, (-round(speed * t), 0), wide)
        return image

    return paint


def neon(rng: Rng, sky: Sequence[Colour], line: Colour = "#ff4fd8", sun: Colour = "#ffb347") -> Painter:
    """A glowing grid that runs towards a striped sun."""
    heaven = vertical(sky, W2, H2)
    horizon = 0.56 * H2

    def paint(t: float) -> Image.Image:
        image = heaven.copy()
        draw = ImageDraw.Draw(image)
        cx, cy, r = W2 / 2, horizon - 60, 190
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=sun)
        for i in range(6):
            y = cy + 6 + i * 34
            draw.rectangle((cx - r, y, cx + r, y + 5 + 2 * i), fill=heaven.getpixel((0, int(min(y, H2 - 1)))))
        draw.rectangle((0, horizon, W2, H2), fill="#160a2c")
        for i in range(-9, 10):
            draw.line((cx + i * 26, horizon, cx + i * 230, H2), fill=line, width=3)
        for i in range(12):
            near = ((i + 1.6 * t) % 12) / 12
            y = horizon + (H2 - horizon) * near**2.4
            draw.line((0, y, W2, y), fill=line, width=3)
        return image.reduce(SCALE)

    return paint


def rain(rng: Rng, base: Sequence[Colour], count: int = 70) -> Painter:
    """Rain at night in front of blurred lights."""
    ground = bokeh(rng, base, ["#f7c873", "#8fb8ff", "#ff8f8f"], count=9)
    drops = rng.uniform(0, 1, (count, 3))

    def paint(t: float) -> Image.Image:
        image = ground(t * 0.3)
        draw = ImageDraw.Draw(image)
        for px, py, size in drops:
            y = ((py + (0.9 + 0.5 * size) * t) % 1.1) * HEIGHT - 30
            x = (px * 1.1 - 0.05) * WIDTH - 0.12 * y
            draw.line((x, y, x - 2.5, y + 14 + 12 * size), fill="#a9bdd6")
        return image

    return paint


def photo(
    rng: Rng,
    *,
    name: str,
    view_from: tuple[float, float, float],
    view_to: tuple[float, float, float],
    seconds: float,
    light: float = 1.0,
) -> Painter:
    """A photograph between two views (centre x, centre y, width; pixels), darkened by ``light`` < 1."""
    picture = photographs.load(name)
    if light != 1.0:
        picture = picture.point(lambda v: int(v * light))

    def paint(t: float) -> Image.Image:
        return photographs.view(picture, view_from, view_to, t / seconds, (WIDTH, HEIGHT))

    return paint
