"""A spoken query as text, for browsers that have no recogniser of their own.

The recording is decoded in the media sandbox, is not kept, and neither it nor the text is written to the log.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import numpy as np
from fastapi import Depends, FastAPI, Request

from functions.search import schemas
from functions.search.services import Injected
from functions.search.uploads import UploadError, UploadRules, read_upload
from kadr.core.errors import DamagedMediaError, MediaLimitError, NotAVideoError, WeightsUnavailableError
from kadr.core.extraction import Vector
from kadr.core.plausible import plausible
from kadr.core.throttle import TokenBuckets
from kadr.media.audio import read_audio
from kadr.media.limits import MEBIBYTE, MediaLimits
from kadr.models.registry import InstalledModel, require
from kadr.runtime.settings import SearchSettings
from kadr.runtime.telemetry import logger

if TYPE_CHECKING:
    from kadr.adapters.silero import SileroVad, Span
    from kadr.adapters.whisper import Whisper

PATH = "/speech-query"
RATE = 16_000  # Hz; what Silero and Whisper hear
# What browsers' MediaRecorder makes (WebM, Ogg, MP4), what programs make (WAV, MP3), and their other names.
CONTENT_TYPES = (
    "audio/webm",
    "audio/ogg",
    "application/ogg",
    "audio/mp4",
    "audio/m4a",
    "audio/x-m4a",
    "audio/mpeg",
    "audio/mp3",
    "audio/wav",
    "audio/wave",
    "audio/x-wav",
    "audio/vnd.wave",
)
# Whoever corrects a misheard query says it again at once, three or four times.
_BURST = 5
# A page stops its recorder with a timer, which is late, and the last packet is a whole one.
_SLACK = 1.0  # seconds
# Recordings in memory at the same time, where one process serves many (on Lambda it serves one). CTranslate2
# works them off one by one anyway; who would have to wait longer is told to come back.
_AT_ONCE, _PATIENCE = 2, 3.0  # seconds
_LONGEST_TEXT = 300  # characters; what /search takes


@dataclass(frozen=True, slots=True)
class Voice:
    """What was cut out of the recording: its length in seconds, and how sure it is that somebody speaks."""

    seconds: float
    probability: float


class SpeechQueries:
    """Turns recordings into text, within limits. Weights load at the first recording; thread-safe."""

    def __init__(self, settings: SearchSettings, *, buckets: TokenBuckets | None = None) -> None:
        self._settings = settings
        self.rules = UploadRules(
            name="a spoken query",
            plural="spoken queries",
            kinds=CONTENT_TYPES,
            max_bytes=settings.speech_query_max_bytes,
            not_one=_not_sound(),
        )
        self.buckets = buckets or TokenBuckets(settings.speech_query_per_minute, _BURST)
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._longest = settings.speech_query_max_seconds
        self._limits = MediaLimits(
            max_bytes=settings.speech_query_max_bytes,
            max_duration=self._longest + _SLACK,
            max_streams=1,
            max_cpu_seconds=5,
            max_memory=1024 * MEBIBYTE,
            wall_timeout=8.0,
        )

    def text(self, sound: bytes) -> schemas.SpeechQueryAnswer:
        """Return what is said in a recording.

        Raises:
            UploadError: it is no recording, is too long, or nothing is said in it; Whisper is not
                installed; too many ask at once.
            WeightsRefusedError: as :func:`kadr.models.registry.require`.
        """
        try:
            vad = _vad(require("vad", self._settings.models_dir))
            whisper = _whisper(require("speech", self._settings.models_dir))
        except WeightsUnavailableError as error:
            message = f"spoken queries are not understood here: weights not installed: {error.role}"
            raise UploadError(503, "unavailable", message) from error
        with self._slot():
            begun = perf_counter()
            audio = self._decode(sound)
            decoded = perf_counter()
            spans = vad.spans(audio)
            if not spans:
                raise _nothing_said()
            voice = _voice(spans)
            listened = perf_counter()
            # The pauses stay: a query is shorter than a window, and a pause tells where a word ends.
            window = audio[spans[0].start : spans[-1].end]
            (transcript,) = whisper.transcribe([window], text_only=True)
            said = plausible(transcript.segments, voice)
            text = _query(" ".join(each.text for each in said if each is not None))
            if not text:
                raise _nothing_said()
            done = perf_counter()
        return schemas.SpeechQueryAnswer(
            text=text,
            language=transcript.language,
            seconds=round(audio.size / RATE, 2),
            took_ms={
                "decode": _milliseconds(decoded - begun),
                "voice": _milliseconds(listened - decoded),
                "text": _milliseconds(done - listened),
                "total": _milliseconds(done - begun),
            },
        )

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=_PATIENCE):
            raise UploadError(
                503, "busy", "too many people speak at the same moment, try again", {"Retry-After": "3"}
            )
        try:
            yield
        finally:
            self._slots.release()

    def _decode(self, sound: bytes) -> Vector:
        try:
            with NamedTemporaryFile(prefix="speech-query-") as file:
                file.write(sound)
                file.flush()
                audio = read_audio(Path(file.name), self._limits, RATE)
        except NotAVideoError as error:
            raise _not_sound() from error
        except DamagedMediaError as error:
            raise UploadError(
                422, "damaged", "the recording is cut off or damaged: record it again"
            ) from error
        except MediaLimitError as error:
            logger().info("a spoken query was refused", reason=str(error))
            raise self._too_long() from error
        if not audio.size:
            raise _not_sound()
        if audio.size > (self._longest + _SLACK) * RATE:
            raise self._too_long()
        # Float samples can be anything, not-a-number too.
        return np.clip(np.nan_to_num(audio), -1.0, 1.0)

    def _too_long(self) -> UploadError:
        return UploadError(
            422,
            "too_long",
            f"a spoken query is one track of sound, without a picture, of at most {self._longest:g} s: "
            "record it again, shorter",
        )


@cache
def _made(settings: SearchSettings) -> SpeechQueries:
    return SpeechQueries(settings)


def speech_queries(here: Injected) -> SpeechQueries:
    """Return the process's one; its buckets have to be the same ones for every request."""
    return _made(here.settings)


Queries = Annotated[SpeechQueries, Depends(speech_queries)]


async def recording(request: Request, queries: Queries) -> bytes:
    """Return the body, if it may be one."""
    return await read_upload(request, queries.rules, queries.buckets)


def speech_query(queries: Queries, sound: Annotated[bytes, Depends(recording)]) -> schemas.SpeechQueryAnswer:
    """Return what is said in a short recording, as text to search for, in the language that was spoken.

    The body is the recording itself, not a form. It is not kept.
    """
    return queries.text(sound)


def register(app: FastAPI) -> None:
    """Add the route and its errors."""
    about = {
        413: "The recording has too many bytes.",
        415: "The body is not sound.",
        422: "The recording is empty, damaged or too long, or nothing is said in it.",
        429: "This client asked too often; `Retry-After` says when to come back.",
        503: "Whisper is not installed here, or too many ask at once.",
    }
    app.add_api_route(
        PATH,
        speech_query,
        methods=["POST"],
        tags=["search"],
        responses={
            status: {"model": schemas.ErrorAnswer, "description": text} for status, text in about.items()
        },
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    kind: {"schema": {"type": "string", "format": "binary"}} for kind in CONTENT_TYPES
                },
            }
        },
    )


def _not_sound() -> UploadError:
    return UploadError(
        415,
        "not_sound",
        "this is not a recording of sound: send WebM, Ogg, MP4, MP3 or WAV as the body, "
        "and its type as Content-Type",
    )


def _nothing_said() -> UploadError:
    return UploadError(422, "nothing_said", "nothing was said: speak closer to the microphone")


def _voice(spans: list[Span]) -> Voice:
    samples = sum(span.end - span.start for span in spans)
    sure = sum((span.end - span.start) * span.probability for span in spans)
    return Voice(seconds=samples / RATE, probability=sure / samples)


def _query(text: str) -> str:
    """Return a transcript as somebody would type it: no full stop at the end, not longer than a query."""
    text = text.strip().rstrip(".… ")
    if len(text) > _LONGEST_TEXT:
        text = text[: _LONGEST_TEXT + 1].rpartition(" ")[0] or text[:_LONGEST_TEXT]
    return text


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


@cache
def _vad(model: InstalledModel) -> SileroVad:
    from kadr.adapters.silero import SileroVad

    return SileroVad(model)


@cache
def _whisper(model: InstalledModel) -> Whisper:
    from kadr.adapters.whisper import Whisper

    return Whisper(model)
