"""Fixtures of the suites that run real models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kadr.runtime.settings import ExtractorSettings
from tests.needs import lacking

SAMPLES = Path(__file__).parents[2] / "samples" / "clips"


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of the sample clips."""
    return SAMPLES


@pytest.fixture(scope="session")
def settings_for() -> Callable[[Path], ExtractorSettings]:
    """Return an extractor's settings for a models directory; nothing else of them is used here."""

    def make(models_dir: Path) -> ExtractorSettings:
        return ExtractorSettings(
            postgres_host="nowhere.invalid",
            postgres_secret_arn="arn:none",
            qdrant_url="http://nowhere.invalid",
            media_bucket="media",
            derived_bucket="derived",
            assemble_queue_url="http://nowhere.invalid/queue",
            models_dir=models_dir,
        )

    return make


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models directory with MiniLM in it, converted by this session."""
    pytest.importorskip("onnx")
    from kadr.core.errors import WeightsUnavailableError
    from kadr.models.convert import minilm

    folder = tmp_path_factory.mktemp("models")
    try:
        minilm(folder)
    except WeightsUnavailableError as error:
        lacking(str(error))
    return folder
