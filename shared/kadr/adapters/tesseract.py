"""Tesseract's LSTM recogniser, one line of text at a time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kadr.core.errors import WeightsUnavailableError
from kadr.ports.ocr import Reading

LANGUAGES = "rus+eng"


class Tesseract:
    """Reads pictures of single lines. Safe to share: each thread has an engine of its own."""

    def __init__(self, tessdata: Path, *, threads: int = 2) -> None:
        self._tessdata = tessdata
        self._threads = threads
        self._local = threading.local()

    @cached_property
    def model_version(self) -> str:
        """The version of the engine and its languages."""
        import tesserocr

        return f"tesseract-{tesserocr.tesseract_version().split()[1]}-{LANGUAGES}"

    def load(self) -> None:
        """Load the engine of this thread for all languages.

        Raises:
            WeightsUnavailableError: the language data are not installed.
        """
        self._engine(LANGUAGES)

    def read(self, lines: Sequence[npt.NDArray[np.uint8]], languages: str = LANGUAGES) -> list[Reading]:
        """Read grey pictures (h, w), each of one line, dark on bright, about 64 pixels high.

        ``languages`` are Tesseract's names, joined by ``+``.
        """
        read = partial(self._read, languages=languages)
        if len(lines) < 2 or self._threads == 1:
            return [read(line) for line in lines]
        return list(self._pool.map(read, lines))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="tesseract")

    def _engine(self, languages: str) -> Any:
        engines: dict[str, Any] = self._local.__dict__
        if languages not in engines:
            import tesserocr

            missing = [
                language
                for language in languages.split("+")
                if not (self._tessdata / f"{language}.traineddata").is_file()
            ]
            if missing:
                raise WeightsUnavailableError(
                    "ocr",
                    f"weights not installed: ocr (Tesseract's language data {', '.join(missing)} in "
                    f"{self._tessdata}; run: python scripts/tessdata.py --to DIR, and set KADR_TESSDATA_DIR)",
                )
            engines[languages] = tesserocr.PyTessBaseAPI(
                path=f"{self._tessdata}/",
                lang=languages,
                psm=tesserocr.PSM.SINGLE_LINE,
                oem=tesserocr.OEM.LSTM_ONLY,
            )
        return engines[languages]

    def _read(self, line: npt.NDArray[np.uint8], *, languages: str) -> Reading:
        engine = self._engine(languages)
        height, width = line.shape
        engine.SetImageBytes(np.ascontiguousarray(line).tobytes(), width, height, 1, width)
        engine.SetSourceResolution(300)
        words = tuple(engine.GetUTF8Text().split())
        confidences = tuple(value / 100 for value in engine.AllWordConfidences())
        if len(words) != len(confidences):  # a word with a space in it; rare, and the mean still says it
            confidences = (engine.MeanTextConf() / 100,) * len(words)
        return Reading(words, confidences)
