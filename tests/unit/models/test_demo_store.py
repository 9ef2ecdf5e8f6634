"""Demo weights: used where a role has nothing else, verified, and never in the way of anything else."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from kadr.cli import stack
from kadr.cli.app import app
from kadr.cli.session import Session
from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.models import catalogue, demo_store, registry
from kadr.models.catalogue import Calibration, Role, Weights
from tests.unit.models.test_registry import install
from training.demo.register import register

ROOT = Path(__file__).resolve().parents[3]
CARD = "# A model of a test\n"
FILES = {
    Role.SPEECH: ("model.bin", "config.json", "tokenizer.json"),
    Role.VISUAL: ("model.onnx", "text.onnx", "tokenizer.json"),
}
MEASURED = Calibration(mean=0.31, deviation=0.12, method="measured on nothing", local=True)


def trained(folder: Path, role: Role, content: str = "weights") -> Path:
    """Write a converted model as a recipe leaves it; return its models directory."""
    directory = folder / "models" / role / "demo"
    directory.mkdir(parents=True, exist_ok=True)
    for name in FILES[role]:
        (directory / name).write_text(f"{content} of {name}")
    registry.write_manifest(
        directory,
        catalogue.entries(role)[0],
        variant="demo",
        files=FILES[role],
        converted_by="a test",
        calibration=MEASURED if role is Role.VISUAL else None,
    )
    (folder / "card.md").write_text(CARD)
    return folder / "models"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with registered demo weights for speech and visual."""
    for role in FILES:
        models = trained(tmp_path / "training", role)
        register(role, models, tmp_path / "training" / "card.md", "training.demo.test", tmp_path / "checkout")
    return tmp_path / "checkout"


@pytest.fixture
def entries(checkout: Path) -> tuple[Weights, ...]:
    """What the catalogue of that checkout says about them."""
    return catalogue.demo_entries(checkout / "shared" / "kadr" / "models" / "demo")


def test_what_was_registered_is_installed_once_and_used(checkout, entries, tmp_path):
    models = tmp_path / "installed"
    first = demo_store.install(checkout / "models", models, entries)
    assert {model.role for model in first.installed} == set(FILES) and not first.refused
    model = registry.require("visual", models)
    assert (model.variant, model.demo, model.licence) == ("demo", True, "Apache-2.0")
    assert model.source == "trained by Kadr: python -m training.demo.test"
    assert model.verified()
    assert [each.role for each in registry.report(models) if each.demo] == [Role.VISUAL, Role.SPEECH]
    assert demo_store.install(checkout / "models", models, entries).installed == ()


def test_the_card_lies_beside_the_weights(checkout):
    assert (checkout / "models" / "visual" / "demo" / "README.md").read_text() == CARD


@pytest.mark.parametrize("variant", ["whisper-base", "our-own"])
def test_any_other_weights_win_before_and_after(checkout, entries, tmp_path, variant):
    models = tmp_path / "installed"
    demo_store.install(checkout / "models", models, entries)
    assert registry.require("speech", models).demo
    install(models, Role.SPEECH, variant, dict.fromkeys(FILES[Role.SPEECH], b"real"))
    assert registry.require("speech", models).variant == variant
    assert not any(each.demo for each in registry.report(models) if each.role == "speech")

    fresh = tmp_path / "fresh"
    install(fresh, Role.SPEECH, variant, dict.fromkeys(FILES[Role.SPEECH], b"real"))
    done = demo_store.install(checkout / "models", fresh, entries)
    assert [model.role for model in done.installed] == [Role.VISUAL]
    assert registry.require("speech", fresh).variant == variant


def test_other_weights_are_another_model_version(checkout, entries, tmp_path):
    models = tmp_path / "installed"
    demo_store.install(checkout / "models", models, entries)
    before = registry.require("visual", models).version
    install(models, Role.VISUAL, "clip4clip-webvid150k", dict.fromkeys(FILES[Role.VISUAL], b"real"))
    assert registry.require("visual", models).version != before


def test_newer_demo_weights_replace_older_ones(checkout, entries, tmp_path):
    models = tmp_path / "installed"
    demo_store.install(checkout / "models", models, entries)
    old = registry.require("speech", models).version
    newer = trained(tmp_path / "training", Role.SPEECH, "better weights")
    register(Role.SPEECH, newer, tmp_path / "training" / "card.md", "training.demo.test", checkout)
    entries = catalogue.demo_entries(checkout / "shared" / "kadr" / "models" / "demo")
    done = demo_store.install(checkout / "models", models, entries)
    assert [model.role for model in done.installed] == [Role.SPEECH]
    assert registry.require("speech", models).version != old


def test_a_file_that_was_changed_on_the_way_is_replaced(checkout, entries, tmp_path):
    models = tmp_path / "installed"
    demo_store.install(checkout / "models", models, entries)
    (models / "speech" / "demo" / "model.bin").write_text("other")
    assert len(demo_store.install(checkout / "models", models, entries).installed) == 1
    assert registry.require("speech", models).verified()


def test_a_store_that_was_tampered_with_is_refused_and_the_rest_installed(checkout, entries, tmp_path):
    place = checkout / "models" / "visual" / "demo"
    (place / "model.onnx").write_text("something else")
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["files"]["model.onnx"] = {
        "size": 14,
        "sha256": registry.sha256(place / "model.onnx"),
    }
    (place / "manifest.json").write_text(json.dumps(manifest))
    done = demo_store.install(checkout / "models", tmp_path / "installed", entries)
    assert [model.role for model in done.installed] == [Role.SPEECH]
    assert "checksum differs" in done.refused[Role.VISUAL]
    assert registry.installed("visual", tmp_path / "installed") is None


def test_a_manifest_with_a_file_more_is_refused(checkout, entries, tmp_path):
    place = checkout / "models" / "visual" / "demo"
    manifest = json.loads((place / "manifest.json").read_text())
    (place / "more.json").write_text("{}")
    manifest["files"]["more.json"] = {"size": 2, "sha256": registry.sha256(place / "more.json")}
    (place / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(WeightsRefusedError, match="other files"):
        demo_store.take(
            next(each for each in entries if each.role == "visual"), checkout / "models", tmp_path
        )


def test_a_checkout_without_weights_has_nothing_to_install(entries, tmp_path):
    assert demo_store.install(tmp_path / "models", tmp_path / "installed", entries).installed == ()
    with pytest.raises(WeightsUnavailableError, match="clone of the project"):
        demo_store.take(entries[0], tmp_path / "models", tmp_path / "installed")
    assert demo_store.install(tmp_path / "models", tmp_path / "installed", ()).installed == ()


def test_weights_without_a_calibration_are_not_registered(tmp_path):
    models = trained(tmp_path, Role.VISUAL)
    directory = models / "visual" / "demo"
    registry.recalibrate(directory, Calibration(0.2, 0.04, "a guess", provisional=True))
    with pytest.raises(WeightsRefusedError, match="not calibrated"):
        register(Role.VISUAL, models, tmp_path / "card.md", "training.demo.test", tmp_path / "checkout")


class TestCommandLine:
    """What a user sees of it."""

    @pytest.fixture(autouse=True)
    def known(self, entries, monkeypatch):
        others = tuple(weights for weights in catalogue.CATALOGUE if not weights.demo)
        monkeypatch.setattr(catalogue, "CATALOGUE", (*others, *entries))
        monkeypatch.setattr(demo_store, "registered", lambda: entries)

    def test_up_installs_them_and_says_that_they_are_the_demos(self, checkout, monkeypatch, capsys):
        class Stack:
            def up(self, on_progress):
                on_progress("The local stack is running")

        monkeypatch.setattr(stack, "local_stack", lambda root: Stack())
        stack.start(checkout, Console(width=200))
        first = capsys.readouterr().out
        assert first.index("Demo weights installed: visual (demo@") < first.index("stack is running")
        assert "Demo weights are in use for visual, speech" in first
        stack.start(checkout, Console(width=200))
        again = capsys.readouterr().out
        assert "installed" not in again and "Demo weights are in use for visual, speech" in again

        models = checkout / ".kadr" / "models"
        for role, variant in ((Role.VISUAL, "clip4clip-webvid150k"), (Role.SPEECH, "whisper-base")):
            install(models, role, variant, dict.fromkeys(FILES[role], b"real"))
        stack.start(checkout, Console(width=200))
        assert "emo" not in capsys.readouterr().out

    def test_up_goes_on_where_they_are_refused(self, checkout, monkeypatch, capsys):
        (checkout / "models" / "visual" / "demo" / "model.onnx").write_text("something else")
        monkeypatch.setattr(stack, "local_stack", lambda root: SimpleNamespace(up=lambda on_progress: None))
        stack.start(checkout, Console(width=300))
        shown = capsys.readouterr().out
        assert "Demo weights refused: visual" in shown and "in use for speech:" in shown

    def test_pull_takes_them_and_list_names_them(self, checkout):
        def kadr(*arguments):
            return CliRunner().invoke(app, ["models", *arguments], obj=Session(root=checkout))

        done = kadr("pull", "visual/demo")
        assert done.exit_code == 0, done.output
        rows = {(row["role"], row["variant"]): row for row in json.loads(kadr("list", "--json").stdout)}
        row = rows["visual", "demo"]
        assert row["used"] and row["demo"] and row["calibration"]["mean"] == MEASURED.mean
        assert not rows["speech", "demo"]["installed"]
        assert kadr("use", "visual/demo").exit_code == 0


class TestCalibration:
    """Which figures scores are counted in."""

    def test_of_the_weights_in_use(self, checkout, entries, tmp_path):
        models = tmp_path / "installed"
        assert registry.calibration("visual", models) == catalogue.CLIP_CALIBRATION
        demo_store.install(checkout / "models", models, entries)
        assert registry.calibration("visual", models) == MEASURED

    def test_of_the_weights_that_a_vector_was_made_with(self, entries, monkeypatch):
        others = tuple(weights for weights in catalogue.CATALOGUE if not weights.demo)
        monkeypatch.setattr(catalogue, "CATALOGUE", (*others, *entries))
        assert catalogue.calibration("visual", "demo@12345678+2") == MEASURED
        assert catalogue.calibration("visual", "clip4clip-webvid150k@1+2") == catalogue.CLIP_CALIBRATION
        assert catalogue.calibration("visual", "our-own@1+2") == catalogue.CLIP_CALIBRATION
        assert catalogue.calibration("text") == catalogue.MINILM_CALIBRATION
        with pytest.raises(LookupError, match="faces"):
            catalogue.calibration("faces", "dlib-resnet-v1@1")


class TestThisCheckout:
    """What is committed."""

    def test_everything_in_the_store_is_registered_and_the_other_way_round(self):
        stored = {path.parents[1].name for path in (ROOT / "models").glob("*/demo/manifest.json")}
        assert stored == {str(weights.role) for weights in demo_store.registered()}

    def test_files_are_those_of_the_catalogue_and_have_a_card(self, tmp_path):
        for weights in demo_store.registered():
            model = demo_store.take(weights, ROOT / "models", tmp_path)
            assert model.licence == "Apache-2.0"
            card = (ROOT / "models" / weights.role / "demo" / "README.md").read_text(encoding="utf-8")
            assert "cannot" in card and "eld-out" in card, weights.role

    def test_all_together_are_small(self):
        files = [path for path in (ROOT / "models").rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) <= 40_000_000
