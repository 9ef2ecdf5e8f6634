"""Whether a clip is looked at once a second.

How relevant the embeddings are is not measured: the real weights are out of reach here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from kadr.core.extraction import FrameEmbeddings

COUNTS = ("clips", "right", "expected", "frames", "late")


def measure(clip: Mapping[str, Any], found: FrameEmbeddings | None) -> dict[str, float]:
    """Return counts of one clip: seconds begun, frames embedded, and the worst delay after a full second.

    A clip is ``right`` if it has a frame for each second, none of them later than half a second.
    """
    expected = math.ceil(clip["duration"] - 1e-3)
    times = np.asarray([] if found is None else found.times, float)
    late = max((delay(second, times) for second in range(expected)), default=0.0)
    return {
        "clips": 1,
        "right": abs(len(times) - expected) <= 1 and late <= 0.5,
        "expected": expected,
        "frames": len(times),
        "late": late,
    }


def delay(second: float, times: np.ndarray) -> float:
    """Return the seconds from ``second`` to the frame closest to it."""
    return float(np.abs(times - second).min()) if times.size else math.inf


def rates(counts: Mapping[str, float]) -> dict[str, float]:
    """Return the share of clips looked at once a second, 0…1."""
    return {"share right": counts["right"] / max(counts["clips"], 1)}
