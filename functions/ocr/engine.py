"""What finds and reads the lines of one frame: one interface, two engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from functions.ocr import lines
from kadr.ports.ocr import TextBox


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that was found: where it stands in the frame, and its picture (64, w, 3), turned level."""

    box: TextBox
    picture: lines.Image

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.box.width / max(self.box.height, 1.0)


@dataclass(frozen=True, slots=True)
class Read:
    """What an engine made of a line."""

    text: str
    confidence: float  # 0…1, of a letter; below 0.45 it is taken for a pattern of the background
    certain: bool  # all its words exist
    seen: lines.Candidate  # how the letters were told from the ground: by them the line is known again


class Engine(Protocol):
    """Finds and reads lines. It belongs to one video."""

    sure: float  # confidence from which a line whose words exist is not read again
    patience: int  # frames in which a line is read at most
    readings: int  # how often a picture of a line was read, so far

    @property
    def model_version(self) -> str:
        """The engine, and the weights that it reads with."""
        ...

    def detect(self, image: lines.Image) -> list[TextBox]:
        """Return the lines of an RGB frame (h, w, 3)."""
        ...

    def read(self, image: lines.Image, unread: Sequence[Unread]) -> list[Read | None]:
        """Read lines of an RGB frame; ``None`` where nothing in one looks like letters."""
        ...
