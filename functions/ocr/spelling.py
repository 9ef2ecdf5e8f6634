"""Putting right what a recogniser of two scripts gets wrong: letters that look the same in both."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kadr.core.text import script, unmix

# Letters, and digits, that look like letters of the other script.
_LATIN = "ABCEHKMOPTXYaceopxyu"
_CYRILLIC = "АВСЕНКМОРТХУасеорхуи"
_TO_CYRILLIC = str.maketrans(_LATIN + "036", _CYRILLIC + "Озб")
_TO_LATIN = str.maketrans(_CYRILLIC, _LATIN)
_COULD_BE_CYRILLIC = re.compile(f"[{_LATIN}036]*[{_LATIN}][{_LATIN}036]*")
_COULD_BE_LATIN = re.compile(f"[{_CYRILLIC}]+")

_BEFORE = "«“\"'([#@№$€₽+-"  # signs that may begin a word
_AFTER = "»”\"')]!?.,:;…%₽$€+"  # signs that may end one


def tidy(words: Sequence[str]) -> str:
    """Return the line as it was probably written.

    A word that could be of either script by the look of its letters takes that of the line's other
    words; signs that are the edge of a box or a shadow go.
    """
    kept = [_trim(unmix(word)) for word in words]
    kept = [word for word in kept if any(map(str.isalnum, word))]
    cyrillic = sum(len(word) for word in kept if script(word) == "cyrillic" and not _twin(word))
    latin = sum(len(word) for word in kept if script(word) == "latin" and not _twin(word))
    if cyrillic > latin:
        kept = [_cyrillic(word) for word in kept]
    elif latin > cyrillic:
        kept = [_latin(word) for word in kept]
    return " ".join(kept)


def scripts(words: Sequence[str]) -> set[str]:
    """Return the scripts, of ``cyrillic`` and ``latin``, that the words are written in."""
    kinds: set[str] = set()
    for word in words:
        kind = script(word)
        kinds |= {"cyrillic", "latin"} if kind == "mixed" else {kind} & {"cyrillic", "latin"}
    return kinds


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word))


def _twin(word: str) -> bool:
    letters = _letters(word)
    return bool(_COULD_BE_CYRILLIC.fullmatch(letters) or _COULD_BE_LATIN.fullmatch(letters))


def _cyrillic(word: str) -> str:
    could = _COULD_BE_CYRILLIC.fullmatch(_letters(word))
    return word.translate(_TO_CYRILLIC) if could else word


def _latin(word: str) -> str:
    could = _COULD_BE_LATIN.fullmatch(_letters(word))
    return word.translate(_TO_LATIN) if could else word


def _trim(word: str) -> str:
    """Take from a word's ends the signs that do not stand there."""
    start, end = 0, len(word)
    while start < end and not word[start].isalnum() and word[start] not in _BEFORE:
        start += 1
    while end > start and not word[end - 1].isalnum() and word[end - 1] not in _AFTER:
        end -= 1
    return word[start:end]
