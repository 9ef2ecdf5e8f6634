"""Where the words of a query stand in a text: by stem, and quoted phrases as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kadr.core.extraction import Word
from kadr.core.text import STOP_WORDS, clean, pieces, stem, stems, tokens

_NOTHING: frozenset[str] = frozenset()

# Letters that are written in several ways within a word of another script or alphabet, as
# :func:`kadr.core.text.words` puts them right; ``y`` at the end of an English stem is an ``i``.
_ALIKE = {
    **{latin: latin + cyrillic for latin, cyrillic in zip("aceopxykmthb", "асеорхукмтнв", strict=True)},
    **{cyrillic: latin + cyrillic for latin, cyrillic in zip("aceopxykmthb", "асеорхукмтнв", strict=True)},
    "е": "eеё",
    "i": "iy",
}
# Anything else may fold into a letter or hide between two: such a text is read word by word.
_UNUSUAL = re.compile(r"[^\x00-\x7fА-Яа-яЁё«»“”„’–—…•№₽€°\u00a0]")
# A word may be written in two parts, or with an apostrophe of print: their stem is that of the whole, too.
# The sign first: the engine then leaps to where one stands.
_JOINED = re.compile(r"[-‐‑’](?<=[^\W_].)[^\W_]")
_PLAIN = re.compile(r"[A-Za-z]+|[А-Яа-яЁё]+")
# Where a word may begin: behind what is no letter or digit, and at the hump of a Russian hashtag. Stands
# behind the word's first letter.
_BEGINS = r"(?:(?<![^\W_].)|(?<=[а-яё][А-ЯЁ]))"


@dataclass(frozen=True, slots=True)
class Highlight:
    """Words of a text that were asked for: ``text[offset : offset + length]``, counted in code points.

    ``start`` and ``end`` are the seconds in which they are said; ``None`` where that is not known.
    """

    offset: int
    length: int
    start: float | None = None
    end: float | None = None


class Sought:
    """The words and quoted phrases of a query, as texts are looked through for them.

    ``texts`` are the texts of the query (as typed, translated …) with their weights, as
    :attr:`kadr.core.query.Understood.words` has them; ``phrases`` must stand word by word. Stop words are
    looked for only where the query has nothing else, or inside a phrase.
    """

    def __init__(self, texts: Sequence[tuple[str, float]], phrases: Sequence[str] = ()) -> None:
        self._phrases = tuple(filter(None, map(stems, phrases)))
        # What is quoted has to be there anyway: a part of every form of the query, and no form by itself.
        quoted = frozenset(stem for text in phrases for stem in stems(text, drop_stop_words=True))
        forms = [(text, weight) for text, weight in texts if stems(text) not in self._phrases]
        content = [each for each in forms if any(token not in STOP_WORDS for token in tokens(each[0]))]
        asked = content or ([] if quoted else forms)
        parts = [(frozenset(stems(text, drop_stop_words=True)), weight) for text, weight in asked]
        self._texts = [(own | quoted, weight) for own, weight in parts or [(quoted, 1.0)] if own | quoted]
        self._stems = frozenset().union(*(own for own, _ in parts))
        self._all = self._stems.union(*self._phrases)
        self._glance = _glance(self._all)

    def among(self, text: str) -> frozenset[str]:
        """Return which of the stems that are looked for a text has. Quick: most texts have none."""
        if (
            self._glance.search(text)
            or (not text.isascii() and _UNUSUAL.search(text))
            or _JOINED.search(text)
        ):
            # token by token, and not the text as a whole: tokens come again, and are remembered
            return self._all & _NOTHING.union(*map(_stems_of, text.split()))
        return _NOTHING

    def coverage(self, own: frozenset[str]) -> float:
        """Return the largest share (0…1), over the texts of the query, of its words that ``own`` has.

        A text's share counts as much as the text weighs. Quoted words are words of each text.
        """
        return max((weight * len(wanted & own) / len(wanted) for wanted, weight in self._texts), default=0.0)

    def has_phrase(self, text: str, own: frozenset[str]) -> bool:
        """Whether one of the phrases stands in a text; ``own`` are the stems that :meth:`among` found."""
        return any(own.issuperset(phrase) and _places(phrase, stems(text)) for phrase in self._phrases)

    def highlights(self, text: str, said: Sequence[Word] = ()) -> tuple[Highlight, ...]:
        """Return what of a cleaned text (:func:`kadr.core.text.clean`) was asked for, in order.

        A phrase is one highlight; single words of one are highlighted only if they are looked for as words.
        ``said`` are the words of the text with their times, in order.
        """
        found = list(pieces(text))
        parts = [(part, position) for position, (_, word) in enumerate(found) for part in _stems_of(word)]
        chosen = [
            (parts[at][1], parts[at + len(phrase) - 1][1])
            for phrase in self._phrases
            for at in _places(phrase, [part for part, _ in parts])
        ]
        within = {position for first, last in chosen for position in range(first, last + 1)}
        single = {position for part, position in parts if part in self._stems} - within
        spans = _joined([*chosen, *((position, position) for position in single)])
        times = _Times(text, said)
        return tuple(
            Highlight(begin, end - begin, *times.between(begin, end))
            for begin, end in (
                (found[first][0], found[last][0] + len(found[last][1])) for first, last in spans
            )
        )


def _glance(wanted: Iterable[str]) -> re.Pattern[str]:
    """Return what matches every plain text with one of these stems, and few others."""
    starts = sorted({_start(each) for each in wanted})
    if not starts:
        return re.compile(r"(?!)")
    first = "".join(_class(start[0]) for start in starts)
    rest = "|".join("".join(f"[{_class(letter)}]" for letter in start[1:]) for start in starts)
    # a class first: the engine then leaps to where one of its letters stands
    return re.compile(f"[{first}]{_BEGINS}(?:{rest})")


def _start(stem: str) -> str:
    """Return what every word with this stem begins with, ``i`` standing for ``y`` too.

    A Russian stem is a beginning of its words. English rules may also rewrite the last two letters of a long
    stem (sensibility, sensibl) and the last one of a short one (taking, take; dying, die).
    """
    if not stem.isascii() or not stem.isalpha() or len(stem) < 3:
        return stem
    return stem[: -2 if len(stem) > 4 else -1].replace("y", "i")


def _class(letter: str) -> str:
    letters = _ALIKE.get(letter, letter)
    return re.escape(letters + letters.upper())


@lru_cache(maxsize=131_072)
def _stems_of(token: str) -> tuple[str, ...]:
    if _PLAIN.fullmatch(token):  # most are: nothing to clean, to cut or to put right
        return (stem(token.lower().replace("ё", "е")),)
    return stems(token)


def _places(phrase: Sequence[str], parts: Sequence[str]) -> list[int]:
    """Return where ``phrase`` begins among ``parts``."""
    size = len(phrase)
    return [
        at
        for at in range(len(parts) - size + 1)
        if parts[at] == phrase[0] and tuple(parts[at : at + size]) == tuple(phrase)
    ]


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans of words (first, last) in order, those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


class _Times:
    """When the parts of a text are said."""

    def __init__(self, text: str, said: Sequence[Word]) -> None:
        self._words: list[tuple[int, int, Word]] = []
        cursor = 0
        for word in said:
            written = clean(word.text)
            at = text.find(written, cursor) if written else -1
            if at >= 0:
                cursor = at + len(written)
                self._words.append((at, cursor, word))

    def between(self, begin: int, end: int) -> tuple[float | None, float | None]:
        """Return the seconds (start, end) in which ``text[begin:end]`` is said."""
        inside = [word for first, last, word in self._words if first < end and last > begin]
        if not inside:
            return None, None
        return min(word.start for word in inside), max(word.end for word in inside)
