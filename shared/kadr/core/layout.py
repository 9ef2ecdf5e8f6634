"""The keyboard layout: ``rjn`` was meant to be ``кот``."""

from __future__ import annotations

from collections.abc import Callable

from kadr.core.text import fold, script, tokens, words

Known = Callable[[str], bool]
"""Whether a folded word exists."""
Plausible = Callable[[str], float]
"""How plausible a folded word is (Zipf scale), 0 where it is not known."""

# The keys of the two layouts in the same order, without Shift and with it: ЙЦУКЕН and QWERTY as on a PC.
_RUSSIAN_KEYS = "йцукенгшщзхъфывапролджэячсмитьбю.ё" + 'ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,Ё"№;:?'
_ENGLISH_KEYS = "qwertyuiop[]asdfghjkl;'zxcvbnm,./`" + 'QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>?~@#$^&'
_TO_RUSSIAN = str.maketrans(_ENGLISH_KEYS, _RUSSIAN_KEYS)
_TO_ENGLISH = str.maketrans(_RUSSIAN_KEYS, _ENGLISH_KEYS)
# Signs that end a word in either layout, or are the key of one that does.
_TRAILING = ",.?!;:&^$/"

# Three letters stand for something in almost any order: the other reading has to be a usual word.
_SHORT = 3
# In a query that was typed in the wrong layout, the other reading of a word that exists (`yt`: `не`) is taken
# where it is ten times as usual.
_MORE_USUAL = 1.0


def switch_layout(
    query: str,
    known: Known,
    *,
    common: Known,
    plausible: Plausible | None = None,
    rival: Plausible | None = None,
) -> str:
    """Return the query with the words put right that were typed in the wrong keyboard layout.

    ``rjn`` becomes ``кот`` and ``кщидщч`` becomes ``roblox``: only where the result is a known word and
    what was typed is not. Words of up to three letters must be ``common`` ones, as a full dictionary has
    an entry for almost any three letters; one or two letters, and words that exist as they were typed, change
    only along with others. ``rival`` tells how plausible the best reading of a word is that needs no other
    keys.
    """
    weigh = plausible or (lambda _: 0.0)
    other_way = rival or weigh
    chunks = query.split()
    switched = [_switch(chunk, known, common, weigh, other_way) for chunk in chunks]
    changed = {script(new) for old, new in zip(chunks, switched, strict=True) if old != new}
    if len(changed) != 1:
        return " ".join(switched)
    for place, chunk in enumerate(chunks):
        if switched[place] == chunk and script(chunk) not in changed:
            for other, rest in _readings(chunk):
                likelier = len(other) < _SHORT or weigh(other) >= weigh(fold(chunk)) + _MORE_USUAL
                if script(other) in changed and common(fold(other)) and likelier:
                    switched[place] = other + rest
                    break
    return " ".join(switched)


def in_other_layout(text: str) -> str:
    """Return what the same keys give in the other layout, word by word, in small letters."""
    return " ".join(_translated(chunk).lower() for chunk in text.split())


def _translated(chunk: str) -> str:
    return chunk.translate(_TO_ENGLISH if script(chunk) == "cyrillic" else _TO_RUSSIAN)


def _readings(chunk: str) -> tuple[tuple[str, str], ...]:
    """Return the word in the other layout, and the signs after it: both ways to tell them apart.

    Keys of signs are letters of the other layout, and the reverse.
    """
    bare = chunk.rstrip(_TRAILING)
    signs = chunk[len(bare) :]
    others = signs.translate(_TO_ENGLISH if script(bare) == "cyrillic" else _TO_RUSSIAN)
    rest = "".join(sign if other.isalpha() else other for sign, other in zip(signs, others, strict=True))
    return ((_translated(chunk).lower(), ""), (_translated(bare).lower(), rest))


def _switch(chunk: str, known: Known, common: Known, weigh: Plausible, rival: Plausible) -> str:
    kind = script(chunk)
    if len(chunk) < _SHORT or kind not in {"cyrillic", "latin"}:
        return chunk
    typed = tokens(chunk)
    for other, rest in _readings(chunk):
        found = words(other)
        # one word from end to end: the keys of signs have become letters
        if len(found) != 1 or found[0].source != other or script(other) == kind:
            continue
        meant = found[0].text
        # several words, without spaces between them, that are one in the other layout (kj;rb, ложки)
        torn = len(typed) > 1 and len(meant) > _SHORT and common(meant)
        if all(known(token) for token in typed) and not torn:
            continue
        exists = known if len(other) > _SHORT else common
        if exists(meant) and weigh(meant) >= rival(fold(chunk)):
            return other + rest
    return chunk
