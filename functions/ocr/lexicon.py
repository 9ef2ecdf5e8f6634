"""Whether a word exists: what tells a reading from one that merely looks like it.

Both dictionaries are there for other reasons: the inflected forms of pymorphy3 and the vocabulary of the
text encoder. A name that neither has costs a line little; it decides only between two readings.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

from kadr.core.text import fold, script

# Of the vocabulary's short entries most are pieces of words.
_SHORT_WORDS = (
    "a i ad ah am an as at be by cv dj do dm dr ex fm go he hi id if in is it la me mr ms my no of oh ok on "
    "or os ox pc re so tv uk up us vs we"
)
_SHORT_ENGLISH = frozenset(_SHORT_WORDS.split())
_LONGEST_SHORT = 2  # letters
_ENDING = re.compile(r"['’](?:s|d|m|t|re|ve|ll)$")


class Lexicon:
    """Knows Russian word forms and English words."""

    def __init__(self, tokenizer: Path) -> None:
        self._tokenizer = tokenizer
        self._english: frozenset[str] | None = None

    def knows(self, word: str) -> bool:
        """Return whether a word exists; its signs do not matter, and a number is always known."""
        parts = [part for part in re.split(r"[^\w'’]+", fold(word)) if part]
        return all(self._knows(part.strip("'’")) for part in parts)

    def _knows(self, word: str) -> bool:
        kind = script(word)
        if kind == "cyrillic":
            return _russian(word)
        if kind == "latin":
            stem = _ENDING.sub("", word)
            if len(stem) <= _LONGEST_SHORT:
                return stem in _SHORT_ENGLISH
            return stem in self._words()
        return kind == "digit"

    def _words(self) -> frozenset[str]:
        if self._english is None:
            vocabulary = json.loads(self._tokenizer.read_text(encoding="utf-8"))["model"]["vocab"]
            self._english = frozenset(
                entry for entry in vocabulary if entry.isalpha() and len(entry) > _LONGEST_SHORT
            )
        return self._english


@lru_cache(maxsize=16_384)
def _russian(word: str) -> bool:
    from kadr.adapters.pymorphy import Pymorphy

    return Pymorphy().known(word)
