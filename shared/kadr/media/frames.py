"""Frames of a video, streamed out of the decoding child."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kadr.core.errors import DamagedMediaError
from kadr.media import child
from kadr.media.limits import DEFAULT_LIMITS, MediaLimits


@dataclass(frozen=True, slots=True)
class FramePlan:
    """Which frames are wanted."""

    every: float = 3.0  # seconds between frames, at most; stretched where max_frames would not last
    max_side: int | None = 1280  # pixels of the longer side; larger frames are scaled down, none up
    short_side: int | None = None  # the same of the shorter side, with bicubic interpolation
    scene_changes: bool = False  # also the first settled frame after each visible change
    max_frames: int = 256  # frames returned
    pictures: bool = False  # still pictures are opened, too
    seek: bool = True  # leave out what need not be decoded; the frames are the same, only sooner


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame: ``image`` (h, w, 3) uint8 RGB, upright, with square pixels."""

    time: float  # seconds from the start of the file, as of its sound
    image: npt.NDArray[np.uint8]
    scene_change: bool  # whether it is there because the picture changed


def sample_frames(path: Path, plan: FramePlan, limits: MediaLimits = DEFAULT_LIMITS) -> Iterator[Frame]:
    """Yield frames in order of time, the first one always among them.

    Decoding runs in a child process that is at most one frame ahead, and that is killed as soon as the
    iteration stops. Damage in the middle is skipped: what can be decoded is returned.

    Raises:
        NotAVideoError, MediaLimitError: as :func:`kadr.media.probe.probe`; a limit on decoded time or
            frames is found while iterating, after frames that were within it.
        DamagedMediaError: not one frame can be decoded.
    """
    if plan.every <= 0 or plan.max_frames < 1:
        raise ValueError("a plan needs every > 0 and max_frames ≥ 1")
    for facts, payload in child.run("frames", path, limits, plan=asdict(plan)):
        if facts["kind"] != "frame":
            continue
        height, width = facts["height"], facts["width"]
        image = np.frombuffer(payload, np.uint8).reshape(height, width, -1)
        if image.shape[2] not in (3, 4):
            raise DamagedMediaError("the decoder sent a picture of another size than it said")
        if image.shape[2] == 4:
            image = _over_white(image)
        if facts["turns"]:
            image = np.ascontiguousarray(np.rot90(image, facts["turns"]))
        yield Frame(time=facts["time"], image=image, scene_change=facts["scene_change"])


def _over_white(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Lay RGBA over white, as pages show it: its transparent pixels mostly are black."""
    alpha = image[..., 3:] / np.float32(255)
    return np.rint(image[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
