"""Words that were written together: ``#домашниеживотные`` is ``домашние животные``.

The most probable sequence of words, by dynamic programming over their frequencies (a unigram model; Norvig,
*Natural Language Corpus Data*, 2009), against the probability that it is one word that nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable

from kadr.core.text import STOP_WORDS, Word, clean, rewritten, words
from kadr.core.vocabulary import Vocabulary

Known = Callable[[str], bool]
"""Whether a folded word exists."""

# A Zipf value is the logarithm of occurrences in a billion words.
_BILLION = 9.0
# A word of a real dictionary of which nobody has counted how often it occurs.
_UNCOUNTED = 1.5
# An unknown word: one in a hundred words of a query is a new name, and each letter of it could be another one
# of some ten (the perplexity of letters in Russian and English words): 10^-(2 + n).
_NEW_WORD = 2.0
_NEW_LETTER = 1.0
# A space that was left out, beside a letter that was mistyped (3.0): it needs no other key.
_SPACE = 2.0
_SHORTEST_WHOLE = 5
_LONGEST_WHOLE = 100
_LONGEST_PART = 24
# Parts of up to three letters have to be usual, or a name would fall apart into syllables.
_SHORT_PART = 3
_USUAL, _VERY_USUAL = 4.0, 5.5
_NUMBER = 5.0
# Prepositions and conjunctions of one letter: a word follows, and that is not another of them (промокод-о-в).
_FOLLOWED = frozenset("вскуоиа")
_SINGLE_LETTERS = frozenset("вскуоияa") | {"i", "a"}


def split_word(
    word: str, vocabulary: Vocabulary, *, dictionary: Known | None = None
) -> tuple[tuple[str, ...], float]:
    """Return the words that a folded word nobody knows is made of, or only it, and how plausible they are.

    On the Zipf scale, as if they were one word, less the improbability of the missing spaces. ``dictionary``
    knows inflected forms that the vocabulary lacks.
    """
    nothing = (word,), float("-inf")
    if not _SHORTEST_WHOLE <= len(word) <= _LONGEST_WHOLE or not word.isalnum():
        return nothing
    # best[n]: the best logarithm of a probability of the first n letters, and where its last word begins
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(word) + 1):
        choices = [(float("-inf"), 0)]
        for begin in range(max(0, end - _LONGEST_PART), end):
            followed = begin and word[best[begin][1] : begin] in _FOLLOWED
            if best[begin][0] > float("-inf") and not (followed and word[begin:end] in _FOLLOWED):
                zipf = _part(word[begin:end], vocabulary, dictionary)
                if zipf:
                    choices.append((best[begin][0] + zipf - _BILLION, begin))
        best.append(max(choices))
    if word[best[-1][1] :] in _FOLLOWED or best[-1][0] < -(_NEW_WORD + _NEW_LETTER * len(word)):
        return nothing
    parts: list[str] = []
    end = len(word)
    while end:
        begin = best[end][1]
        parts.append(word[begin:end])
        end = begin
    return tuple(reversed(parts)), best[-1][0] + _BILLION - _SPACE * (len(parts) - 1)


def _part(text: str, vocabulary: Vocabulary, dictionary: Known | None) -> float:
    """Return how plausible a part is (Zipf scale), 0 where it is none."""
    if len(text) == 1 and text not in _SINGLE_LETTERS and not text.isdigit():
        return 0.0
    if text.isdigit():
        return _NUMBER - len(text) or 0.1  # 0 is for what is none
    zipf = vocabulary.zipf(text)
    if len(text) <= _SHORT_PART:
        return (
            zipf
            if zipf >= (_USUAL if len(text) == _SHORT_PART else _VERY_USUAL) or text in STOP_WORDS
            else 0.0
        )
    if not zipf and dictionary is not None and len(text) > 4 and dictionary(text):
        return _UNCOUNTED
    return zipf


def split_words(
    query: str,
    known: Known,
    vocabulary: Vocabulary,
    *,
    dictionary: Known | None = None,
    rival: Callable[[str], float] | None = None,
) -> str:
    """Return the query with the words cut apart that nobody knows and that are made of known ones.

    If that is more plausible than the best other reading of the word, which ``rival`` tells.
    """
    cleaned = clean(query)
    split: list[tuple[Word, str | None]] = []
    for word in words(cleaned):
        apart = None
        if not known(word.text):
            pieces, worth = split_word(word.text, vocabulary, dictionary=dictionary)
            if len(pieces) > 1 and (rival is None or worth > rival(word.text)):
                apart = " ".join(pieces)
        split.append((word, apart))
    return rewritten(cleaned, split)
