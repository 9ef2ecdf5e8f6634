"""A first understanding of a query: keyboard layout, spelling, translation.

Each step only changes words that nobody knows: neither the index, nor the glossary, nor the dictionary.
What was typed stays part of the search, with less weight, in case that a step was wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from kadr.core.glossary import Glossary
from kadr.core.text import STOP_WORDS, Language, clean, fold, language, script, tokens, words
from kadr.core.words import ORIGINAL_WEIGHT, TRANSLATION_WEIGHT

Known = Callable[[str], bool]
"""Whether a folded word exists."""

# What was typed, where it was corrected to something else.
UNCORRECTED_WEIGHT = 0.5

# The keys of the two layouts in the same order: ЙЦУКЕН and QWERTY, without Shift.
_RUSSIAN_KEYS = "йцукенгшщзхъфывапролджэячсмитьбюё"
_ENGLISH_KEYS = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`"
_TO_RUSSIAN = str.maketrans(_ENGLISH_KEYS + '{}:"<>~', _RUSSIAN_KEYS + "хъжэбюё")
_TO_ENGLISH = str.maketrans(_RUSSIAN_KEYS, _ENGLISH_KEYS)
_TRAILING = ",.?!;:"

# Very short words are somebody's name or a code as often as a slip of the keys.
_SHORTEST_MISSPELT = 4
_TWO_MISTAKES_FROM = 8


@dataclass(frozen=True, slots=True)
class Understood:
    """What a query means.

    ``original`` is the query, cleaned; ``corrected`` has its layout and spelling put right; ``translated``
    is English (the same where it is English already). ``words`` is what to look up, with weights, for
    :func:`kadr.core.words.query_words`.
    """

    original: str
    corrected: str
    translated: str
    language: Language
    words: tuple[tuple[str, float], ...]


class Vocabulary:
    """The words that the index contains, and others that may be meant.

    Finding the nearest word takes two steps: the sets of letters of all words of about its length are
    compared as bits, and the edit distance is computed for the few that pass. Exact, and without the
    hundreds of megabytes of an index of deletions.
    """

    def __init__(self, counts: Mapping[str, int], *, background: Iterable[str] = ()) -> None:
        """Make a vocabulary of folded words with how often they occur; ``background`` words count 0."""
        self._counts = dict.fromkeys(background, 0) | dict(counts)
        by_length: dict[int, list[str]] = defaultdict(list)
        for word in self._counts:
            by_length[len(word)].append(word)
        self._by_length = {
            length: (terms, np.fromiter(map(_letters, terms), dtype=np.uint64, count=len(terms)))
            for length, terms in by_length.items()
        }

    def __contains__(self, word: str) -> bool:
        return word in self._counts

    def __len__(self) -> int:
        return len(self._counts)

    def nearest(self, word: str) -> str | None:
        """Return the word that was probably meant, or ``None``.

        At most one mistake (a letter too many, missing, wrong, or two swapped), two in words of eight
        letters and more; the fewest mistakes first, then the same first letter, then the most frequent.
        """
        if len(word) < _SHORTEST_MISSPELT:
            return None
        for distance in range(1, 3 if len(word) >= _TWO_MISTAKES_FROM else 2):
            candidates = self._within(word, distance)
            if candidates:
                return min(candidates, key=lambda term: (term[0] != word[0], -self._counts[term], term))
        return None

    def _within(self, word: str, distance: int) -> list[str]:
        from rapidfuzz.distance import OSA

        found: list[str] = []
        letters = np.uint64(_letters(word))
        for length in range(len(word) - distance, len(word) + distance + 1):
            if length not in self._by_length:
                continue
            terms, masks = self._by_length[length]
            # a mistake takes at most one letter from the set and puts at most one in
            close = np.flatnonzero(np.bitwise_count(masks ^ letters) <= 2 * distance)
            found += [
                terms[place]
                for place in close.tolist()
                if OSA.distance(word, terms[place], score_cutoff=distance) <= distance
                and script(terms[place]) == script(word)
            ]
        return found


def _letters(word: str) -> int:
    """Return the set of a word's letters as 64 bits; letters that share a bit only let more words pass."""
    bits = 0
    for character in word:
        bits |= 1 << (ord(character) & 63)
    return bits


def switch_layout(query: str, known: Known, *, common: Known) -> str:
    """Return the query with the words put right that were typed in the wrong keyboard layout.

    ``rjn`` becomes ``кот`` and ``кщидщч`` becomes ``roblox``: only where the result is a known word and
    what was typed is not. Words of up to three letters must be ``common`` ones, as a full dictionary has
    an entry for almost any three letters; one or two letters change only along with a longer word.
    """
    chunks = query.split()
    switched = [_switch_chunk(chunk, known, common) for chunk in chunks]
    changed = {script(new) for old, new in zip(chunks, switched, strict=True) if old != new}
    for place, chunk in enumerate(chunks):
        if len(chunk) <= 2 and switched[place] == chunk:
            other = _other_layout(chunk)
            if script(other) in changed and common(other) and script(chunk) not in changed:
                switched[place] = other
    return " ".join(switched)


def _other_layout(chunk: str) -> str:
    lower = chunk.lower()
    return lower.translate(_TO_ENGLISH if script(lower) == "cyrillic" else _TO_RUSSIAN)


def _switch_chunk(chunk: str, known: Known, common: Known) -> str:
    kind = script(chunk)
    if len(chunk) < 3 or kind not in {"cyrillic", "latin"}:
        return chunk
    if all(known(token) for token in tokens(chunk)):
        return chunk
    bare = chunk.rstrip(_TRAILING)
    for typed, rest in ((chunk, ""), (bare, chunk[len(bare) :])):
        other = _other_layout(typed)
        found = words(other)
        # one word from end to end: keys of punctuation marks have become letters
        if len(found) == 1 and found[0].source == other and script(other) != kind:
            exists = known if len(other) > 3 else common
            if exists(found[0].text):
                return other + rest
    return chunk


def correct_spelling(query: str, known: Known, vocabulary: Vocabulary) -> str:
    """Return the query with each unknown word replaced by the nearest of the vocabulary, if any is."""
    cleaned = clean(query)
    parts: list[str] = []
    position = 0
    for word in words(cleaned):
        nearest = None
        if not known(word.text) and word.text.replace("-", "").isalpha():
            nearest = vocabulary.nearest(word.text)
        parts += (cleaned[position : word.start], nearest or word.source)
        position = word.end
    return "".join([*parts, cleaned[position:]])


def understand(
    query: str, glossary: Glossary, vocabulary: Vocabulary, *, dictionary: Known | None = None
) -> Understood:
    """Return what a query means. Pure and quick; an empty query gives empty fields.

    ``dictionary`` tells real words that neither index nor glossary has (``Pymorphy().known``): they are not
    taken for mistakes.
    """
    original = clean(query)

    def common(word: str) -> bool:
        return word in STOP_WORDS or word in vocabulary or glossary.knows(word)

    def known(word: str) -> bool:
        return common(word) or (dictionary is not None and dictionary(word))

    corrected = correct_spelling(switch_layout(original, known, common=common), known, vocabulary)
    spoken = language(corrected)
    has_russian = script(corrected) in {"cyrillic", "mixed"}
    translated = glossary.translate(corrected).text if has_russian else corrected

    texts = [(corrected, ORIGINAL_WEIGHT)]
    if fold(corrected) != fold(original):
        texts.append((original, UNCORRECTED_WEIGHT))
    if fold(translated) != fold(corrected):
        texts.append((translated, TRANSLATION_WEIGHT))
    if not has_russian:
        texts += [(russian, TRANSLATION_WEIGHT) for russian in glossary.reverse(corrected)]
    return Understood(original, corrected, translated, spoken, tuple(text for text in texts if text[0]))
