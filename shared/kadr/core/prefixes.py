"""The words that begin with a prefix, and those that begin with something that looks like it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Longer prefixes are compared by their first letters: hardly two words differ only after them.
LONGEST = 14
# A prefix of three letters with one mistake is any prefix: "кот" is as near to "рот", "код" and "кто".
_ONE_MISTAKE_FROM = 4
_TWO_MISTAKES_FROM = 7
_LAST = "\U0010ffff"

Range = tuple[int, int]
"""Words from the first number up to, and without, the second one."""


class PrefixIndex:
    """Finds prefixes in a sorted list of folded words.

    For every length, the different prefixes of all words are kept as the place of their first word and their
    letters as bits: a prefix with a mistake in it is found by comparing bits and then the edit
    distance of the few that pass (as :class:`kadr.core.vocabulary.WordIndex` does with whole words). 16 bytes
    a prefix; the prefixes themselves are cut from the words when they are needed.
    """

    def __init__(self, words: Sequence[str]) -> None:
        """Make an index of different words, sorted by code point."""
        self._words = words
        self._prefixes = _prefixes(words)

    def range(self, prefix: str) -> Range:
        """Return the words that begin with ``prefix``."""
        first = bisect_left(self._words, prefix)
        return first, bisect_right(self._words, prefix + _LAST, lo=first)

    def whole(self, word: str) -> Range:
        """Return the place of one word; an empty range where it is not there."""
        first = bisect_left(self._words, word)
        return first, first + (first < len(self._words) and self._words[first] == word)

    def near(self, prefix: str) -> list[tuple[Range, int]]:
        """Return the words that begin with something like ``prefix``, with the number of mistakes in it.

        One mistake from four letters on, two from seven on where one is not enough; with another first letter
        only where nothing begins with the same one, as people see the letter that they begin with. A mistake
        is a letter too many, missing or wrong, or two swapped; the nearest come first.
        """
        prefix = prefix[:LONGEST]
        if len(prefix) < _ONE_MISTAKE_FROM:
            return []
        first = self.range(prefix[0])
        everything = (0, len(self._words))
        for distance in (1, 2) if len(prefix) >= _TWO_MISTAKES_FROM else (1,):
            for among in (first, everything):
                found = self._within(prefix, distance, among)
                if found:
                    return found
        return []

    def _within(self, prefix: str, distance: int, among: Range) -> list[tuple[Range, int]]:
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        letters, many = _bits(prefix)
        bounds = np.array(among, np.int32)  # as the tables are: others would have them copied
        found: list[tuple[Range, int]] = []
        for length in range(len(prefix) - distance, min(len(prefix) + distance, LONGEST) + 1):
            table = self._prefixes[length]
            begin, end = table.starts.searchsorted(bounds).tolist()
            if begin == end:
                continue
            # each mistake puts one letter at most in and takes one at most out
            longer = length - len(prefix)
            common = np.bitwise_count(table.letters[begin:end] & letters)
            possible = common >= max(many - (distance - max(longer, 0)), 0)
            # common + … ≥ count, written so that nothing falls below zero in eight bits
            possible &= common + np.uint8(distance + min(longer, 0)) >= table.counts[begin:end]
            places = np.flatnonzero(possible) + begin
            words = [self._words[word][:length] for word in table.starts[places].tolist()]
            hits = extract(prefix, words, scorer=OSA.distance, score_cutoff=distance, limit=None)
            for _, mistakes, which in hits:
                place = places[which]
                found.append(((int(table.starts[place]), int(table.ends[place])), int(mistakes)))
        return sorted(found, key=lambda each: each[1])


@dataclass(frozen=True)
class _Table:
    """The different prefixes of one length: where their words begin and end, their letters as bits."""

    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]
    letters: npt.NDArray[np.uint64]
    counts: npt.NDArray[np.uint8]


def _prefixes(words: Sequence[str]) -> list[_Table]:
    """Return the prefixes of each length from 0 to LONGEST."""
    none = np.zeros(0, dtype=np.int32)
    empty = _Table(none, none, np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint8))
    if not words:
        return [empty] * (LONGEST + 1)
    codes = np.array([word[:LONGEST] for word in words], dtype=f"<U{LONGEST}")
    spelt = codes.view(np.uint32).reshape(len(words), LONGEST)
    lengths = np.count_nonzero(spelt, axis=1)
    same = spelt[1:] == spelt[:-1]
    # how many letters each word has in common with the one before it
    shared = np.concatenate([[-1], np.where(same.all(axis=1), LONGEST, same.argmin(axis=1))])
    once = np.zeros(len(words), dtype=np.uint64)
    twice = np.zeros(len(words), dtype=np.uint64)
    tables = [empty]
    for length in range(1, LONGEST + 1):
        column = spelt[:, length - 1]
        bit = np.where(column, np.uint64(1) << (column.astype(np.uint64) & np.uint64(31)), np.uint64(0))
        twice |= once & bit
        once |= bit
        begins = np.flatnonzero(shared < length).astype(np.int32)
        ends = np.append(begins[1:], np.int32(len(words))).astype(np.int32)
        long_enough = lengths[begins] >= length
        starts = begins[long_enough]
        letters = once[starts] | (twice[starts] << np.uint64(32))
        tables.append(_Table(starts, ends[long_enough], letters, np.bitwise_count(letters)))
    return tables


def _bits(word: str) -> tuple[np.uint64, int]:
    """Return which letters a word has, and which of them twice, as 64 bits, and how many bits those are.

    Letters that share a bit only let more words pass.
    """
    once = twice = 0
    for letter in word:
        bit = 1 << (ord(letter) & 31)
        twice |= once & bit
        once |= bit
    bits = once | (twice << 32)
    return np.uint64(bits), bits.bit_count()
