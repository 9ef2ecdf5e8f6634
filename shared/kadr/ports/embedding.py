"""Turning text and pictures into vectors, and Russian into English."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from kadr.core.extraction import Vector


class TextEmbedder(Protocol):
    """A sentence encoder."""

    model_version: str
    dimensions: int

    def embed(self, texts: Sequence[str]) -> Vector:
        """Return (len(texts), dimensions), unit rows."""


class ImageEmbedder(Protocol):
    """A picture encoder."""

    model_version: str
    dimensions: int

    def embed(self, images: Sequence[npt.NDArray[np.uint8]]) -> Vector:
        """Return (len(images), dimensions), unit rows, for RGB images of shape (h, w, 3)."""


class Translator(Protocol):
    """Anything into English."""

    model_version: str

    def translate(self, text: str) -> str:
        """Return English; text that needs no translation comes back as it is."""


class Lemmatizer(Protocol):
    """Dictionary forms of words."""

    def lemmas(self, word: str) -> tuple[str, ...]:
        """Return the possible dictionary forms of one lower-case word, likeliest first."""
