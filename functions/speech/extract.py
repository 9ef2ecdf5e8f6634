"""What is said: voice activity, transcript, English."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from functions.speech.windows import Window, windows
from kadr.adapters.silero import RATE, SileroVad
from kadr.adapters.translation import translator
from kadr.adapters.whisper import WINDOW, Transcript, Whisper
from kadr.core.errors import WeightsUnavailableError
from kadr.core.extraction import Extraction, Moment, Vector, Word
from kadr.core.passages import embed_passages
from kadr.core.plausible import Said, clean, plausible, worn_out
from kadr.core.text import script
from kadr.media.audio import Sound, open_audio
from kadr.media.limits import MediaLimits
from kadr.models.registry import InstalledModel, installed, require
from kadr.runtime.settings import ExtractorSettings

if TYPE_CHECKING:
    from kadr.adapters.minilm import MiniLM

RECIPE = "3"  # to be raised when windows, thresholds or the way of translating change

_RUSSIAN = {"cyrillic", "mixed"}  # scripts of what is not English


def model_version(settings: ExtractorSettings) -> str:
    """Return the versions of everything that takes part.

    Raises:
        WeightsUnavailableError: Whisper or the voice activity detector is not installed.
    """
    models = [require(role, settings.models_dir) for role in ("speech", "vad")]
    text = installed("text", settings.models_dir)
    versions = [*(model.version for model in models), text.version if text else "no-text"]
    return "+".join([*versions, translator(settings.models_dir).model_version, RECIPE])


def extract(path: Path, settings: ExtractorSettings) -> Extraction:
    """Return what is said, with times, and its vector.

    A video without sound, or in which nobody speaks, needs no Whisper to be told from one that does.

    Raises:
        MediaError: as :func:`kadr.media.audio.open_audio`.
        WeightsUnavailableError: somebody speaks, and Whisper is not installed.
        WeightsRefusedError: as :func:`kadr.models.registry.require`.
    """
    limits = MediaLimits(max_bytes=settings.media_max_bytes, max_duration=settings.media_max_duration)
    with open_audio(path, limits, RATE) as audio:
        if audio.unopened:
            return Extraction(reason=f"no sound that can be opened: it is {audio.unopened}")
        return _heard(audio, settings) if len(audio) else Extraction(reason="no sound")


def _heard(audio: Sound, settings: ExtractorSettings) -> Extraction:
    heard = windows(_vad(require("vad", settings.models_dir)).spans(audio), longest=WINDOW)
    details: dict[str, object] = {
        "seconds": round(len(audio) / RATE, 1),
        "speech_seconds": round(sum(window.seconds for window in heard), 1),
    }
    if not heard:
        return Extraction(reason="no speech", details=details)

    whisper = _whisper(require("speech", settings.models_dir))
    transcripts = whisper.transcribe(window.audio(audio) for window in heard)
    moments = [
        moment
        for window, transcript in zip(heard, transcripts, strict=True)
        for moment in understand(window, transcript, translator(settings.models_dir).translate)
    ]
    worn = worn_out([moment.text for moment in moments])
    moments = [moment for moment, dropped in zip(moments, worn, strict=True) if not dropped]
    if not moments:
        return Extraction(reason="no intelligible speech", details=details)
    details["languages"] = dict(Counter(moment.language for moment in moments).most_common())
    vector = _embed(moments, settings.models_dir)
    if vector is None:
        details["vector"] = "the text encoder is not installed"
    return Extraction(moments=tuple(moments), vector=vector, details=details)


def understand(
    window: Window, transcript: Transcript, translate: Callable[[str], str] | None = None
) -> list[Moment]:
    """Return what was plausibly said in a window, at the video's own times, with its translation.

    ``translate`` puts into English what Whisper left in Russian, or was not asked to translate.
    """
    english = _aligned(transcript.segments, transcript.english)
    moments = []
    for said, translation in zip(plausible(transcript.segments, window), english, strict=True):
        if said is None:
            continue
        start = window.in_video(said.start)
        moments.append(
            Moment(
                start=start,
                end=max(window.in_video(said.end, end=True), start),
                text=said.text,
                language=transcript.language,
                confidence=said.confidence,
                translation=""
                if transcript.language == "en"
                else _english(clean(translation), said.text, translate),
                words=tuple(
                    Word(word.text.strip(), *window.word_in_video(word.start, word.end))
                    for word in said.words
                ),
            )
        )
    return moments


def _aligned(said: Sequence[Said], translated: Sequence[Said]) -> list[str]:
    """Give each translated segment to the original one with which it shares most time."""
    parts: list[list[str]] = [[] for _ in said]
    for segment in translated if said else ():
        common = [min(segment.end, one.end) - max(segment.start, one.start) for one in said]
        parts[max(range(len(said)), key=common.__getitem__)].append(segment.text)
    return [" ".join(part) for part in parts]


def _english(translation: str, text: str, translate: Callable[[str], str] | None) -> str:
    """Return Whisper's translation; where that has Russian in it, or nothing, the translator's."""
    written = script(translation) if translation else "cyrillic"
    if written not in _RUSSIAN:
        return translation
    anew = translate(text) if translate is not None and script(text) in _RUSSIAN else ""
    # A name that was left in Russian is no reason to lose the rest.
    return anew or ("" if written == "cyrillic" else translation)


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
