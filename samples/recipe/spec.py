"""What a clip consists of. Times are seconds from its beginning; positions are fractions of the frame."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WIDTH = 360  # pixels
HEIGHT = 640  # pixels
RATE = 22_050  # Hz, what espeak-ng speaks at: nothing has to be resampled

Colour = str  # "#rrggbb" or "#rrggbbaa"


@dataclass(frozen=True, slots=True)
class Text:
    """Words laid over the picture, wrapped to the width of the frame.

    ``motion`` is one of ``cut fade pop left right up bob type crawl scroll`` (see ``lettering``). With
    ``crawl`` the text is one row that runs through the frame from right to left.
    """

    text: str
    start: float
    end: float
    language: str
    y: float = 0.3  # centre of the block
    font: str = "roboto-black"
    size: int = 36  # pixels per em
    fill: Colour = "#ffffff"
    outline: Colour | None = "#000000"
    outline_width: int = 3
    box: Colour | None = None
    motion: str = "fade"
    tilt: float = 0.0  # degrees, anticlockwise
    width: int = 328  # pixels available to a row


@dataclass(frozen=True, slots=True)
class Sticker:
    """An emoji laid over the picture. ``motion``: ``still float spin bounce pulse sway cross``."""

    emoji: str
    x: float
    y: float
    size: int = 120  # pixels
    motion: str = "float"
    start: float = 0.0
    end: float = 1e9


@dataclass(frozen=True, slots=True)
class Speech:
    """A sentence spoken by espeak-ng. Where it ends follows from the voice; the recipe measures it."""

    text: str
    start: float
    language: str
    voice: str
    speed: int = 160  # words per minute
    pitch: int = 50  # 0…99


@dataclass(frozen=True, slots=True)
class Music:
    """A seeded tune. ``style``: ``beat calm piano guitar chip``."""

    style: str
    tempo: int = 100  # beats per minute
    root: int = 57  # MIDI note
    gain: float = 0.5


@dataclass(frozen=True, slots=True)
class Portrait:
    """A photograph of a person, slowly zoomed and panned between two views.

    A view is (centre x, centre y, width), in pixels of the photograph. ``place`` is where it is shown:
    (left, top, right, bottom) in pixels of the clip; the whole frame unless told.
    """

    person: str
    start: float
    end: float
    view_from: tuple[float, float, float]
    view_to: tuple[float, float, float]
    place: tuple[int, int, int, int] = (0, 0, WIDTH, HEIGHT)


@dataclass(frozen=True, slots=True)
class Clip:
    """One sample: everything that is drawn and heard in it."""

    file: str
    topic: str
    duration: float
    background: str
    options: Mapping[str, Any] = field(default_factory=dict)
    texts: tuple[Text, ...] = ()
    stickers: tuple[Sticker, ...] = ()
    speech: tuple[Speech, ...] = ()
    music: Music | None = None
    portraits: tuple[Portrait, ...] = ()
    fps: int = 15
    crf: int = 31  # quality of x264: smaller is better and larger

    @property
    def frames(self) -> int:
        """How many frames the clip has."""
        return round(self.duration * self.fps)

    @property
    def seed(self) -> int:
        """The seed of everything random in the clip; it depends on the file's name only."""
        return zlib.crc32(self.file.encode())
