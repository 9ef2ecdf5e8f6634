"""Phrases: words in exactly this order. Both sides of the comparison are made here.

A video's texts and a quoted phrase are both reduced to stems, joined by spaces; a phrase is found where its
stems follow one another in a text. The index splits at spaces and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

from kadr.core.text import stems

# Keeps the end of one text and the beginning of the next from making a phrase: it is no letter or digit, so
# no stem contains it.
SEPARATOR = "¦"


def phrase(text: str) -> str:
    """Return the form in which a quoted phrase (or a single word) is looked up; empty where it has no words.

    Stop words stay: they are part of what was quoted. A hyphenated word is its parts and the whole, as in
    :func:`kadr.core.text.stems`, so ``"wi-fi"`` is found as it was written, and its parts alone are too.
    """
    return " ".join(stems(text))


def phrase_index(texts: Iterable[str]) -> str:
    """Return what phrases are looked up in: each text once, in order, kept apart; empty without words."""
    found = dict.fromkeys(phrase(text) for text in texts)
    found.pop("", None)
    return f" {SEPARATOR} ".join(found)
