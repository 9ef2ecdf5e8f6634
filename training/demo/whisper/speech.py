"""Speech and other sounds, made once and kept as mel spectra; training takes what is there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.demo.whisper import features, sentences, voices
from training.demo.whisper.features import FRAMES_A_SECOND, Stored
from training.demo.whisper.sentences import Sentence

LONGEST = 9.0  # seconds of an utterance; longer ones are not kept
CHUNK = 2000  # utterances in a file
MADE_FROM = 30  # the first file with timbres that were made for it
_STYLES = ("calm", "guitar", "chip", "beat", "piano")
_TRACK = 30  # seconds


@dataclass(frozen=True, slots=True)
class Utterance:
    """A sentence as somebody said it; ``spectrum`` is (frames, 80)."""

    sentence: Sentence
    voice: str
    spectrum: Stored

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return len(self.spectrum) / FRAMES_A_SECOND


def make(folder: Path, chunk: int, seed: int = 1) -> None:
    """Write ``speech-CHUNK``: sentences of both languages by any voice that may be trained on."""
    rng = np.random.default_rng([seed, chunk])
    timbres = voices.made(chunk) if chunk >= MADE_FROM else {}
    speaker, synthesiser = sentences.Speaker(rng), voices.Synthesiser(timbres)
    names = tuple(timbres) or voices.TIMBRES
    spoken: list[Utterance] = []
    while len(spoken) < CHUNK:
        language = "ru" if rng.random() < 0.55 else "en"
        made = said(synthesiser, speaker.sentence(language), voices.voice(rng, language, names))
        if made is not None:
            spoken.append(made)
    save(spoken, folder / f"speech-{chunk:03}")


def said(synthesiser: voices.Synthesiser, sentence: Sentence, voice: voices.Voice) -> Utterance | None:
    """Let the voice say it; ``None`` where that takes too long to be of use, or gives no sound."""
    samples = synthesiser.say(sentence.text, voice)
    if not 0.3 <= len(samples) / voices.RATE <= LONGEST:
        return None
    return Utterance(sentence, voice.name, features.stored(features.powers(samples)))


def save(spoken: Sequence[Utterance], path: Path) -> None:
    """Write ``path``.npy and ``path``.jsonl; the second last, so that who sees it sees both."""
    np.save(path.with_suffix(".npy"), np.concatenate([each.spectrum for each in spoken]))
    lines = (
        json.dumps(
            {**asdict(each.sentence), "voice": each.voice, "frames": len(each.spectrum)}, ensure_ascii=False
        )
        for each in spoken
    )
    part = path.with_suffix(".part")
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    part.replace(path.with_suffix(".jsonl"))


def load(path: Path) -> list[Utterance]:
    """Read what :func:`save` wrote."""
    spectra = np.load(path.with_suffix(".npy"))
    spoken = []
    at = 0
    for line in path.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines():
        read = json.loads(line)
        frames, voice = read.pop("frames"), read.pop("voice")
        spoken.append(Utterance(Sentence(**read), voice, spectra[at : at + frames]))
        at += frames
    return spoken


def backgrounds(seed: int, tracks: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Music and noises, (tracks, frames, 80) each, 30 s long, about as loud as speech."""
    rng = np.random.default_rng(seed)
    music = [features.stored(features.powers(tune(rng, track, _TRACK))) for track in range(tracks)]
    noises = [features.stored(features.powers(noise(rng))) for _ in range(tracks)]
    return np.stack(music), np.stack(noises)


def tune(rng: np.random.Generator, number: int, seconds: int) -> npt.NDArray[np.float32]:
    """Music as the sample clips have it, of another style each time: (n,) samples at 16 kHz."""
    from samples.recipe.sound import play
    from samples.recipe.spec import RATE, Music

    music = Music(
        style=_STYLES[number % len(_STYLES)],
        root=int(rng.integers(45, 66)),
        tempo=int(rng.integers(70, 140)),
        gain=0.7,
    )
    made = play(music, seconds, int(rng.integers(1, 2**31))).astype(np.float32)
    return voices.resampled(made, RATE)


def noise(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """From white to brown, steady or in gusts."""
    count = _TRACK * voices.RATE
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum *= np.maximum(np.arange(len(spectrum)), 100) ** -rng.uniform(0, 1.2)
    samples = np.fft.irfft(spectrum, count)
    if rng.random() < 0.5:
        knots = rng.uniform(0.02, 1, 40)
        samples *= np.interp(np.linspace(0, 39, count), np.arange(40), knots)
    return np.asarray(samples * (0.7 / np.abs(samples).max()), np.float32)
