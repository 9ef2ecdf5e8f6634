"""One direction out of many: the vector of a whole video from those of its frames or sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kadr.core.extraction import Vector


def unit_rows(vectors: Vector) -> Vector:
    """Return (n, d) with rows of length 1; rows of zeros stay what they are."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    units: Vector = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return units


def mean_direction(vectors: Vector, weights: Sequence[float] | None = None) -> Vector | None:
    """Return the unit vector (d,) of the weighted mean of (n, d), or ``None`` where there is none.

    There is none of no vectors, of weights that are all 0, and of vectors that cancel out.
    """
    if len(vectors) == 0:
        return None
    share = np.ones(len(vectors), np.float32) if weights is None else np.asarray(weights, np.float32)
    total = (vectors * share[:, None]).sum(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(total))
    return None if length < 1e-6 else (total / length).astype(np.float32)
