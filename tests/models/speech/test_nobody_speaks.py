"""Silence, music and applause have no words, not even where a Whisper hears some."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("faster_whisper")

from functions.speech.extract import understand
from functions.speech.windows import Window
from kadr.adapters.silero import RATE, SileroVad, Span
from kadr.adapters.whisper import Whisper
from kadr.models import convert, registry
from kadr.models.catalogue import Role
from tests.models.speech import small_whisper
from tests.models.speech.small_whisper import Speaker
from tests.models.speech.sounds import SOUNDS

pytestmark = [pytest.mark.whisper, pytest.mark.onnx]

# What a Whisper was built to write into everything, how sure it is, and how sure that nobody speaks.
HALLUCINATIONS = {
    "sure": ("en", [" Thank", " you."], 2.0, 0.99, 0.01),
    "long": ("en", [" Thank", " you", " for", " watching."], 10.0, 0.99, 0.01),
    "doubtful": ("en", [" Thank", " you."], 2.0, 0.4, 0.5),
    "silent": ("en", [" We", " cook."], 2.0, 0.3, 0.9),
    "credits": ("ru", [" Субтитры", " сделал", " DimaTorzok"], 3.0, 0.99, 0.01),
    "to be continued": ("ru", [" Продолжение", " следует..."], 3.0, 0.99, 0.01),
    "label": ("en", [" [", "music", "]"], 10.0, 0.99, 0.01),
    "capitals": ("ru", [" ДИНАМИЧНАЯ", " МУЗЫКА"], 10.0, 0.99, 0.01),
    "guess": ("en", [" Fry", " the", " pancakes."], 3.0, 0.2, 0.3),
    "too fast": ("en", [f" word{index}" for index in range(30)], 2.0, 0.99, 0.01),
}


@pytest.fixture(scope="module", params=HALLUCINATIONS)
def hallucinating(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whisper:
    folder = tmp_path_factory.mktemp("hallucinating")
    language, words, seconds, probability, no_speech = HALLUCINATIONS[request.param]
    source = small_whisper.write(
        folder / "source", Speaker(language, words, seconds), probability=probability, no_speech=no_speech
    )
    return Whisper(convert.adopt(Role.SPEECH, "small", source, folder))


@pytest.mark.parametrize("name", SOUNDS)
def test_voice_activity_hears_nobody(name: str, tmp_path: Path) -> None:
    assert SileroVad(registry.require("vad", tmp_path)).spans(SOUNDS[name]()) == []


def test_nothing_that_whisper_hears_in_sounds_is_kept(hallucinating: Whisper) -> None:
    # As if voice activity had been sure of a voice throughout.
    window = Window((Span(0, 10 * RATE, 0.95),))
    sounds = [make() for make in SOUNDS.values()]
    for name, transcript in zip(SOUNDS, hallucinating.transcribe(sounds), strict=True):
        assert understand(window, transcript) == [], name


@pytest.mark.parametrize("seconds", [0.6, 1.5, 3.0])
def test_thanks_for_a_short_noise_that_may_be_a_voice_are_dropped(tmp_path: Path, seconds: float) -> None:
    source = small_whisper.write(tmp_path / "source", Speaker("en", [" Thank", " you."], seconds))
    whisper = Whisper(convert.adopt(Role.SPEECH, "small", source, tmp_path))
    samples = round(seconds * RATE)
    for make in SOUNDS.values():
        (transcript,) = whisper.transcribe([make()[:samples]])
        assert understand(Window((Span(0, samples, 0.6),)), transcript) == []
        # The same words, were they clearly spoken, would be somebody's.
        assert [m.text for m in understand(Window((Span(0, samples, 0.95),)), transcript)] == ["Thank you."]


def test_the_model_says_how_likely_a_voice_and_its_words_are(tmp_path: Path) -> None:
    source = small_whisper.write(
        tmp_path / "source", Speaker("en", [" Fry", " them."], 2), probability=0.7, no_speech=0.3
    )
    whisper = Whisper(convert.adopt(Role.SPEECH, "small", source, tmp_path))
    (transcript,) = whisper.transcribe([SOUNDS["noise"]()])
    (said,) = transcript.segments
    assert said.no_speech == pytest.approx(0.3, abs=0.05)
    assert said.confidence == pytest.approx(0.7, abs=0.05)
