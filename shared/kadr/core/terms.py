"""The phrases that videos themselves contain: what suggestions are made of before anybody has asked anything.

Two kinds: *captions*, short texts as they are, and *terms*, sequences of one to four words that several
videos have. How much of a term such a sequence is, is told by its C-value (Frantzi, Ananiadou and Mima,
*Automatic recognition of multi-word terms*, 2000): the logarithm of its length times how often it occurs
other than as a part of longer ones. "варить борщ" that occurs only in "как варить борщ" is worth nothing.
And a term is a word that texts about other things have less often: "борщ", not "первый".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from math import log2

from kadr.core.text import STOP_WORDS, words

LONGEST_TERM = 4
# A caption is a phrase that somebody might type: more words are a sentence.
LONGEST_CAPTION = 6
LONGEST_PHRASE = 60
# What one video says is its own wording; two that say the same have a subject.
_LEAST_VIDEOS = 2
_SHORTEST_WORD = 3
# log2 of the length would make single words worth nothing: one is added, as is usual.
_ONE = 1.0

# Single words that are more usual than one in ten thousand (Zipf 5) say nothing about a video; each further
# word of a phrase makes up for a power of ten. Fully specific is what is a hundred times rarer.
_TOO_USUAL = 5.0
_SPECIFIC = 2.0

Usual = Callable[[str], float]
"""How usual a folded word is in the language at large (Zipf scale), 0 where that is not known."""

Key = tuple[str, ...]
"""A phrase as its folded words."""


@dataclass(frozen=True)
class Text:
    """A text of a video: what is written or said at one moment."""

    video: Hashable
    text: str

    @cached_property
    def spelt(self) -> tuple[Key, tuple[str, ...]]:
        """The folded words, and the words as they are written: cutting texts is most of the work."""
        found = words(self.text)
        return tuple(word.text for word in found), tuple(word.source for word in found)


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase as it is usually written; ``worth`` is its C-value, or for a caption the number of videos."""

    text: str
    worth: float


def _unknown(_: str) -> float:
    return 0.0


def captions(texts: Iterable[Text], *, usual: Usual = _unknown) -> dict[Key, Found]:
    """Return the short texts that say something, with the number of videos that have them."""
    videos: defaultdict[Key, set[Hashable]] = defaultdict(set)
    spellings: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    for each in texts:
        key, sources = each.spelt
        if not usable(key) or len(key) > LONGEST_CAPTION or not specific(key, usual):
            continue
        videos[key].add(each.video)
        spellings[key][_written(sources)] += 1
    return {key: Found(_usual(spellings[key]), float(len(found))) for key, found in videos.items()}


def terms(texts: Sequence[Text], *, usual: Usual = _unknown) -> dict[Key, Found]:
    """Return the sequences of up to four words that are terms, with their C-value in videos.

    It is weighted by how specific the words are.

    Longer sequences are counted only where their parts are frequent (the Apriori principle), so memory goes
    with what is frequent and not with everything that is said.
    """
    spelt: defaultdict[Hashable, list[tuple[Key, Key]]] = defaultdict(list)
    for each in texts:
        spelt[each.video].append(each.spelt)

    counts: dict[Key, int] = {}
    frequent: set[Key] = set()
    for length in range(1, LONGEST_TERM + 1):
        videos: Counter[Key] = Counter()
        for video in spelt.values():
            videos.update({part for text, _ in video for part in _sequences(text, length, frequent)})
        frequent = {key for key, count in videos.items() if count >= _LEAST_VIDEOS}
        counts |= {key: videos[key] for key in frequent}

    whole = {key: count for key, count in counts.items() if _complete(key)}
    containing: defaultdict[Key, list[int]] = defaultdict(list)
    for key, count in whole.items():
        for shorter in _parts(key):
            containing[shorter].append(count)
    worth = {}
    for key, count in whole.items():
        longer = containing.get(key, [])
        alone = count - (sum(longer) / len(longer) if longer else 0)
        if alone > 0 and usable(key):
            worth[key] = log2(len(key) + _ONE) * alone * specific(key, usual)

    spellings: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    for text, sources in chain.from_iterable(spelt.values()):
        for length in range(1, LONGEST_TERM + 1):
            for begin in range(len(text) - length + 1):
                key = text[begin : begin + length]
                if worth.get(key):
                    spellings[key][_written(sources[begin : begin + length])] += 1
    return {key: Found(_usual(found), worth[key]) for key, found in spellings.items()}


def _sequences(text: Key, length: int, frequent: set[Key]) -> Iterator[Key]:
    """Yield the sequences of so many words, those whose own parts are frequent (single words: all)."""
    for begin in range(len(text) - length + 1):
        part = text[begin : begin + length]
        if length == 1 or (part[1:] in frequent and part[:-1] in frequent):
            yield part


def usable(key: Key) -> bool:
    """Return whether a phrase says something: it is not too long and has a word that is not just frequent."""
    return sum(map(len, key)) + len(key) - 1 <= LONGEST_PHRASE and any(map(_tells, key))


def specific(key: Key, usual: Usual) -> float:
    """Return how much a phrase tells one subject from others, 0…1, by its rarest word."""
    telling = [usual(word) for word in key if _tells(word)]
    if not telling:
        return 0.0
    return min(max((_TOO_USUAL + len(telling) - 1 - min(telling)) / _SPECIFIC, 0.0), 1.0)


def _tells(word: str) -> bool:
    return word not in STOP_WORDS and len(word) >= _SHORTEST_WORD and any(map(str.isalpha, word))


def _complete(key: Key) -> bool:
    """Return whether a sequence of words begins and ends as a phrase does: "варить борщ", not "и варить"."""
    return key[-1] not in STOP_WORDS and (key[0] not in STOP_WORDS or key[0] in _BEGINNINGS)


# Frequent words that questions begin with: как варить борщ, how to tie a tie.
_BEGINNINGS = frozenset({"как", "что", "где", "когда", "кто", "how", "what", "where", "when", "who", "why"})


def _parts(key: Key) -> Iterator[Key]:
    """Yield the different shorter sequences within a sequence."""
    yield from {
        key[begin : begin + length] for length in range(1, len(key)) for begin in range(len(key) - length + 1)
    }


def _written(sources: Iterable[str]) -> str:
    return " ".join(sources).lower()


def _usual(spellings: Counter[str]) -> str:
    return min(spellings, key=lambda text: (-spellings[text], text))
