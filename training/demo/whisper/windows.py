"""What the model hears in training: utterances, pauses, music and noise, up to Whisper's 30 s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.demo.whisper import features, tokens
from training.demo.whisper.features import FRAMES_A_SECOND, MELS, Powers, Stored
from training.demo.whisper.speech import Utterance

FULL = 3000  # frames in 30 s
_SHARES = {"ru": 0.4, "en": 0.6}  # of windows with speech: how English is spelt takes longer to learn
_MUSIC, _NOISE = 0.3, 0.45  # of windows have some behind the speech


@dataclass(frozen=True, slots=True)
class Heard:
    """``mel`` is (frames, 80), normalised; ``said`` are utterances with start and end in seconds."""

    mel: Powers
    language: str
    said: tuple[tuple[Utterance, float, float], ...]


class Composer:
    """Makes windows of utterances by language, spoilt in ways that voices and rooms differ in."""

    def __init__(self, music: Stored, noise: Stored) -> None:
        self.spoken: dict[str, list[Utterance]] = {"ru": [], "en": []}
        self._music, self._noise = music, noise

    def add(self, spoken: Sequence[Utterance]) -> None:
        """Have more to say."""
        for each in spoken:
            self.spoken[each.sentence.language].append(each)

    def language(self, rng: np.random.Generator) -> str:
        """One of those that something is said in."""
        known = [language for language, spoken in self.spoken.items() if spoken]
        shares = np.array([_SHARES[language] for language in known])
        return str(rng.choice(known, p=shares / shares.sum()))

    def choose(self, rng: np.random.Generator, language: str, seconds: float) -> list[Utterance]:
        """Utterances one after the other, that fill up to so many seconds; at least one."""
        spoken = self.spoken[language]
        chosen = [spoken[rng.integers(len(spoken))]]
        left = seconds - chosen[0].seconds
        while left > 1:
            another = spoken[rng.integers(len(spoken))]
            left -= another.seconds + 0.6
            if left > 0:
                chosen.append(another)
        return chosen

    def window(
        self,
        rng: np.random.Generator,
        said: Sequence[Utterance],
        language: str,
        *,
        full: bool,
        easy: bool = False,
    ) -> Heard:
        """A window of these utterances; ``full``: padded to 30 s as the adapter does; ``easy``: unspoilt."""
        parts: list[tuple[Utterance, int, Powers]] = []
        at = int(rng.integers(5, 30) if rng.random() < 0.85 else rng.integers(0, 90))
        for each in said:
            spectrum = vary(rng, each.spectrum)
            if at + len(spectrum) > FULL:
                break
            parts.append((each, at, spectrum))
            at += len(spectrum) + int(rng.integers(10, 60))
        end = (
            parts[-1][1] + len(parts[-1][2]) + int(rng.integers(5, 30))
            if parts
            else int(rng.integers(60, 400))
        )
        end += end % 2
        end = min(end, FULL)
        whole = np.full((end, MELS), features.SILENCE, np.float32)
        for _, start, spectrum in parts:
            whole[start : start + len(spectrum)] = spectrum
        mel = features.normalised(whole if easy else self._behind(rng, whole, spoken=bool(parts)))
        after = FULL - end if full else 2 * int(rng.integers(0, 40)) * int(rng.random() < 0.1)
        quiet = np.full((after, MELS), features.silence(mel), np.float32)
        mel = np.concatenate([mel if easy else masked(rng, mel), quiet])
        places = tuple(
            (each, start / FRAMES_A_SECOND, (start + len(spectrum)) / FRAMES_A_SECOND)
            for each, start, spectrum in parts
        )
        return Heard(mel, language, places)

    def _behind(self, rng: np.random.Generator, whole: Powers, *, spoken: bool) -> Powers:
        """Add music and noise, then a room or a microphone that favours some bands."""
        for tracks, share, softest, loudest in (
            (self._music, _MUSIC, -3.5, -1.0),
            (self._noise, _NOISE, -5.0, -1.4),
        ):
            if rng.random() < (share if spoken else 0.5):
                track = tracks[rng.integers(len(tracks))]
                start = int(rng.integers(0, max(1, len(track) - len(whole))))
                level = rng.uniform(softest, loudest if spoken else 0.5)
                whole = features.mixed(
                    whole, features.opened(track[start : start + len(whole)]) + np.float32(level)
                )
        knots = rng.normal(0, 0.12, 6)
        tilt = rng.uniform(-0.4, 0.2) * np.linspace(0, 1, MELS)
        curve = np.interp(np.linspace(0, 5, MELS), np.arange(6), knots) + tilt + rng.uniform(-1.2, 0.2)
        return np.asarray(np.where(whole > features.SILENCE, whole + curve, whole), np.float32)


def vary(rng: np.random.Generator, spectrum: Stored) -> Powers:
    """The utterance somewhat faster or slower, by a longer or shorter throat."""
    opened = features.opened(spectrum)
    if rng.random() < 0.4:
        return opened
    speed, throat = rng.uniform(0.95, 1.25), rng.uniform(0.94, 1.07)
    opened = _at(opened, np.arange(int(len(opened) / speed)) * speed)
    return _at(opened.T, np.arange(MELS) * throat).T


def _at(rows: Powers, places: npt.NDArray[np.floating[Any]]) -> Powers:
    """Rows between rows, linearly; beyond the last it is the last."""
    places = np.minimum(places, len(rows) - 1)
    low = places.astype(np.int64)
    share = (places - low).astype(np.float32)[:, None]
    return np.asarray(rows[low] * (1 - share) + rows[np.minimum(low + 1, len(rows) - 1)] * share, np.float32)


def masked(rng: np.random.Generator, mel: Powers) -> Powers:
    """Some bands and moments silenced (Park and others, "SpecAugment", 2019), in half of the windows."""
    if rng.random() < 0.5:
        return mel
    mel, quiet = mel.copy(), mel.min()
    width = int(rng.integers(1, 12))
    band = int(rng.integers(0, MELS - width))
    mel[:, band : band + width] = quiet
    for _ in range(1 + len(mel) // 300):
        width = int(rng.integers(1, 10))
        start = int(rng.integers(0, max(1, len(mel) - width)))
        mel[start : start + width] = quiet
    return mel


UNKNOWN = (-1.0, -1.0, -1.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the decoder is given, what it has to answer (−1: nothing), and where that is said (−1: unknown).

    Places are the middle, the beginning and the end of each answer, in positions of the encoder, 50 a second.
    """

    given: list[int]
    answer: list[int]
    places: list[tuple[float, float, float]]


def sequence(known: tokens.Tokens, heard: Heard, task: str, *, timed: bool) -> Asked:
    """A window's task. One in which nobody speaks begins with that answer, has one timestamp and then ends.

    A synthesiser takes about the same time for each letter, so that it is known where a piece is said.
    """
    prompt = known.prompt(heard.language, task)
    answer = [prompt[1] if heard.said else known.no_speech, -1]
    if not timed:
        prompt, answer = [*prompt, known.no_timestamps], [*answer, -1]
    text: list[int] = []
    places = [UNKNOWN] * (len(prompt) - 1)
    for utterance, start, end in heard.said:
        words = utterance.sentence.text if task == "transcribe" else utterance.sentence.english
        pieces, spans = known.pieces(words)
        text += [known.time(start), *pieces, known.time(end)] if timed else pieces
        if task == "transcribe":
            said = [
                _place(start + first * (end - start), start + last * (end - start)) for first, last in spans
            ]
            places += [_place(start, start), *said, _place(end, end)] if timed else said
    if timed and not heard.said:
        text = [known.first_time]
    answer += [*text, known.end]
    return Asked([*prompt, *text], answer, [*places, *[UNKNOWN] * (len(answer) - len(places))])


def _place(start: float, end: float) -> tuple[float, float, float]:
    return 25 * (start + end), 50 * start, 50 * end
