"""What is said: voice activity, transcript, English."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from functions.speech.windows import Window, windows
from kadr.adapters.silero import RATE, SileroVad
from kadr.adapters.whisper import WINDOW, Said, Whisper
from kadr.core.errors import WeightsUnavailableError
from kadr.core.extraction import Extraction, Moment, Vector
from kadr.core.passages import embed_passages
from kadr.core.text import script
from kadr.media.audio import read_audio
from kadr.media.limits import MediaLimits
from kadr.models.registry import InstalledModel, installed, require
from kadr.runtime.settings import ExtractorSettings

if TYPE_CHECKING:
    from kadr.adapters.glossary_translator import GlossaryTranslator
    from kadr.adapters.minilm import MiniLM

RECIPE = "1"  # to be raised when windows, thresholds or the way of translating change


def model_version(settings: ExtractorSettings) -> str:
    """Return the versions of everything that takes part.

    Raises:
        WeightsUnavailableError: Whisper or the voice activity detector is not installed.
    """
    models = [require(role, settings.models_dir) for role in ("speech", "vad")]
    text = installed("text", settings.models_dir)
    return "+".join([*(model.version for model in models), text.version if text else "no-text", RECIPE])


def extract(path: Path, settings: ExtractorSettings) -> Extraction:
    """Return what is said, with times, and its vector.

    A video without sound, or in which nobody speaks, needs no Whisper to be told from one that does.

    Raises:
        MediaError: as :func:`kadr.media.audio.read_audio`.
        WeightsUnavailableError: somebody speaks, and Whisper is not installed.
        WeightsRefusedError: as :func:`kadr.models.registry.require`.
    """
    limits = MediaLimits(max_bytes=settings.media_max_bytes, max_duration=settings.media_max_duration)
    audio = read_audio(path, limits, RATE)
    if not audio.size:
        return Extraction(reason="no sound")
    heard = windows(_vad(require("vad", settings.models_dir)).spans(audio), longest=WINDOW)
    details: dict[str, object] = {
        "seconds": round(audio.size / RATE, 1),
        "speech_seconds": round(sum(window.seconds for window in heard), 1),
    }
    if not heard:
        return Extraction(reason="no speech", details=details)

    whisper = _whisper(require("speech", settings.models_dir))
    moments = [moment for window in heard for moment in _understand(window, window.audio(audio), whisper)]
    if not moments:
        return Extraction(reason="no intelligible speech", details=details)
    details["languages"] = dict(Counter(moment.language for moment in moments).most_common())
    vector = _embed(moments, settings.models_dir)
    if vector is None:
        details["vector"] = "the text encoder is not installed"
    return Extraction(moments=tuple(moments), vector=vector, details=details)


def _understand(window: Window, audio: Vector, whisper: Whisper) -> list[Moment]:
    heard = whisper.transcribe(audio)
    english: list[str] = [""] * len(heard.segments)
    if heard.segments and heard.language != "en":
        translated = whisper.transcribe(audio, language=heard.language, task="translate")
        english = _aligned(heard.segments, translated.segments)
    return [
        Moment(
            start=window.in_video(said.start),
            end=max(window.in_video(said.end, end=True), window.in_video(said.start)),
            text=said.text,
            language=heard.language,
            confidence=said.confidence,
            translation=translation or _by_glossary(said.text),
        )
        for said, translation in zip(heard.segments, english, strict=True)
    ]


def _aligned(said: Sequence[Said], translated: Sequence[Said]) -> list[str]:
    """Give each translated segment to the original one with which it shares most time."""
    parts: list[list[str]] = [[] for _ in said]
    for segment in translated:
        common = [min(segment.end, one.end) - max(segment.start, one.start) for one in said]
        parts[max(range(len(said)), key=common.__getitem__)].append(segment.text)
    return [" ".join(part) for part in parts]


def _by_glossary(text: str) -> str:
    """Translate Russian word by word, for what Whisper left untranslated; "" for English."""
    if script(text) not in {"cyrillic", "mixed"}:
        return ""
    return _glossary().translate(text)


def _embed(moments: Sequence[Moment], models_dir: Path) -> Vector | None:
    try:
        encoder = _text(require("text", models_dir).directory)
    except WeightsUnavailableError:
        return None
    return embed_passages(encoder.embed, [moment.translation or moment.text for moment in moments])


@cache
def _vad(model: InstalledModel) -> SileroVad:
    return SileroVad(model)


@cache
def _whisper(model: InstalledModel) -> Whisper:
    return Whisper(model)


@cache
def _text(directory: Path) -> MiniLM:
    from kadr.adapters.minilm import MiniLM

    return MiniLM(directory)


@cache
def _glossary() -> GlossaryTranslator:
    from kadr.adapters.glossary_translator import GlossaryTranslator
    from kadr.adapters.pymorphy import Pymorphy
    from kadr.core.glossary import Glossary

    return GlossaryTranslator(Glossary.load(Pymorphy().lemmas))
