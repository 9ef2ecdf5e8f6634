"""Turning text and pictures into vectors, and Russian into English."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from kadr.core.extraction import Vector
from kadr.core.glossary import Glossary
from kadr.core.translation import Translated


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
    """Anything into English. ``glossary`` takes the place of the one that the translator was made with."""

    model_version: str

    def translate(self, text: str, *, glossary: Glossary | None = None) -> str:
        """Return English; text that needs no translation comes back as it is."""

    def explain(self, texts: Sequence[str], *, glossary: Glossary | None = None) -> list[Translated]:
        """Return the same with where it comes from, for several texts together."""


class Lemmatizer(Protocol):
    """Dictionary forms of words."""

    def lemmas(self, word: str) -> tuple[str, ...]:
        """Return the possible dictionary forms of one lower-case word, likeliest first."""
