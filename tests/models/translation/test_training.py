"""Fine-tuning from end to end on a small Marian: it learns, is measured, registered, used, and taken back."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

from typer.testing import CliRunner

from kadr.adapters.translation import translator
from kadr.cli.app import app as command_line
from kadr.cli.session import Session
from kadr.models import registry
from tests.models.translation import small_marian
from training.translator import checkpoints, model
from training.translator.__main__ import app
from training.translator.pairs import Pair
from training.translator.recipe import Recipe
from training.translator.train import train

pytestmark = [pytest.mark.torch]

SLANG = (Pair("кринж", "cringe"), Pair("изи катка", "easy match"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_marian.write(tmp_path_factory.mktemp("base") / "small", [*small_marian.TOY, *SLANG])


def lines(path: Path, pairs: tuple[Pair, ...]) -> Path:
    path.write_text("".join(f"{pair.source}\t{pair.target}\n" for pair in pairs), encoding="utf-8")
    return path


def test_a_fine_tune_is_measured_registered_used_and_taken_back(base: Path, tmp_path: Path) -> None:
    models, out = tmp_path / "models", tmp_path / "out"
    options = ["--base", base, "--pairs", lines(tmp_path / "pairs.tsv", small_marian.TOY), "--out", out]
    options += ["--slang", lines(tmp_path / "slang.tsv", SLANG), "--models", models, "--held-out", 6]
    options += ["--epochs", 20, "--lr", 3e-3, "--batch", 8, "--variant", "ours", "--device", "cpu"]
    done = CliRunner().invoke(app, list(map(str, options)))
    assert done.exit_code == 0, done.output

    report = json.loads((out / "report.json").read_text())
    assert report["losses"][-1] < 0.3 * report["losses"][0]
    assert report["after"]["chrf"] > report["before"]["chrf"] + 30
    assert report["after"]["pairs"] == 6
    assert report["quantised"]["chrf"] > report["before"]["chrf"] + 30
    assert report["quantisation"]["identical"] >= 0.5
    assert report["slang_exact"][1] > report["slang_exact"][0]
    assert report["better"]

    used = registry.require("translation", models)
    assert used.variant == "ours"
    manifest = registry.read_manifest(used.directory)
    assert manifest.checks["chrf"] > manifest.checks["chrf_before"]
    assert "fine-tuned from small on 26 + 2 pairs" in manifest.source
    (translated,) = translator(models).explain(["как варить кота"])
    assert translated.kind == "neural"
    assert translated.text.startswith("how to")

    kadr = ["models", "rollback", "translation", "--models", str(models)]
    back = CliRunner().invoke(command_line, kadr, obj=Session(root=tmp_path))
    assert back.exit_code == 0
    assert "ours" in back.output
    # Nothing else is installed here, so the one that is there remains, without having been chosen.
    assert registry.require("translation", models).variant == "ours"
    again = CliRunner().invoke(command_line, kadr, obj=Session(root=tmp_path))
    assert again.exit_code == 1


def test_an_interrupted_training_ends_as_if_it_had_not_been(base: Path, tmp_path: Path) -> None:
    recipe = Recipe(epochs=3, learning_rate=1e-3, batch=8)
    learn = small_marian.TOY[:12]
    whole, progress = train(base, learn, recipe, tmp_path / "whole", fingerprint="x")

    class Interrupted(Exception):
        pass

    def stop(epoch: int, step: int, _steps: int, _loss: float) -> None:
        if (epoch, step) == (3, 1):
            raise Interrupted

    with pytest.raises(Interrupted):
        train(base, learn, recipe, tmp_path / "cut", fingerprint="x", told=stop)
    steps: list[int] = []
    resumed, after = train(
        base, learn, recipe, tmp_path / "cut", fingerprint="x", told=lambda epoch, *_: steps.append(epoch)
    )
    assert set(steps) == {3}
    assert after.losses == pytest.approx(progress.losses, rel=1e-5)
    assert same_weights(whole, resumed)


def same_weights(one: Path, other: Path) -> bool:
    from safetensors.torch import load_file

    first, second = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    return all(first[name].allclose(second[name], atol=1e-5) for name in first)


def test_half_a_checkpoint_or_another_trainings_is_not_taken(base: Path, tmp_path: Path) -> None:
    recipe = Recipe(epochs=1, batch=8)
    place, _ = train(base, small_marian.TOY[:8], recipe, tmp_path, fingerprint="x")
    assert checkpoints.latest(tmp_path, "x") is not None
    assert checkpoints.latest(tmp_path, "y") is None
    shutil.copytree(place, tmp_path / "epoch-002")
    weights = tmp_path / "epoch-002" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    found = checkpoints.latest(tmp_path, "x")
    assert found is not None
    assert found[0] == place
    (place / "optimizer.safetensors").unlink()
    assert checkpoints.latest(tmp_path, "x") is None


def test_the_recipe_and_the_data_tell_trainings_apart(tmp_path: Path) -> None:
    file = lines(tmp_path / "pairs.tsv", SLANG)
    recipe = Recipe()
    assert recipe.fingerprint(file) == Recipe().fingerprint(file)
    assert recipe.fingerprint(file) != replace(recipe, epochs=6).fingerprint(file)
    before = recipe.fingerprint(file)
    lines(file, SLANG[:1])
    assert recipe.fingerprint(file) != before


def test_a_base_without_safetensors_is_refused(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(base, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    done = CliRunner().invoke(
        app,
        ["--base", str(folder), "--pairs", str(lines(tmp_path / "p.tsv", SLANG)), "--out", str(tmp_path)],
    )
    assert done.exit_code == 1
    assert "lacks model.safetensors" in done.output


def test_pieces_end_and_unknown_ones_are_known_as_such(base: Path) -> None:
    pieces = model.Pieces(base, most=4)
    ids = pieces.source(["как варить борщ", "z"])
    assert all(row[-1] == pieces.end for row in ids)
    assert len(ids[0]) <= 4
    assert json.loads((base / "vocab.json").read_text())["<unk>"] in ids[1]
