"""Pictures with text on them, letter by letter, so that it is known where each letter stands.

The fonts are those inside OpenCV 5: no file of the machine decides what is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
FONTS = ("sans", "italic", "uni")


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter and its box in pixels: from the ascender to the descender of its line, and its advance."""

    character: str
    left: float
    top: float
    right: float
    bottom: float


@cache
def _face(name: str) -> cv2.FontFace:
    return cv2.FontFace(name)


def write(
    image: Image,
    text: str,
    place: tuple[int, int],
    size: int,
    *,
    colour: Colour = (255, 255, 255),
    outline: Colour | None = None,
    font: str = "sans",
    weight: int = 400,
) -> list[Letter]:
    """Write ``text`` on ``image``, its base line beginning at ``place``; return its letters, spaces included.

    ``size`` is the font's, in pixels; capitals are about 0.7 of it high.
    """
    face = _face(font)
    if outline is not None:
        border = max(1, size // 12)
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, 1), (-1, 1), (1, -1)):
            x = place[0]
            for character in text:
                at = (x + dx * border, place[1] + dy * border)
                x = cv2.putText(image, character, at, outline, face, size, weight)[0][0] - dx * border
    letters, (x, y) = [], (int(place[0]), int(place[1]))
    for character in text:
        after = cv2.putText(image, character, (x, y), colour, face, size, weight)[0][0]
        letters.append(Letter(character, x, y - 0.78 * size, after, y + 0.22 * size))
        x = after
    return letters


def background(random: np.random.Generator, rows: int, columns: int) -> Image:
    """Return one of several grounds: plain, a gradient, waves, blobs, a grid, noise."""
    kind = random.integers(6)
    base = random.integers(0, 256, 3).astype(np.float32)
    other = random.integers(0, 256, 3).astype(np.float32)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    if kind == 0:
        share = np.zeros((rows, columns), np.float32)
    elif kind == 1:
        share = (x / columns * random.random() + y / rows * random.random()).astype(np.float32)
    elif kind == 2:
        angle, length = random.random() * 6.3, random.uniform(15, 150)
        share = (0.5 + 0.5 * np.sin((x * np.cos(angle) + y * np.sin(angle)) / length * 6.3)).astype(
            np.float32
        )
    elif kind == 3:
        coarse = random.random((max(2, rows // 32), max(2, columns // 32))).astype(np.float32)
        share = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    elif kind == 4:
        step = int(random.integers(12, 80))
        share = (((x // step) + (y // step)) % 2).astype(np.float32)
    else:
        fine = random.random((rows // 4 + 1, columns // 4 + 1)).astype(np.float32)
        share = cv2.resize(fine, (columns, rows), interpolation=cv2.INTER_LINEAR)
    image = base + (other - base) * share[..., None]
    image += random.normal(0, random.uniform(0, 8), (rows, columns, 1))
    return np.clip(image, 0, 255).astype(np.uint8)
