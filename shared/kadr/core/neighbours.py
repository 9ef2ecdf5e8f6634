"""Which words stand side by side in the texts of the index and in the glossary's phrases.

A slip of the keys often gives another real word, and often several words are as near to what was typed. A
reader tells them apart by the word beside them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise

from kadr.core.text import STOP_WORDS, stem


class Neighbours:
    """Pairs of folded words that follow one another, little words between them aside, whatever their ending.

    Eight bytes a pair, a hash of its stems: with a million pairs, one other in 10¹³ is taken for one of them.
    """

    def __init__(self, texts: Iterable[Sequence[str]] = ()) -> None:
        """``texts`` are rows of folded words, as :func:`kadr.core.text.tokens` gives them."""
        found = {
            hash(pair)
            for text in texts
            for pair in pairwise(stem(word) for word in text if word not in STOP_WORDS)
        }
        self._pairs: tuple[array[int], ...] = (array("q", sorted(found)),)

    def __or__(self, other: Neighbours) -> Neighbours:
        both = Neighbours()
        both._pairs = (*self._pairs, *other._pairs)
        return both

    def __len__(self) -> int:
        return sum(map(len, self._pairs))

    def __contains__(self, pair: tuple[str, str]) -> bool:
        first, second = pair
        value = hash((stem(first), stem(second)))
        places = ((pairs, bisect_left(pairs, value)) for pairs in self._pairs)
        return any(place < len(pairs) and pairs[place] == value for pairs, place in places)
