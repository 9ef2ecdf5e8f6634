"""Text on screen: what is written in a video, when, and what it means."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kadr.core.extraction import Extraction, Moment
from kadr.core.passages import embed_passages
from kadr.core.segments import Segment, segments
from kadr.core.text import language
from kadr.media.frames import FramePlan, sample_frames
from kadr.media.limits import MediaLimits
from kadr.media.probe import probe
from kadr.runtime.settings import ExtractorSettings

if TYPE_CHECKING:
    from functions.ocr.engine import Engine
    from functions.ocr.lexicon import Lexicon
    from kadr.adapters.minilm import MiniLM
    from kadr.ports.embedding import Translator

_RECIPE = "2"  # how lines become moments; raised when the same engines would give another result

_EVERY = 3.0  # seconds between frames of a long video
_FRAMES_OF_SHORT = 12  # a short video is looked at as often as a long one, down to
_EVERY_AT_LEAST = 0.75  # seconds between frames
_SIDE = 1280  # pixels of a frame's longer side: the smallest lettering that people read on a phone
_MOST_FRAMES = 900  # half an hour, and half as many changes


@cache
def _embedder(models: Path) -> MiniLM:
    from kadr.adapters.minilm import MiniLM
    from kadr.models.registry import require

    return MiniLM(require("text", models).directory)


@cache
def _lexicon(models: Path) -> Lexicon:
    from functions.ocr.lexicon import Lexicon
    from kadr.models.registry import require

    return Lexicon(require("text", models).file("tokenizer.json"))


def _translator(models: Path) -> Translator:
    from kadr.adapters.translation import translator

    return translator(models)


def engine(settings: ExtractorSettings) -> Engine:
    """Return what reads: EasyOCR where its weights are installed, the embedded engine otherwise.

    ``settings.ocr_engine`` may name one of them.

    Raises:
        WeightsUnavailableError: that one's weights are not installed.
    """
    from functions.ocr import engines

    return engines.choose(settings, _lexicon(settings.models_dir).knows)


def model_version(settings: ExtractorSettings) -> str:
    """Return what text is read and embedded with.

    Raises:
        WeightsUnavailableError: the engine's weights or the text encoder are not installed.
    """
    parts = (
        engine(settings).model_version,
        _embedder(settings.models_dir).model_version,
        _translator(settings.models_dir).model_version,
        _RECIPE,
    )
    return " ".join(parts)


def extract(path: Path, settings: ExtractorSettings) -> Extraction:
    """Return what is written in the video at ``path``.

    Raises:
        MediaError: it is not a video, is damaged, or exceeds a limit.
        WeightsUnavailableError: as :func:`model_version`.
    """
    limits = MediaLimits(max_bytes=settings.media_max_bytes, max_duration=settings.media_max_duration)
    found, facts = read_video(path, engine(settings), limits)
    if not found:
        return Extraction(reason="no text", details=facts)
    moments = _moments(found, settings.models_dir)
    vector = embed_passages(
        _embedder(settings.models_dir).embed, [moment.translation or moment.text for moment in moments]
    )
    return Extraction(moments=moments, vector=vector, details=facts)


def read_video(path: Path, engine: Engine, limits: MediaLimits) -> tuple[list[Segment], dict[str, int | str]]:
    """Return what is written, and facts for people about how it was read."""
    from functions.ocr.reader import FrameReader

    duration = probe(path, limits).duration
    every = min(_EVERY, max(_EVERY_AT_LEAST, duration / _FRAMES_OF_SHORT))
    plan = FramePlan(every=every, max_side=_SIDE, scene_changes=True, max_frames=_MOST_FRAMES)
    reader = FrameReader(engine)
    frames = [
        (frame.time, reader.read(frame.time, frame.image)) for frame in sample_frames(path, plan, limits)
    ]
    found = segments(frames, duration=duration)
    facts: dict[str, int | str] = {
        "frames": len(frames),
        "lines": reader.detected,
        "lines_recognised": reader.recognised,
        "readings": engine.readings,
        "engine": engine.model_version,
    }
    return found, facts


def _moments(found: Sequence[Segment], models: Path) -> tuple[Moment, ...]:
    """Return what was found as it is stored; all Russian is translated together."""
    russian = [segment.text for segment in found if language(segment.text) == "ru"]
    english = {
        each: done.text for each, done in zip(russian, _translator(models).explain(russian), strict=True)
    }
    return tuple(_moment(segment, english.get(segment.text, "")) for segment in found)


def _moment(segment: Segment, translation: str) -> Moment:
    return Moment(
        start=round(segment.start, 3),
        end=round(segment.end, 3),
        text=segment.text,
        language=language(segment.text),
        confidence=round(min(1.0, segment.confidence), 4),
        translation=translation if translation != segment.text else "",
    )
