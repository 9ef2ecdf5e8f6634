"""One vector per video that holds all modalities, so that ranking is one exact vector query.

With unit vectors ``x_m`` of a video, its weights ``w_m`` (:mod:`kadr.core.weights`), the calibration
``μ_m, σ_m`` of each model (mean and deviation of the cosine of *unrelated* pairs) and the emphasis ``e_m`` of
the query::

    score(v, q) = Σ_m e_m · w_m · (cos(x_m, q_m) − μ_m) / σ_m

OCR and speech are compared with the same query vector, so their parts add up. A score is the weighted number
of standard deviations above an unrelated video: 0 means "no better than chance", whatever the models.

It is a dot product. With any vector ``c`` and any number ``μ₀`` of a space, ``⟨x, q⟩ − μ`` is
``⟨x − c, q⟩ + (⟨c, q⟩ − μ₀) + (μ₀ − μ)``. So, with ``s_m = w_m/σ_m``, each space has::

    video:  [ Σ_m s_m · (x_m − c) ; Σ_m s_m        ; Σ_m s_m · (μ₀ − μ_m) ]
    query:  [ e · q               ; e·(⟨c, q⟩ − μ₀) ; e                    ]

A query that has only a picture or only a text has zeros for the other space.

``c`` and ``μ₀`` change nothing in a score. They are there for the graph that is searched, which is built by
the dot products of videos with one another. What all videos have in common (half of an image vector's squared
length under CLIP) and a constant like ``−w μ/σ`` dominate these, and not what videos are about; and a query
is quantised on the scale of the videos' numbers, so that large constants leave nothing of its small ones.
With ``c`` the mean of the videos and ``μ₀`` the calibrated mean, the recall of 100,000 simulated videos is
0.99 instead of 0.80 (docs/benchmarks.md). A collection that is small enough to be looked through needs none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kadr.core.extraction import Vector
from kadr.core.modality import Modality
from kadr.core.ranking import Centre

VISUAL_DIMENSIONS = 512
TEXT_DIMENSIONS = 384
FUSED_DIMENSIONS = VISUAL_DIMENSIONS + TEXT_DIMENSIONS + 4


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a space lies in the fused vector."""

    role: str
    vector: slice
    slope: int
    constant: int


_VISUAL = _Place("visual", slice(0, VISUAL_DIMENSIONS), FUSED_DIMENSIONS - 4, FUSED_DIMENSIONS - 3)
_TEXT = _Place(
    "text", slice(VISUAL_DIMENSIONS, FUSED_DIMENSIONS - 4), FUSED_DIMENSIONS - 2, FUSED_DIMENSIONS - 1
)

# What a video's numbers are multiplied by, and a query's divided by: both are quantised on one scale, so both
# are to be about as large. 1/σ is 13 to 25, a unit vector's component 0.05; ⟨c, q⟩ − μ₀ is within ±0.03.
_SCALE, _SLOPE_SCALE, _CONSTANT_SCALE = 0.2, 0.03, 0.45


class Calibration(Protocol):
    """Mean and standard deviation of the cosine of unrelated pairs under one model."""

    @property
    def mean(self) -> float:
        """The mean."""
        ...

    @property
    def deviation(self) -> float:
        """The standard deviation."""
        ...


def fuse(
    vectors: Mapping[Modality, Vector],
    weights: Mapping[Modality, float],
    *,
    visual: Calibration,
    text: Calibration,
    centres: Mapping[str, Centre] | None = None,
) -> Vector:
    """Return the fused vector (900,) of a video.

    ``vectors`` are unit vectors: visual (512,), OCR and speech (384,). A modality without a vector or a
    weight adds nothing. ``centres`` of "visual" and "text" must be those that queries are fused with.
    """
    fused = np.zeros(FUSED_DIMENSIONS, dtype=np.float32)
    for modality, weight in weights.items():
        vector = vectors.get(modality)
        if vector is None:
            continue
        calibration, place = (visual, _VISUAL) if modality is Modality.VISUAL else (text, _TEXT)
        steepness = weight / calibration.deviation
        centre = (centres or {}).get(place.role)
        mean = 0.0
        if centre is not None:
            vector, mean = vector - np.asarray(centre.vector, np.float32), centre.mean
            fused[place.slope] += _SLOPE_SCALE * steepness
        fused[place.vector] += _SCALE * steepness * vector
        fused[place.constant] += _CONSTANT_SCALE * steepness * (mean - calibration.mean)
    return fused


def fuse_query(
    *,
    clip: Vector | None,
    text: Vector | None,
    emphasis: float = 1.0,
    centres: Mapping[str, Centre] | None = None,
) -> Vector:
    """Return the query's side (900,) from unit vectors: ``clip`` (512,) and ``text`` (384,).

    ``emphasis`` is how much what is seen counts against what is written and said; 1 is neither more nor less.
    A side that is not asked for scores 0, which is what unrelated videos score.
    """
    fused = np.zeros(FUSED_DIMENSIONS, dtype=np.float32)
    for vector, place, factor in ((clip, _VISUAL, emphasis), (text, _TEXT, 1.0)):
        if vector is None:
            continue
        centre = (centres or {}).get(place.role)
        if centre is not None:
            common = float(np.dot(np.asarray(centre.vector, np.float32), vector)) - centre.mean
            fused[place.slope] = factor * common / _SLOPE_SCALE
        fused[place.vector] = factor / _SCALE * vector
        fused[place.constant] = factor / _CONSTANT_SCALE
    return fused
