"""One vector per video that holds all modalities, so that ranking is one exact vector query.

With unit vectors ``x_m`` of a video, its weights ``w_m`` (:mod:`kadr.core.weights`) and the calibration
``μ_m, σ_m`` of each model (mean and deviation of the cosine of *unrelated* pairs)::

    score(v, q) = Σ_m w_m · (cos(x_m, q_m) − μ_m) / σ_m
                = ⟨ [ w_vis/σ_vis · x_vis ; w_ocr/σ_txt · x_ocr + w_sp/σ_txt · x_sp ; −Σ w_m μ_m/σ_m ],
                    [ q_clip ; q_text ; 1 ] ⟩

OCR and speech are compared with the same query vector, so their parts add up. A score is the weighted number
of standard deviations above an unrelated video: 0 means "no better than chance", whatever the models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from kadr.core.extraction import Vector
from kadr.core.modality import Modality

VISUAL_DIMENSIONS = 512
TEXT_DIMENSIONS = 384
FUSED_DIMENSIONS = VISUAL_DIMENSIONS + TEXT_DIMENSIONS + 1


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
) -> Vector:
    """Return the fused vector (897,) of a video.

    ``vectors`` are unit vectors: visual (512,), OCR and speech (384,). A modality without a vector or a
    weight adds nothing.
    """
    fused = np.zeros(FUSED_DIMENSIONS, dtype=np.float32)
    for modality, weight in weights.items():
        vector = vectors.get(modality)
        if vector is None:
            continue
        calibration = visual if modality is Modality.VISUAL else text
        part = (
            slice(0, VISUAL_DIMENSIONS)
            if modality is Modality.VISUAL
            else slice(VISUAL_DIMENSIONS, VISUAL_DIMENSIONS + TEXT_DIMENSIONS)
        )
        fused[part] += weight / calibration.deviation * vector
        fused[-1] -= weight * calibration.mean / calibration.deviation
    return fused


def fuse_query(*, clip: Vector | None, text: Vector | None) -> Vector:
    """Return the query's side (897,) from unit vectors: ``clip`` (512,) and ``text`` (384,)."""
    fused = np.zeros(FUSED_DIMENSIONS, dtype=np.float32)
    if clip is not None:
        fused[:VISUAL_DIMENSIONS] = clip
    if text is not None:
        fused[VISUAL_DIMENSIONS:-1] = text
    fused[-1] = 1.0
    return fused
