"""A real Marian under CTranslate2: terms, refusals, determinism, what happens without weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("ctranslate2")
pytest.importorskip("sentencepiece")
pytest.importorskip("torch")

from kadr.adapters.glossary_translator import GlossaryTranslator
from kadr.adapters.marian import Marian
from kadr.adapters.translation import NeuralTranslator, translator
from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.core.glossary import Glossary, parse
from kadr.models import registry
from tests.lemmatizers import TableLemmatizer
from tests.models.translation import small_marian

pytestmark = [pytest.mark.torch]

SENTENCES = [pair.source for pair in small_marian.TOY]
GLOSSARY = Glossary(
    parse(
        "роблокс\troblox\nмайнкрафт\tminecraft\n# dictionary\nпетля\tloop\n"
        "длинно\tat length\nиграть\tplay\nв\tin",
        terms={""},
    ),
    TableLemmatizer().lemmas,
)


@pytest.fixture(scope="module")
def marian(translation_models: Path) -> Marian:
    return Marian(registry.require("translation", translation_models))


@pytest.fixture(scope="module")
def neural(marian: Marian) -> NeuralTranslator:
    return NeuralTranslator(marian, GLOSSARY)


def test_it_translates(marian: Marian) -> None:
    answers = marian.translate(SENTENCES)
    right = sum(answer == pair.target for answer, pair in zip(answers, small_marian.TOY, strict=True))
    assert right >= 0.9 * len(answers)


def test_the_answer_does_not_depend_on_the_company(marian: Marian) -> None:
    sentences = [*SENTENCES, "длинно", "", "играть в roblox с мамой"]
    together = marian.translate(sentences)
    assert together == [marian.translate([sentence])[0] for sentence in sentences]
    assert marian.translate(list(reversed(SENTENCES))) == list(reversed(together[: len(SENTENCES)]))


@pytest.mark.parametrize("beam", [1, 2, 4])
def test_two_loads_and_two_threads_give_the_same(translation_models: Path, beam: int) -> None:
    model = registry.require("translation", translation_models)
    one, other = Marian(model, beam=beam, threads=1), Marian(model, beam=beam, threads=2, workers=2)
    expected = one.translate(SENTENCES)
    assert small_marian.at_once(other.translate, SENTENCES) == [expected] * 4


def test_a_beam_that_nobody_measured_is_refused(translation_models: Path) -> None:
    with pytest.raises(ValueError, match="1 to 4"):
        Marian(registry.require("translation", translation_models), beam=8)


def test_a_term_is_copied_by_the_model(neural: NeuralTranslator) -> None:
    (translated,) = neural.explain(["играть в роблокс с мамой"])
    assert translated.text == "to play roblox with mum"
    assert translated.kind == "neural"


def test_a_term_that_the_model_loses_is_there_all_the_same(marian: Marian, neural: NeuralTranslator) -> None:
    assert "minecraft" not in marian.translate(["играть в minecraft с мамой"])[0]
    (translated,) = neural.explain(["играть в майнкрафт с мамой"])
    assert translated.text == "to play minecraft with mum"
    assert translated.kind == "neural"


@pytest.mark.parametrize(
    ("variant", "reason"), [("looping", "repetition"), ("silent", "empty"), ("echoing", "not English")]
)
@pytest.mark.parametrize("beam", [1, 4])
def test_loops_silence_and_echoes_are_replaced(
    stubborn_models: Path, variant: str, reason: str, beam: int
) -> None:
    stubborn = Marian(registry.open_directory(stubborn_models / "translation" / variant), beam=beam)
    (translated,) = NeuralTranslator(stubborn, GLOSSARY).explain(["петля"])
    assert (translated.text, translated.kind, translated.refused) == ("loop", "dictionary", (reason,))


def test_an_answer_that_is_far_too_long_is_replaced(marian: Marian, neural: NeuralTranslator) -> None:
    assert marian.translate(["длинно"])[0].startswith("one two three four")
    (translated,) = neural.explain(["длинно"])
    assert (translated.text, translated.refused) == ("at length", ("too long",))


def test_a_sentence_without_end_is_cut_off(marian: Marian) -> None:
    (answer,) = marian.translate(["как варить борщ " * 400])
    assert len(answer) < 5_000


def test_without_weights_the_glossary_translates(tmp_path: Path) -> None:
    plain = translator(tmp_path)
    assert isinstance(plain, GlossaryTranslator)
    assert plain.translate("как варить борщ") == "how to cook borscht"
    assert translator(tmp_path) is plain


def test_with_weights_the_model_translates(translation_models: Path) -> None:
    found = translator(translation_models)
    assert isinstance(found, NeuralTranslator)
    assert found.translate("как рисовать кота") == "how to draw a cat"
    assert found.model_version.startswith("toy@")
    assert translator(translation_models) is found


def test_a_changed_file_is_refused_when_it_is_loaded(translation_models: Path, tmp_path: Path) -> None:
    shutil.copytree(translation_models, tmp_path / "models")
    (tmp_path / "models" / "translation" / "toy" / "source.spm").write_bytes(b"something else")
    broken = translator(tmp_path / "models")
    with pytest.raises(WeightsRefusedError, match=r"source\.spm is not the file"):
        broken.translate("кот и пёс спят")


def test_a_missing_file_is_said(translation_models: Path, tmp_path: Path) -> None:
    shutil.copytree(translation_models, tmp_path / "models")
    (tmp_path / "models" / "translation" / "toy" / "target.spm").unlink()
    with pytest.raises(WeightsUnavailableError, match=r"has no target\.spm"):
        translator(tmp_path / "models").translate("кот и пёс спят")


def test_what_is_no_marian_is_refused(translation_models: Path, tmp_path: Path) -> None:
    from kadr.models import catalogue

    directory = tmp_path / "translation" / "toy"
    shutil.copytree(translation_models / "translation" / "toy", directory)
    (directory / "model.bin").write_bytes(b"not a model of any kind")
    weights = catalogue.entries("translation")[0]
    registry.write_manifest(directory, weights, variant="toy", converted_by="a test")
    with pytest.raises(WeightsRefusedError, match="is not a Marian model"):
        Marian(registry.open_directory(directory)).load()
