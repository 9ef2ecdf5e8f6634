"""A fused vector is calibrated for the models that its parts come from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pytest

from kadr.core.document import VideoFacts
from kadr.core.extraction import Moment, Vector
from kadr.core.fusion import TEXT_DIMENSIONS, VISUAL_DIMENSIONS
from kadr.core.modality import Modality, Stage
from kadr.core.ranking import Ranking
from kadr.models import catalogue
from kadr.models.catalogue import Calibration, Role, Weights, entries
from kadr.runtime.assembly import document


def registered(role: Role, variant: str, mean: float) -> Weights:
    """An entry like the role's first one, with figures of its own."""
    first = entries(role)[0]
    return Weights(
        **{
            **{name: getattr(first, name) for name in Weights.__slots__},  # type: ignore[attr-defined]
            "variant": variant,
            "calibration": Calibration(mean, 0.1, "made up"),
        }
    )


@pytest.fixture(autouse=True)
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    more = (registered(Role.VISUAL, "other-clip", 0.4), registered(Role.TEXT, "other-text", 0.3))
    monkeypatch.setattr(catalogue, "CATALOGUE", (*catalogue.CATALOGUE, *more))


def unit(size: int) -> Vector:
    vector = np.zeros(size, dtype=np.float32)
    vector[0] = 1.0
    return vector


def fused(modality: Modality, versions: Mapping[Stage, str]) -> Vector:
    facts = VideoFacts("a.mp4", datetime(2026, 1, 1, tzinfo=UTC), 9.0, (), versions)
    size = VISUAL_DIMENSIONS if modality is Modality.VISUAL else TEXT_DIMENSIONS
    moments = {} if modality is Modality.VISUAL else {modality: [Moment(0, 1, "борщ", "ru")]}
    found = document({modality: unit(size)}, moments, facts, Ranking()).fused
    assert found is not None
    return found


def test_pictures_by_the_version_of_visual() -> None:
    first = fused(Modality.VISUAL, {})
    assert np.array_equal(first, fused(Modality.VISUAL, {Stage.VISUAL: "somebodys@0a1b2c3d+2"}))
    assert not np.array_equal(first, fused(Modality.VISUAL, {Stage.VISUAL: "other-clip@0a1b2c3d+2"}))


@pytest.mark.parametrize(
    "versions",
    [
        {Stage.OCR: "ppocr@11111111 rus+eng@22222222 other-text@0a1b2c3d glossary-3 7"},
        {Stage.SPEECH: "whisper-base@11111111+silero-v6@22222222+other-text@0a1b2c3d+glossary-3+2"},
    ],
    ids=["ocr", "speech"],
)
def test_text_by_the_encoder_among_all_that_took_part(versions: Mapping[Stage, str]) -> None:
    modality = Modality(next(iter(versions)).value)
    first = fused(modality, {})
    assert not np.array_equal(first, fused(modality, versions))
    without = {stage: version.replace("other-text", "no-text") for stage, version in versions.items()}
    assert np.array_equal(first, fused(modality, without))
