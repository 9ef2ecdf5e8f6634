"""Which engine reads: chosen by what is installed for the role ``ocr``, or by a setting."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kadr.core.errors import WeightsUnavailableError
from kadr.models.registry import InstalledModel, installed
from kadr.runtime.settings import ExtractorSettings

if TYPE_CHECKING:
    from functions.ocr.engine import Engine
    from kadr.adapters.craft import CraftDetector
    from kadr.adapters.easyocr import EasyRecogniser
    from kadr.adapters.rapid import PaddleDetector
    from kadr.adapters.tesseract import Tesseract

# Pixels of the longer side for PP-OCR's detector, which takes most of the time. On the samples (640 high) as
# many words are found with 640 as with 800, in two thirds of the time. Lines are cut from the frame as it is.
_PADDLE_SIDE = 640
# The same for CRAFT, whose time grows with the area (docs/adr/0009-easyocr.md): lettering of a fiftieth of
# the frame's height is 10 pixels high then, about the least that CRAFT finds.
_CRAFT_CANVAS = 480

_EASYOCR_FILES = frozenset({"detector.onnx", "recogniser.onnx", "characters.txt"})


def choose(settings: ExtractorSettings, knows: Callable[[str], bool]) -> Engine:
    """Return an engine for one video, with its weights loaded; ``knows`` says whether a word exists.

    Raises:
        WeightsUnavailableError: the engine that ``settings.ocr_engine`` asks for is not installed.
        WeightsRefusedError: its weights are damaged.
    """
    model = installed("ocr", settings.models_dir)
    easy = model is not None and model.files.keys() >= _EASYOCR_FILES
    if settings.ocr_engine == "easyocr" and not easy:
        raise WeightsUnavailableError(
            "ocr",
            "weights not installed: ocr (EasyOCR's networks; to have them, kadr models pull ocr, or set "
            "KADR_OCR_ENGINE to auto)",
        )
    if model is not None and easy and settings.ocr_engine != "embedded":
        from functions.ocr.easyocr import EasyOCR

        return EasyOCR(*_easyocr(model), knows)
    from functions.ocr.embedded import Embedded

    return Embedded(_paddle(), _tesseract(settings.tessdata_dir), knows)


@cache
def _easyocr(model: InstalledModel) -> tuple[CraftDetector, EasyRecogniser]:
    from kadr.adapters.craft import CraftDetector
    from kadr.adapters.easyocr import EasyRecogniser

    detector = CraftDetector(model.file("detector.onnx"), version=model.version, canvas=_CRAFT_CANVAS)
    characters = model.file("characters.txt").read_text(encoding="utf-8")
    recogniser = EasyRecogniser(model.file("recogniser.onnx"), characters)
    recogniser.load()
    return detector, recogniser


@cache
def _paddle() -> PaddleDetector:
    from kadr.adapters.rapid import PaddleDetector

    return PaddleDetector(side=_PADDLE_SIDE, score=0.6)


@cache
def _tesseract(tessdata: Path) -> Tesseract:
    from kadr.adapters.tesseract import Tesseract

    recogniser = Tesseract(tessdata)
    recogniser.load()
    return recogniser
