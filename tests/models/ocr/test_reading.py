"""Text on screen, read by the real engines: drawn clips, then the samples."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("tesserocr")
pytest.importorskip("rapidocr")
pytest.importorskip("PIL")

from PIL import Image, ImageDraw, ImageFont

from functions.ocr import lines
from functions.ocr.embedded import Embedded
from functions.ocr.extract import extract, model_version
from functions.ocr.lexicon import Lexicon
from functions.ocr.reader import FrameReader
from kadr.adapters.rapid import PaddleDetector
from kadr.adapters.tesseract import Tesseract
from kadr.core.errors import NotAVideoError, WeightsUnavailableError
from kadr.core.extraction import Extraction
from kadr.core.modality import StageState
from kadr.core.text import tokens
from kadr.models.registry import require
from kadr.runtime.settings import ExtractorSettings
from tests.models.media.clips import write_clip
from tests.needs import lacking

pytestmark = [pytest.mark.tesseract, pytest.mark.av, pytest.mark.onnx]

Picture = Callable[[int, int, int], np.ndarray]


@pytest.fixture(scope="session")
def tessdata() -> Path:
    for folder in (ExtractorSettings.model_fields["tessdata_dir"].default, Path(".kadr/tessdata").resolve()):
        if (folder / "rus.traineddata").is_file() and (folder / "eng.traineddata").is_file():
            return folder
    lacking("Tesseract's language data are not installed: python scripts/tessdata.py --to .kadr/tessdata")


@pytest.fixture(scope="session")
def settings(
    settings_for: Callable[[Path], ExtractorSettings], models_dir: Path, tessdata: Path
) -> ExtractorSettings:
    return settings_for(models_dir).model_copy(update={"tessdata_dir": tessdata})


def font(size: int) -> ImageFont.FreeTypeFont:
    for name in ("DejaVuSans-Bold.ttf", "LiberationSans-Bold.ttf"):
        for path in sorted(Path("/usr/share/fonts").rglob(name)):
            return ImageFont.truetype(str(path), size)
    pytest.skip("neither DejaVu nor Liberation fonts are installed")


def background(index: int, width: int, height: int) -> Image.Image:
    """Coloured waves that move."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    waves = [
        127 + 90 * np.sin((x * a + y * b) / 40 + index / 5) for a, b in ((1, 0.5), (0.3, 1), (-0.7, 0.6))
    ]
    return Image.fromarray(np.stack(waves, axis=-1).astype(np.uint8))


def lettered(*texts: tuple[str, str, str, int, range], size: int = 34) -> Picture:
    """Draw (text, fill, outline, y, frames in which it stands)."""

    def picture(index: int, width: int, height: int) -> np.ndarray:
        image = background(index, width, height)
        draw = ImageDraw.Draw(image)
        for text, fill, outline, y, when in texts:
            if index in when:
                place = (width // 2, y)
                draw.text(place, text, fill, font(size), "mm", stroke_width=3, stroke_fill=outline)
        return np.asarray(image)

    return picture


def clip(path: Path, picture: Picture, seconds: float = 4) -> Path:
    return write_clip(path, seconds=seconds, fps=10, size=(360, 640), picture=picture, options={"crf": "26"})


ALWAYS = range(10_000)


@pytest.mark.parametrize(
    ("fill", "outline"),
    [("white", "black"), ("black", "white"), ("#ffdd00", "#402000"), ("#c00000", "#ffe0e0")],
)
def test_bright_and_dark_letters_are_read_over_a_moving_picture(
    tmp_path: Path, settings: ExtractorSettings, fill: str, outline: str
) -> None:
    path = clip(tmp_path / "a.mp4", lettered(("Как варить борщ", fill, outline, 200, ALWAYS)), seconds=1.5)
    found = extract(path, settings)
    assert found.state is StageState.DONE
    assert [tokens(moment.text) for moment in found.moments] == [("как", "варить", "борщ")]


def test_moments_have_times_languages_and_english(tmp_path: Path, settings: ExtractorSettings) -> None:
    picture = lettered(
        ("Рецепт пирога", "white", "black", 150, range(0, 20)),
        ("Bake until golden", "white", "black", 450, range(20, 40)),
    )
    russian, english = extract(clip(tmp_path / "a.mp4", picture), settings).moments
    assert (russian.language, english.language) == ("ru", "en")
    assert russian.start == 0
    assert russian.end == pytest.approx(2.0, abs=0.8)
    assert english.start == pytest.approx(2.0, abs=0.8)
    assert english.end == pytest.approx(4.0, abs=0.2)
    assert {"recipe", "pie"} <= set(tokens(russian.translation))
    assert english.translation == ""
    assert all(0.7 < moment.confidence <= 1 for moment in (russian, english))


def test_the_vector_is_near_what_the_text_means(tmp_path: Path, settings: ExtractorSettings) -> None:
    from kadr.adapters.minilm import MiniLM

    path = clip(tmp_path / "a.mp4", lettered(("Рецепт пирога", "white", "black", 150, ALWAYS)), seconds=1)
    vector = extract(path, settings).vector
    assert vector is not None
    assert vector.shape == (384,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)
    near, far = MiniLM(require("text", settings.models_dir).directory).embed(
        ["how to bake a pie", "motorcycle race in the rain"]
    )
    assert vector @ near > vector @ far + 0.2


def test_a_video_without_text_is_empty_and_says_so(tmp_path: Path, settings: ExtractorSettings) -> None:
    found = extract(clip(tmp_path / "a.mp4", lettered(), seconds=2), settings)
    assert found.state is StageState.EMPTY
    assert found.reason == "no text"
    assert found.vector is None
    assert found.details["frames"] > 0


def test_what_is_not_a_video_is_refused(tmp_path: Path, settings: ExtractorSettings) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("Как варить борщ")
    with pytest.raises(NotAVideoError):
        extract(path, settings)


def test_missing_language_data_are_named(tmp_path: Path, settings: ExtractorSettings) -> None:
    path = clip(tmp_path / "a.mp4", lettered(), seconds=0.5)
    with pytest.raises(WeightsUnavailableError, match=r"rus, eng .*scripts/tessdata.py"):
        extract(path, settings.model_copy(update={"tessdata_dir": tmp_path / "none"}))


def test_the_version_names_all_that_the_result_depends_on(settings: ExtractorSettings) -> None:
    version = model_version(settings)
    for part in ("det", "tesseract-5", "all-minilm", "glossary"):
        assert part in version


def test_a_line_that_stands_still_is_not_read_in_every_frame(settings: ExtractorSettings) -> None:
    knows = Lexicon(require("text", settings.models_dir).file("tokenizer.json")).knows
    reader = FrameReader(Embedded(PaddleDetector(side=640), Tesseract(settings.tessdata_dir), knows))
    picture = lettered(("Подпишись на канал", "white", "black", 300, ALWAYS), size=26)
    found = [reader.read(index / 2, picture(index * 5, 360, 640)) for index in range(5)]
    assert [[sighting.text for sighting in frame] for frame in found] == [["Подпишись на канал"]] * 5
    assert reader.detected == 5
    assert reader.recognised <= 2


@pytest.mark.parametrize(("width", "height"), [(854, 480), (640, 360), (360, 640)])
def test_a_subtitle_at_the_edge_that_changes_is_read_again(
    settings: ExtractorSettings, width: int, height: int
) -> None:
    """The rest of the picture stands still, as in a slide show."""
    knows = Lexicon(require("text", settings.models_dir).file("tokenizer.json")).knows
    reader = FrameReader(Embedded(PaddleDetector(side=640), Tesseract(settings.tessdata_dir), knows))
    said = ["Привет, друзья!", "Налейте стакан воды", "Добавьте соль и перец"]
    for second, text in enumerate(said):
        image = background(0, width, height)
        place = (width // 2, height - 16)
        ImageDraw.Draw(image).text(place, text, "white", font(22), "mm", stroke_width=2, stroke_fill="black")
        found = reader.read(float(second), np.asarray(image))
        assert set(tokens(text)) <= {word for line in found for word in tokens(line.text)}


def test_a_tilted_line_is_turned_level() -> None:
    image = Image.new("RGB", (500, 400), "#204060")
    ImageDraw.Draw(image).text((250, 200), "Tilted line", "white", font(48), "mm")
    picture = np.asarray(image.rotate(12, fillcolor="#204060"))
    (box,) = PaddleDetector(side=640).detect(picture)
    level = lines.crop(picture, box)
    assert level.shape[0] == lines.HEIGHT
    # the letters fill the line evenly: as many in its left upper corner as in the right one
    upper = lines.candidates(level)[0].letters[: lines.HEIGHT // 2]
    left, right = np.array_split(upper.mean(axis=0), 2)
    assert left.mean() == pytest.approx(right.mean(), rel=0.6)


def test_readings_that_exist_are_told_from_those_that_do_not(settings: ExtractorSettings) -> None:
    knows = Lexicon(require("text", settings.models_dir).file("tokenizer.json")).knows
    for word in ("сколько", "борща", "minutes", "Grandma's", "30", "push-ups", "и", "a"):
        assert knows(word), word
    for word in ("CKOJIBKO", "Норрег", "варитъ", "qx", "3a"):
        assert not knows(word), word


def _coverage(found: Extraction, clip_facts: dict) -> float:
    read = {word for moment in found.moments for word in tokens(moment.text)}
    written = [word for line in clip_facts["lines"] for word in tokens(line["text"])]
    return sum(word in read for word in written) / len(written)


@pytest.mark.parametrize(
    "name", ["borsch_recept.mp4", "home_workout.mp4", "novosti_pogoda.mp4", "learn_russian.mp4", "baikal.mp4"]
)
def test_sample_clips_are_read(samples: Path, settings: ExtractorSettings, name: str) -> None:
    rows = (samples.parent / "clips.jsonl").read_text(encoding="utf-8").splitlines()
    facts = next(row for row in map(json.loads, rows) if row["file"] == name)
    assert _coverage(extract(samples / name, settings), facts) >= 0.9
