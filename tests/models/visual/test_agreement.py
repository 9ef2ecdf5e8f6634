"""The visual extractor beside transformers with the same weights; pictures that stand still."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
pytest.importorskip("av")

from functions.visual import extract as visual
from kadr.adapters.clip import ClipVision
from kadr.core.extraction import Extraction
from kadr.media.frames import FramePlan, sample_frames
from kadr.models import convert, registry
from kadr.runtime.settings import ExtractorSettings
from tests.models.media.clips import Image, write_clip
from tests.models.visual import small_clip

pytestmark = [pytest.mark.onnx, pytest.mark.av]

Settings = Callable[[Path], ExtractorSettings]
CLIPS = ("baikal.mp4", "chelsea_the_cat.mp4", "borsch_recept.mp4", "grace_hopper.mp4", "minecraft_house.mp4")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small-clip")
    small_clip.write(folder)
    return folder


@pytest.fixture(scope="module")
def settings(
    source: Path, tmp_path_factory: pytest.TempPathFactory, settings_for: Settings
) -> ExtractorSettings:
    """The small CLIP in 8 bits, as it is installed."""
    folder = tmp_path_factory.mktemp("clip-models")
    convert.clip(folder, source, variant="small", int8=True)
    return settings_for(folder)


def by_transformers(source: Path, path: Path) -> np.ndarray:
    """clip4clip's method, on frames as they are in the video, with transformers and float32."""
    import torch
    import transformers
    from PIL import Image as Pillow

    transformers.logging.set_verbosity(logging.CRITICAL)
    transformers.logging.disable_progress_bar()
    model = transformers.CLIPVisionModelWithProjection.from_pretrained(source).eval()
    side = model.config.image_size
    vectors = []
    for frame in sample_frames(path, FramePlan(every=1.0, max_side=None, max_frames=120, seek=False)):
        picture = Pillow.fromarray(frame.image)
        scale = side / min(picture.size)
        picture = picture.resize(
            (int(picture.width * scale), int(picture.height * scale)), Pillow.Resampling.BICUBIC
        )
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        pixels = np.asarray(picture.crop((left, top, left + side, top + side)), np.float32) / 255
        pixels = (pixels - [0.48145466, 0.4578275, 0.40821073]) / [0.26862954, 0.26130258, 0.27577711]
        with torch.inference_mode():
            batch = torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32))
            vector = model(pixel_values=batch).image_embeds[0].numpy()
        vectors.append(vector / np.linalg.norm(vector))
    mean = np.mean(vectors, axis=0)
    return mean / np.linalg.norm(mean)


@pytest.mark.torch
@pytest.mark.parametrize("name", CLIPS)
def test_a_video_has_the_vector_that_transformers_gives_it(
    name: str, source: Path, settings: ExtractorSettings, samples: Path
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    vector = visual.extract(samples / name, settings).vector
    assert vector is not None
    assert float(vector @ by_transformers(source, samples / name)) >= 0.99


def still(_: int, width: int, height: int) -> Image:
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack([across * 2 % 256, down % 256, (across + down) % 256], axis=2).astype(np.uint8)


def still_then_another(index: int, width: int, height: int) -> Image:
    return still(index, width, height) if index < 60 else still(index, width, height)[::-1]


@pytest.fixture
def towers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures each run of the vision tower got."""
    runs: list[int] = []
    embed = ClipVision.embed_pixels

    def counting(self: ClipVision, pixels: np.ndarray) -> np.ndarray:
        runs.append(len(pixels))
        return embed(self, pixels)

    monkeypatch.setattr(ClipVision, "embed_pixels", counting)
    return runs


def every_frame_embedded(
    path: Path, settings: ExtractorSettings, monkeypatch: pytest.MonkeyPatch
) -> Extraction:
    with monkeypatch.context() as patch:
        patch.setattr(visual, "_SAME", -1.0)
        return visual.extract(path, settings)


@pytest.mark.parametrize(("picture", "pictures"), [(still, 1), (still_then_another, 2)])
def test_a_picture_that_stands_still_is_embedded_once_and_counts_as_often_as_it_is_seen(
    picture: Callable[[int, int, int], Image],
    pictures: int,
    tmp_path: Path,
    settings: ExtractorSettings,
    monkeypatch: pytest.MonkeyPatch,
    towers: list[int],
) -> None:
    path = write_clip(tmp_path / "a.mp4", seconds=25, fps=6, picture=picture)
    extraction = visual.extract(path, settings)
    assert sum(towers) == extraction.details["embedded"] <= 2
    assert len(towers) == 1
    assert extraction.details["embedded"] == pictures
    everything = every_frame_embedded(path, settings, monkeypatch)
    assert (
        everything.details["embedded"] == everything.details["frames"] == extraction.details["frames"] >= 24
    )
    assert extraction.frames is not None
    assert everything.frames is not None
    np.testing.assert_array_equal(extraction.frames.times, everything.frames.times)
    assert extraction.frames.vectors.shape == everything.frames.vectors.shape
    assert np.sum(extraction.frames.vectors * everything.frames.vectors, axis=1).min() > 0.999
    assert extraction.vector is not None
    assert float(extraction.vector @ everything.vector) > 1 - 1e-3


def test_a_caption_that_appears_makes_another_picture(
    tmp_path: Path, settings: ExtractorSettings, towers: list[int]
) -> None:
    def caption(index: int, width: int, height: int) -> Image:
        image = still(index, width, height).copy()
        if index >= 24:
            image[height // 2 : height // 2 + 10, width // 4 : 3 * width // 4] = 255
        return image

    path = write_clip(tmp_path / "a.mp4", seconds=8, fps=6, picture=caption)
    assert visual.extract(path, settings).details["embedded"] == 2


def test_what_changes_slowly_is_seen_to_change(tmp_path: Path, settings: ExtractorSettings) -> None:
    def fading(index: int, width: int, height: int) -> Image:
        return np.full((height, width, 3), 40 + index, np.uint8)  # 6 levels a second

    path = write_clip(tmp_path / "a.mp4", seconds=12, fps=6, picture=fading)
    details = visual.extract(path, settings).details
    assert details["embedded"] == details["frames"]


def test_pictures_go_through_the_tower_in_batches(
    samples: Path, settings: ExtractorSettings, towers: list[int]
) -> None:
    frames = visual.extract(samples / "borsch_recept.mp4", settings).details["frames"]
    assert sum(towers) <= frames
    assert max(towers) <= 8
    assert len(towers) <= frames // 8 + 1


@pytest.mark.parametrize("size", [(3, 900), (900, 3), (1, 1), (1, 4000)])
def test_a_long_strip_does_not_grow_beyond_measure(
    size: tuple[int, int], settings: ExtractorSettings
) -> None:
    encoder = ClipVision(registry.require("visual", settings.models_dir).directory)
    image = np.zeros((*size, 3), np.uint8)
    assert encoder.pixels(image).shape == (3, encoder.side, encoder.side)
