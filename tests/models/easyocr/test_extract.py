"""Text on screen, from a video to moments and a vector, by both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("onnx")
pytest.importorskip("tesserocr")
pytest.importorskip("rapidocr")

from bench.weights import easyocr as weights
from functions.ocr.engines import choose
from functions.ocr.extract import extract, model_version
from functions.ocr.reader import FrameReader
from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.core.extraction import Extraction
from kadr.core.modality import StageState
from kadr.core.text import tokens
from kadr.runtime.settings import ExtractorSettings
from tests.models.easyocr.rendering import write
from tests.models.media.clips import write_clip
from tests.needs import lacking

pytestmark = [pytest.mark.onnx, pytest.mark.av, pytest.mark.tesseract]

Shown = tuple[str, int, range]  # a line, where it stands from the top, the frames in which it does
FPS = 5
ENGINES = ("easyocr", "embedded")


@pytest.fixture(scope="module")
def settings(
    settings_for: Callable[[Path], ExtractorSettings],
    models_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> ExtractorSettings:
    """Settings with the small EasyOCR installed, the way a user's weights would be."""
    own = tmp_path_factory.mktemp("easyocr-models")
    (own / "text").symlink_to(models_dir / "text")
    weights.install(own, *weights.small(), variant="easyocr-small")
    tessdata = (ExtractorSettings.model_fields["tessdata_dir"].default, Path(".kadr/tessdata").resolve())
    for folder in tessdata:
        if (folder / "rus.traineddata").is_file() and (folder / "eng.traineddata").is_file():
            return settings_for(own).model_copy(update={"tessdata_dir": folder})
    lacking("Tesseract's language data are not installed: python scripts/tessdata.py --to .kadr/tessdata")


def clip(path: Path, *shown: Shown, seconds: float, size: int = 30) -> Path:
    def picture(index: int, width: int, height: int) -> np.ndarray:
        image = np.zeros((height, width, 3), np.uint8)
        image[..., 2] = (np.linspace(30, 110, height)[:, None] + 3 * index) % 140  # a ground that changes
        for text, y, when in shown:
            if index in when:
                write(image, text, (16, y), size, outline=(0, 0, 0), weight=600)
        return image

    return write_clip(path, seconds=seconds, fps=FPS, size=(360, 640), picture=picture)


def read(path: Path, settings: ExtractorSettings, engine: str = "auto") -> Extraction:
    return extract(path, settings.model_copy(update={"ocr_engine": engine}))


def told(found: Extraction) -> set[str]:
    return {word for moment in found.moments for word in tokens(moment.text)}


def test_installed_easyocr_reads(tmp_path: Path, settings: ExtractorSettings) -> None:
    found = read(clip(tmp_path / "a.mp4", ("красивый сад", 300, range(0, 20)), seconds=4, size=38), settings)
    assert found.state is StageState.DONE
    (moment,) = found.moments
    assert tokens(moment.text) == ("красивый", "сад")
    assert moment.language == "ru"
    assert "garden" in moment.translation.lower()
    assert moment.confidence > 0.5
    assert moment.start == 0 and moment.end == pytest.approx(4, abs=0.3)
    assert found.vector is not None and np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-5)
    assert str(found.details["engine"]).startswith("easyocr-small@")
    assert model_version(settings).startswith("easyocr-small@")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_line_that_stays_is_not_read_in_every_frame(
    tmp_path: Path, settings: ExtractorSettings, engine: str
) -> None:
    path = clip(tmp_path / "a.mp4", ("красивый сад", 300, range(0, 40)), seconds=8, size=38)
    found = read(path, settings, engine)
    assert found.details["frames"] >= 8
    assert found.details["lines"] >= found.details["frames"]  # it was found in each
    assert 1 <= found.details["lines_recognised"] <= found.details["lines"] / 2
    assert told(found) == {"красивый", "сад"}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_text_that_is_typed_becomes_one_moment(
    tmp_path: Path, settings: ExtractorSettings, engine: str
) -> None:
    text = "салат на ужин"
    shown = [(text[:5], 300, range(0, 8)), (text[:8], 300, range(8, 16)), (text, 300, range(16, 40))]
    found = read(clip(tmp_path / "a.mp4", *shown, seconds=8), settings, engine)
    assert [tokens(moment.text) for moment in found.moments] == [tokens(text)]


@pytest.mark.parametrize("engine", ENGINES)
def test_each_line_has_its_language(tmp_path: Path, settings: ExtractorSettings, engine: str) -> None:
    path = clip(
        tmp_path / "a.mp4",
        ("красивый сад", 150, range(0, 12)),
        ("good morning", 450, range(13, 25)),
        seconds=5,
        size=26,
    )
    languages = {moment.language: moment for moment in read(path, settings, engine).moments}
    assert languages.keys() == {"ru", "en"}
    assert languages["ru"].translation
    assert not languages["en"].translation


@pytest.mark.parametrize("engine", ENGINES)
def test_the_whole_of_a_long_text_is_kept(tmp_path: Path, settings: ExtractorSettings, engine: str) -> None:
    rows = (
        "нарезать картофель",
        "добавить морковь",
        "варить на огне",
        "посолить по вкусу",
        "подавать горячим",
    )
    shown = [(row, 140 + 60 * index, range(0, 20)) for index, row in enumerate(rows)]
    found = read(clip(tmp_path / "a.mp4", *shown, seconds=4), settings, engine)
    assert sum(len(moment.text) for moment in found.moments) > 77
    wanted = {word for row in rows for word in tokens(row)}
    assert len(wanted & told(found)) >= 0.75 * len(wanted)


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_written_is_said_to_be_nothing(
    tmp_path: Path, settings: ExtractorSettings, engine: str
) -> None:
    found = read(clip(tmp_path / "a.mp4", seconds=3), settings, engine)
    assert found.state is StageState.EMPTY
    assert found.reason == "no text"


class Counting:
    """An engine that counts how often it is asked for lines, beside the real one."""

    def __init__(self, settings: ExtractorSettings) -> None:
        self.real = choose(settings, lambda _: True)
        self.sure, self.patience, self.readings, self.frames = self.real.sure, self.real.patience, 0, 0
        self.model_version = self.real.model_version
        self.read = self.real.read

    def detect(self, image: np.ndarray) -> list[object]:
        self.frames += 1
        return self.real.detect(image)


def test_still_frames_are_not_looked_at_again(settings: ExtractorSettings) -> None:
    picture = np.full((640, 360, 3), 60, np.uint8)
    write(picture, "красивый сад", (16, 300), 38, outline=(0, 0, 0), weight=600)
    engine = Counting(settings)
    reader = FrameReader(engine)
    texts = [[line.text for line in reader.read(second, picture)] for second in range(5)]
    assert engine.frames == 1
    assert texts == [texts[0]] * 5 and len(texts[0]) == 1


def test_a_setting_and_what_is_installed_choose_the_engine(
    settings: ExtractorSettings, settings_for: Callable[[Path], ExtractorSettings], models_dir: Path
) -> None:
    without = settings_for(models_dir).model_copy(update={"tessdata_dir": settings.tessdata_dir})
    assert model_version(without).startswith("PP-OCR")
    assert model_version(settings.model_copy(update={"ocr_engine": "embedded"})).startswith("PP-OCR")
    with pytest.raises(WeightsUnavailableError, match="kadr models pull ocr"):
        model_version(without.model_copy(update={"ocr_engine": "easyocr"}))


def test_a_recogniser_for_other_characters_is_refused(
    tmp_path: Path, settings: ExtractorSettings, models_dir: Path
) -> None:
    (tmp_path / "text").symlink_to(models_dir / "text")
    folder = weights.install(tmp_path, *weights.small(), variant="easyocr-other")
    (folder / "characters.txt").write_text("абв", encoding="utf-8")
    with pytest.raises(WeightsRefusedError, match=r"characters\.txt"):  # not the file that was installed
        model_version(settings.model_copy(update={"models_dir": tmp_path}))
