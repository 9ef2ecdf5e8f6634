"""Faces of the sample clips, spoilt the ways that videos spoil them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Picture = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]


def moved(picture: Picture, length: int, degrees: float) -> Picture:
    """Smear along a line of ``length`` pixels: the camera or the head moved during the exposure."""
    steps = np.linspace(-length / 2, length / 2, length)
    towards = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    places = {(round(step * towards[1]), round(step * towards[0])) for step in steps}
    edge = length
    wide = np.pad(picture.astype(np.float32), ((edge, edge), (edge, edge), (0, 0)), mode="edge")
    height, width = picture.shape[:2]
    mean = sum(
        wide[edge + down : edge + down + height, edge + right : edge + right + width]
        for down, right in places
    )
    return (mean / len(places)).astype(np.uint8)


def unfocused(picture: Picture, radius: float) -> Picture:
    """Blur evenly; ``radius`` is the deviation in pixels."""
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def reduced(picture: Picture, factor: float) -> Picture:
    """Make the picture smaller."""
    size = (round(picture.shape[1] * factor), round(picture.shape[0] * factor))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def enlarged(picture: Picture, factor: float) -> Picture:
    """Make the picture smaller and as large again: a thumbnail, blown up."""
    small = Image.fromarray(reduced(picture, factor))
    return np.asarray(small.resize((picture.shape[1], picture.shape[0]), Image.Resampling.BICUBIC))


def squeezed(picture: Picture, factor: float) -> Picture:
    """Make the picture narrower."""
    size = (round(picture.shape[1] * factor), picture.shape[0])
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def tilted(picture: Picture, box: Box, degrees: float) -> Picture:
    """Turn the picture around the face: a head laid on a shoulder."""
    left, top, right, bottom = box
    middle = ((left + right) / 2, (top + bottom) / 2)
    image = Image.fromarray(picture)
    return np.asarray(image.rotate(degrees, Image.Resampling.BICUBIC, center=middle))


def turned(picture: Picture, box: Box, degrees: float) -> Picture:
    """Turn the head as if the picture were wrapped around a cylinder a quarter wider than the face's box."""
    left, _, right, _ = box
    middle, radius = (left + right) / 2, 0.62 * (right - left)
    columns = np.arange(picture.shape[1])
    aside = (columns - middle) / radius
    angle = np.arcsin(np.clip(aside, -1, 1)) - math.radians(degrees)
    source = middle + radius * np.sin(np.clip(angle, -math.pi / 2, math.pi / 2))
    source = np.clip(np.where(np.abs(aside) < 1, source, columns), 0, picture.shape[1] - 1.001)
    whole = source.astype(int)
    share = (source - whole)[None, :, None]
    return (picture[:, whole] * (1 - share) + picture[:, whole + 1] * share).astype(np.uint8)
