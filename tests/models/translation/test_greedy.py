"""A Marian's 8-bit weights under ONNX Runtime: they say what they say under CTranslate2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ctranslate2")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("sentencepiece")
pytest.importorskip("torch")

from kadr.adapters import marian_greedy
from kadr.adapters.marian import Marian
from kadr.adapters.marian_greedy import GreedyMarian
from kadr.adapters.translation import translator
from kadr.core.errors import WeightsRefusedError
from kadr.models import catalogue, convert, marian_graph, registry
from kadr.models.ctranslate2_file import floats, variables
from kadr.models.marian_graph import MarianGraphs
from tests.models.translation import small_marian

pytestmark = [pytest.mark.torch, pytest.mark.onnx]

DEMO = Path(__file__).resolve().parents[3] / "models" / "translation" / "demo"
SENTENCES = [
    *(pair.source for pair in small_marian.TOY),
    "",
    "длинно",
    "играть в roblox с мамой",
    "ёж ест 汉字",
]


@pytest.fixture(scope="module")
def greedy(translation_models: Path) -> GreedyMarian:
    return GreedyMarian(registry.require("translation", translation_models))


def _same(one: list[str], other: list[str]) -> float:
    return float(np.mean([a == b for a, b in zip(one, other, strict=True)]))


def test_it_says_what_ctranslate2_says_without_a_beam(greedy: GreedyMarian, translation_models: Path) -> None:
    plain = Marian(registry.require("translation", translation_models), beam=1)
    assert _same(greedy.translate(SENTENCES), plain.translate(SENTENCES)) >= 0.97
    right = {pair.source: pair.target for pair in small_marian.TOY}
    assert _same(greedy.translate(list(right)), list(right.values())) >= 0.9


@pytest.fixture(scope="module")
def asked() -> list[str]:
    lines = (
        (Path(__file__).parents[3] / "samples" / "translations.tsv").read_text(encoding="utf-8").splitlines()
    )
    return [line.split("\t")[0] for line in lines if line and not line.startswith("#")]


def test_so_does_the_demo_model(asked: list[str]) -> None:
    model = registry.open_directory(DEMO)
    assert len(asked) > 50
    assert _same(GreedyMarian(model).translate(asked), Marian(model, beam=1).translate(asked)) >= 0.95


def test_reading_the_table_in_few_bits_first_changes_nothing(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = registry.open_directory(DEMO)
    quick = GreedyMarian(model).translate(asked)
    monkeypatch.setattr(marian_graph, "_CANDIDATES", 100_000)  # each piece is looked at exactly
    assert GreedyMarian(model).translate(asked) == quick
    monkeypatch.setattr(marian_graph, "_CANDIDATES", 1)  # few bits decide alone
    assert GreedyMarian(model).translate(asked) != quick


def test_threads_and_company_change_nothing(greedy: GreedyMarian, translation_models: Path) -> None:
    expected = greedy.translate(SENTENCES)
    assert [greedy.translate([sentence])[0] for sentence in reversed(SENTENCES)] == expected[::-1]
    other = GreedyMarian(registry.require("translation", translation_models), threads=1)
    assert small_marian.at_once(other.translate, SENTENCES) == [expected] * 4


def test_an_endless_answer_is_cut_off_and_an_empty_one_is_empty(stubborn_models: Path) -> None:
    def said(variant: str) -> str:
        model = registry.open_directory(stubborn_models / "translation" / variant)
        return GreedyMarian(model).translate(["петля"])[0]

    # 28 pieces for a question of up to eight, and the last of "loop" is what it goes on with
    assert said("looping").startswith("loo")
    assert 25 <= len(said("looping")) <= 31
    assert said("silent") == ""


def test_queries_are_translated_by_it(translation_models: Path) -> None:
    quick, careful = translator(translation_models, beam=1), translator(translation_models)
    assert (
        quick.translate("как рисовать кота") == careful.translate("как рисовать кота") == "how to draw a cat"
    )
    assert "-greedy+" in quick.model_version
    assert "-beam2+" in careful.model_version


@pytest.mark.parametrize(
    "reason",
    [
        ValueError("it is not a Marian: its layers are others"),
        ImportError("no module named onnx"),
        WeightsRefusedError("ONNX Runtime does not load it"),
    ],
)
def test_what_it_cannot_run_is_left_to_ctranslate2(
    reason: Exception,
    translation_models: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(stored: object) -> None:
        raise reason

    monkeypatch.setattr(marian_greedy, "MarianGraphs", fail)
    instead = GreedyMarian(registry.require("translation", translation_models))
    plain = Marian(registry.require("translation", translation_models), beam=1)
    assert instead.translate(SENTENCES) == plain.translate(SENTENCES)
    assert caplog.messages == [
        f"{instead._model.version} is run by CTranslate2, which takes twice as long: {reason}"
    ]


def test_what_nothing_understands_is_refused(translation_models: Path, tmp_path: Path) -> None:
    import shutil

    directory = tmp_path / "translation" / "toy"
    shutil.copytree(translation_models / "translation" / "toy", directory)
    content = (directory / "model.bin").read_bytes()
    (directory / "model.bin").write_bytes(content[: len(content) // 2])
    registry.write_manifest(
        directory, catalogue.entries("translation")[0], variant="toy", converted_by="a test"
    )
    with pytest.raises(ValueError, match="cut off"):
        variables(directory / "model.bin")
    with pytest.raises(WeightsRefusedError, match="is not a Marian model"):
        GreedyMarian(registry.open_directory(directory)).load()


def test_weights_in_float_get_seven_bits(taught_marian: Path, tmp_path: Path) -> None:
    weights = catalogue.entries("translation")[0]
    whole = convert.convert(weights, "float", taught_marian, tmp_path, int8=False)
    stored = variables(whole.directory / "model.bin")
    table = MarianGraphs(stored).target
    assert np.abs(table.levels).max() == 63
    exact = floats(stored, "decoder/embeddings/weight") * float(stored["decoder/scale_embeddings"])
    assert np.abs(table.levels * table.factors - exact).max() <= np.abs(exact).max() * 0.5 / 63 + 1e-6
    right = {pair.source: pair.target for pair in small_marian.TOY}
    assert _same(GreedyMarian(whole).translate(list(right)), list(right.values())) >= 0.9


def test_eight_bits_without_headroom_get_seven(translation_models: Path) -> None:
    model = registry.require("translation", translation_models)
    stored = variables(model.directory / "model.bin")
    name = "decoder/embeddings/weight"
    doubled = np.clip(stored[name].astype(np.int16) * 2, -127, 127).astype(np.int8)
    table = MarianGraphs({**stored, name: doubled, f"{name}_scale": stored[f"{name}_scale"] * 2}).target
    before = MarianGraphs(stored).target
    assert np.abs(table.levels).max() == 63
    difference = np.abs(table.levels * table.factors - before.levels * before.factors)
    assert difference.max() <= np.abs(before.levels * before.factors).max() / 63
