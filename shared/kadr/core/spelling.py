"""Spelling: the word that was probably meant, by how people mistype and by what is plausible.

A noisy channel (Kernighan, Church and Gale, *A spelling correction program based on a noisy channel model*,
1990): the word whose own plausibility, less the improbability of the mistakes that lead to what was typed, is
highest. Mistakes of ear and eye (``о``/``а``, ``тся``/``ться``, a doubled letter) are likelier than those of
the finger (a key beside), and those likelier than any others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

from kadr.core.text import STOP_WORDS, clean, rewritten, stem, words
from kadr.core.vocabulary import Vocabulary

Known = Callable[[str], bool]
"""Whether a folded word exists."""
Fits = Callable[[str], bool]
"""Whether a folded word is known beside the words of a query that it is to stand between."""

# Very short words are somebody's name or a code as often as a slip of the keys.
_SHORTEST = 4
# Two mistakes: in words of eight letters, or of six if both are likely ones.
_TWO_MISTAKES_FROM = 8
_TWO_LIKELY_MISTAKES_FROM = 6
_TWO_LIKELY_MISTAKES = 1.1
# How much less likely, in powers of ten, an arbitrary mistake makes a word: about one letter in a hundred is
# mistyped, into one of some ten others.
_MISTAKE = 3.0
# What makes a word that nobody knows a new one rather than a mistake: two arbitrary mistakes in a word of the
# index (4 - 2 * 3 = -2), one in a word that is rarer than one in 30 million.
_TOO_FAR = -1.5
# A word that neither index nor glossary has: one arbitrary mistake in one of 300,000.
_TOO_FAR_FROM_LANGUAGE = 0.5
# A word of the language's list is a mistake where something else is ten times likelier.
_DOUBT = 1.0
# Beside a word that it is known beside, a word is some ten times as likely as elsewhere.
_FITS = 1.0
# A word of the dictionary is at least as plausible as one in ten million.
_REAL = 2.0

_ROWS = ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_ALPHABETS = (_ROWS[:3], _ROWS[3:])

_KEY_BESIDE = 0.7
_SWAPPED = 0.7
_TWICE = 0.4  # письмено, аккорд: one letter for two, two for one
_SOFT_SIGN = 0.35  # учится, учиться; also ъ
_MISSING = 0.9
_BESIDE_BOTH = 0.8  # a second key was hit together with the right one
_WRONG_START = 0.3  # on top: people see the first letter

_BY_EAR: dict[float, tuple[str, ...]] = {
    0.4: ("оа", "еи", "иы", "еэ", "ьъ", "ая", "ея"),
    0.6: ("бп", "вф", "гк", "дт", "жш", "зс", "шщ", "чщ", "оу", "ую",
          "ei", "ae", "ou", "iy", "ao", "ck", "cs", "sz", "vw"),
}  # fmt: skip


def _beside() -> frozenset[str]:
    """Return the pairs of keys that are neighbours, in both orders."""
    pairs: set[str] = set()
    for rows in _ALPHABETS:
        for number, row in enumerate(rows):
            pairs |= {a + b for a, b in pairwise(row)}
            below = rows[number + 1] if number + 1 < len(rows) else ""
            # each row is set off by half a key: a key touches two of the row below
            for place, key in enumerate(row):
                pairs |= {key + other for other in below[max(place - 1, 0) : place + 1]}
    return frozenset(pairs | {pair[::-1] for pair in pairs})


_BESIDE = _beside()
_SUBSTITUTIONS = dict.fromkeys(_BESIDE, _KEY_BESIDE) | {
    pair: cost for cost, pairs in _BY_EAR.items() for each in pairs for pair in (each, each[::-1])
}


@lru_cache(maxsize=16_384)
def mistakes(typed: str, meant: str) -> float:
    """Return how unlikely the mistakes are that turn ``meant`` into ``typed``: 0 none, 1 an arbitrary one.

    Optimal string alignment with weights; both words folded, of one script.
    """
    before: list[float] = []
    previous = [0.0]
    for letter in meant:
        previous.append(previous[-1] + _extra(meant, len(previous) - 1, letter))
    for row, key in enumerate(typed, start=1):
        current = [previous[0] + _added(typed, row - 1, "")]
        for column, letter in enumerate(meant, start=1):
            if key == letter:
                cost = previous[column - 1]
            else:
                cost = previous[column - 1] + _SUBSTITUTIONS.get(key + letter, 1.0)
            cost = min(
                cost,
                current[-1] + _extra(meant, column - 1, letter),
                previous[column] + _added(typed, row - 1, letter),
            )
            if row > 1 and column > 1 and key == meant[column - 2] and typed[row - 2] == letter:
                cost = min(cost, before[column - 2] + (_SWAPPED if key != letter else 0.0))
            current.append(cost)
        before, previous = previous, current
    return previous[-1] + (_WRONG_START if typed[:1] != meant[:1] else 0.0)


def _extra(meant: str, place: int, letter: str) -> float:
    """Return the cost of leaving out a letter of what was meant."""
    if letter in "ьъ":
        return _SOFT_SIGN
    return _TWICE if place and meant[place - 1] == letter else _MISSING


def _added(typed: str, place: int, letter: str) -> float:
    """Return the cost of a letter too many, where ``letter`` was meant before it."""
    key = typed[place]
    if key in "ьъ":
        return _SOFT_SIGN
    if (place and typed[place - 1] == key) or typed[place : place + 2] == "ck":
        return _TWICE
    return _BESIDE_BOTH if key + letter in _BESIDE else 1.0


def nearest(word: str, vocabulary: Vocabulary, fits: Fits | None = None) -> tuple[str | None, float]:
    """Return the word that was meant by a folded one that nobody is certain of, and how plausible it is.

    ``None`` where the word itself is the most plausible. A word of the language is left as it is, unless
    something far more usual is close: common mistakes are in every list of words. ``fits`` tells which words
    are known beside those that it stands between.
    """
    from rapidfuzz.distance import OSA

    own = vocabulary.zipf(word)
    best, found = own + _DOUBT if own else _TOO_FAR, None
    if len(word) < _SHORTEST:
        return None, own
    limit = 2 if len(word) >= _TWO_LIKELY_MISTAKES_FROM else 1
    terms = vocabulary.near(word, limit)
    fitting = set() if fits is None else {term for term in terms if fits(term)}
    worth = {term: vocabulary.zipf(term) + (_FITS if term in fitting else 0.0) for term in terms}
    for term in sorted(terms, key=lambda term: (-worth[term], term)):
        if worth[term] - _MISTAKE * _SOFT_SIGN <= best:
            break  # nor can any after it be likelier, whatever the mistake
        one = OSA.distance(word, term, score_cutoff=1) <= 1
        if not one and worth[term] - 2 * _MISTAKE * _SOFT_SIGN <= best:
            continue
        cost = mistakes(word, term)
        if not one and term not in fitting and len(word) < _TWO_MISTAKES_FROM and cost > _TWO_LIKELY_MISTAKES:
            continue
        score = worth[term] - _MISTAKE * cost
        unlikely = score < _TOO_FAR_FROM_LANGUAGE and not vocabulary.certain(term)
        if score > best and not unlikely:
            best, found = score, term
    if found is not None and not vocabulary.certain(found) and stem(found) == stem(word) != word:
        return None, own  # a form of a word that the list has in others only; search does not tell them apart
    return found, best if found is not None else own


def slip(word: str, vocabulary: Vocabulary, fits: Fits) -> str | None:
    """Return the word of index or glossary that was meant by another real word, ``None`` where it stays.

    Only one that is known beside the words around, where what was typed is not, one mistake away and far
    likelier: people do write what nobody has written before.
    """
    if len(word) < _SHORTEST or vocabulary.certain(word) or fits(word):
        return None
    best, found = max(vocabulary.zipf(word), _REAL) + _DOUBT, None
    for term in vocabulary.near(word, 1):
        if vocabulary.certain(term) and stem(term) != stem(word) and fits(term):
            score = vocabulary.zipf(term) + _FITS - _MISTAKE * mistakes(word, term)
            if (score, term) > (best, found or ""):
                best, found = score, term
    return found


def correct_spelling(query: str, known: Known, vocabulary: Vocabulary) -> str:
    """Return the query with each word that is not ``known`` replaced by the one that was meant, if any is.

    So is a known one that a word beside it does not go with, where it goes with one that looks like it.
    """
    cleaned = clean(query)
    found = words(cleaned)
    said = [word.text for word in found]
    corrected: list[str | None] = []
    for number, word in enumerate(found):
        meant = None
        if word.text.replace("-", "").isalpha() and word.text not in STOP_WORDS:
            fits = _fitting(said, number, vocabulary)
            if known(word.text):
                meant = None if fits is None else slip(word.text, vocabulary, fits)
            else:
                meant, _ = nearest(word.text, vocabulary, fits)
        said[number] = meant or word.text
        corrected.append(meant)
    return rewritten(cleaned, zip(found, corrected, strict=True))


def _fitting(said: Sequence[str], number: int, vocabulary: Vocabulary) -> Fits | None:
    """Return whether a word is known beside the words around a place, ``None`` where there are none."""
    if not len(vocabulary.neighbours):
        return None
    before = next((word for word in reversed(said[:number]) if word not in STOP_WORDS), None)
    after = next((word for word in said[number + 1 :] if word not in STOP_WORDS), None)
    if before is None and after is None:
        return None
    known = vocabulary.neighbours
    return lambda word: (
        (before is not None and (before, word) in known) or (after is not None and (word, after) in known)
    )
