"""The concepts that the demo CLIP is taught: glyphs, words and kinds, read from ``concepts.txt``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

VARIATION = "\ufe0f"  # asks for the coloured form; the names of the sets leave it out
_JOINER = "\u200d"


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing that can be seen.

    ``glyphs`` are the emoji that show it, without variation selectors. ``names[0]`` is its name, the others
    are synonyms. ``kinds`` are what it is an example of, those of its group included.
    """

    glyphs: tuple[str, ...]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    group: str

    @property
    def name(self) -> str:
        """Its first name."""
        return self.names[0]

    @property
    def atoms(self) -> frozenset[str]:
        """Everything that may be said of a picture in which it is."""
        return frozenset((*self.names, *self.kinds))


@cache
def concepts() -> tuple[Concept, ...]:
    """All concepts, in the order of the file.

    Raises:
        ValueError: a line is malformed, or a glyph is there twice.
    """
    text = Path(__file__).with_name("concepts.txt").read_text(encoding="utf-8")
    return tuple(_read(text))


def _read(text: str) -> Iterator[Concept]:
    group = ""
    kinds: tuple[str, ...] = ()
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("# "):
            continue
        if line.startswith("=="):
            group, *rest = (part.strip() for part in line.strip("= ").split(";"))
            kinds = _words(rest[0]) if rest else ()
            continue
        emoji, _, words = line.partition(" ")
        names, _, more = words.partition(";")
        glyphs = tuple(split(emoji))
        if not glyphs or not _words(names) or seen & set(glyphs):
            raise ValueError(f"concepts.txt:{number}: glyphs used before, or no name: {line}")
        seen |= set(glyphs)
        own = _words(names)
        yield Concept(glyphs, own, tuple(kind for kind in (*_words(more), *kinds) if kind not in own), group)


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def split(emoji: str) -> list[str]:
    """The single emoji of a row of emoji, without variation selectors."""
    parts: list[str] = []
    for character in emoji.replace(VARIATION, ""):
        joins = parts and (
            character == _JOINER
            or parts[-1].endswith(_JOINER)
            or character == "\u20e3"  # the frame of a keycap
            or "\U0001f3fb" <= character <= "\U0001f3ff"  # a skin tone
            or (_is_regional(character) and len(parts[-1]) == 1 and _is_regional(parts[-1]))
        )
        if joins:
            parts[-1] += character
        else:
            parts.append(character)
    return parts


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def slug(name: str) -> str:
    """A name as the icon sets write it: lower case, ASCII, words joined by hyphens."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")
