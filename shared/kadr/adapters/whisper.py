"""Whisper under CTranslate2, through faster-whisper."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kadr.core.errors import WeightsRefusedError
from kadr.core.extraction import Vector
from kadr.models.registry import InstalledModel

# The limits that Whisper's authors use: above the first, unless the text is likely, nobody spoke; below
# the second the text is a guess; above the third it repeats itself.
_NO_SPEECH, _LOG_PROBABILITY, _COMPRESSION = 0.6, -1.0, 2.4
WINDOW = 30.0  # seconds; what the encoder sees at once


@dataclass(frozen=True, slots=True)
class Said:
    """One segment: seconds from the beginning of the window, text, confidence 0…1."""

    start: float
    end: float
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said in a window, and in which language (ISO 639-1)."""

    language: str
    language_probability: float
    segments: tuple[Said, ...]


class Whisper:
    """Greedy and reproducible: the same window always gives the same text. Thread-safe."""

    def __init__(self, model: InstalledModel, *, threads: int = 0) -> None:
        self._model = model
        self.model_version = model.version
        self._threads = threads
        self._whisper: Any = None
        self._lock = threading.Lock()

    def load(self) -> Any:
        """Load the weights unless that has been done.

        Raises:
            WeightsUnavailableError: a file is missing; without tokenizer.json faster-whisper would
                ask the network for one.
            WeightsRefusedError: a checksum is wrong, or CTranslate2 does not understand the file.
        """
        with self._lock:
            if self._whisper is None:
                self._model.file("tokenizer.json")
                directory = self._model.verified()
                from faster_whisper import WhisperModel

                try:
                    self._whisper = WhisperModel(
                        str(directory),
                        device="cpu",
                        compute_type="int8",
                        cpu_threads=self._threads,
                        local_files_only=True,
                    )
                except (RuntimeError, ValueError) as error:
                    raise WeightsRefusedError(f"{directory} is not a Whisper model: {error}") from error
            return self._whisper

    def transcribe(
        self,
        audio: Vector,
        *,
        language: str | None = None,
        task: Literal["transcribe", "translate"] = "transcribe",
    ) -> Transcript:
        """Return what is said in (n,) samples at 16 kHz, at most 30 s; ``translate`` gives English.

        Guesses, repetitions and what was heard into silence are left out.
        """
        whisper = self.load()
        found, info = whisper.transcribe(
            np.ascontiguousarray(audio, dtype=np.float32),
            language=language,
            task=task,
            beam_size=1,
            best_of=1,
            temperature=0.0,
            condition_on_previous_text=False,
            no_speech_threshold=_NO_SPEECH,
            log_prob_threshold=_LOG_PROBABILITY,
            compression_ratio_threshold=_COMPRESSION,
            vad_filter=False,
        )
        length = len(audio) / 16_000
        segments = tuple(
            Said(
                start=round(min(segment.start, length), 2),
                end=round(min(segment.end, length), 2),
                text=segment.text.strip(),
                confidence=round(float(np.exp(min(segment.avg_logprob, 0.0))), 3),
            )
            for segment in found
            if segment.avg_logprob >= _LOG_PROBABILITY
            and segment.compression_ratio <= _COMPRESSION
            and segment.text.strip()
        )
        return Transcript(
            language=str(info.language),
            language_probability=round(float(info.language_probability), 3),
            segments=segments,
        )
