"""Whether a view of a face may stand for the person: size, sharpness, pose, certainty.

The constants come from 192 pictures of two people of the sample clips, damaged on purpose (motion blur in
three directions, soft focus, fewer pixels, turned, squeezed and tilted heads), and the distance of the
encoding of the damaged face from that of the undamaged person. It must stay well below 0.5, where two faces
begin to be one person. The table is in docs/benchmarks.md; `tests/models/faces/test_gate.py` damages faces
again.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

# The detector's score. What it takes for a face in fur, tiles and grain reached 0.41 on the sample clips,
# faces 0.71 and more. (On grey pictures the detector is a quarter faster, but there it is 0.62 and 0.58.) A
# head turned by 50° of which the landmarks look straight had 0.12 and was 0.51 from its owner.
CERTAIN = 0.5
# Pixels between the eyes. Faces reduced to 40 pixels of width (eyes 18 apart) are still 0.24 from themselves,
# with 30 pixels 0.34, with 20 pixels 0.54. The detector does not report faces below 70 pixels (eyes 33
# apart); what it reports with less is a head turned away, or landmarks that collapsed.
_MIN_EYES = 26.0
# See :func:`sharpness`. Of the damaged pictures that pass, one is 0.43 from its owner and all others are at
# most 0.33; of those within 0.25 none is lost. Undamaged faces have 0.020 (73 pixels, soft) to 0.19.
# (The variance of the Laplacian, which is usual, cannot do this: motion blur leaves the edges along the
# movement. To lose the same pictures it has to lose 10 good ones of 79, and 6 beyond 0.4 still pass.)
_MIN_SHARPNESS = 0.006
# The nose's base below the line between the eyes, in units of their distance: 0.64 to 0.75 for a face
# straight ahead, 0.89 to 0.97 for a head turned by 50°, when it is 0.36 to 0.53 from its owner. Within the
# limits the worst is 0.41.
_MAX_NOSE_DOWN = 0.92
# Its place along that line: 0.44 to 0.52 straight ahead, below 0.33 or above 0.67 from 50° on.
_MAX_NOSE_ASIDE = 0.17

# For comparing views of one person: what is good enough not to matter any more.
_LARGE = 70.0  # pixels between the eyes: as many as in the encoder's input
_SHARP = 0.04
_NOSE_DOWN = 0.72  # straight ahead


class View(Protocol):
    """What is judged of a face; :class:`kadr.adapters.faces_dlib.DetectedFace` has it."""

    @property
    def score(self) -> float:
        """How sure the detector is."""

    @property
    def chip(self) -> Image:
        """The face, aligned (150, 150, 3)."""

    @property
    def eyes(self) -> float:
        """Pixels between the eyes."""

    @property
    def nose_along(self) -> float:
        """Where the nose is between the eyes, 0 at one, 1 at the other."""

    @property
    def nose_down(self) -> float:
        """How far the nose is from the line between the eyes, in units of their distance."""


def passes(face: View) -> bool:
    """Whether the encoding of this view can be trusted.

    A head tilted to a shoulder passes: its picture is turned upright before it is encoded, and at 40° it is
    0.17 from itself at most.
    """
    return (
        face.score >= CERTAIN
        and face.eyes >= _MIN_EYES
        and face.nose_down <= _MAX_NOSE_DOWN
        and abs(face.nose_along - 0.5) <= _MAX_NOSE_ASIDE
        and sharpness(face.chip) >= _MIN_SHARPNESS
    )


def grade(face: View) -> float:
    """How good a view is, 0…1: the geometric mean of size, sharpness and pose."""
    aside = abs(face.nose_along - 0.5) / _MAX_NOSE_ASIDE
    turned = max(0.0, face.nose_down - _NOSE_DOWN) / (_MAX_NOSE_DOWN - _NOSE_DOWN)
    parts = (
        min(1.0, face.eyes / _LARGE),
        min(1.0, sharpness(face.chip) / _SHARP),
        1.0 - 0.9 * min(1.0, max(aside, turned)),
    )
    return float(np.prod(parts) ** (1 / len(parts)))


def sharpness(chip: Image) -> float:
    """How much fine detail a face has in the direction that has least of it; light and contrast do not count.

    The mean square of the second difference over one pixel, in four directions, of the middle of the aligned
    face, relative to the variance of its brightness. Movement smears one direction, soft focus all.
    """
    grey = chip.mean(axis=2)
    edge = chip.shape[0] // 6
    middle = grey[edge:-edge, edge:-edge]
    variance = middle.var()
    if variance < 1.0:  # a flat picture
        return 0.0
    return min(_detail(middle, down, right) for down, right in ((0, 1), (1, 0), (1, 1), (1, -1))) / float(
        variance
    )


def _detail(grey: npt.NDArray[np.float64], down: int, right: int) -> float:
    height, width = grey.shape
    one = grey[1 + down : height - 1 + down, 1 + right : width - 1 + right]
    other = grey[1 - down : height - 1 - down, 1 - right : width - 1 - right]
    second = one + other - 2 * grey[1:-1, 1:-1]
    # along a diagonal the step is √2, and the second difference grows with its square
    return float(np.square(second).mean()) / (down * down + right * right) ** 2
