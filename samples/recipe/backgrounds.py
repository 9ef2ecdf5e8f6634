"""Moving backgrounds. Each factory takes a random generator and its options and returns a painter:
a function from the time in seconds to an RGB image of the clip's size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor, ImageDraw, ImageFilter

from samples.recipe import photographs
from samples.recipe.spec import HEIGHT, WIDTH, Colour

Painter = Callable[[float], Image.Image]
Array = npt.NDArray[np.float64]
Rng = np.random.Generator

SCALE = 2  # drawn this much larger and reduced: Pillow's polygons have no smooth edges
W2, H2 = WIDTH * SCALE, HEIGHT * SCALE


def _rgb(colour: Colour) -> tuple[int, int, int]:
    return ImageColor.getrgb(colour)[:3]


def _palette(colours: Sequence[Colour], steps: int = 256) -> Array:
    """(steps, 3): the colours, evenly spaced and interpolated."""
    table = np.array([_rgb(c) for c in colours], dtype=float)
    at = np.linspace(0, len(colours) - 1, steps)
    return np.stack([np.interp(at, np.arange(len(colours)), table[:, i]) for i in range(3)], axis=1)


def _grid(width: int, height: int) -> tuple[Array, Array]:
    """x and y of every pixel; x in 0…1, y in 0…height/width."""
    y, x = np.mgrid[0:height, 0:width]
    return x / width, y / width


def _image(values: Array) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _vertical(colours: Sequence[Colour], width: int, height: int) -> Image.Image:
    column = _palette(colours, height)[:, None, :]
    return _image(np.repeat(column, width, axis=1))


def gradient(rng: Rng, colours: Sequence[Colour], speed: float = 0.5) -> Painter:
    """A soft plasma that turns slowly through the colours."""
    x, y = _grid(WIDTH // 4, HEIGHT // 4)
    table = _palette(colours)
    phase = rng.uniform(0, 2 * math.pi, 4)

    def paint(t: float) -> Image.Image:
        a = phase[0] + 0.35 * speed * t
        v = (x - 0.5) * math.cos(a) + (y - 0.9) * math.sin(a)
        v = v + 0.16 * np.sin(3.1 * x + phase[1] + speed * t) + 0.16 * np.sin(2.3 * y + phase[2] - speed * t)
        index = np.clip((0.5 + 0.42 * v) * 255, 0, 255).astype(int)
        return _image(table[index]).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)

    return paint


def bokeh(rng: Rng, base: Sequence[Colour], lights: Sequence[Colour], count: int = 22) -> Painter:
    """Out-of-focus lights that drift upwards."""
    small = (WIDTH // 2, HEIGHT // 2)
    ground = _vertical(base, *small)
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
            (mask, _rgb(lights[int(rng.integers(len(lights)))]), rng.uniform(0, 1, 2), rng.uniform(4, 16))
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
    x, y = _grid(WIDTH, HEIGHT)
    along = (x * math.cos(math.radians(angle)) + y * math.sin(math.radians(angle))) * WIDTH
    a, b = np.array(_rgb(first), float), np.array(_rgb(second), float)
    shade = (1.06 - 0.12 * y / y.max())[..., None]

    def paint(t: float) -> Image.Image:
        wave = np.abs(((along + speed * t) / width) % 2 - 1)
        mix = np.clip((wave - 0.5) * width / 1.5 + 0.5, 0, 1)[..., None]
        return _image((a * (1 - mix) + b * mix) * shade)

    return paint


def rays(rng: Rng, first: Colour, second: Colour, count: int = 12, speed: float = 0.25) -> Painter:
    """A turning sunburst, as memes have it."""
    x, y = _grid(WIDTH, HEIGHT)
    angle = np.arctan2(y - 0.95, x - 0.5)
    radius = np.hypot(x - 0.5, y - 0.95)
    a, b = np.array(_rgb(first), float), np.array(_rgb(second), float)
    glow = (1.12 - 0.25 * radius)[..., None]

    def paint(t: float) -> Image.Image:
        wave = np.sin((angle + speed * t) * count)
        mix = np.clip(wave * radius * 24 + 0.5, 0, 1)[..., None]
        return _image((a * (1 - mix) + b * mix) * glow)

    return paint


def _ridge(rng: Rng, rough: float) -> Callable[[Array], Array]:
    """A smooth random outline with values in about −1…1; ``x`` is in frame widths."""
    k = rng.uniform(0.6, 1.4, 4) * np.array([1.5, 3.1, 6.3, 12.7])
    phase = rng.uniform(0, 6.28, 4)
    size = np.array([1, 0.5, 0.25 * rough, 0.12 * rough])
    return lambda x: (np.sin(np.outer(x, k) + phase) * size).sum(axis=1) / size.sum()


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
    heaven = _vertical(sky, W2, H2)
    ridges = [_ridge(rng, rough) for _ in layers]
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
    heaven = _vertical(sky, W2, H2)
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
    heaven = _vertical(sky, WIDTH, HEIGHT)
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
    heaven = _vertical(sky, W2, H2)
    horizon = 0.46 * H2
    ridge = _ridge(rng, 1.0)
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


def gingham(rng: Rng, colour: Colour, cell: int = 45) -> Painter:
    """A checked tablecloth that slides slowly."""
    base, ink = np.array((250, 247, 240), float), np.array(_rgb(colour), float)
    size = 2 * cell
    y, x = np.mgrid[0 : HEIGHT + size, 0 : WIDTH + size]
    cover = 0.5 * ((x // cell) % 2) + 0.5 * ((y // cell) % 2)
    thread = 1 + 0.02 * (((x + y) // 3) % 2)
    cloth = _image((base * (1 - 0.8 * cover[..., None]) + ink * 0.8 * cover[..., None]) * thread[..., None])

    def paint(t: float) -> Image.Image:
        dx, dy = round(6 * t) % size, round(9 * t) % size
        return cloth.crop((dx, dy, dx + WIDTH, dy + HEIGHT))

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
            fill = tuple(int(np.clip(c + jitter, 0, 255)) for c in _rgb(name))
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
    heaven = _vertical(sky, WIDTH, HEIGHT)

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
    heaven = _vertical(sky, W2, H2)
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
    ground = _vertical(base, WIDTH, HEIGHT)
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
    ground = _vertical(base, WIDTH, HEIGHT)
    table = _palette(colours, count)
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
            fill = tuple(int(np.clip(c + jitter, 0, 255)) for c in _rgb(colour))
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
    table = _palette(colours)
    phase, speed = rng.uniform(0, 6.28, (rows, columns)), rng.uniform(0.5, 1.6, (rows, columns))

    def paint(t: float) -> Image.Image:
        index = ((0.5 + 0.5 * np.sin(phase + speed * t)) * 255).astype(int)
        return _image(table[index]).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)

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


FACTORIES: dict[str, Callable[..., Painter]] = {
    f.__name__: f
    for f in (
        gradient, bokeh, stripes, rays, hills, sea, city, pitch, road, stars, gingham, blocks, neon,
        confetti, paper, chart, bars, tiles, mosaic, rain, photo,
    )
}  # fmt: skip


def make(kind: str, seed: int, options: dict[str, Any]) -> Painter:
    """The painter of a kind of background; the same seed gives the same pictures."""
    return FACTORIES[kind](np.random.default_rng(seed), **options)
