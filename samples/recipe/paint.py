"""What the backgrounds are painted with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor

from samples.recipe.spec import HEIGHT, WIDTH, Colour

Painter = Callable[[float], Image.Image]  # from seconds to an RGB image of the clip's size
Array = npt.NDArray[np.float64]
Rng = np.random.Generator

SCALE = 2  # drawn this much larger and reduced: Pillow's polygons have no smooth edges
W2, H2 = WIDTH * SCALE, HEIGHT * SCALE


def rgb(colour: Colour) -> tuple[int, int, int]:
    """The three channels of a colour, 0…255."""
    return ImageColor.getrgb(colour)[:3]


def palette(colours: Sequence[Colour], steps: int = 256) -> Array:
    """(steps, 3): the colours, evenly spaced and interpolated."""
    table = np.array([rgb(c) for c in colours], dtype=float)
    at = np.linspace(0, len(colours) - 1, steps)
    return np.stack([np.interp(at, np.arange(len(colours)), table[:, i]) for i in range(3)], axis=1)


def grid(width: int, height: int) -> tuple[Array, Array]:
    """x and y of every pixel; x in 0…1, y in 0…height/width."""
    y, x = np.mgrid[0:height, 0:width]
    return x / width, y / width


def to_image(values: Array) -> Image.Image:
    """An RGB image of an array (height, width, 3) with values in 0…255."""
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def vertical(colours: Sequence[Colour], width: int, height: int) -> Image.Image:
    """The colours from top to bottom."""
    column = palette(colours, height)[:, None, :]
    return to_image(np.repeat(column, width, axis=1))


def ridge_line(rng: Rng, rough: float) -> Callable[[Array], Array]:
    """A smooth random outline with values in about −1…1; ``x`` is in frame widths."""
    k = rng.uniform(0.6, 1.4, 4) * np.array([1.5, 3.1, 6.3, 12.7])
    phase = rng.uniform(0, 6.28, 4)
    size = np.array([1, 0.5, 0.25 * rough, 0.12 * rough])
    return lambda x: (np.sin(np.outer(x, k) + phase) * size).sum(axis=1) / size.sum()
