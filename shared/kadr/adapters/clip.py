"""CLIP's two towers under ONNX Runtime, as :mod:`kadr.models.convert` writes them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kadr.adapters.onnx import Session, open_session
from kadr.core.extraction import Vector
from kadr.models.catalogue import CLIP_PREPROCESSING
from kadr.models.registry import open_directory

Image = npt.NDArray[np.uint8]


class ClipVision:
    """Implements :class:`kadr.ports.embedding.ImageEmbedder`.

    Making one reads the manifest and nothing else; weights are verified and loaded on first use.

    Raises:
        WeightsUnavailableError, WeightsRefusedError: as :func:`kadr.models.registry.open_directory`.
    """

    def __init__(
        self, model_dir: Path, *, threads: int = 0, batch_size: int = 8, session: Session | None = None
    ) -> None:
        self._model = open_directory(model_dir)
        self.model_version = self._model.version
        self.dimensions = self._model.dimensions or 512
        recipe = {**CLIP_PREPROCESSING, **self._model.preprocessing}
        self.side = int(recipe["size"])  # pixels
        self._mean = np.asarray(recipe["mean"], np.float32)
        self._std = np.asarray(recipe["std"], np.float32)
        self._threads = threads
        self._batch_size = batch_size
        self._session = session
        self._lock = threading.Lock()

    def load(self) -> Session:
        """Load the weights unless that has been done."""
        with self._lock:
            if self._session is None:
                self._session = open_session(self._model.file("model.onnx"), threads=self._threads)
            return self._session

    def embed(self, images: Sequence[Image]) -> Vector:
        """Return (len(images), d), unit rows, for RGB images of shape (h, w, 3) of any size."""
        parts = [
            self.embed_pixels(
                np.stack([self.pixels(image) for image in images[start : start + self._batch_size]])
            )
            for start in range(0, len(images), self._batch_size)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimensions), np.float32)

    def embed_pixels(self, pixels: Vector) -> Vector:
        """Return (n, d), unit rows, for (n, 3, side, side) of :meth:`pixels`, as one batch."""
        vectors: Vector = self.load().run(None, {"pixels": pixels})[0]
        return vectors

    def pixels(self, image: Image) -> Vector:
        """Return (3, side, side): the shorter side resized with bicubic interpolation, the middle cut out.

        As CLIP's own preprocessing does it: the long side is rounded down, the cut rounded to the upper
        left, values are those of 8-bit pictures.
        """
        from PIL import Image as Pillow

        picture = Pillow.fromarray(np.ascontiguousarray(_middle(image)))
        width, height = picture.size
        short = min(width, height)
        size = (width * self.side // short, height * self.side // short)
        if picture.size != size:
            picture = picture.resize(size, Pillow.Resampling.BICUBIC)
        left, top = (size[0] - self.side) // 2, (size[1] - self.side) // 2
        cut = np.asarray(picture)[top : top + self.side, left : left + self.side]
        scaled = (cut.astype(np.float32) / 255 - self._mean) / self._std
        return np.ascontiguousarray(scaled.transpose(2, 0, 1), dtype=np.float32)


def _middle(image: Image) -> Image:
    """Cut what is far outside of the middle off a long strip, which would grow with its shorter side."""
    height, width = image.shape[:2]
    most = 4 * min(height, width)
    top, left = (max(0, (size - most) // 2) for size in (height, width))
    return image[top : top + most, left : left + most]


class ClipText:
    """Implements :class:`kadr.ports.embedding.TextEmbedder` for English in CLIP's space.

    Text beyond 77 tokens is not looked at. Errors as :class:`ClipVision`.
    """

    def __init__(self, model_dir: Path, *, threads: int = 0, session: Session | None = None) -> None:
        self._model = open_directory(model_dir)
        self.model_version = self._model.version
        self.dimensions = self._model.dimensions or 512
        self._max_tokens = int(self._model.preprocessing.get("max_tokens", 77))
        self._threads = threads
        self._session = session
        self._tokenizer: Any = None
        self._lock = threading.Lock()

    def load(self) -> Session:
        """Load weights and tokenizer unless that has been done."""
        with self._lock:
            if self._tokenizer is None:
                from tokenizers import Tokenizer

                tokenizer = Tokenizer.from_file(str(self._model.file("tokenizer.json")))
                tokenizer.enable_truncation(self._max_tokens)
                tokenizer.no_padding()
                self._tokenizer = tokenizer
            if self._session is None:
                self._session = open_session(self._model.file("text.onnx"), threads=self._threads)
            return self._session

    def embed(self, texts: Sequence[str]) -> Vector:
        """Return (len(texts), d), unit rows, in the order of ``texts``."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        session = self.load() if texts else None
        for row, text in enumerate(texts):
            # One by one: attention looks back only, so padding would be nothing but extra work.
            ids = np.array([self._tokenizer.encode(text).ids], dtype=np.int64)
            if session is not None:
                vectors[row] = session.run(None, {"input_ids": ids})[0][0]
        return vectors
