"""CLIP's towers, converted without torch, and the visual extractor on real clips."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
pytest.importorskip("av")

from functions.visual.extract import extract, model_version
from kadr.adapters.clip import ClipText, ClipVision
from kadr.core.errors import NotAVideoError, WeightsRefusedError, WeightsUnavailableError
from kadr.models import convert, registry
from kadr.runtime.settings import ExtractorSettings
from tests.models.visual import small_clip

pytestmark = [pytest.mark.onnx, pytest.mark.av]

Settings = Callable[[Path], ExtractorSettings]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small-clip")
    small_clip.write(folder)
    return folder


@pytest.fixture(scope="module")
def tensors(source: Path) -> dict[str, small_clip.Array]:
    from safetensors.numpy import load_file

    return load_file(source / "model.safetensors")


@pytest.fixture(scope="module")
def clip_models(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip-models")
    convert.clip(folder, source, variant="small", int8=False)
    return folder


@pytest.fixture(scope="module")
def folder(clip_models: Path) -> Path:
    return registry.require("visual", clip_models).directory


def picture(seed: int, height: int = 64, width: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_the_vision_tower_computes_clip(folder: Path, tensors: dict[str, small_clip.Array]) -> None:
    encoder = ClipVision(folder, batch_size=2)
    images = [picture(seed) for seed in range(3)]
    expected = np.stack([small_clip.vision(tensors, encoder.pixels(image)) for image in images])
    np.testing.assert_allclose(encoder.embed(images), expected, atol=1e-4)
    assert encoder.dimensions == 64


def test_the_text_tower_computes_clip(folder: Path, tensors: dict[str, small_clip.Array]) -> None:
    texts = {"a cat on the sofa": [38, 0, 1, 3, 4, 5, 39], "red car": [38, 7, 9, 39]}
    expected = np.stack([small_clip.text(tensors, ids) for ids in texts.values()])
    np.testing.assert_allclose(ClipText(folder).embed(list(texts)), expected, atol=1e-3)


def test_transformers_agrees(source: Path, folder: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    transformers.logging.set_verbosity(logging.CRITICAL)
    transformers.logging.disable_progress_bar()
    encoder = ClipVision(folder)
    image = picture(5)
    with torch.no_grad():
        seen = transformers.CLIPVisionModelWithProjection.from_pretrained(source).eval()(
            pixel_values=torch.from_numpy(encoder.pixels(image)[None])
        )
        read = transformers.CLIPTextModelWithProjection.from_pretrained(source).eval()(
            input_ids=torch.tensor([[38, 6, 39]])
        )
    for mine, theirs in (
        (encoder.embed([image]), seen.image_embeds),
        (ClipText(folder).embed(["snow"]), read.text_embeds),
    ):
        reference = theirs[0].numpy()
        assert float(mine[0] @ reference / np.linalg.norm(reference)) == pytest.approx(1, abs=1e-3)


def test_eight_bits_are_enough(source: Path, folder: Path, tmp_path: Path) -> None:
    small = convert.clip(tmp_path, source, variant="small", int8=True).directory
    assert (small / "model.onnx").stat().st_size < 0.65 * (folder / "model.onnx").stat().st_size
    images, texts = [picture(seed) for seed in range(4)], ["a cat", "a dog on the sofa"]
    assert np.sum(ClipVision(small).embed(images) * ClipVision(folder).embed(images), axis=1).min() > 0.99
    assert np.sum(ClipText(small).embed(texts) * ClipText(folder).embed(texts), axis=1).min() > 0.99


def test_texts_are_multiplied_the_quicker_way_where_it_is_exact_enough(
    source: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = convert.clip(tmp_path / "quick", source, variant="small", int8=True)
    assert b"MatMulIntegerToFloat" in (quick.directory / "text.onnx").read_bytes()
    monkeypatch.setattr(convert, "_NEAR", 1.1)
    exact = convert.clip(tmp_path / "exact", source, variant="small", int8=True)
    assert b"MatMulIntegerToFloat" not in (exact.directory / "text.onnx").read_bytes()
    texts = ["a cat", "a dog on the sofa", "snow"]
    float32 = ClipText(folder).embed(texts)
    near, nearer = (
        np.sum(ClipText(each.directory).embed(texts) * float32, axis=1).min() for each in (quick, exact)
    )
    assert 0.99 < near <= nearer + 1e-4  # where neither loses anything, chance decides


def test_pixels_are_normalised_and_channels_first(folder: Path) -> None:
    encoder = ClipVision(folder)
    grey = encoder.pixels(np.full((64, 64, 3), 128, np.uint8))
    assert grey.shape == (3, 64, 64)
    for channel, (mean, std) in enumerate(
        [(0.48145466, 0.26862954), (0.4578275, 0.26130258), (0.40821073, 0.27577711)]
    ):
        assert grey[channel] == pytest.approx((128 / 255 - mean) / std, abs=1e-4)


@pytest.mark.parametrize(("height", "width"), [(160, 90), (90, 160), (64, 64), (63, 65), (640, 64), (10, 10)])
def test_the_middle_of_any_picture_is_seen(folder: Path, height: int, width: int) -> None:
    encoder = ClipVision(folder)
    image = np.zeros((height, width, 3), np.uint8)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    image[top : top + side, left : left + side] = 255
    pixels = encoder.pixels(image)
    assert pixels.shape == (3, 64, 64)
    # All white but for the seam, where the interpolation mixes in a little of the black.
    assert np.mean(pixels[0] > 1.9) > 0.95


def test_a_video_has_a_vector_and_its_frames(
    samples: Path, clip_models: Path, settings_for: Settings
) -> None:
    extraction = extract(samples / "baikal.mp4", settings_for(clip_models))
    assert extraction.frames is not None
    assert extraction.vector is not None
    times, vectors = extraction.frames.times, extraction.frames.vectors
    assert vectors.shape == (len(times), 64)
    assert len(times) == extraction.details["frames"] >= 8
    assert times[0] == 0
    assert np.all(np.diff(times) > 0.5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    mean = vectors.mean(axis=0)
    np.testing.assert_allclose(extraction.vector, mean / np.linalg.norm(mean), atol=1e-4)


def test_two_videos_look_different_and_one_looks_like_itself(
    samples: Path, clip_models: Path, settings_for: Settings
) -> None:
    settings = settings_for(clip_models)
    sea, again, cat = (
        extract(samples / name, settings).vector
        for name in ("sunset_sea.mp4", "sunset_sea.mp4", "chelsea_the_cat.mp4")
    )
    assert sea is not None
    assert again is not None
    assert cat is not None
    assert sea == pytest.approx(again)
    assert float(sea @ cat) < 0.999


def test_without_weights_the_stage_says_so(samples: Path, settings_for: Settings, tmp_path: Path) -> None:
    for call in (
        lambda: extract(samples / "baikal.mp4", settings_for(tmp_path)),
        lambda: model_version(settings_for(tmp_path)),
    ):
        with pytest.raises(WeightsUnavailableError, match="weights not installed: visual") as caught:
            call()
        assert caught.value.role == "visual"


def test_a_file_that_is_no_video_is_told_from_missing_weights(
    clip_models: Path, settings_for: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("not a video")
    with pytest.raises(NotAVideoError):
        extract(path, settings_for(clip_models))


def test_the_version_changes_with_the_weights(
    source: Path, clip_models: Path, settings_for: Settings, tmp_path: Path
) -> None:
    before = model_version(settings_for(clip_models))
    assert before.startswith("small@")
    convert.clip(tmp_path, source, variant="small", int8=True)
    assert model_version(settings_for(tmp_path)) != before


def test_weights_that_are_no_clip_are_refused(source: Path, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    bad = tmp_path / "bad"
    bad.mkdir()
    with pytest.raises(WeightsUnavailableError, match="safetensors"):
        convert.clip(tmp_path / "models", bad)
    for name in ("config.json", "tokenizer.json"):
        (bad / name).write_bytes((source / name).read_bytes())
    save_file({"something": np.zeros(3, np.float32)}, bad / "model.safetensors")
    with pytest.raises(WeightsRefusedError, match="not a CLIP"):
        convert.clip(tmp_path / "models", bad)
    assert registry.installed("visual", tmp_path / "models") is None


def test_a_model_that_onnx_runtime_cannot_read_is_refused(folder: Path, tmp_path: Path) -> None:
    from kadr.adapters.onnx import open_session

    (tmp_path / "broken.onnx").write_bytes((folder / "model.onnx").read_bytes()[:1000])
    with pytest.raises(WeightsRefusedError, match="cannot be loaded by ONNX Runtime"):
        open_session(tmp_path / "broken.onnx")
