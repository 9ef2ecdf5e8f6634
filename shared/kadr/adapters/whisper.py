"""Whisper under CTranslate2, with faster-whisper's tokenizer and features.

faster-whisper's own loop encodes a window once for each of language, transcript and translation, and says
one after the other. Here a window is encoded once, and transcript and translation are decoded side by side:
a decoder step is bound by reading the weights, so that a second sequence costs little.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

import numpy as np

from kadr.core.errors import WeightsRefusedError
from kadr.core.extraction import Vector, Word
from kadr.core.plausible import Said
from kadr.models.registry import InstalledModel

RATE = 16_000  # Hz
WINDOW = 30.0  # seconds; what the encoder sees at once

# The limits that Whisper's authors use: above the first, unless the text is likely, nobody spoke; below
# the second the text is a guess.
_NO_SPEECH, _LOG_PROBABILITY = 0.6, -1.0
_STEP = 0.02  # seconds per timestamp token, and per position of the encoder
_FIRST = 50  # steps: the first timestamp is within the first second
_LENGTH = 448  # tokens, the prompt included; the decoder has no more positions
# Where the decoder stopped early with this much left, the rest is heard again as a window of its own.
_REST = 1.0  # seconds
_Task = Literal["transcribe", "translate"]
# Keys and values of the cross-attention, the largest thing in memory: 37 MB a sequence for base, 295 MB for
# medium. Enough for one window of base: transcript and translation share a decoder step already, and what
# more windows at once save in time they cost in memory that grows with the video.
_MEMORY = 75e6  # bytes
# Larger blocks than this go back to the system when they are freed. Left to itself, glibc learns from the
# first window to keep blocks of 32 MiB, whose remains grow with the number of windows: 524 MiB after ten
# minutes of speech, against 441.
_MMAP_THRESHOLD = (-3, 1024 * 1024)  # mallopt's M_MMAP_THRESHOLD, bytes
_LAYERS = {384: 4, 512: 6, 768: 12, 1024: 24}  # by width; 32 above


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard in one window, and in which language (ISO 639-1).

    ``english`` is the translation, in segments of its own; empty where the language is English or the model
    is not asked for it.
    """

    language: str
    language_probability: float
    segments: tuple[Said, ...]
    english: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    """Tokens between two timestamps, in seconds."""

    start: float
    end: float
    tokens: list[int]


@dataclass(frozen=True, slots=True)
class _Window:
    """A window, or what is left of it from ``offset`` seconds on."""

    index: int
    offset: float
    audio: Vector
    language: tuple[str, float] | None = None  # of a rest: that of the whole

    @property
    def seconds(self) -> float:
        return len(self.audio) / RATE


@dataclass(frozen=True, slots=True)
class _Heard:
    """Windows as the encoder understands them; one row, one count of feature frames, one language each."""

    windows: Sequence[_Window]
    encoded: Any
    frames: Sequence[int]
    languages: Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class _Decoded:
    """One generated sequence; ``rest`` is where it broke off, in seconds, if it did."""

    pieces: list[_Piece]
    rest: float | None
    log_probability: float  # per token
    no_speech: float


class Whisper:
    """Greedy and reproducible: the same window always gives the same text. Thread-safe.

    ``threads`` of 0 are as many as the process may use cores. ``translate`` says whether it is asked for the
    English of other languages; if it is None, the manifest's ``preprocessing`` may say ``"translate": false``
    of a model that has not learnt to (the turbo variants, the demo's): the text translator is then better.
    """

    def __init__(self, model: InstalledModel, *, threads: int = 0, translate: bool | None = None) -> None:
        self._model = model
        self.model_version = model.version
        self._threads = threads or len(os.sched_getaffinity(0))
        self._translate = model.preprocessing.get("translate", True) if translate is None else translate
        self._whisper: Any = None
        self._together = 1
        self._suppressed: list[int] = []
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
                _return_freed_memory()
                from faster_whisper import WhisperModel
                from faster_whisper.transcribe import get_suppressed_tokens

                try:
                    whisper = WhisperModel(
                        str(directory),
                        device="cpu",
                        compute_type="int8",
                        cpu_threads=self._threads,
                        local_files_only=True,
                    )
                except (RuntimeError, ValueError) as error:
                    raise WeightsRefusedError(f"{directory} is not a Whisper model: {error}") from error
                self._whisper = whisper
                self._suppressed = list(get_suppressed_tokens(self._tokenizer("en"), (-1,)))
                self._together = _windows_at_once(whisper.model)
            return self._whisper

    def transcribe(self, windows: Iterable[Vector], *, text_only: bool = False) -> Iterator[Transcript]:
        """Yield what is said in each window: (n,) samples at 16 kHz, at most 30 s.

        Windows are taken a few at a time, so an iterator need not hold them all. What is yielded for one
        does not depend on the others. Guesses and what the model itself takes for silence are left out;
        whether the rest is plausible, the caller has to judge. With ``text_only`` there are no times of
        words and no translation, which somebody who waits for a text need not wait for.
        """
        self.load()
        remaining = iter(windows)
        while group := list(islice(remaining, self._together)):
            yield from self._group(group, text_only)

    def _group(self, windows: Sequence[Vector], text_only: bool) -> list[Transcript]:
        found: list[list[Transcript]] = [[] for _ in windows]
        pending = [_Window(index, 0.0, np.asarray(audio)) for index, audio in enumerate(windows)]
        while pending:
            rests = []
            for window, (transcript, rest) in zip(pending, self._round(pending, text_only), strict=True):
                found[window.index].append(transcript)
                if rest is not None and window.seconds - rest >= _REST:
                    audio = window.audio[round(rest * RATE) :]
                    language = (transcript.language, transcript.language_probability)
                    rests.append(_Window(window.index, window.offset + rest, audio, language))
            pending = rests
        return [_joined(parts) for parts in found]

    def _round(self, windows: Sequence[_Window], text_only: bool) -> list[tuple[Transcript, float | None]]:
        """Return each window's transcript and where it breaks off, in seconds of the window."""
        heard = self._hear(windows)
        tasks: dict[bool, tuple[_Task, ...]] = {True: ("transcribe",), False: ("transcribe", "translate")}
        sequences = [
            (index, task)
            for index, (language, _) in enumerate(heard.languages)
            for task in tasks[text_only or language == "en" or not self._translate]
        ]
        decoded = dict(zip(sequences, self._generate(heard, sequences), strict=True))
        originals = [decoded[index, "transcribe"] for index in range(len(windows))]
        spoken = [
            index
            for index, one in enumerate(originals)
            if not (one.no_speech > _NO_SPEECH and one.log_probability < _LOG_PROBABILITY)
        ]
        segments = (
            {
                index: self._untimed(originals[index], windows[index], originals[index].rest)
                for index in spoken
            }
            if text_only
            else self._aligned(heard, originals, spoken)
        )
        results = []
        for index, (window, original) in enumerate(zip(windows, originals, strict=True)):
            english = decoded.get((index, "translate"))
            rest = original.rest if index in spoken else None
            results.append(
                (
                    Transcript(
                        language=heard.languages[index][0],
                        language_probability=round(heard.languages[index][1], 3),
                        segments=tuple(segments.get(index, ())),
                        english=self._untimed(english, window, rest)
                        if english is not None and index in spoken
                        else (),
                    ),
                    rest,
                )
            )
        return results

    def _hear(self, windows: Sequence[_Window]) -> _Heard:
        from ctranslate2 import StorageView

        extractor = self._whisper.feature_extractor
        full = int(WINDOW / extractor.time_per_frame)
        batch = np.empty((len(windows), extractor.mel_filters.shape[0], full), np.float32)
        frames = []
        for row, window in zip(batch, windows, strict=True):
            # No reflection at the end, which is followed by silence; half a frame at least is needed.
            features = extractor(np.pad(window.audio.astype(np.float32), (0, 400)), padding=0)
            count = min(full, max(1, len(window.audio) // extractor.hop_length))
            # Silence, as in training: eight powers of ten below the loudest, and not below 10⁻¹⁰.
            row[:] = max(float(features[:, :count].max()) - 2.0, -1.5)
            row[:, :count] = features[:, :count]
            frames.append(count)
        encoded = self._whisper.model.encode(StorageView.from_array(batch))
        return _Heard(windows, encoded, frames, self._languages(encoded, windows))

    def _languages(self, encoded: Any, windows: Sequence[_Window]) -> list[tuple[str, float]]:
        if not self._whisper.model.is_multilingual:
            return [("en", 1.0)] * len(windows)
        found = self._whisper.model.detect_language(encoded)
        return [
            window.language or (best[0][0].strip("<|>"), float(best[0][1]))
            for window, best in zip(windows, found, strict=True)
        ]

    def _generate(self, heard: _Heard, sequences: Sequence[tuple[int, _Task]]) -> list[_Decoded]:
        """Decode window ``index`` for ``task``, all at once."""
        results = self._whisper.model.generate(
            _rows(heard.encoded, [index for index, _ in sequences]),
            [self._tokenizer(heard.languages[index][0], task).sot_sequence for index, task in sequences],
            beam_size=1,
            max_length=_LENGTH,
            suppress_blank=True,
            suppress_tokens=self._suppressed,
            max_initial_timestamp_index=_FIRST,
            return_scores=True,
            return_no_speech_prob=True,
        )
        decoded = []
        tokenizer = self._tokenizer("en")
        for (index, _), result in zip(sequences, results, strict=True):
            tokens = result.sequences_ids[0]
            pieces, rest = _pieces(
                tokens, tokenizer.eot, tokenizer.timestamp_begin, heard.windows[index].seconds
            )
            decoded.append(
                _Decoded(
                    pieces,
                    rest,
                    # The score is the mean over the tokens; the end of text was one more decision.
                    result.scores[0] * len(tokens) / (len(tokens) + 1),
                    result.no_speech_prob,
                )
            )
        return decoded

    def _aligned(
        self, heard: _Heard, decoded: Sequence[_Decoded], spoken: Sequence[int]
    ) -> dict[int, Sequence[Said]]:
        """Return the segments of each window with the times and probabilities of their words.

        One more pass of the decoder over a text that is known, so over all its tokens at once.
        """
        found: dict[int, Sequence[Said]] = {}
        for language in sorted({heard.languages[index][0] for index in spoken}):
            tokenizer = self._tokenizer(language)
            texts = {
                index: [token for piece in decoded[index].pieces for token in piece.tokens]
                for index in spoken
                if heard.languages[index][0] == language
            }
            indices = [index for index, tokens in texts.items() if tokens]
            if not indices:
                continue
            results = self._whisper.model.align(
                _rows(heard.encoded, indices),
                tokenizer.sot_sequence,
                [texts[index] for index in indices],
                [heard.frames[index] for index in indices],
            )
            for index, result in zip(indices, results, strict=True):
                found[index] = self._segments(tokenizer, decoded[index], heard.windows[index], result)
        return found

    @staticmethod
    def _segments(tokenizer: Any, decoded: _Decoded, window: _Window, alignment: Any) -> list[Said]:
        starts: dict[int, int] = {}  # of each token, in steps
        for token, step in alignment.alignments:
            starts.setdefault(token, step)
        probabilities = np.asarray(alignment.text_token_probs, np.float64)
        segments = []
        position = 0
        for piece in decoded.pieces:
            count = len(piece.tokens)
            likely = np.log(np.clip(probabilities[position : position + count], 1e-10, 1.0)).mean()
            if likely >= _LOG_PROBABILITY:
                texts, tokens = tokenizer.split_to_word_tokens(piece.tokens)
                bounds = position + np.cumsum([0, *(len(each) for each in tokens)])
                times = [starts.get(int(bound), int(piece.end / _STEP)) * _STEP for bound in bounds]
                words = _words(texts, times, piece, window.offset)
                text = "".join(word.text for word in words).strip()
                if text:
                    segments.append(
                        Said(
                            start=round(window.offset + piece.start, 2),
                            end=round(window.offset + piece.end, 2),
                            text=text,
                            confidence=round(float(np.exp(likely)), 3),
                            no_speech=round(decoded.no_speech, 3),
                            words=words,
                        )
                    )
            position += count
        return segments

    def _untimed(self, decoded: _Decoded, window: _Window, until: float | None) -> tuple[Said, ...]:
        """Return segments without words; those from ``until`` on are heard again with the rest."""
        if decoded.log_probability < _LOG_PROBABILITY:
            return ()
        tokenizer = self._tokenizer("en")
        return tuple(
            Said(
                start=round(window.offset + piece.start, 2),
                end=round(window.offset + piece.end, 2),
                text=text,
                confidence=round(float(np.exp(min(decoded.log_probability, 0.0))), 3),
                no_speech=round(decoded.no_speech, 3),
            )
            for piece in decoded.pieces
            if (until is None or piece.start < until) and (text := tokenizer.decode(piece.tokens).strip())
        )

    def _tokenizer(self, language: str, task: _Task = "transcribe") -> Any:
        from faster_whisper.tokenizer import Tokenizer

        multilingual = self._whisper.model.is_multilingual
        return Tokenizer(self._whisper.hf_tokenizer, multilingual, task=task, language=language)


def _return_freed_memory() -> None:
    with contextlib.suppress(OSError, AttributeError):  # another C library has another allocator
        ctypes.CDLL(None).mallopt(*_MMAP_THRESHOLD)


def _windows_at_once(model: Any) -> int:
    """Return how many windows fit into memory together, with two sequences each."""
    from ctranslate2 import StorageView

    width = int(model.encode(StorageView.from_array(np.zeros((1, model.n_mels, 2), np.float32))).shape[-1])
    keys_and_values = 2 * 4 * width * (WINDOW / _STEP) * _LAYERS.get(width, 32)
    return max(1, int(_MEMORY / (2 * keys_and_values)))


def _rows(encoded: Any, indices: Sequence[int]) -> Any:
    """Return the encoder's output with these rows, which may repeat."""
    from ctranslate2 import StorageView

    if list(indices) == list(range(encoded.shape[0])):
        return encoded
    return StorageView.from_array(np.ascontiguousarray(np.asarray(encoded)[list(indices)]))


def _pieces(tokens: Sequence[int], end: int, first: int, seconds: float) -> tuple[list[_Piece], float | None]:
    """Cut a sequence at its timestamps, which begin with ``first``; text tokens are below ``end``.

    Also return the time at which the decoder broke off: two timestamps at the end say that a segment
    begins there, which was not written. A segment without an end lasts as long as the window.
    """
    pieces = []
    start, text = 0.0, list[int]()
    for token in tokens:
        if token < end:
            text.append(token)
        elif token >= first:
            time = min((token - first) * _STEP, seconds)
            if text:
                pieces.append(_Piece(start, max(start, time), text))
                text = []
            start = time
    if text:
        pieces.append(_Piece(start, max(start, seconds), text))
    broke_off = len(tokens) > 1 and min(tokens[-2:]) >= first and start >= _REST
    return pieces, start if broke_off else None


def _words(texts: Sequence[str], times: Sequence[float], piece: _Piece, offset: float) -> tuple[Word, ...]:
    """Return words with their punctuation, within the times of their segment.

    Text *i* is said from ``times[i]`` to ``times[i + 1]``. Between two segments the alignment gives the
    pause to either; the timestamps know better.
    """
    words: list[Word] = []
    before, begun = "", 0.0  # an opening quotation mark belongs to what follows
    for text, *span in zip(texts, times, times[1:], strict=False):
        start, end = (float(np.clip(time, piece.start, piece.end)) for time in span)
        spoken = any(letter.isalnum() for letter in text)
        if not spoken and words and not text.startswith(" ") and not before:
            words[-1] = replace(words[-1], text=words[-1].text + text)
        elif not spoken:
            before, begun = before + text, begun if before else start
        else:
            start = begun if before else start
            words.append(Word(before + text, round(offset + start, 2), round(offset + end, 2)))
            before = ""
    if before and words:
        words[-1] = replace(words[-1], text=words[-1].text + before)
    return tuple(words)


def _joined(parts: Sequence[Transcript]) -> Transcript:
    """Return one transcript of a window that was heard in parts."""
    return replace(
        parts[0],
        segments=tuple(said for part in parts for said in part.segments),
        english=tuple(said for part in parts for said in part.english),
    )
