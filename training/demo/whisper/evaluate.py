"""Word error rates: quickly while training, and of the published model through the project's adapter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from samples.recipe.sound import MUSIC_UNDER_VOICE
from training.demo.whisper import features, model, sentences, speech, voices, windows
from training.demo.whisper.sentences import Sentence, plain
from training.demo.whisper.speech import Utterance
from training.demo.whisper.windows import Composer

if TYPE_CHECKING:
    from training.demo.whisper.train import Trainer

_WATCHED = 24  # utterances a language, while training
_CLIPS = Path(__file__).resolve().parents[3] / "samples"
# What is judged: held-out sentences or not, unheard voices or not, music behind or not.
CONDITIONS: Mapping[str, tuple[bool, bool, bool]] = {
    "new words in known sentences, lists, words in any order": (False, False, False),
    "sentences of patterns not trained on": (True, False, False),
    "the same, music behind": (True, False, True),
    "the same, voices not trained on": (True, True, False),
    "new words in known sentences, voices not trained on": (False, True, False),
}


def errors(meant: Sequence[str], heard: Sequence[str]) -> int:
    """How many words have to be put in, left out or replaced to make one of the other (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(meant, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


def word_error_rate(pairs: Sequence[tuple[str, str]]) -> float:
    """Errors per word of what was meant, over all (meant, heard) pairs."""
    words = [(plain(meant), plain(heard)) for meant, heard in pairs]
    return sum(errors(*pair) for pair in words) / max(1, sum(len(meant) for meant, _ in words))


@dataclass(frozen=True, slots=True)
class Recording:
    """A sentence as the adapter is given it: (n,) samples at 16 kHz."""

    sentence: Sentence
    voice: str
    audio: npt.NDArray[np.float32]


def recordings(
    seed: int, language: str, count: int, *, templates: bool, voice: bool, music: bool = False
) -> list[Recording]:
    """Sentences of known or held-out ``templates`` by known or unheard voices (``True``: held out).

    As voice activity detection cuts them out, with a fifth of a second around; ``music``: as loud behind them
    as in the sample clips.
    """
    rng = np.random.default_rng(seed)
    speaker, synthesiser = sentences.Speaker(rng, held_out=templates), voices.Synthesiser()
    said: list[Recording] = []
    while len(said) < count:
        sentence = speaker.from_template(language) if templates else speaker.sentence(language)
        chosen = voices.voice(rng, language, voices.UNHEARD if voice else voices.TIMBRES)
        samples = synthesiser.say(sentence.text, chosen)
        if not 0.3 <= len(samples) / voices.RATE <= speech.LONGEST:
            continue
        samples = np.pad(samples, voices.RATE // 5)
        if music:
            tune = speech.tune(rng, len(said), -(-len(samples) // voices.RATE))
            samples = samples + np.float32(MUSIC_UNDER_VOICE) * tune[: len(samples)]
        said.append(Recording(sentence, chosen.name, samples.astype(np.float32)))
    return said


def window(recording: Recording, rng: np.random.Generator) -> windows.Heard:
    """A recording as training hears it, nothing added."""
    nothing = np.zeros((1, 1, features.MELS), np.uint8)
    spectrum = features.stored(features.powers(recording.audio))
    said = Utterance(recording.sentence, recording.voice, spectrum)
    return Composer(nothing, nothing).window(rng, [said], recording.sentence.language, full=False, easy=True)


class Quick:
    """What is watched while training: sentences that were not trained on, known voices, no noise."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._heard = {
            language: [
                window(each, rng) for each in recordings(99, language, _WATCHED, templates=False, voice=False)
            ]
            for language in ("ru", "en")
        }

    def __call__(self, trainer: Trainer) -> dict[str, float]:
        """The word error rate by language, with and without the right to look at what was meant."""
        found = {}
        for language, heard in self._heard.items():
            texts = self.listen(trainer, heard, "transcribe")
            found[f"wer {language}"] = word_error_rate(
                [(each.said[0][0].sentence.text, text) for each, text in zip(heard, texts, strict=True)]
            )
            if language == "ru":
                texts = self.listen(trainer, heard, "translate")
                found["wer ru-en"] = word_error_rate(
                    [
                        (each.said[0][0].sentence.english, text)
                        for each, text in zip(heard, texts, strict=True)
                        if each.said[0][0].sentence.english
                    ]
                )
        return {name: round(value, 3) for name, value in found.items()}

    def listen(self, trainer: Trainer, heard: Sequence[windows.Heard], task: str) -> list[str]:
        """Decode greedily, without timestamps."""
        import torch

        known = trainer.tokens
        longest = max(len(each.mel) for each in heard)
        mel = np.stack(
            [np.pad(each.mel, ((0, longest - len(each.mel)), (0, 0)), mode="edge") for each in heard]
        )
        ids = torch.tensor([[*known.prompt(each.language, task), known.no_timestamps] for each in heard])
        begin = ids.shape[1]
        with torch.no_grad():
            states = model.encode(trainer.quick, torch.from_numpy(mel).to(trainer.quick.dtype))
            done = torch.zeros(len(ids), dtype=torch.bool)
            for _ in range(60):
                chosen: Any = model.decode(trainer.quick, states, ids)[:, -1].float().argmax(-1)
                chosen[done] = known.end
                done |= chosen == known.end
                ids = torch.cat([ids, chosen[:, None]], 1)
                if done.all():
                    break
        return [known.decode(row[begin:].tolist()) for row in ids]


def heard(models: Path, audio: Sequence[npt.NDArray[np.float32]]) -> list[tuple[str, str, str]]:
    """Language, text and English of each window, by the project's adapter."""
    from kadr.adapters.whisper import Whisper
    from kadr.models.registry import require

    whisper = Whisper(require("speech", models), translate=True)  # whatever search makes of its English
    return [
        (
            each.language,
            " ".join(said.text for said in each.segments),
            " ".join(said.text for said in each.english),
        )
        for each in whisper.transcribe(audio)
    ]


@dataclass(frozen=True, slots=True)
class Judged:
    """Word error rates in one condition and language; ``english`` is that of the translation."""

    count: int
    transcript: float
    english: float | None
    by_voice: Mapping[str, float]
    examples: Sequence[tuple[str, str, str]]  # meant, heard, in English


def judge(models: Path, said: Sequence[Recording]) -> Judged:
    """Let the installed model hear the recordings of one language."""
    texts = heard(models, [each.audio for each in said])
    pairs = [(each.sentence.text, text) for each, (_, text, _) in zip(said, texts, strict=True)]
    translated = [
        (each.sentence.english, english)
        for each, (_, _, english) in zip(said, texts, strict=True)
        if each.sentence.english
    ]
    by_voice: dict[str, list[tuple[str, str]]] = {}
    for each, pair in zip(said, pairs, strict=True):
        by_voice.setdefault(each.voice, []).append(pair)
    return Judged(
        len(said),
        word_error_rate(pairs),
        word_error_rate(translated) if translated else None,
        {name: word_error_rate(by_voice[name]) for name in sorted(by_voice)},
        [(*pair, english) for pair, (_, _, english) in zip(pairs, texts, strict=True)],
    )


def invented(models: Path, each: int = 15) -> dict[str, tuple[int, int, int]]:
    """Of windows in which nobody speaks: how many there are, how many get words, how many words."""
    rng = np.random.default_rng(7)
    kinds = {
        "silence": [
            rng.normal(0, 10 ** -rng.uniform(3, 6), int(voices.RATE * rng.uniform(1, 30))).astype(np.float32)
            * (index > 0)
            for index in range(each)
        ],
        "noise": [0.5 * speech.noise(rng) for _ in range(each)],
        "music": [speech.tune(rng, index, 20) for index in range(each)],
    }
    found = {}
    for kind, audio in kinds.items():
        words = [len(plain(text)) for _, text, _ in heard(models, audio)]
        found[kind] = (len(words), sum(count > 0 for count in words), sum(words))
    return found


def narrated(models: Path) -> dict[str, list[tuple[str, str, str]]]:
    """By language what the sample clips say, what the whole extractor makes of it, and in English."""
    from functions.speech.extract import extract
    from kadr.runtime.settings import ExtractorSettings

    settings = ExtractorSettings.model_construct(
        models_dir=models, media_max_bytes=2**30, media_max_duration=120.0
    )
    found: dict[str, list[tuple[str, str, str]]] = {"ru": [], "en": []}
    for line in (_CLIPS / "clips.jsonl").read_text(encoding="utf-8").splitlines():
        clip = json.loads(line)
        said = clip["narration"] or []
        languages = {each["language"] for each in said}
        if len(languages) != 1:
            continue  # nothing said, or lessons that say a word in two languages
        moments = extract(_CLIPS / "clips" / clip["file"], settings).moments
        found[languages.pop()].append(
            (
                " ".join(each["text"] for each in said),
                " ".join(moment.text for moment in moments),
                " ".join(moment.translation for moment in moments),
            )
        )
    return found
