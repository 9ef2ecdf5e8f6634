"""The words that may be meant: those of the index, of the glossary, and of the language.

How plausible a word is, is told on the Zipf scale: the base-10 logarithm of how often it stands in a billion
words (van Heuven and others, *SUBTLEX-UK*, 2014). 3 is one in a million, 6 one in a thousand.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain
from math import log10

import numpy as np
import numpy.typing as npt

from kadr.core.neighbours import Neighbours
from kadr.core.text import script, stem

# The first occurrence in the index makes a word as plausible as one in 100,000; ten times as many make it ten
# times as likely, up to a common word.
_INDEXED = 4.0
_MOST = 6.0
# What is there is asked for ten times as often as what is not.
_ASKED_FOR = 1.0
# A word of the glossary, of which nobody has said how often it is used.
LISTED = 3.0
# An English form of a word that a list has without it (catwalks), and the endings it may have.
_FORM = 1.0
_FORM_ENDINGS = (("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"))
# One query asks for the same words in several steps, and spellings share their beginnings. About 5 MB at
# most.
_REMEMBERED_WORDS = 2_000
_REMEMBERED_PREFIXES = 20_000
# Up to this length two typing mistakes make any word of any other.
_LONGEST = 40


class WordIndex:
    """A set of folded words with their plausibility, which finds the words that look like another one.

    Finding takes two steps: the letters of all words of about the right length are compared as bits, and the
    edit distance is computed for the few that pass. Exact, and without the hundreds of megabytes of an index
    of deletions: 16 bytes a word beside the word itself.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        """Make an index of folded words with their plausibility (Zipf scale)."""
        self._weights = weights
        by_length: dict[int, list[str]] = defaultdict(list)
        for word in weights:
            if 0 < len(word) <= _LONGEST:
                by_length[len(word)].append(word)
        self._by_length = {length: (terms, _letters(terms, length)) for length, terms in by_length.items()}

    def __contains__(self, word: str) -> bool:
        return word in self._weights

    def __iter__(self) -> Iterator[str]:
        return iter(self._weights)

    def __len__(self) -> int:
        return len(self._weights)

    def weight(self, word: str) -> float:
        """Return how plausible the word is, 0 where it is not there."""
        return self._weights.get(word, 0.0)

    def near(self, word: str, distance: int) -> list[str]:
        """Return the words that ``distance`` typing mistakes at most lead from to ``word``, in its script.

        A mistake is a letter too many, missing, wrong, or two swapped (optimal string alignment).
        """
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        if not 0 < len(word) <= _LONGEST:
            return []
        kind = script(word)
        letters = _letters([word], len(word))[0]
        found: list[str] = []
        for length in range(len(word) - distance, len(word) + distance + 1):
            if length not in self._by_length:
                continue
            terms, masks = self._by_length[length]
            # Each mistake puts one letter at most in and takes one at most out; the difference in length is
            # made of mistakes that do only one of the two.
            longer = length - len(word)
            missing = np.bitwise_count(letters & ~masks) <= distance - max(longer, 0)
            close = np.flatnonzero(
                missing & (np.bitwise_count(masks & ~letters) <= distance + min(longer, 0))
            )
            candidates = [terms[place] for place in close.tolist()]
            hits = extract(word, candidates, scorer=OSA.distance, score_cutoff=distance, limit=None)
            found += [term for term, _, _ in hits if script(term) == kind]
        return found

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self._weights)

    def begins(self, prefix: str) -> bool:
        """Return whether some word begins with ``prefix``."""
        place = bisect_left(self._sorted, prefix)
        return place < len(self._sorted) and self._sorted[place].startswith(prefix)


def _letters(words: list[str], length: int) -> npt.NDArray[np.uint64]:
    """Return for each word of one length which letters it has, and which of them twice, as 64 bits.

    Letters that share a bit (32 bits for all alphabets) only let more words pass.
    """
    codes = np.array(words, dtype=f"<U{length}").view(np.uint32).reshape(len(words), length)
    once = np.zeros(len(words), dtype=np.uint64)
    twice = np.zeros(len(words), dtype=np.uint64)
    for column in codes.T:
        bit = np.uint64(1) << (column.astype(np.uint64) & np.uint64(31))
        twice |= once & bit
        once |= bit
    return once | (twice << np.uint64(32))


class Vocabulary:
    """Every word that a query may mean.

    *Certain* words are those of the index and the glossary: a query that has one meant it. Words of the
    language at large can be what somebody meant, and can be common mistakes.
    """

    def __init__(
        self,
        counts: Mapping[str, int],
        *,
        background: Iterable[str] | WordIndex = (),
        language: WordIndex | None = None,
        neighbours: Neighbours | None = None,
    ) -> None:
        """Make a vocabulary.

        Args:
            counts: the folded words of the index, with how often they occur.
            background: the glossary's words.
            language: words of the languages, with their plausibility.
            neighbours: the pairs of words of index and glossary.
        """
        self.neighbours = neighbours or Neighbours()
        if not isinstance(background, WordIndex):
            background = WordIndex(dict.fromkeys(background, LISTED))
        indexed = WordIndex(
            {word: min(_INDEXED + log10(max(count, 1)), _MOST) for word, count in counts.items()}
        )
        self._certain: tuple[WordIndex, ...] = (indexed, background)
        self._layers: tuple[WordIndex, ...] = (
            self._certain if language is None else (*self._certain, language)
        )
        self._near: dict[tuple[str, int], list[str]] = {}
        self._begins: dict[str, bool] = {}

    def __contains__(self, word: str) -> bool:
        return any(word in layer for layer in self._layers)

    def __len__(self) -> int:
        return len(set(chain.from_iterable(self._layers)))

    def certain(self, word: str) -> bool:
        """Return whether the index or the glossary has the folded word."""
        return any(word in layer for layer in self._certain)

    def extended(self, words: WordIndex, neighbours: Neighbours) -> Vocabulary:
        """Return a vocabulary that has more words and pairs of words of a glossary."""
        more = Vocabulary({}, background=words)
        more.neighbours = self.neighbours | neighbours
        more._certain = (*self._certain, words)
        more._layers = (*more._certain, *self._layers[len(self._certain) :])
        return more

    @cached_property
    def index(self) -> Vocabulary:
        """The words of the index alone."""
        return Vocabulary({}, background=self._layers[0])

    def zipf(self, word: str) -> float:
        """Return how plausible the folded word is, 0 where neither it is there nor what it is a form of."""
        usual = self._usual(word)
        indexed = self._layers[0].weight(word)
        if indexed:
            return max(indexed, usual + _ASKED_FOR)
        return usual or max(max(map(self._usual, _bases(word)), default=0.0) - _FORM, 0.0)

    def _usual(self, word: str) -> float:
        return max(layer.weight(word) for layer in self._layers[1:])

    def near(self, word: str, distance: int) -> list[str]:
        """Return the words within ``distance`` typing mistakes of the folded word, each once."""
        found = self._near.get((word, distance))
        if found is None:
            found = list(dict.fromkeys(term for layer in self._layers for term in layer.near(word, distance)))
            if len(self._near) >= _REMEMBERED_WORDS:
                self._near.clear()
            self._near[word, distance] = found
        return found

    def begins(self, prefix: str) -> bool:
        """Return whether some word begins with ``prefix``."""
        found = self._begins.get(prefix)
        if found is None:
            if len(self._begins) >= _REMEMBERED_PREFIXES:
                self._begins.clear()
            found = self._begins[prefix] = any(layer.begins(prefix) for layer in self._layers)
        return found


def _bases(word: str) -> Iterator[str]:
    """Yield the words that an English one may be a form of."""
    for ending, rest in _FORM_ENDINGS:
        base = word.removesuffix(ending) + rest
        # the stems tell that runing is no form of run
        if word.endswith(ending) and len(base) > 2 and stem(base) == stem(word):
            yield base
