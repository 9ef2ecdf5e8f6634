"""Which weights are installed, and what is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.models import catalogue, registry
from kadr.models.catalogue import Role


def install(models: Path, role: Role, variant: str, files: dict[str, bytes]) -> Path:
    """Write a model with its manifest."""
    directory = models / role / variant
    directory.mkdir(parents=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    weights = catalogue.entry(role, variant) or catalogue.entries(role)[0]
    registry.write_manifest(directory, weights, variant=variant, files=files, converted_by="a test")
    return directory


def test_nothing_installed_says_what_to_do(tmp_path: Path) -> None:
    assert registry.installed("text", tmp_path) is None
    with pytest.raises(WeightsUnavailableError, match="to have it: kadr models pull text") as caught:
        registry.require("text", tmp_path)
    assert caught.value.role == "text"


def test_installed_weights_are_found_with_their_facts(tmp_path: Path) -> None:
    directory = install(
        tmp_path, Role.TEXT, "all-minilm-l6-v2", {"model.onnx": b"weights", "tokenizer.json": b"{}"}
    )
    model = registry.require("text", tmp_path)
    assert model.directory == directory
    assert model.dimensions == 384
    assert model.calibration is not None
    assert not model.calibration.provisional
    assert model.file("model.onnx").read_bytes() == b"weights"
    assert model.verified() == directory


def test_other_weights_are_another_version(tmp_path: Path) -> None:
    install(tmp_path / "a", Role.TEXT, "all-minilm-l6-v2", {"model.onnx": b"one"})
    install(tmp_path / "b", Role.TEXT, "all-minilm-l6-v2", {"model.onnx": b"two"})
    install(tmp_path / "c", Role.TEXT, "all-minilm-l6-v2", {"model.onnx": b"one"})
    a, b, c = (registry.require("text", tmp_path / name).version for name in "abc")
    assert a == c != b
    assert a.startswith("all-minilm-l6-v2@")


def test_the_catalogue_decides_which_variant_is_preferred(tmp_path: Path) -> None:
    files = {"model.bin": b"CT2", "config.json": b"{}", "tokenizer.json": b"{}"}
    install(tmp_path, Role.SPEECH, "a-fine-tune-of-ours", files)
    assert registry.require("speech", tmp_path).variant == "a-fine-tune-of-ours"
    install(tmp_path, Role.SPEECH, "whisper-base", files)
    assert registry.require("speech", tmp_path).variant == "whisper-base"
    install(tmp_path, Role.SPEECH, "whisper-medium", files)
    assert registry.require("speech", tmp_path).variant == "whisper-medium"


@pytest.mark.parametrize("content", [b"weighty", b"weights and more"])
def test_a_file_that_was_changed_is_refused(tmp_path: Path, content: bytes) -> None:
    directory = install(tmp_path, Role.TEXT, "all-minilm-l6-v2", {"model.onnx": b"weights"})
    assert registry.require("text", tmp_path).file("model.onnx").is_file()
    (directory / "model.onnx").write_bytes(content)
    with pytest.raises(WeightsRefusedError, match=r"model\.onnx is not the file"):
        registry.require("text", tmp_path).file("model.onnx")


def test_a_missing_file_is_reported_as_incomplete(tmp_path: Path) -> None:
    directory = install(tmp_path, Role.TEXT, "all-minilm-l6-v2", {"model.onnx": b"weights"})
    (directory / "model.onnx").unlink()
    with pytest.raises(WeightsUnavailableError, match="install it again"):
        registry.require("text", tmp_path).file("model.onnx")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pkl", "model.ckpt", "run.py"])
def test_formats_that_can_run_code_are_refused(tmp_path: Path, name: str) -> None:
    install(tmp_path, Role.SPEECH, "whisper-base", {name: b"anything"})
    with pytest.raises(WeightsRefusedError, match="pickles"):
        registry.installed("speech", tmp_path)


@pytest.mark.parametrize("content", [pickle.dumps({"a": 1}), b"PK\x03\x04rest"], ids=["pickle", "zip"])
def test_a_pickle_under_an_allowed_name_is_refused(tmp_path: Path, content: bytes) -> None:
    install(tmp_path, Role.SPEECH, "whisper-base", {"model.bin": content})
    with pytest.raises(WeightsRefusedError, match="pickle under another name"):
        registry.installed("speech", tmp_path)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\x.onnx"])
def test_a_manifest_cannot_point_outside(tmp_path: Path, name: str) -> None:
    directory = install(tmp_path, Role.TEXT, "all-minilm-l6-v2", {"model.onnx": b"weights"})
    manifest = json.loads((directory / registry.MANIFEST).read_text())
    manifest["files"][name] = {"size": 1, "sha256": "0" * 64}
    (directory / registry.MANIFEST).write_text(json.dumps(manifest) + "\n")
    with pytest.raises(WeightsRefusedError, match="own folder"):
        registry.installed("text", tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 2}'])
def test_a_damaged_manifest_is_refused(tmp_path: Path, text: str) -> None:
    directory = install(tmp_path, Role.TEXT, "all-minilm-l6-v2", {"model.onnx": b"weights"})
    (directory / registry.MANIFEST).write_text(text)
    with pytest.raises(WeightsRefusedError, match="is damaged"):
        registry.installed("text", tmp_path)


def test_a_manifest_in_the_wrong_place_is_refused(tmp_path: Path) -> None:
    directory = install(tmp_path, Role.TEXT, "all-minilm-l6-v2", {"model.onnx": b"weights"})
    directory.rename(directory.with_name("something-else"))
    with pytest.raises(WeightsRefusedError, match="not where it lies"):
        registry.installed("text", tmp_path)


def test_a_conversion_in_progress_is_not_a_model(tmp_path: Path) -> None:
    directory = install(tmp_path, Role.TEXT, "all-minilm-l6-v2", {"model.onnx": b"weights"})
    directory.rename(directory.with_name(".all-minilm-l6-v2.x1"))
    assert registry.installed("text", tmp_path) is None


def test_the_report_names_every_role_and_what_is_wrong(tmp_path: Path) -> None:
    install(tmp_path, Role.TEXT, "all-minilm-l6-v2", {"model.onnx": b"weights"})
    install(tmp_path, Role.VISUAL, "clip4clip-webvid150k", {"model.onnx": b"weights"})
    install(tmp_path, Role.SPEECH, "whisper-base", {"model.pt": b"weights"})
    statuses = {status.role: status for status in registry.report(tmp_path)}
    assert set(statuses) == set(Role)
    assert statuses[Role.TEXT].available
    assert statuses[Role.TEXT].calibrated
    assert statuses[Role.VISUAL].available
    assert not statuses[Role.VISUAL].calibrated  # provisional figures, and said so
    assert "pickles" in statuses[Role.SPEECH].problem
    assert "weights not installed" in statuses[Role.TRANSLATION].problem


def test_every_entry_can_be_installed_and_is_licensed() -> None:
    for weights in catalogue.CATALOGUE:
        assert weights.files, weights
        assert weights.licence, weights
        assert weights.install, weights
        own = "trained by Kadr: python -m " if weights.demo else "https://"
        assert weights.source.startswith(own), weights
        if weights.bundled or weights.demo:
            # What comes with a package or the checkout is verified against a checksum that is written down.
            assert set(weights.known) == set(weights.files), weights


def test_the_demo_comes_last(tmp_path: Path) -> None:
    files = {"model.bin": b"CT2", "config.json": b"{}", "tokenizer.json": b"{}"}
    install(tmp_path, Role.SPEECH, "demo", files)
    assert registry.require("speech", tmp_path).demo
    install(tmp_path, Role.SPEECH, "zz-ours", files)
    assert registry.require("speech", tmp_path).variant == "zz-ours"
