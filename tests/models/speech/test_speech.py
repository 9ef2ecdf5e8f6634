"""What is said: voice activity on real sound, and the whole path with a Whisper that was built by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("faster_whisper")
pytest.importorskip("av")

from functions.speech.extract import extract, model_version
from kadr.adapters.minilm import MiniLM
from kadr.adapters.silero import RATE, SileroVad
from kadr.adapters.translation import translator
from kadr.adapters.whisper import Whisper
from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.core.modality import StageState
from kadr.media.audio import read_audio
from kadr.models import convert, layouts, registry
from kadr.models.catalogue import Role
from kadr.runtime.settings import ExtractorSettings
from tests.models.media.clips import write_clip, write_tone
from tests.models.speech import small_whisper
from tests.models.speech.small_whisper import Speaker

pytestmark = [pytest.mark.whisper, pytest.mark.onnx, pytest.mark.av]

Settings = Callable[[Path], ExtractorSettings]
SPOKEN = "borsch_recept.mp4"  # three sentences, 0.5–2.5, 3.8–6.1 and 7.4–8.7 s


@pytest.fixture(scope="module")
def russian(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models directory with MiniLM and a Whisper that always hears the same Russian sentence."""
    folder = tmp_path_factory.mktemp("russian")
    (folder / "text").symlink_to(models_dir / "text")
    source = small_whisper.write(
        folder / "source",
        Speaker(
            "ru",
            said=[" Сегодня", " готовим", " борщ."],
            english=[" Today", " we", " cook", " borscht."],
            seconds=4,
            until=[1.2, 2.2, 3.0],
        ),
    )
    convert.adopt(Role.SPEECH, "small", source, folder)
    return folder


@pytest.fixture(scope="module")
def clips(samples: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in (samples.parent / "clips.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def test_voices_are_heard_and_music_is_not(
    samples: Path, clips: list[dict[str, Any]], tmp_path: Path
) -> None:
    vad = SileroVad(registry.require("vad", tmp_path))
    wrong = []
    for clip in clips:
        spans = vad.spans(read_audio(samples / clip["file"]))
        heard = [(span.start / RATE, span.end / RATE) for span in spans]
        said = [(line["start"], line["end"]) for line in clip["narration"] or []]
        missed = [line for line in said if not any(start < line[1] and end > line[0] for start, end in heard)]
        invented = [
            span for span in heard if not any(start < span[1] and end > span[0] for start, end in said)
        ]
        if missed or invented:
            wrong.append((clip["file"], missed, invented))
    assert wrong == []


@pytest.mark.parametrize("sound", ["none", "silence", "tone", "g722"])
def test_without_speech_no_weights_are_needed(settings_for: Settings, tmp_path: Path, sound: str) -> None:
    settings = settings_for(tmp_path / "no-models")
    path = tmp_path / "clip.mp4"
    if sound == "tone":
        write_tone(path, seconds=3)
    elif sound == "g722":
        path = write_tone(tmp_path / "clip.wav", seconds=3, codec="g722")
    else:
        write_clip(path, seconds=2, tone=None if sound == "none" else 0.0)
    extraction = extract(path, settings)
    assert extraction.state is StageState.EMPTY
    reasons = {"none": "no sound", "g722": "no sound that can be opened: it is g722"}
    assert extraction.reason == reasons.get(sound, "no speech")
    assert extraction.vector is None


def test_speech_without_weights_says_what_is_missing(
    samples: Path, settings_for: Settings, tmp_path: Path
) -> None:
    with pytest.raises(
        WeightsUnavailableError, match=r"weights not installed: speech .* speech/whisper"
    ) as caught:
        extract(samples / SPOKEN, settings_for(tmp_path))
    assert caught.value.role == "speech"


def test_a_transcript_has_times_translation_and_a_vector(
    samples: Path, russian: Path, settings_for: Settings
) -> None:
    extraction = extract(samples / SPOKEN, settings_for(russian))
    (moment,) = extraction.moments
    assert moment.text == "Сегодня готовим борщ."
    assert moment.translation == "Today we cook borscht."
    assert moment.language == "ru"
    assert moment.confidence > 0.9
    # The voice begins at 0.5 s; four seconds of speech without the pauses end within the second sentence.
    assert moment.start == pytest.approx(0.4, abs=0.2)
    assert 4.0 < moment.end < 6.2
    assert extraction.details["languages"] == {"ru": 1}
    assert 5 < extraction.details["speech_seconds"] < 7.5
    encoder = MiniLM(registry.require("text", russian).directory)
    assert extraction.vector is not None
    same, other = encoder.embed(["Today we cook borscht.", "a striker scores a goal"])
    assert float(extraction.vector @ same) > 0.95
    assert float(extraction.vector @ other) < 0.3


def test_where_the_model_has_not_learnt_to_translate_the_translator_does(
    samples: Path, russian: Path, settings_for: Settings, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    shutil.copytree(russian, models)
    manifest = registry.require("speech", models).directory / layouts.MANIFEST
    content = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**content, "preprocessing": {"translate": False}}), encoding="utf-8")
    (moment,) = extract(samples / SPOKEN, settings_for(models)).moments
    assert moment.text == "Сегодня готовим борщ."
    assert moment.translation == translator(models).translate(moment.text)
    assert "borscht" in moment.translation.lower()
    assert moment.translation != "Today we cook borscht."  # what the model would have said


def test_english_is_not_translated(samples: Path, settings_for: Settings, tmp_path: Path) -> None:
    source = small_whisper.write(
        tmp_path / "source", Speaker("en", said=[" Fry", " the", " pancakes."], seconds=2)
    )
    convert.adopt(Role.SPEECH, "small", source, tmp_path)
    extraction = extract(samples / "pancakes.mp4", settings_for(tmp_path))
    assert [(moment.text, moment.language, moment.translation) for moment in extraction.moments] == [
        ("Fry the pancakes.", "en", "")
    ]
    # The text encoder is not installed here: said, not hidden, and the words can still be searched.
    assert extraction.vector is None
    assert "not installed" in extraction.details["vector"]


@pytest.mark.parametrize("english", [[], [" Кошка", " и", " собака."]], ids=["nothing", "Russian again"])
def test_what_whisper_does_not_translate_the_glossary_does(
    samples: Path, settings_for: Settings, tmp_path: Path, english: list[str]
) -> None:
    source = small_whisper.write(
        tmp_path / "source", Speaker("ru", said=[" Кошка", " и", " собака."], seconds=2, english=english)
    )
    convert.adopt(Role.SPEECH, "small", source, tmp_path)
    (moment,) = extract(samples / SPOKEN, settings_for(tmp_path)).moments
    assert {"cat", "dog"} <= set(moment.translation.lower().replace(".", "").split())


def test_a_guess_is_no_transcript(samples: Path, settings_for: Settings, tmp_path: Path) -> None:
    source = small_whisper.write(tmp_path / "source", Speaker("en", said=[" x"], seconds=2), probability=0.2)
    convert.adopt(Role.SPEECH, "small", source, tmp_path)
    extraction = extract(samples / SPOKEN, settings_for(tmp_path))
    assert extraction.reason == "no intelligible speech"
    assert extraction.moments == ()


def test_each_word_has_its_time_in_the_video(samples: Path, russian: Path, settings_for: Settings) -> None:
    (moment,) = extract(samples / SPOKEN, settings_for(russian)).moments
    assert [word.text for word in moment.words] == ["Сегодня", "готовим", "борщ."]
    # Built to be said until 1.2 and 2.2 s of the speech, which is heard from 0.4 to 2.6 s, and from 3.6 s on.
    assert [word.start for word in moment.words] == pytest.approx([0.4, 1.7, 3.7], abs=0.3)
    assert all(word.start <= word.end for word in moment.words)
    assert all(before.end <= after.start for before, after in pairwise(moment.words))
    assert moment.words[0].start == pytest.approx(moment.start, abs=0.05)
    assert moment.words[-1].end <= moment.end
    # A word that reaches into a pause ends with the voice.
    assert moment.words[1].end < 3.0 < moment.words[2].start


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Whisper:
    """A Whisper that hears Russian in low sound and English in high sound."""
    folder = tmp_path_factory.mktemp("two")
    source = small_whisper.write(
        folder / "source",
        Speaker("ru", [" Режем", " лук."], 2, english=[" We", " cut", " onions."]),
        Speaker("en", [" Fry", " the", " pancakes."], 1.5, until=[0.4, 0.8, 1.4]),
    )
    return Whisper(convert.adopt(Role.SPEECH, "small", source, folder))


def sound(frequency: float, seconds: float) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def test_each_window_has_a_language_of_its_own(two: Whisper) -> None:
    windows = [sound(300, 4), sound(2500, 12), sound(300, 29.5), sound(2500, 3)]
    heard = list(two.transcribe(windows))
    assert [transcript.language for transcript in heard] == ["ru", "en", "ru", "en"]
    assert [said.text for transcript in heard for said in transcript.segments] == [
        "Режем лук.",
        "Fry the pancakes.",
    ] * 2
    assert [[said.text for said in transcript.english] for transcript in heard] == [
        ["We cut onions."],
        [],
        ["We cut onions."],
        [],
    ]


def test_a_batch_of_windows_is_heard_like_each_of_them_alone(two: Whisper) -> None:
    windows = [sound(300 if index % 3 else 2500, 2.5 + 1.7 * index) for index in range(11)]
    together = list(two.transcribe(windows))
    assert together == [heard for window in windows for heard in two.transcribe([window])]
    assert together == list(two.transcribe(windows))


def test_windows_are_cut_out_only_when_their_turn_has_come(two: Whisper) -> None:
    taken = 0

    def windows() -> Iterator[np.ndarray]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield sound(300, 2)

    heard = two.transcribe(windows())
    next(heard)
    assert taken < 50


def test_where_the_decoder_breaks_off_the_rest_is_heard_again(tmp_path: Path) -> None:
    source = small_whisper.write(
        tmp_path / "source",
        Speaker("ru", [" Ещё", " раз."], 4, english=[" Once", " more."], breaks_off=True),
    )
    whisper = Whisper(convert.adopt(Role.SPEECH, "small", source, tmp_path))
    (heard,) = whisper.transcribe([sound(300, 10.5)])
    assert [(said.start, said.end) for said in heard.segments] == [(0, 4), (4, 8), (8, 10.5)]
    assert [(said.start, said.end) for said in heard.english] == [(0.02, 4), (4.02, 8), (8.02, 10.5)]
    assert {said.text for said in heard.segments} == {"Ещё раз."}
    assert [word.start for word in heard.segments[1].words] == sorted(
        word.start for word in heard.segments[1].words
    )
    assert 4 <= heard.segments[1].words[0].start <= heard.segments[1].words[-1].end <= 8


def test_the_same_window_gives_the_same_text(samples: Path, russian: Path) -> None:
    whisper = Whisper(registry.require("speech", russian))
    audio = read_audio(samples / SPOKEN)
    assert list(whisper.transcribe([audio])) == list(whisper.transcribe([audio]))


def test_where_only_the_text_is_wanted_there_are_no_word_times_and_no_translation(tmp_path: Path) -> None:
    source = small_whisper.write(
        tmp_path / "source",
        Speaker("ru", [" Ещё", " раз."], 4, english=[" Once", " more."], breaks_off=True),
    )
    whisper = Whisper(convert.adopt(Role.SPEECH, "small", source, tmp_path))
    (whole,), (text,) = (
        list(whisper.transcribe([sound(300, 10.5)], text_only=only)) for only in (False, True)
    )
    assert [(said.start, said.end, said.text) for said in text.segments] == [
        (said.start, said.end, said.text) for said in whole.segments
    ]
    assert [said.confidence for said in text.segments] == pytest.approx(
        [said.confidence for said in whole.segments], abs=0.1
    )
    assert text.language == "ru"
    assert text.english == ()
    assert not any(said.words for said in text.segments)


def test_long_speech_is_heard_window_by_window(samples: Path, russian: Path) -> None:
    from functions.speech.windows import windows

    sentence = read_audio(samples / SPOKEN)[: 7 * RATE]
    spans = SileroVad(registry.require("vad", russian)).spans(np.tile(sentence, 10))
    found = windows(spans)
    assert len(found) >= 2
    assert all(window.seconds <= 30 for window in found)
    assert all(window.seconds > 15 for window in found[:-1])


def test_a_model_without_its_tokenizer_is_not_completed_from_the_network(
    russian: Path, tmp_path: Path
) -> None:
    with pytest.raises(WeightsUnavailableError, match=r"lacks tokenizer\.json"):
        source = tmp_path / "source"
        source.mkdir()
        for name in ("model.bin", "config.json"):
            (source / name).symlink_to(russian / "speech" / "small" / name)
        convert.adopt(Role.SPEECH, "small", source, tmp_path)


def test_what_ctranslate2_cannot_read_is_refused(russian: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for path in (russian / "speech" / "small").glob("*.json"):
        (source / path.name).write_bytes(path.read_bytes())
    (source / "model.bin").write_bytes(b"nothing of the kind")
    model = convert.adopt(Role.SPEECH, "small", source, tmp_path)
    with pytest.raises(WeightsRefusedError, match="not a Whisper model"):
        Whisper(model).load()


def test_the_version_names_every_model_that_takes_part(
    russian: Path, settings_for: Settings, tmp_path: Path
) -> None:
    version = model_version(settings_for(russian))
    assert version.startswith("small@")
    assert "silero-v6@" in version
    assert "all-minilm-l6-v2@" in version
    with pytest.raises(WeightsUnavailableError):
        model_version(settings_for(tmp_path))
