"""Backgrounds without a place: gradients, stripes, paper, tiles.

Each factory takes a random generator and its options and returns a painter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from samples.recipe.paint import Painter, Rng, grid, palette, rgb, to_image, vertical
from samples.recipe.spec import HEIGHT, WIDTH, Colour


def gradient(rng: Rng, colours: Sequence[Colour], speed: float = 0.5) -> Painter:
    """A soft plasma that turns slowly through the colours."""
    x, y = grid(WIDTH // 4, HEIGHT // 4)
    table = palette(colours)
    phase = rng.uniform(0, 2 * math.pi, 4)

    def paint(t: float) -> Image.Image:
        a = phase[0] + 0.35 * speed * t
        v = (x - 0.5) * math.cos(a) + (y - 0.9) * math.sin(a)
        v = v + 0.16 * np.sin(3.1 * x + phase[1] + speed * t) + 0.16 * np.sin(2.3 * y + phase[2] - speed * t)
        index = np.clip((0.5 + 0.42 * v) * 255, 0, 255).astype(int)
        return to_image(table[index]).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)

    return paint


def bokeh(rng: Rng, base: Sequence[Colour], lights: Sequence[Colour], count: int = 22) -> Painter:
    """Out-of-focus lights that drift upwards."""
    small = (WIDTH // 2, HEIGHT // 2)
    ground = vertical(base, *small)
    discs = []
    for _ in range(count):
        radius = int(rng.uniform(8, 34))
        mask = Image.new("L", (2 * radius + 8, 2 * radius + 8), 0)
        draw = ImageDraw.Draw(mask)
        level = int(rng.uniform(50, 125))
        draw.ellipse(
            (4, 4, 2 * radius + 3, 2 * radius + 3), fill=level, outline=min(level + 45, 255), width=2
        )
        mask = mask.filter(ImageFilter.GaussianBlur(1.4))
        discs.append(
            (mask, rgb(lights[int(rng.integers(len(lights)))]), rng.uniform(0, 1, 2), rng.uniform(4, 16))
        )

    def paint(t: float) -> Image.Image:
        image = ground.copy()
        for mask, colour, (px, py), speed in discs:
            x = px * small[0] + 7 * math.sin(t * 0.5 + 9 * py) - mask.width / 2
            y = (py * (small[1] + 80) - speed * t) % (small[1] + 80) - 40 - mask.height / 2
            image.paste(colour, (round(x), round(y)), mask)
        return image.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)

    return paint


def stripes(
    rng: Rng, *, first: Colour, second: Colour, width: float = 46, angle: float = 35, speed: float = 30
) -> Painter:
    """Diagonal stripes that move across the frame; ``width`` in pixels, ``speed`` in pixels a second."""
    x, y = grid(WIDTH, HEIGHT)
    along = (x * math.cos(math.radians(angle)) + y * math.sin(math.radians(angle))) * WIDTH
    a, b = np.array(rgb(first), float), np.array(rgb(second), float)
    shade = (1.06 - 0.12 * y / y.max())[..., None]

    def paint(t: float) -> Image.Image:
        wave = np.abs(((along + speed * t) / width) % 2 - 1)
        mix = np.clip((wave - 0.5) * width / 1.5 + 0.5, 0, 1)[..., None]
        return to_image((a * (1 - mix) + b * mix) * shade)

    return paint


def rays(rng: Rng, first: Colour, second: Colour, count: int = 12, speed: float = 0.25) -> Painter:
    """A turning sunburst, as memes have it."""
    x, y = grid(WIDTH, HEIGHT)
    angle = np.arctan2(y - 0.95, x - 0.5)
    radius = np.hypot(x - 0.5, y - 0.95)
    a, b = np.array(rgb(first), float), np.array(rgb(second), float)
    glow = (1.12 - 0.25 * radius)[..., None]

    def paint(t: float) -> Image.Image:
        wave = np.sin((angle + speed * t) * count)
        mix = np.clip(wave * radius * 24 + 0.5, 0, 1)[..., None]
        return to_image((a * (1 - mix) + b * mix) * glow)

    return paint


def gingham(rng: Rng, colour: Colour, cell: int = 45) -> Painter:
    """A checked tablecloth that slides slowly."""
    base, ink = np.array((250, 247, 240), float), np.array(rgb(colour), float)
    size = 2 * cell
    y, x = np.mgrid[0 : HEIGHT + size, 0 : WIDTH + size]
    cover = 0.5 * ((x // cell) % 2) + 0.5 * ((y // cell) % 2)
    thread = 1 + 0.02 * (((x + y) // 3) % 2)
    cloth = to_image((base * (1 - 0.8 * cover[..., None]) + ink * 0.8 * cover[..., None]) * thread[..., None])

    def paint(t: float) -> Image.Image:
        dx, dy = round(6 * t) % size, round(9 * t) % size
        return cloth.crop((dx, dy, dx + WIDTH, dy + HEIGHT))

    return paint


def confetti(rng: Rng, base: Sequence[Colour], pieces: Sequence[Colour], count: int = 60) -> Painter:
    """Falling paper pieces."""
    ground = gradient(rng, base, speed=0.3)
    bits = rng.uniform(0, 1, (count, 5))
    colour = [pieces[int(i)] for i in rng.integers(0, len(pieces), count)]

    def paint(t: float) -> Image.Image:
        image = ground(t)
        draw = ImageDraw.Draw(image)
        for (px, py, spin, size, sway), fill in zip(bits, colour, strict=True):
            x = px * WIDTH + 14 * math.sin(1.7 * t + 6 * sway)
            y = ((py + (0.10 + 0.10 * size) * t) % 1.06) * HEIGHT - 16
            a = (spin - 0.5) * 5 * t + 6 * spin
            w, h = 4 + 4 * size, (2 + 5 * size) * (0.35 + 0.65 * abs(math.cos(2 * t + 6 * spin)))
            c, s = math.cos(a), math.sin(a)
            corners = [(w, h), (-w, h), (-w, -h), (w, -h)]
            draw.polygon([(x + u * c - v * s, y + u * s + v * c) for u, v in corners], fill=fill)
        return image

    return paint


def paper(rng: Rng, sheet: Colour = "#fbf8ee", line: Colour = "#b9cfe6", squared: bool = False) -> Painter:
    """A page of an exercise book that moves a little, as if held in the hand."""
    page = Image.new("RGB", (WIDTH + 40, HEIGHT + 40), sheet)
    draw = ImageDraw.Draw(page)
    for y in range(14, page.height, 26):
        draw.line((0, y, page.width, y), fill=line)
    if squared:
        for x in range(6, page.width, 26):
            draw.line((x, 0, x, page.height), fill=line)
    draw.line((58, 0, 58, page.height), fill="#e58a8a", width=2)

    def paint(t: float) -> Image.Image:
        dx, dy = 20 + 9 * math.sin(0.9 * t), 20 + 13 * math.sin(0.6 * t + 1)
        return page.transform(
            (WIDTH, HEIGHT), Image.Transform.AFFINE, (1, 0, dx, 0, 1, dy), Image.Resampling.BILINEAR
        )

    return paint


def chart(rng: Rng, base: Sequence[Colour], up: Colour = "#2fc98e", down: Colour = "#ef5b6b") -> Painter:
    """A price chart of candles that grows to the right."""
    ground = vertical(base, WIDTH, HEIGHT)
    steps = np.cumsum(rng.normal(1.4, 9, 90))
    price = 0.55 * HEIGHT - (steps - steps[:30].mean()) * 1.8

    def paint(t: float) -> Image.Image:
        image = ground.copy()
        draw = ImageDraw.Draw(image)
        for y in range(40, HEIGHT, 60):
            draw.line((0, y, WIDTH, y), fill="#2b3a55")
        shift = 14 * t
        for i in range(1, len(price)):
            x = i * 15 - shift
            if not -15 < x < WIDTH + 15:
                continue
            a, b = float(price[i - 1]), float(price[i])
            fill = up if b < a else down
            draw.line((x + 4, min(a, b) - 9, x + 4, max(a, b) + 9), fill=fill, width=2)
            draw.rectangle((x, min(a, b), x + 9, max(a, b) + 2), fill=fill)
        return image

    return paint


def bars(rng: Rng, base: Sequence[Colour], colours: Sequence[Colour], count: int = 12) -> Painter:
    """The bars of an equaliser."""
    ground = vertical(base, WIDTH, HEIGHT)
    table = palette(colours, count)
    speed, phase = rng.uniform(2.5, 6, (count, 2)), rng.uniform(0, 6.28, (count, 2))
    step = WIDTH / count

    def paint(t: float) -> Image.Image:
        image = ground.copy()
        draw = ImageDraw.Draw(image)
        for i in range(count):
            swing = np.sin(speed[i] * t + phase[i]).sum()
            tall = HEIGHT * (0.17 + 0.07 * swing)
            fill = tuple(int(c) for c in table[i])
            left, bottom = i * step + 4, HEIGHT * 0.78
            draw.rounded_rectangle((left, bottom - tall, left + step - 8, bottom), 6, fill=fill)
            faint = tuple(int(c * 0.35) for c in table[i])
            draw.rounded_rectangle(
                (left, bottom + 6, left + step - 8, bottom + 6 + tall * 0.3), 6, fill=faint
            )
        return image

    return paint


def tiles(rng: Rng, colour: Colour, grout: Colour = "#d9dbd8", brick: bool = False) -> Painter:
    """A wall of tiles or bricks that the camera passes."""
    w, h = (84, 42) if brick else (72, 72)
    wall = Image.new("RGB", (WIDTH + 200, HEIGHT + 120), grout)
    draw = ImageDraw.Draw(wall)
    for row, y in enumerate(range(0, wall.height, h)):
        for x in range(-(row % 2) * (w // 2 if brick else 0), wall.width, w):
            jitter = int(rng.integers(-12, 13))
            fill = tuple(int(np.clip(c + jitter, 0, 255)) for c in rgb(colour))
            draw.rectangle((x + 2, y + 2, x + w - 3, y + h - 3), fill=fill)
    wall = wall.filter(ImageFilter.GaussianBlur(0.6))

    def paint(t: float) -> Image.Image:
        dx, dy = 100 - 95 * math.cos(0.22 * t), 60 - 55 * math.cos(0.17 * t)
        return wall.transform(
            (WIDTH, HEIGHT), Image.Transform.AFFINE, (1, 0, dx, 0, 1, dy), Image.Resampling.BILINEAR
        )

    return paint


def mosaic(rng: Rng, colours: Sequence[Colour], cell: int = 40) -> Painter:
    """Squares of noise whose colours change slowly."""
    columns, rows = WIDTH // cell, HEIGHT // cell
    table = palette(colours)
    phase, speed = rng.uniform(0, 6.28, (rows, columns)), rng.uniform(0.5, 1.6, (rows, columns))

    def paint(t: float) -> Image.Image:
        index = ((0.5 + 0.5 * np.sin(phase + speed * t)) * 255).astype(int)
        return to_image(table[index]).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)

    return paint
