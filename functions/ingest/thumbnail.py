"""The picture by which people recognise a video in a list."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kadr.media.frames import Frame, FramePlan, sample_frames
from kadr.media.limits import DEFAULT_LIMITS, MediaLimits

if TYPE_CHECKING:
    import numpy.typing as npt

WIDTH = 360  # pixels: two columns of a phone's screen at its real resolution
_CANDIDATES = 7  # frames compared; more cost decoding time and rarely change the choice
_QUALITY = 82


def thumbnail(path: Path, limits: MediaLimits = DEFAULT_LIMITS) -> bytes:
    """Return a JPEG, at most 360 pixels wide, of a frame that represents the video.

    Of a few frames spread over the video the one with the most to see is taken: not black, not blank,
    not blurred; at equal merit the earlier one.

    Raises:
        NotAVideoError, MediaLimitError, DamagedMediaError: as :func:`kadr.media.frames.sample_frames`.
    """
    from PIL import Image

    plan = FramePlan(every=0.5, max_side=2 * WIDTH, scene_changes=False, max_frames=_CANDIDATES)
    best: Frame | None = None
    most = -1.0
    for frame in sample_frames(path, plan, limits):
        interest = _interest(frame.image)
        if interest > 1.1 * most:  # clearly better, not merely later
            best, most = frame, interest
    if best is None:
        raise RuntimeError("a video without frames must have been refused before")
    picture = Image.fromarray(best.image)
    if picture.width > WIDTH:
        size = (WIDTH, max(1, round(picture.height * WIDTH / picture.width)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY, optimize=True)
    return file.getvalue()


def _interest(image: npt.NDArray[np.uint8]) -> float:
    """Return how much there is to see: the spread of brightness times the density of detail."""
    luma = image[::2, ::2].mean(axis=2)
    spread = float(np.percentile(luma, 95) - np.percentile(luma, 5))
    detail = float(np.abs(np.diff(luma, axis=1)).mean()) if luma.shape[1] > 1 else 0.0
    return spread * (1.0 + min(detail, 20.0))
