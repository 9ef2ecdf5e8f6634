"""Whatever is uploaded, every extractor says something about it, soon, and leaves nothing running."""

from __future__ import annotations

import os
import re
import resource
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("av")
pytest.importorskip("dlib")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("rapidocr")
pytest.importorskip("tesserocr")

from kadr.core.errors import MediaError, WeightsUnavailableError
from kadr.core.extraction import Extraction
from kadr.runtime.settings import ExtractorSettings
from tests.models.hostile.files import FILES
from tests.models.visual import small_clip
from tests.needs import lacking

pytestmark = [
    pytest.mark.av,
    pytest.mark.dlib,
    pytest.mark.onnx,
    pytest.mark.tesseract,
]

EXTRACTORS = ("ingest", "visual", "ocr", "speech", "faces")
MOST_SECONDS = 20.0  # for one extractor and one of these files; they take less than one
MOST_MEMORY = 700  # MiB, of the decoder. The largest frame that is allowed takes 80


@pytest.fixture(scope="module")
def settings(
    models_dir: Path,
    settings_for: Callable[[Path], ExtractorSettings],
    tmp_path_factory: pytest.TempPathFactory,
) -> ExtractorSettings:
    """Everything but Whisper, which only speech would need."""
    from kadr.models import convert

    folder = tmp_path_factory.mktemp("models")
    (folder / "text").symlink_to(models_dir / "text")
    source = tmp_path_factory.mktemp("small-clip")
    small_clip.write(source)
    convert.clip(folder, source, variant="small")
    for tessdata in (
        ExtractorSettings.model_fields["tessdata_dir"].default,
        Path(".kadr/tessdata").resolve(),
    ):
        if (tessdata / "rus.traineddata").exists():
            return settings_for(folder).model_copy(update={"tessdata_dir": tessdata})
    lacking("Tesseract's language data are not installed: python scripts/tessdata.py --to .kadr/tessdata")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a file by its name, once."""
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            made[name] = FILES[name].make(tmp_path_factory.mktemp("file"))
        return made[name]

    return make


def test_there_are_many() -> None:
    assert len(FILES) >= 60


@pytest.mark.parametrize("extractor", EXTRACTORS)
@pytest.mark.parametrize("name", FILES)
def test_every_extractor_answers(
    name: str, extractor: str, file: Callable[[str], Path], settings: ExtractorSettings
) -> None:
    path, expected = file(name), FILES[name]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    begun = time.monotonic()
    extraction: Extraction | None = None
    reason = ""
    try:
        extraction = import_module(f"functions.{extractor}.extract").extract(path, settings)
    except (MediaError, WeightsUnavailableError) as error:
        reason = str(error)
    assert time.monotonic() - begun < MOST_SECONDS
    assert not children(), "a decoder was left behind"
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    # Linux counts for a child what its parent had when it was forked, which other tests may have made large.
    inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert peak <= max(before, inherited, MOST_MEMORY * 1024), f"the decoder took {peak // 1024} MiB"

    if extraction is None:
        assert 15 < len(reason) < 300, "the reason is a sentence"
        assert str(path) not in reason, "the reason is shown to people who do not know our folders"
        assert "Traceback" not in reason
        assert "Error" not in reason, "the reason is in words"
    elif extraction.reason:
        assert extraction.reason.startswith("no ")
    elif extractor == "ingest":
        assert extraction.media is not None
        assert 0 <= extraction.media.duration <= 1800
        assert extraction.thumbnail
    elif extractor == "visual":
        assert extraction.vector is not None
    if expected.video:
        assert not reason
    elif expected.video is False and extractor != "speech":  # which opens what has sound only, too
        assert re.search(expected.says, reason), reason


def children() -> list[int]:
    """Return the processes that this one has started and not yet seen end."""
    task = Path(f"/proc/{os.getpid()}/task")
    return [int(pid) for thread in task.iterdir() for pid in (thread / "children").read_text().split()]
