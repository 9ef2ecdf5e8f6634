"""Terms of the glossary, kept through a translator that knows nothing of them.

First the term's English is put where the Russian stood: "как пройти босса в роблоксе" becomes "как пройти
босса в roblox". A model that was trained on the language of the net has seen such mixtures and copies the
foreign word, with the right sentence around it; it needs no special tokens. Whether it did is looked up in
its answer. If not, what stands between the terms is translated by itself and the terms are put in between:
less of a sentence, but the term is certain to be there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kadr.core.glossary import Glossary, Term
from kadr.core.text import clean, script, stem, tokens, words


@dataclass(frozen=True, slots=True)
class Protected:
    """A sentence with the English of its terms in their places.

    ``gaps`` are the texts before, between and behind the terms: one more than there are terms.
    """

    source: str
    gaps: tuple[str, ...]
    terms: tuple[str, ...]

    @property
    def marked(self) -> str:
        """The sentence for the translator."""
        parts = [self.gaps[0]]
        for term, gap in zip(self.terms, self.gaps[1:], strict=True):
            parts += (term, gap)
        return "".join(parts)

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to translate."""
        return not any(translatable(gap) for gap in self.gaps)

    def kept_in(self, answer: str) -> bool:
        """Return whether an answer has every term as often as it was put in, endings aside."""
        said = [stem(token) for token in tokens(answer)]
        wanted = Counter(tuple(stem(token) for token in tokens(term)) for term in self.terms)
        return all(_count(said, term) >= times for term, times in wanted.items() if term)

    def joined(self, translations: Sequence[str]) -> str:
        """Return the terms with the translations of the gaps between them, one for each gap."""
        parts = [translations[0]]
        for term, gap in zip(self.terms, translations[1:], strict=True):
            parts += (term, gap)
        return " ".join(" ".join(parts).split())


def protect(text: str, glossary: Glossary) -> Protected:
    """Return a text with its terms found: those of the glossary, and words that are in Latin letters."""
    cleaned = clean(text)
    found = glossary.terms(cleaned)
    taken = {place for term in found for place in range(term.start, term.end)}
    latin = [
        Term(word.start, word.end, word.source)
        for word in words(cleaned)
        if word.start not in taken and len(word.text) > 1 and script(word.text) == "latin"
    ]
    gaps, terms, position = [], [], 0
    for term in sorted((*found, *latin), key=lambda term: term.start):
        gaps.append(cleaned[position : term.start])
        terms.append(term.target)
        position = term.end
    return Protected(cleaned, (*gaps, cleaned[position:]), tuple(terms))


def translatable(text: str) -> bool:
    """Return whether there are Cyrillic letters in a text."""
    return script(text) in {"cyrillic", "mixed"}


def _count(said: Sequence[str], term: tuple[str, ...]) -> int:
    return sum(tuple(said[place : place + len(term)]) == term for place in range(len(said) - len(term) + 1))
