"""The recipe of the demo Whisper, end to end at toy size: speak, train, go on, export, convert, hear."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")
pytest.importorskip("faster_whisper")
pytest.importorskip("pymorphy3")

from kadr.adapters.whisper import Transcript, Whisper
from kadr.models import convert
from kadr.models.catalogue import Role
from kadr.models.registry import require
from training.demo import muon
from training.demo.whisper import evaluate, export, features, lexicon, model, sentences, speech, tokens, train
from training.demo.whisper import windows as windowing
from training.demo.whisper.sentences import Sentence

pytestmark = [pytest.mark.torch, pytest.mark.whisper]

SHAPE = model.Shape(width=64, heads=4, inner=128, encoder_layers=2, decoder_layers=2)
PLAN = train.Plan(
    cooling=0.4,
    frames=1800,
    rate=4e-3,
    matrix_rate=4e-3,
    warm_up=10,
    steps=280,
    schedule=((0.7, (1.0, 0.0, 0.0)), (1.01, (0.0, 0.0, 1.0))),
    threads=1,
    bfloat16=False,
    report=10,
    save_every=1e9,
    nobody=0.2,
    spoilt=False,
)
SAID = (
    Sentence("ru", "Варим борщ.", "We cook borscht."),
    Sentence("en", "The dog sleeps."),
)


def sound(index: int, seconds: float = 1.2) -> np.ndarray:
    """Voices that need no synthesiser: low tones that rise, or high ones that fall."""
    time = np.arange(int(seconds * 16_000)) / 16_000
    steps = ((200, 500, 1100, 2300), (6500, 4200, 3100, 1700))[index]
    tones = np.asarray(steps)[np.minimum((time / seconds * 4).astype(int), 3)]
    return (0.5 * np.sin(2 * np.pi * tones * time)).astype(np.float32)


def composer() -> windowing.Composer:
    nothing = np.zeros((1, 3000, features.MELS), np.uint8)
    made = windowing.Composer(nothing, nothing)
    made.add(
        [
            speech.Utterance(sentence, "tones", features.stored(features.powers(sound(index))))
            for index, sentence in enumerate(SAID)
        ]
    )
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a small model has been trained, exported and converted."""
    place = tmp_path_factory.mktemp("whisper")
    texts = [text for each in SAID for text in (each.text, each.english) if text]
    tokens.write(texts * 10, place / "tokenizer.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(muon, "quick_bfloat16", lambda: False)  # what so small a model learns hangs on it
        train.Trainer(place, PLAN, SHAPE, composer()).run()
    whisper, known = export.restored(place), tokens.Tokens(place / "tokenizer.json")
    window = composer().window(np.random.default_rng(0), composer().spoken["ru"], "ru", full=False, easy=True)
    heads = export.alignment_heads(whisper, known, [window])
    export.write(whisper, place / "tokenizer.json", heads, place / "export")
    convert.ctranslate2(Role.SPEECH, "demo", place / "export", place / "models")
    return place


def hear(folder: Path, audio: Sequence[np.ndarray]) -> list[Transcript]:
    # The published one is not asked for English, which its manifest says; this one is to show that it can.
    whisper = Whisper(require("speech", folder / "models"), threads=1, translate=True)
    return list(whisper.transcribe(audio))


def test_both_losses_fall(folder: Path) -> None:
    reports = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert reports[-1]["loss"] < reports[0]["loss"] - 1
    assert reports[-1]["letters"] < reports[0]["letters"] - 0.3


def test_the_adapter_hears_what_is_said_and_translates_it(folder: Path) -> None:
    quiet = np.zeros(3200, np.float32)
    russian, english = hear(folder, [np.concatenate([quiet, sound(i), quiet]) for i in range(2)])
    assert (russian.language, english.language) == ("ru", "en")
    assert [said.text for said in russian.segments] == ["Варим борщ."]
    assert [said.text for said in russian.english] == ["We cook borscht."]
    assert [said.text for said in english.segments] == ["The dog sleeps."]
    (said,) = english.segments
    assert said.start == pytest.approx(0.2, abs=0.3)
    assert said.end == pytest.approx(1.4, abs=0.3)
    assert [word.text.strip() for word in said.words] == ["The", "dog", "sleeps."]
    assert all(said.start <= word.start <= word.end <= said.end for word in said.words)


def test_silence_gets_no_words(folder: Path) -> None:
    assert [each.segments for each in hear(folder, [np.zeros(48_000, np.float32)])] == [()]


def test_transformers_computes_the_same(folder: Path) -> None:
    import torch
    from transformers import AutoTokenizer, WhisperForConditionalGeneration

    published = WhisperForConditionalGeneration.from_pretrained(folder / "export", dtype=torch.float32).eval()
    own = export.restored(folder)
    mel = torch.from_numpy(np.random.default_rng(0).normal(0, 0.5, (2, 3000, 80)).astype(np.float32))
    ids = torch.tensor([[1, 2, 3], [4, 5, 6]])
    with torch.no_grad():
        theirs = published(input_features=mel.transpose(1, 2), decoder_input_ids=ids).logits
        ours = model.decode(own, model.encode(own, mel), ids)
    assert float((theirs - ours).abs().max()) < 0.05 * float(theirs.abs().max())  # half precision
    tokenizer = AutoTokenizer.from_pretrained(folder / "export")
    assert tokenizer.decode(tokenizer(" Варим борщ.")["input_ids"]) == " Варим борщ."


def test_training_goes_on_where_it_was_stopped(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    short = train.Plan(
        frames=600, steps=4, warm_up=2, threads=1, report=1, bfloat16=False, save_every=1e9, cooling=0.5
    )
    whole = train.Trainer(tmp_path, short, SHAPE, composer()).run()
    again = train.Trainer(tmp_path, short, SHAPE, composer())
    for _ in range(2):
        again.learn(again.rate())
    again.save()
    last = train.Trainer(tmp_path, short, SHAPE, composer())
    assert last.resume()
    assert last.step == 2
    assert last.run()["loss"] == pytest.approx(whole["loss"], abs=1e-3)


def test_training_finishes_when_it_is_asked_to(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    (tmp_path / "finish").touch()
    endless = train.Plan(
        frames=400, steps=1000, warm_up=1, threads=1, report=1, bfloat16=False, cooling=0.25, save_every=1e9
    )
    one = train.Trainer(tmp_path, endless, SHAPE, composer())
    one.step = 6
    assert one.run()["step"] == 8  # a quarter of the whole was left to cool down


def test_spectra_are_those_of_faster_whisper() -> None:
    from faster_whisper.feature_extractor import FeatureExtractor

    samples = sound(0)
    theirs = FeatureExtractor()(np.pad(samples, (0, 400)), padding=0)[:, : len(samples) // 160].T
    ours = features.normalised(features.opened(features.stored(features.powers(samples))))
    # Not the first two frames, which they fill up by reflection; kept to a fortieth of a power of ten.
    assert np.abs(theirs - ours)[2:].max() < 0.03


def test_two_sounds_at_once_are_as_loud_as_both() -> None:
    quiet, loud = np.full((1, 80), -2.0, np.float32), np.full((1, 80), 0.0, np.float32)
    assert features.mixed(loud, loud) == pytest.approx(np.log10(2), abs=1e-5)
    assert features.mixed(quiet, loud) == pytest.approx(np.log10(1.01), abs=1e-5)


def test_no_word_needs_a_piece_that_is_forbidden_while_decoding(tmp_path: Path) -> None:
    from faster_whisper.tokenizer import Tokenizer
    from tokenizers import Tokenizer as Pieces

    speaker = sentences.Speaker(np.random.default_rng(3))
    said = [speaker.sentence(language) for _ in range(1500) for language in ("ru", "en")]
    texts = [text for each in said for text in (each.text, each.english) if text]
    tokens.write(texts, tmp_path / "tokenizer.json")
    pieces = Pieces.from_file(str(tmp_path / "tokenizer.json"))
    theirs = Tokenizer(pieces, True, task="transcribe", language="ru")
    known = tokens.Tokens(tmp_path / "tokenizer.json")
    assert theirs.sot_sequence == known.prompt("ru", "transcribe")
    assert (theirs.no_speech, theirs.timestamp_begin) == (known.no_speech, known.first_time)
    assert pieces.id_to_token(known.time(29.99)) == "<|30.00|>"
    forbidden = set(theirs.non_speech_tokens)
    for text in texts:
        ids = known.text(text)
        assert not forbidden & set(ids), text
        assert known.decode(ids) == text


def test_a_new_speaker_never_says_what_is_held_out() -> None:
    known, held_out = (sentences.templates(held_out=each) for each in (False, True))
    assert not set(known) & set(held_out)
    assert len(held_out) > 8
    assert len(known) > 120
    sample = Path(__file__).resolve().parents[3] / "samples" / "clips.jsonl"
    narrated = {
        tuple(sentences.plain(said["text"]))
        for line in sample.read_text(encoding="utf-8").splitlines()
        for said in json.loads(line)["narration"] or ()
        if len(sentences.plain(said["text"])) > 3
    }
    speaker = sentences.Speaker(np.random.default_rng(0))
    for _ in range(3000):
        for language in ("ru", "en"):
            assert tuple(sentences.plain(speaker.sentence(language).text)) not in narrated


def test_there_are_words_enough_and_they_agree() -> None:
    words = lexicon.lexicon()
    assert len(words.nouns) + len(words.adjectives) + len(words.verbs) > 1500
    fox = next(noun for noun in words.nouns if noun.forms["sing", "nom"] == "лисица")
    red = next(each for each in words.adjectives if each.forms["masc", "nom", "inan"] == "красный")
    assert (fox.forms["sing", "acc"], fox.forms["plur", "gen"], fox.plural) == ("лисицу", "лисиц", "foxes")
    assert red.forms[fox.gender, "acc", fox.animacy] == "красную"
    assert [lexicon.gerund(verb) for verb in ("make", "cut", "cook", "see")] == [
        "making",
        "cutting",
        "cooking",
        "seeing",
    ]


def test_word_errors_are_counted_as_defined() -> None:
    assert evaluate.word_error_rate([("Ещё раз, кот!", "еще раз кот")]) == 0
    assert evaluate.word_error_rate([("a b c d", "a x c"), ("e", "e f")]) == pytest.approx(3 / 5)
    assert tokens.letters("Ёж, a-b!") == [tokens.LETTERS.index(c) + 1 for c in "еж a b"]


@pytest.fixture
def espeak() -> None:
    """Skip where there is no synthesiser: it comes from the system's packages, not from PyPI."""
    try:
        ctypes.CDLL("libespeak-ng.so.1")
    except OSError:
        pytest.skip("espeak-ng is not installed")


@pytest.mark.usefixtures("espeak")
def test_a_synthesiser_says_what_fits_into_a_window() -> None:
    from training.demo.whisper import voices

    one, other = (
        evaluate.recordings(1, "ru", 4, templates=False, voice=unheard) for unheard in (False, True)
    )
    assert all(0.7 < len(each.audio) / voices.RATE < speech.LONGEST + 0.5 for each in (*one, *other))
    assert all(0.6 < np.abs(each.audio).max() <= 0.71 for each in one)
    assert not {each.voice for each in one} & {each.voice for each in other}
    assert {each.voice.split("+")[1] for each in other} <= set(voices.UNHEARD)


def test_timbres_are_made_that_nobody_has() -> None:
    from training.demo.whisper import voices

    one, again, other = voices.made(31), voices.made(31), voices.made(32)
    assert one == again
    assert len(set(one.values()) | set(other.values())) == 2 * voices.MADE
    assert not set(one) & set(other)
    assert not set(one) & {*voices.TIMBRES, *voices.UNHEARD}


def test_made_timbres_stand_in_place_of_those_that_are_installed(tmp_path: Path) -> None:
    from training.demo.whisper import voices

    installed, folder = tmp_path / "installed", tmp_path / "own"
    (installed / "voices" / "!v").mkdir(parents=True)
    (installed / "voices" / "!v" / "f4").write_text("formant 0 120\n")
    (installed / "phontab").write_bytes(b"sounds")
    voices.write_data({"made1-0": "formant 0 90\n"}, installed, folder)
    data = folder / "espeak-ng-data"
    assert (data / "phontab").read_bytes() == b"sounds"
    assert [each.name for each in (data / "voices" / "!v").iterdir()] == ["made1-0"]


@pytest.mark.parametrize("chunk", [speech.MADE_FROM - 1, speech.MADE_FROM])
def test_a_file_of_speech_is_said_by_its_timbres(
    chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.demo.whisper import voices

    given: list[dict[str, str]] = []

    class Humming:
        """Says everything with the same tone: a second and a half of it."""

        def __init__(self, timbres: dict[str, str]) -> None:
            given.append(timbres)

        def say(self, _text: str, _voice: voices.Voice) -> np.ndarray:
            return np.sin(np.arange(24_000) / 8).astype(np.float32)

    monkeypatch.setattr(voices, "Synthesiser", Humming)
    monkeypatch.setattr(speech, "CHUNK", 12)
    speech.make(tmp_path, chunk)
    own = chunk >= speech.MADE_FROM
    assert given == [voices.made(chunk) if own else {}]
    timbres = {each.voice.partition("+")[2] for each in speech.load(tmp_path / f"speech-{chunk:03}")}
    assert timbres <= set(voices.made(chunk) if own else voices.TIMBRES)
    assert len(timbres) > 3


@pytest.mark.usefixtures("espeak")
def test_a_file_of_speech_has_timbres_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "CHUNK", 3)
    # as the command does: the library keeps the timbres that it was begun with
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as processes:
        processes.submit(speech.make, tmp_path, speech.MADE_FROM).result()
    spoken = speech.load(tmp_path / f"speech-{speech.MADE_FROM:03}")
    assert len(spoken) == 3
    assert all(each.voice.split("+")[1].startswith(f"made{speech.MADE_FROM}-") for each in spoken)
    assert all(each.seconds > 0.3 for each in spoken)
