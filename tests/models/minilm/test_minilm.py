"""The text encoder: is it all-MiniLM-L6-v2, and does it keep its promises?"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from kadr.adapters.minilm import MiniLM
from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.models import catalogue, convert, registry
from kadr.models.catalogue import Role

pytestmark = pytest.mark.onnx

SENTENCES = [
    "A cat sleeps on the sofa.",
    "A kitten is napping on the couch.",
    "How do I cook borscht?",
    "Beetroot soup recipe",
    "The striker scored in the last minute of the match.",
    "goal",
]
# Cosines of the published weights, computed with PyTorch 2.13 and transformers 5.23 in float32.
COSINES = [
    [1.0, 0.7529, 0.0047, -0.0497, 0.0685, -0.0007],
    [0.7529, 1.0, -0.0505, -0.0476, 0.0426, -0.0545],
    [0.0047, -0.0505, 1.0, 0.2952, 0.0095, 0.0871],
    [-0.0497, -0.0476, 0.2952, 1.0, -0.0762, -0.0219],
    [0.0685, 0.0426, 0.0095, -0.0762, 1.0, 0.5346],
    [-0.0007, -0.0545, 0.0871, -0.0219, 0.5346, 1.0],
]


@pytest.fixture(scope="module")
def encoder(models_dir: Path) -> MiniLM:
    return MiniLM(registry.require("text", models_dir).directory)


def test_cosines_are_those_of_the_published_model(encoder: MiniLM) -> None:
    vectors = encoder.embed(SENTENCES)
    assert vectors.shape == (6, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors @ vectors.T, COSINES, atol=0.02)


def test_vectors_are_those_of_the_published_model(encoder: MiniLM) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = registry.package_folder(catalogue.entries(Role.TEXT)[0])
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    texts = [text for pair in convert.unrelated() for text in pair]
    with torch.no_grad():
        states = [model(**tokenizer([text], return_tensors="pt")).last_hidden_state for text in texts]
    expected = np.stack([state[0].mean(dim=0).numpy() for state in states])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.sum(expected * encoder.embed(texts), axis=1).min() >= convert.MIN_COSINE


def test_a_vector_does_not_depend_on_its_neighbours(models_dir: Path) -> None:
    directory = registry.require("text", models_dir).directory
    texts = ["one", *SENTENCES, "word " * 200]
    together = MiniLM(directory, batch_tokens=4096).embed(texts)
    alone = np.concatenate([MiniLM(directory, batch_tokens=1).embed([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_long_text_is_cut_and_no_text_is_no_vector(encoder: MiniLM) -> None:
    long = "the same words again and again " * 200
    assert encoder.embed([long]) == pytest.approx(encoder.embed([long + "and something else entirely"]))
    assert encoder.embed([]).shape == (0, 384)


def test_the_calibration_in_the_catalogue_is_what_is_measured(encoder: MiniLM, models_dir: Path) -> None:
    queries, texts = (encoder.embed(list(column)) for column in zip(*convert.unrelated(), strict=True))
    cosines = convert.cosines_of_unrelated(queries, texts)
    calibration = registry.require("text", models_dir).calibration
    assert calibration is not None
    assert cosines.mean() == pytest.approx(calibration.mean, abs=0.005)
    assert cosines.std() == pytest.approx(calibration.deviation, abs=0.005)
    # What it is for: what belongs together is found above what does not.
    related = np.sum(queries * texts, axis=1)
    assert np.median((related - calibration.mean) / calibration.deviation) > 2


def test_converting_again_changes_nothing(models_dir: Path) -> None:
    directory = registry.require("text", models_dir).directory
    before = {path.name: path.stat().st_mtime_ns for path in directory.iterdir()}
    assert convert.minilm(models_dir).directory == directory
    assert {path.name: path.stat().st_mtime_ns for path in directory.iterdir()} == before


def test_a_damaged_model_is_refused_and_converted_again(models_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(models_dir / "text", tmp_path / "text")
    model = tmp_path / "text" / "all-minilm-l6-v2" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\x00\x00")
    with pytest.raises(WeightsRefusedError, match="install the weights again"):
        MiniLM(model.parent).embed(["a"])
    version = convert.minilm(tmp_path).version
    assert version == registry.require("text", models_dir).version
    assert MiniLM(model.parent).embed(["a"]).shape == (1, 384)


def test_only_the_published_weights_are_converted(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with pytest.raises(WeightsUnavailableError, match=r"has no model\.safetensors"):
        convert.minilm(tmp_path / "models", source)
    (source / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(WeightsRefusedError, match=r"not the published all-minilm-l6-v2"):
        convert.minilm(tmp_path / "models", source)
    assert registry.installed("text", tmp_path / "models") is None


def test_searching_needs_neither_torch_nor_onnx(models_dir: Path) -> None:
    program = (
        "import sys, pathlib; from kadr.adapters.minilm import MiniLM;"
        "from kadr.models.registry import require;"
        f"MiniLM(require('text', pathlib.Path({str(models_dir)!r})).directory).embed(['a']);"
        "print(sorted({'torch', 'onnx', 'transformers', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
