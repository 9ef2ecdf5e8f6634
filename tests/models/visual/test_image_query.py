"""From an uploaded picture or clip to its vector, with a small CLIP."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
pytest.importorskip("av")

from PIL import Image

from functions.search.image_query import ImageQueries
from functions.search.uploads import UploadError
from functions.visual.extract import extract
from kadr.media.limits import MEBIBYTE
from kadr.models import convert
from kadr.runtime.settings import ExtractorSettings, SearchSettings
from tests.models.media.clips import write_clip
from tests.models.visual import small_clip

pytestmark = [pytest.mark.onnx, pytest.mark.av]


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, folder = tmp_path_factory.mktemp("small-clip"), tmp_path_factory.mktemp("clip-models")
    small_clip.write(source)
    convert.clip(folder, source, variant="small", int8=False)
    return folder


@pytest.fixture(scope="module")
def queries(models_dir: Path) -> ImageQueries:
    return ImageQueries(
        SearchSettings(
            postgres_host="nowhere.invalid",
            postgres_secret_arn="arn:none",
            qdrant_url="http://nowhere.invalid",
            media_bucket="media",
            derived_bucket="derived",
            models_dir=models_dir,
            image_query_max_seconds=10.0,
        )
    )


def scene(seed: int = 1, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Coarse patches of colour, which survive compression."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def clip_of(path: Path, picture: Image.Image, seconds: float = 3.0) -> bytes:
    still = np.asarray(picture)
    write_clip(path, seconds=seconds, fps=4, size=picture.size, picture=lambda *_: still)
    return path.read_bytes()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(saved(scene(), "PNG"), id="png"),
        pytest.param(saved(scene(), "JPEG", quality=92), id="jpeg"),
        pytest.param(saved(scene(), "JPEG", quality=92, progressive=True), id="progressive jpeg"),
        pytest.param(saved(scene(), "WEBP", quality=92), id="webp"),
        pytest.param(saved(scene(), "BMP"), id="bmp"),
        pytest.param(saved(scene(size=(4032, 3024)), "JPEG"), id="12 megapixels"),
        pytest.param(saved(scene().convert("RGBA"), "PNG"), id="with transparency"),
    ],
)
def test_a_picture_has_one_vector_whatever_its_format(queries, body):
    expected = queries.vector(saved(scene(), "PNG")).vector
    found = queries.vector(body)
    assert found.vector @ expected > 0.98
    assert queries.vector(saved(scene(2), "PNG")).vector @ expected < found.vector @ expected - 0.01
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-5)
    assert found.took.keys() == {"decode", "embed"}


def test_a_photograph_is_turned_as_the_phone_says(queries):
    exif = Image.Exif()
    exif[0x0112] = 6  # held upright: a quarter turn clockwise
    upright = scene(size=(240, 320))
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    turned = queries.vector(saved(lying, "JPEG", quality=95, exif=exif)).vector
    assert turned @ queries.vector(saved(upright, "JPEG", quality=95)).vector > 0.98


def test_a_clip_has_the_vector_that_the_index_has_of_it(
    queries, tmp_path, settings_for: Callable[[Path], ExtractorSettings], models_dir
):
    body = clip_of(tmp_path / "clip.mp4", scene())
    indexed = extract(tmp_path / "clip.mp4", settings_for(models_dir)).vector
    assert queries.vector(body).vector @ indexed > 0.999
    assert queries.vector(saved(scene(), "PNG")).vector @ indexed > 0.97  # a frame of it


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"hello", 415, "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not_an_image"),
        (b"#EXTM3U\nfile:///etc/hostname\n", 415, "not_an_image"),
        (saved(scene(), "PNG")[:50], 422, "damaged"),
        (saved(Image.new("1", (9000, 9000)), "PNG"), 422, "damaged"),
        (saved(Image.new("L", (9000, 9000)), "JPEG"), 422, "damaged"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(queries, body, status, code):
    with pytest.raises(UploadError) as refused:
        queries.vector(body)
    assert (refused.value.status, refused.value.code) == (status, code)


def test_a_long_clip_is_refused(queries, tmp_path):
    with pytest.raises(UploadError, match="at most 10 s") as refused:
        queries.vector(clip_of(tmp_path / "long.mp4", scene(), seconds=14))
    assert refused.value.code == "too_much"


def test_a_clip_has_no_more_pixels_than_a_video(queries, tmp_path):
    with pytest.raises(UploadError, match="9 million pixels"):
        queries.vector(clip_of(tmp_path / "large.mp4", scene(size=(4160, 2304)), seconds=0.5))


def test_the_largest_picture_is_decoded_within_what_a_decoder_may_take(queries):
    image = Image.new("RGB", (8064, 6048), "orange")
    for body in (saved(image, "PNG", compress_level=1), saved(image, "JPEG")):
        assert queries.vector(body).took["decode"] > 0
    assert queries._limits.max_memory < 1769 * MEBIBYTE / 2  # the function's memory is for the models, too


def test_a_picture_is_still_no_video(tmp_path, settings_for, models_dir):
    from kadr.core.errors import NotAVideoError

    path = tmp_path / "upload"
    path.write_bytes(saved(scene(), "JPEG"))
    with pytest.raises(NotAVideoError):
        extract(path, settings_for(models_dir))
