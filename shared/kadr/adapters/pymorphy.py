"""Dictionary forms of Russian words, by pymorphy3 and its OpenCorpora dictionary."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pymorphy3

# A word has rarely more than three different dictionary forms; the rest are guesses for unknown words.
_MAX_LEMMAS = 4


@cache
def _analyzer() -> pymorphy3.MorphAnalyzer:
    import pymorphy3

    return pymorphy3.MorphAnalyzer(lang="ru")


@lru_cache(maxsize=65_536)
def _lemmas(word: str) -> tuple[str, ...]:
    parses: list[Any] = _analyzer().parse(word)
    weights: dict[str, float] = {}
    for parse in parses:
        lemma = parse.normal_form.replace("ё", "е")
        weights[lemma] = weights.get(lemma, 0.0) + parse.score
    ordered = sorted(weights, key=lambda lemma: -weights[lemma])
    return tuple(ordered[:_MAX_LEMMAS]) or (word,)


class Pymorphy:
    """Implements :class:`kadr.ports.embedding.Lemmatizer`.

    The dictionary (15 MB) is loaded on first use, once per process, in about 0.2 s. Forms are written
    with ``е`` for ``ё``, as everywhere in Kadr.
    """

    def lemmas(self, word: str) -> tuple[str, ...]:
        """Return the possible dictionary forms of one lower-case word, likeliest first.

        Words that the dictionary does not have get guessed forms; words of other scripts are their own.
        """
        return _lemmas(word)

    def known(self, word: str) -> bool:
        """Return whether the dictionary has this form of a Russian word."""
        return bool(_analyzer().word_is_known(word))
