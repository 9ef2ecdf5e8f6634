"""From the layouts in which weights are published to what is loaded, and loading it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")
pytest.importorskip("onnx")

import torch

from kadr.core.errors import WeightsRefusedError
from kadr.models import catalogue, convert, registry
from kadr.models.catalogue import Role
from tests.models.store import small_models
from tests.models.visual import small_clip

pytestmark = [pytest.mark.torch, pytest.mark.onnx, pytest.mark.whisper]

WHISPER = catalogue.entries(Role.SPEECH)[0]
MARIAN = catalogue.entries(Role.TRANSLATION)[0]
CLIP = catalogue.entries(Role.VISUAL)[0]
EASYOCR = catalogue.entries(Role.OCR)[0]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_models.whisper(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def converted(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = tmp_path_factory.mktemp("converted")
    convert.convert(WHISPER, "small", published, models)
    return models


def test_whisper_hears_what_the_published_one_hears(published: Path, converted: Path) -> None:
    import ctranslate2
    from transformers import WhisperForConditionalGeneration

    features = np.random.default_rng(0).standard_normal((1, 80, 3000)).astype(np.float32)
    model = WhisperForConditionalGeneration.from_pretrained(published).eval()
    with torch.no_grad():
        wanted = model.model.encoder(torch.from_numpy(features)).last_hidden_state.numpy()
    folder = registry.require("speech", converted).verified()
    encoded = ctranslate2.models.Whisper(str(folder), compute_type="int8").encode(
        ctranslate2.StorageView.from_array(features)
    )
    assert cosines(np.array(encoded), wanted).min() > 0.99


def test_whisper_keeps_what_faster_whisper_needs(converted: Path) -> None:
    from kadr.adapters.whisper import Whisper

    model = registry.require("speech", converted)
    assert {"model.bin", "config.json", "tokenizer.json", "preprocessor_config.json", "vocabulary.json"} <= (
        model.files.keys()
    )
    config = json.loads(model.file("config.json").read_text())
    assert config["alignment_heads"] == [[0, 1], [1, 0]]
    assert config["lang_ids"] == [small_models.FIRST_LANGUAGE, small_models.FIRST_LANGUAGE + 1]
    assert config["suppress_ids_begin"] == [220, small_models.END]
    whisper = Whisper(model).load()
    assert whisper.model.is_multilingual
    assert whisper.hf_tokenizer.token_to_id("<|ru|>") == small_models.FIRST_LANGUAGE + 1
    noise = np.random.default_rng(1).standard_normal(16_000 * 2).astype(np.float32) / 10
    found, info = whisper.transcribe(noise, task="transcribe", max_new_tokens=4)
    list(found)
    assert info.language in small_models.LANGUAGES


def test_whisper_that_is_ctranslate2_already_is_taken_as_it_is(converted: Path, tmp_path: Path) -> None:
    source = registry.require("speech", converted).directory
    plain = tmp_path / "faster-whisper-small"
    plain.mkdir()
    for path in source.iterdir():
        if path.name != registry.MANIFEST:
            (plain / path.name).write_bytes(path.read_bytes())
    model = convert.convert(WHISPER, "small", plain, tmp_path / "models")
    assert model.version == registry.require("speech", converted).version
    assert model.converted_by == convert.ADOPTED


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sentencepiece")
    from tests.models.translation import small_marian

    return small_marian.write(tmp_path_factory.mktemp("marian") / "published", small_marian.TOY)


@pytest.fixture(scope="module")
def marian_in_float(marian: Path, tmp_path_factory: pytest.TempPathFactory) -> registry.InstalledModel:
    return convert.convert(MARIAN, "small", marian, tmp_path_factory.mktemp("float"), int8=False)


def test_marian_says_what_the_published_one_says(
    marian: Path, marian_in_float: registry.InstalledModel
) -> None:
    import ctranslate2
    from sentencepiece import SentencePieceProcessor
    from transformers import MarianMTModel

    from tests.models.translation import small_marian

    folder = marian_in_float.verified()
    assert (folder / "target_vocabulary.json").is_file()
    translator = ctranslate2.Translator(str(folder), compute_type="float32")
    cut, glue = (SentencePieceProcessor(str(folder / f"{side}.spm")) for side in ("source", "target"))
    model = MarianMTModel.from_pretrained(marian).eval()
    vocabulary = json.loads((marian / "vocab.json").read_text(encoding="utf-8"))
    for pair in (small_marian.TOY[0], small_marian.TOY[-1]):
        source, target = (
            [*cut.encode(pair.source, out_type=str), "</s>"],
            glue.encode(pair.target, out_type=str),
        )
        (scored,) = translator.score_batch([source], [target])
        wanted = [vocabulary[piece] for piece in (*target, "</s>")]
        with torch.no_grad():
            logits = model(
                input_ids=torch.tensor([[vocabulary[piece] for piece in source]]),
                decoder_input_ids=torch.tensor([[vocabulary["<pad>"], *wanted[:-1]]]),
            ).logits[0]
        own = {glue.id_to_piece(index) for index in range(glue.get_piece_size())} | {"</s>"}
        for piece, index in vocabulary.items():
            if piece not in own:  # neither Russian pieces nor the padding can be said
                logits[:, index] = -torch.inf
        expected = torch.log_softmax(logits, -1)[range(len(wanted)), wanted]
        assert scored.log_probs == pytest.approx(expected.tolist(), abs=1e-3)


def test_marian_in_8_bits_is_a_quarter_of_the_size_and_is_loaded(
    marian: Path, marian_in_float: registry.InstalledModel, tmp_path: Path
) -> None:
    from kadr.adapters.marian import Marian

    small = convert.convert(MARIAN, "small", marian, tmp_path)
    assert small.files["model.bin"].size < 0.4 * marian_in_float.files["model.bin"].size
    Marian(small).load()


def test_a_model_of_another_kind_is_refused(published: Path, marian: Path, tmp_path: Path) -> None:
    for name in ("source.spm", "target.spm"):  # with them a Whisper looks like a Marian
        (tmp_path / name).write_bytes((marian / name).read_bytes())
    for path in published.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(WeightsRefusedError, match="type whisper; translation needs marian"):
        convert.convert(MARIAN, "small", tmp_path, tmp_path / "models")
    assert registry.installed("translation", tmp_path / "models") is None


def test_weights_that_are_damaged_are_refused(published: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for path in published.iterdir():
        content = path.read_bytes()
        (source / path.name).write_bytes(
            content[: len(content) // 2] if path.suffix == ".safetensors" else content
        )
    with pytest.raises(WeightsRefusedError, match=r"model\.safetensors is damaged"):
        convert.convert(WHISPER, "small", source, tmp_path / "models")
    assert not list((tmp_path / "models").rglob("*"))


def test_a_pickle_is_refused_unless_it_is_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "source"
    small_clip.write(source)
    safe = convert.convert(CLIP, "small", source, tmp_path / "safe")
    small_models.as_pickle(source)
    with pytest.raises(WeightsRefusedError, match=r"only as a pickle \(pytorch_model.bin\).*--unpickle"):
        convert.convert(CLIP, "small", source, tmp_path / "models")
    assert registry.installed("visual", tmp_path / "models") is None
    model = convert.convert(CLIP, "small", source, tmp_path / "models", unpickle=True)
    assert model.version == safe.version  # the same tensors, so the same graphs
    assert {path.suffix for path in model.directory.iterdir()} == {".onnx", ".json"}


def test_a_clip_may_lie_in_several_files(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    source = tmp_path / "source"
    tensors = small_clip.write(source)
    whole = convert.convert(CLIP, "small", source, tmp_path / "whole")
    (source / "model.safetensors").unlink()
    for part, tower in enumerate(("text", "vis"), start=1):
        of_tower = {name: tensor for name, tensor in tensors.items() if name.startswith(tower)}
        save_file(of_tower, source / f"model-0000{part}-of-00002.safetensors")
    model = convert.convert(CLIP, "small", source, tmp_path / "parts")
    assert model.version == whole.version


def test_a_clip_may_be_in_bfloat16(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    source = tmp_path / "source"
    halves = {name: torch.from_numpy(value).bfloat16() for name, value in small_clip.write(source).items()}
    save_file(halves, source / "model.safetensors")
    model = convert.convert(CLIP, "small", source, tmp_path / "halves")
    save_file({name: tensor.float() for name, tensor in halves.items()}, source / "model.safetensors")
    assert model.version == convert.convert(CLIP, "small", source, tmp_path / "floats").version


def test_vectors_that_do_not_fit_the_index_are_refused_before_the_work(tmp_path: Path) -> None:
    small_clip.write(tmp_path / "source")
    with pytest.raises(WeightsRefusedError, match="64 dimensions, and the index keeps 512 for visual"):
        convert.convert(CLIP, "small", tmp_path / "source", tmp_path / "models", indexed=True)
    assert not (tmp_path / "models").exists()


def test_easyocr_comes_from_its_pickles(tmp_path: Path) -> None:
    from kadr.adapters.onnx import open_session
    from tests.models.easyocr.networks import Craft, Recogniser

    torch.manual_seed(0)
    detector = Craft((8, 16, 24, 32, 40, 24, 16, 16, 16, 8))
    recogniser = Recogniser(len(catalogue.EASYOCR_CYRILLIC) + 1, 32)
    source = tmp_path / "source"
    source.mkdir()
    for name, network in (("craft_mlt_25k.pth", detector), ("cyrillic_g2.pth", recogniser)):
        torch.save({f"module.{key}": value for key, value in network.state_dict().items()}, source / name)
    model = convert.convert(EASYOCR, "small", source, tmp_path / "models", unpickle=True, int8=False)
    lines = np.zeros((1, 1, 64, 128), np.float32)
    (logits,) = open_session(model.file("recogniser.onnx")).run(None, {"lines": lines})
    assert logits.shape == (1, 31, len(catalogue.EASYOCR_CYRILLIC) + 1)
    characters = model.file("characters.txt").read_text(encoding="utf-8")
    assert characters == catalogue.EASYOCR_CYRILLIC
    assert len(set(characters)) == len(characters)
    # Under the catalogue's own name only the published files are taken.
    with pytest.raises(WeightsRefusedError, match="its checksum differs"):
        convert.convert(EASYOCR, EASYOCR.variant, source, tmp_path / "models", unpickle=True)


def test_clips_tokenizer_is_made_of_its_older_files(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from transformers import CLIPTokenizer

    from kadr.models.clip_tokenizer import keep_tokenizer

    letters = [chr(code) for code in range(33, 127)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "ca", "cat</w>", "so", "sof", "sofa</w>"]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (tmp_path / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    merges = ["#version: 0.2", "c a", "ca t</w>", "s o", "so f", "sof a</w>"]
    (tmp_path / "merges.txt").write_text("\n".join(merges) + "\n")
    keep_tokenizer(tmp_path, tmp_path / "tokenizer.json")
    ours = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    theirs = CLIPTokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    for text in ("A Cat on the  SOFA!", "it's 2026, isn't it?", "c", ""):
        assert ours.encode(text).ids == theirs(text)["input_ids"], text


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of the last axis."""
    return (one * other).sum(-1) / np.linalg.norm(one, axis=-1) / np.linalg.norm(other, axis=-1)
