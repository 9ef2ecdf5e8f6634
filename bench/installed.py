"""What extractors are measured with: weights of real size, random where the real ones are out of reach."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from kadr.runtime.settings import ExtractorSettings

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / ".kadr" / "bench" / "models"

# Which modules of bench.weights an extractor needs; `text` is the real MiniLM. dlib's models are real, too.
_NEEDS = {"visual": ("clip",), "ocr": ("text",), "speech": ("text", "whisper")}


def prepare(modality: str) -> ExtractorSettings:
    """Install what an extractor needs, once, and return its settings.

    Raises:
        ImportError: the package or module that makes the weights is not there.
        WeightsUnavailableError: as :mod:`kadr.models.convert`.
    """
    for need in _NEEDS.get(modality, ()):
        if need == "text":
            _text()
        else:
            import_module(f"bench.weights.{need}").write(MODELS)
    return settings()


def settings() -> ExtractorSettings:
    """Return an extractor's settings; nothing but the models is used."""
    tessdata = ROOT / ".kadr" / "tessdata"
    fields = {"tessdata_dir": tessdata} if (tessdata / "rus.traineddata").exists() else {}
    return ExtractorSettings(
        postgres_host="unused",
        postgres_secret_arn="unused",
        qdrant_url="http://127.0.0.1:1",
        media_bucket="unused",
        derived_bucket="unused",
        assemble_queue_url="unused",
        models_dir=MODELS,
        **fields,
    )


def text_encoder() -> Path:
    """Return the folder of the text encoder."""
    from kadr.models.registry import require

    _text()
    return require("text", MODELS).directory


def _text() -> None:
    from kadr.models import convert
    from kadr.models.registry import installed

    if installed("text", MODELS) is None:
        convert.minilm(MODELS)
