"""Suggestions: phrases that complete what is being typed, grouped by meaning, the largest group first.

A *dictionary* is what is published: phrases with their weights, words and vectors. An *index* of it lives in
memory and answers a keystroke. How candidates are found:

1. every word that was typed must begin a word of the phrase, in any order; words before the last one are
   whole, so the phrases that have them as they are come first;
2. if that gives few, words before the last may have other endings, and frequent words may be missing;
3. then the same keys in the other keyboard layout are tried, and then mistakes in any of the words.

Candidates are grouped by the cosine of their vectors. A group is as large as the scores of its phrases
together: among equals that is their number, and three phrases that nobody asks for do not outweigh one that
everybody does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from zlib import crc32

import numpy as np
import numpy.typing as npt

from kadr.core.layout import in_other_layout
from kadr.core.prefixes import PrefixIndex, Range
from kadr.core.text import STOP_WORDS, stem, tokens

# What is grouped: more than any page shows, and few enough to compare each with each.
CANDIDATES = 50
# A user's interests may lie further down: these are compared with the history before 50 are kept.
_PERSONAL_CANDIDATES = 200
# The most popular ones that match are looked at more closely; a one-letter prefix may match 40,000.
_CLOSER = 4_000
# With fewer than that, less likely readings of what was typed are tried, too.
_FEW = 3
# How many words a query may have, and how long it may be: no phrase is longer.
MOST_WORDS = 8
LONGEST_QUERY = 100
_SHORTEST_STEM = 3

# Weights are logarithms to base 2 of popularity: one is a factor of two.
# A phrase that begins with what was typed is meant rather than one that has it somewhere.
_BEGINS = 2.0
_EXACTLY = 4.0
# A mistake is rarer than one keystroke in a hundred, a forgotten layout and another ending are not as rare.
_MISTAKE = 6.0
_OTHER_LAYOUT = 3.0
_OTHER_ENDING = 1.0
_LEFT_OUT = 2.0
# Above this cosine, two translated phrases mean about the same under MiniLM; see docs/suggestions.md.
SAME_MEANING = 0.6
# Two phrases of unrelated things have cosines of up to about 0.25 under MiniLM.
_UNRELATED = 0.25
# What a phrase gains that means the same as a recent query: as much as if it were 256 times as popular.
_PERSONAL = 8.0
# The last query counts fully, the tenth 0.4.
_FADING = 0.9
HISTORY = 10

_NO_MATCH = 255
_TENTHS = 10


class Source(StrEnum):
    """Where a phrase comes from."""

    QUERY = "query"
    THEME = "theme"
    PERSON = "person"
    CAPTION = "caption"
    TERM = "term"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of the dictionary; ``weight`` is the base-2 logarithm of its popularity, 1 at least."""

    text: str
    source: Source
    weight: float

    @property
    def order(self) -> tuple[float, int, str]:
        """What phrases are sorted by, the heaviest first.

        Of equals none comes first for its letters: an empty box would show digits and Latin alone.
        """
        return -self.weight, crc32(self.text.encode()), self.text


@dataclass(frozen=True)
class Dictionary:
    """Phrases with everything that is computed once, the heaviest first.

    ``vectors`` is (phrases, dimensions) int8, 127 = 1.0, or ``None`` where there is no encoder; ``words`` are
    all folded words, sorted; ``word_ids`` and ``word_starts`` are the words of each phrase (phrase ``p`` has
    ``word_ids[word_starts[p]:word_starts[p + 1]]``). ``encoder`` names what the vectors were made with.
    """

    phrases: tuple[Phrase, ...]
    words: tuple[str, ...]
    word_ids: npt.NDArray[np.int32]
    word_starts: npt.NDArray[np.int32]
    vectors: npt.NDArray[np.int8] | None = None
    encoder: str = ""

    def __post_init__(self) -> None:
        if len(self.word_starts) != len(self.phrases) + 1:
            raise ValueError("every phrase needs its words")
        if self.vectors is not None and len(self.vectors) != len(self.phrases):
            raise ValueError("every phrase needs a vector")

    @classmethod
    def of(
        cls, phrases: Sequence[Phrase], vectors: npt.NDArray[np.int8] | None = None, *, encoder: str = ""
    ) -> Dictionary:
        """Return the dictionary of ``phrases``, whose ``vectors`` stand in the same order."""
        order = sorted(range(len(phrases)), key=lambda place: phrases[place].order)
        spelt = [tuple(dict.fromkeys(tokens(phrases[place].text))) for place in order]
        words = tuple(sorted({word for each in spelt for word in each}))
        numbers = {word: number for number, word in enumerate(words)}
        return cls(
            phrases=tuple(phrases[place] for place in order),
            words=words,
            word_ids=np.array([numbers[word] for each in spelt for word in each], dtype=np.int32),
            word_starts=np.cumsum([0, *map(len, spelt)], dtype=np.int32),
            vectors=None if vectors is None else vectors[order],
            encoder=encoder,
        )


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A phrase to complete what was typed; phrases of one ``group`` mean about the same, 0 is the largest."""

    text: str
    source: Source
    score: float
    group: int


@dataclass(frozen=True, slots=True)
class _Term:
    """The words that a typed one may stand for, each with a penalty in tenths."""

    choices: tuple[tuple[Range, int], ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    """Something that may have been meant; not tried where ``unless`` phrases have been found already."""

    text: str
    words: tuple[str, ...]
    penalty: float = 0.0
    endings: bool = False
    mistakes: bool = False
    unless: int = _FEW


class SuggestionIndex:
    """A dictionary in memory, ready to be asked. Immutable, so threads may share it."""

    def __init__(self, dictionary: Dictionary) -> None:
        self.dictionary = dictionary
        count = len(dictionary.phrases)
        self._prefixes = PrefixIndex(dictionary.words)
        self._weights = np.array([each.weight for each in dictionary.phrases], dtype=np.float32)
        # word → phrases: words are sorted, so the phrases of all words with one prefix lie side by side
        owners = np.repeat(np.arange(count, dtype=np.int32), np.diff(dictionary.word_starts))
        order = np.argsort(dictionary.word_ids, kind="stable")
        self._postings = owners[order]
        self._posting_starts = np.searchsorted(
            dictionary.word_ids[order], np.arange(len(dictionary.words) + 1)
        )
        self._first_words = (
            dictionary.word_ids[dictionary.word_starts[:-1]] if count else np.zeros(0, dtype=np.int32)
        )

        self.suggest("ьььь ььь")  # what is imported on first use is imported now

    def __len__(self) -> int:
        return len(self.dictionary.phrases)

    def suggest(
        self, typed: str, *, limit: int = 10, history: npt.NDArray[np.float32] | None = None
    ) -> list[Suggestion]:
        """Return at most ``limit`` phrases for what was typed; popular ones where that is nothing.

        ``history`` is (queries, dimensions), unit rows, the newest query first: phrases that are close to one
        of them come before others.
        """
        if not len(self):
            return []
        typed = typed[:LONGEST_QUERY]
        history = history if history is not None and len(history) and self._comparable(history) else None
        found, scores = self._candidates(typed, CANDIDATES if history is None else _PERSONAL_CANDIDATES)
        if not len(found):
            return []
        unit = self._unit_vectors(found)
        pull = None
        if history is not None and unit is not None:
            pull = _PERSONAL * closeness(unit, history)
            order = np.argsort(-(scores + pull), kind="stable")[:CANDIDATES]
            found, scores, pull, unit = found[order], scores[order], pull[order], unit[order]
        groups = group(scores, unit, pull=pull)
        if pull is not None:
            scores = scores + pull
        shown = islice(((place, number) for number, members in enumerate(groups) for place in members), limit)
        return [self._suggestion(int(found[place]), float(scores[place]), number) for place, number in shown]

    def _suggestion(self, place: int, score: float, number: int) -> Suggestion:
        phrase = self.dictionary.phrases[place]
        return Suggestion(phrase.text, phrase.source, score, number)

    def _comparable(self, history: npt.NDArray[np.float32]) -> bool:
        vectors = self.dictionary.vectors
        return vectors is not None and vectors.shape[1] == history.shape[1]

    def _unit_vectors(self, found: npt.NDArray[np.intp]) -> npt.NDArray[np.float32] | None:
        vectors = self.dictionary.vectors
        return None if vectors is None else vectors[found].astype(np.float32) * np.float32(1 / 127)

    # ---------------------------------------------------------------- candidates

    def _candidates(self, typed: str, limit: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
        """Return the best phrases with their scores, best first."""
        spelt = tokens(typed)[:MOST_WORDS]
        if not spelt and not _keys(typed):
            some = np.arange(min(limit, len(self)))
            return some, self._weights[some]
        found: dict[int, float] = {}
        for reading in _readings(typed, spelt):
            if len(found) >= reading.unless:
                break
            places, scores = self._match(self._terms(reading), limit)
            self._add(found, places, scores - reading.penalty, reading.text)
        places = np.fromiter(found.keys(), np.intp, len(found))
        scores = np.fromiter(found.values(), np.float32, len(found))
        order = np.lexsort((places, -scores))[:limit]
        return places[order], scores[order]

    def _terms(self, reading: _Reading) -> list[_Term]:
        choices: list[list[tuple[Range, int]]] = []
        for number, word in enumerate(reading.words):
            if number == len(reading.words) - 1:
                found = [(self._prefixes.range(word), 0)]
            else:
                found = [(self._prefixes.whole(word), 0)]
                if reading.endings:
                    root = stem(word)
                    begin = root if len(root) >= _SHORTEST_STEM else word
                    found.append((self._prefixes.range(begin), int(_OTHER_ENDING * _TENTHS)))
            choices.append([each for each in found if each[0][0] < each[0][1]])
        if reading.mistakes:
            # the word that nobody knows is the wrong one; if there is none, it may be any
            unknown = not all(choices)
            for word, found in zip(reading.words, choices, strict=True):
                if not (unknown and found):
                    near = self._prefixes.near(word)
                    found += [(where, int(_MISTAKE * count * _TENTHS)) for where, count in near if count]
        return [_Term(tuple(each)) for each in choices]

    def _match(
        self, terms: Sequence[_Term], limit: int
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
        """Return the phrases that every term has a word of, with their scores."""
        if not all(term.choices for term in terms):
            return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.float32)
        spans = [self._spans(term) for term in terms]
        sizes = [sum(len(span) for span, _ in each) for each in spans]
        rarest = sizes.index(min(sizes))
        if sizes[rarest] < _CLOSER:
            places = np.unique(np.concatenate([span for span, _ in spans[rarest]]))
        else:
            places = np.flatnonzero(self._costs(spans[rarest]) != _NO_MATCH)
        cost = np.zeros(len(places), dtype=np.float32)
        for each in spans:
            if len(terms) > 1 or any(penalty for _, penalty in each):
                more = self._costs(each)[places]
                matching = more != _NO_MATCH
                places, cost = places[matching], cost[matching] + more[matching]
        flawless = all(penalty == 0 for term in terms for _, penalty in term.choices)
        if flawless:  # phrases are sorted by weight
            places, cost = places[:_CLOSER], cost[:_CLOSER]
        scores = self._weights[places] - cost / np.float32(_TENTHS)
        first_words = self._first_words[places]
        begins = np.zeros(len(places), dtype=bool)
        for (first, end), _ in terms[0].choices:
            begins |= (first_words >= first) & (first_words < end)
        scores += _BEGINS * begins
        if len(places) > limit:
            best = np.argpartition(-scores, limit)[:limit]
            places, scores = places[best], scores[best]
        return places, scores

    def _spans(self, term: _Term) -> list[tuple[npt.NDArray[np.int32], int]]:
        """Return the phrases that have a word of each choice, with its penalty; the dearest first."""
        return [
            (
                self._postings[self._posting_starts[first] : self._posting_starts[end]],
                min(penalty, _NO_MATCH - 1),
            )
            for (first, end), penalty in sorted(term.choices, key=lambda each: -each[1])
        ]

    def _costs(self, spans: Sequence[tuple[npt.NDArray[np.int32], int]]) -> npt.NDArray[np.uint8]:
        """Return for every phrase the penalty of the cheapest word that it has of a term."""
        cost = np.full(len(self), _NO_MATCH, dtype=np.uint8)
        for span, penalty in spans:
            cost[span] = penalty
        return cost

    def _add(
        self,
        found: dict[int, float],
        places: npt.NDArray[np.intp],
        scores: npt.NDArray[np.float32],
        reading: str,
    ) -> None:
        exactly = reading.strip().lower()
        for place, score in zip(places.tolist(), scores.tolist(), strict=True):
            if place not in found:
                same = self.dictionary.phrases[place].text.lower() == exactly
                found[place] = score + (_EXACTLY if same else 0.0)


def closeness(vectors: npt.NDArray[np.float32], history: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return for each vector how close it is to the nearest recent query, 0…1; older queries count less."""
    fading = np.float32(_FADING) ** np.arange(len(history), dtype=np.float32)
    near = np.clip((_cosines(vectors, history) - _UNRELATED) / (1 - _UNRELATED), 0, 1) * fading
    best: npt.NDArray[np.float32] = near.max(axis=1)
    return best


def group(
    scores: npt.NDArray[np.float32],
    vectors: npt.NDArray[np.float32] | None,
    *,
    pull: npt.NDArray[np.float32] | None = None,
) -> list[list[int]]:
    """Return the members of each group of meaning, the largest group first, each in the order given.

    ``vectors`` are unit rows, the best phrase first. The best phrase that has no group yet leads a new one,
    and takes with it those whose cosine with it is at least ``SAME_MEANING``. A group is as large as its
    ``scores`` together, doubled for each unit of its greatest ``pull`` (what a user has asked
    before). Without vectors every phrase is a group of its own.
    """
    if vectors is None:
        return [[place] for place in range(len(scores))]
    # one row of bits for each phrase: which others mean about the same
    alike = np.packbits(_cosines(vectors, vectors) >= SAME_MEANING, axis=1, bitorder="little")
    rows = [int.from_bytes(row.tobytes(), "little") for row in alike]
    free = (1 << len(rows)) - 1
    groups: list[list[int]] = []
    for leader, row in enumerate(rows):
        if free >> leader & 1:
            members = (row | 1 << leader) & free
            free &= ~members
            groups.append(list(_places(members)))
    # a negative score is a bad match: it makes a group no larger, and no smaller
    worth = [max(score, 0.0) for score in scores.tolist()]
    sizes = [sum(worth[place] for place in members) for members in groups]
    if pull is not None:
        pulled = pull.tolist()
        sizes = [
            size * 2 ** max(pulled[place] for place in members)
            for size, members in zip(sizes, groups, strict=True)
        ]
    return [groups[place] for place in sorted(range(len(groups)), key=lambda place: (-sizes[place], place))]


def _places(bits: int) -> Iterator[int]:
    """Yield the places of the bits that are set, the lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _cosines(rows: npt.NDArray[np.float32], columns: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return ``rows @ columns.T``.

    A few columns at a time: OpenBLAS uses one thread for products of up to 262,144 multiplications. Several
    threads have to be woken, which takes longer than the work, and far longer on a busy machine.
    """
    step = max(262_144 // rows.size, 1)
    parts = [rows @ columns[begin : begin + step].T for begin in range(0, len(columns), step)]
    return np.concatenate(parts, axis=1)


def _readings(typed: str, spelt: tuple[str, ...]) -> Iterator[_Reading]:
    """Yield readings of what was typed, the likeliest first."""
    yield from _as_spelt(typed, spelt, 0.0)
    other = in_other_layout(typed)
    other_words = tokens(other)[:MOST_WORDS]
    yield from _as_spelt(other, other_words, _OTHER_LAYOUT)
    if spelt:
        yield _Reading(typed, spelt, endings=True, mistakes=True)
    if other_words:
        yield _Reading(other, other_words, _OTHER_LAYOUT, endings=True, mistakes=True, unless=1)


def _as_spelt(text: str, spelt: tuple[str, ...], penalty: float) -> Iterator[_Reading]:
    if spelt:
        yield _Reading(text, spelt, penalty)
    if len(spelt) > 1:
        yield _Reading(text, spelt, penalty + _OTHER_ENDING, endings=True)
        kept = (*(word for word in spelt[:-1] if word not in STOP_WORDS), spelt[-1])
        if len(kept) < len(spelt):
            yield _Reading(text, kept, penalty + _LEFT_OUT, endings=True)


def _keys(typed: str) -> bool:
    """Return whether something was typed at all, even if it has no letters in this layout."""
    return bool(typed.strip())
