"""One vector per video that holds all modalities, so that ranking is one exact vector query.

With unit vectors ``x_m`` of a video, its weights ``w_m`` (:mod:`kadr.core.weights`) and the calibration
``μ_m, σ_m`` of each model (mean and deviation of the cosine of *unrelated* pairs)::

    score(v, q) = Σ_m e_m · w_m · (cos(x_m, q_m) − μ_m) / σ_m
                = ⟨ [ w_vis/σ_vis · x_vis ; w_ocr/σ_txt · x_ocr + w_sp/σ_txt · x_sp ;
                      −w_vis μ_vis/σ_vis ; −(w_ocr + w_sp) μ_txt/σ_txt ],
                    [ e · q_clip ; q_text ; e ; 1 ] ⟩

OCR and speech are compared with the same query vector, so their parts add up. A score is the weighted number
of standard deviations above an unrelated video: 0 means "no better than chance", whatever the models. The two
spaces have a constant each, so that the emphasis ``e`` of a query on what is seen, or a query that has only a
picture or only a text, leaves every score calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from kadr.core.extraction import Vector
from kadr.core.modality import Modality

VISUAL_DIMENSIONS = 512
TEXT_DIMENSIONS = 384
FUSED_DIMENSIONS = VISUAL_DIMENSIONS + TEXT_DIMENSIONS + 2

_VISUAL = slice(0, VISUAL_DIMENSIONS)
_TEXT = slice(VISUAL_DIMENSIONS, VISUAL_DIMENSIONS + TEXT_DIMENSIONS)
_VISUAL_CONSTANT, _TEXT_CONSTANT = FUSED_DIMENSIONS - 2, FUSED_DIMENSIONS - 1


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
    """Return the fused vector (898,) of a video.

    ``vectors`` are unit vectors: visual (512,), OCR and speech (384,). A modality without a vector or a
    weight adds nothing.
    """
    fused = np.zeros(FUSED_DIMENSIONS, dtype=np.float32)
    for modality, weight in weights.items():
        vector = vectors.get(modality)
        if vector is None:
            continue
        calibration, part, constant = (
            (visual, _VISUAL, _VISUAL_CONSTANT)
            if modality is Modality.VISUAL
            else (text, _TEXT, _TEXT_CONSTANT)
        )
        fused[part] += weight / calibration.deviation * vector
        fused[constant] -= weight * calibration.mean / calibration.deviation
    return fused


def fuse_query(*, clip: Vector | None, text: Vector | None, emphasis: float = 1.0) -> Vector:
    """Return the query's side (898,) from unit vectors: ``clip`` (512,) and ``text`` (384,).

    ``emphasis`` is how much what is seen counts against what is written and said; 1 is neither more nor less.
    A side that is not asked for scores 0, which is what unrelated videos score.
    """
    fused = np.zeros(FUSED_DIMENSIONS, dtype=np.float32)
    if clip is not None:
        fused[_VISUAL] = emphasis * clip
        fused[_VISUAL_CONSTANT] = emphasis
    if text is not None:
        fused[_TEXT] = text
        fused[_TEXT_CONSTANT] = 1.0
    return fused
