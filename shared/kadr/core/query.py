"""Understanding a query: what was meant, in the language that the index speaks.

A chain of steps, each a function of its own that changes only what nobody knows as it stands: neither the
index, nor the glossary, nor the dictionary; spelling also a word of the dictionary alone, where the words
around it say that another was meant. What has one reading (another keyboard layout, the other script,
words written together) is tried before what has many (a mistake of spelling). What was typed stays part of
the search, with less weight, in case that a step was wrong. See ADR 0013 and ``docs/queries.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from kadr.core.casing import calm_capitals
from kadr.core.glossary import Glossary
from kadr.core.layout import switch_layout
from kadr.core.spelling import correct_spelling, nearest
from kadr.core.splitting import split_word, split_words
from kadr.core.text import STOP_WORDS, Language, clean, fold, language, script, tokens
from kadr.core.translation import Translated, TranslatedPart
from kadr.core.transliteration import respell, transliterate
from kadr.core.vocabulary import Vocabulary
from kadr.core.words import ORIGINAL_WEIGHT, TRANSLATION_WEIGHT

Known = Callable[[str], bool]
"""Whether a folded word exists."""

# What was typed, where it was corrected to something else.
UNCORRECTED_WEIGHT = 0.5

# Words of the language count as known from one in two million words on: below that, lists of words are full
# of mistakes.
_KNOWN = 2.7
# One in 100,000 words.
_COMMON = 4.0
# How plausible a name in Latin letters has to be: one in a million, and spelt no more oddly than `lewis`.
_NAME = 1.5


class QueryStep(StrEnum):
    """The steps of the chain, in their order."""

    LAYOUT = "layout"
    CASE = "case"
    TRANSLITERATION = "transliteration"
    SPLITTING = "splitting"
    SPELLING = "spelling"
    TRANSLATION = "translation"


@dataclass(frozen=True, slots=True)
class Change:
    """What one step made of the query."""

    step: QueryStep
    before: str
    after: str


Translate = Callable[[str], Translated]
"""A corrected text into English, with where the English comes from."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What a query means.

    ``original`` is the query, cleaned; ``corrected`` is what was meant, in the language it was asked in;
    ``translated`` is English (the same where it is English already). ``words`` is what to look up, with
    weights, for :func:`kadr.core.words.query_words`. ``steps`` are those that changed something, in their
    order.
    """

    original: str
    corrected: str
    translated: str
    language: Language
    words: tuple[tuple[str, float], ...]
    steps: tuple[Change, ...] = ()


def understand(
    query: str,
    glossary: Glossary,
    vocabulary: Vocabulary,
    *,
    dictionary: Known | None = None,
    skip: Collection[QueryStep] = (),
    translate: Translate | None = None,
) -> Understood:
    """Return what a query means. Pure and quick; an empty query gives empty fields.

    Args:
        query: what was typed.
        glossary: knows its words, and translates where ``translate`` is not given.
        vocabulary: the words that may be meant.
        dictionary: tells real words that neither index nor glossary has (``Pymorphy().known``): they are not
            taken for mistakes.
        skip: steps that are left out.
        translate: another translator than the glossary.
    """
    original = clean(query)
    speller = _Chain(glossary, vocabulary, dictionary, skip)
    steps: list[Change] = []
    corrected = original
    for step, change in speller.steps():
        if step not in skip:
            before, corrected = corrected, change(corrected)
            if corrected != before:
                steps.append(Change(step, before, corrected))

    spoken = language(corrected)
    has_russian = script(corrected) in {"cyrillic", "mixed"}
    translated = corrected
    if QueryStep.TRANSLATION not in skip and has_russian:
        english = (translate or speller.translate)(corrected)
        # Where another translator's answer is not to be believed, the dictionary that knows names is better.
        translated = (speller.translate(corrected) if english.kind == "dictionary" else english).text
        if fold(translated) != fold(corrected):
            steps.append(Change(QueryStep.TRANSLATION, corrected, translated))

    texts = [(corrected, ORIGINAL_WEIGHT)]
    if fold(corrected) != fold(original):
        texts.append((original, UNCORRECTED_WEIGHT))
    if fold(translated) != fold(corrected):
        texts.append((translated, TRANSLATION_WEIGHT))
    if not has_russian and QueryStep.TRANSLATION not in skip:
        russian = (*glossary.reverse(corrected), *speller.as_indexed(corrected))
        texts += [(text, TRANSLATION_WEIGHT) for text in russian]
    kept = tuple(text for text in texts if text[0])
    return Understood(original, corrected, translated, spoken, kept, tuple(steps))


class _Chain:
    """The steps, with what they have to know."""

    def __init__(
        self,
        glossary: Glossary,
        vocabulary: Vocabulary,
        dictionary: Known | None,
        skip: Collection[QueryStep],
    ) -> None:
        self._glossary = glossary
        self._vocabulary = vocabulary
        self._dictionary = dictionary
        self._skip = skip

    def steps(self) -> tuple[tuple[QueryStep, Callable[[str], str]], ...]:
        """Return the steps that correct, in their order."""
        return (
            (QueryStep.LAYOUT, self._layout),
            (QueryStep.CASE, calm_capitals),
            (QueryStep.TRANSLITERATION, self._transliteration),
            (QueryStep.SPLITTING, self._splitting),
            (QueryStep.SPELLING, lambda text: correct_spelling(text, self._certain, self._vocabulary)),
        )

    def translate(self, text: str) -> Translated:
        """Translate by the glossary; names that it does not have are spelt as the vocabulary has them."""
        english = self._glossary.translate(text, names=self._name).text
        return Translated(english, (TranslatedPart(text, english, "dictionary"),))

    def as_indexed(self, text: str) -> list[str]:
        """Return the names of a text that the index has in Russian letters (``gosling``, ``гослинг``)."""
        names = (word for word in tokens(text) if word not in STOP_WORDS and not self._glossary.knows(word))
        spelt = (respell(word, self._vocabulary.index)[0] for word in names)
        return [russian for russian in spelt if russian is not None]

    def _certain(self, word: str) -> bool:
        """Return whether the word exists for certain: it is nobody's mistake."""
        if word in STOP_WORDS or self._vocabulary.certain(word):
            return True
        if self._dictionary is None or script(word) != "cyrillic":
            return self._glossary.knows(word)
        if self._dictionary(word):
            return True
        # A lemmatiser guesses dictionary forms also for what is misspelt. For a word that the dictionary has,
        # it has the forms, too; those of others (роблоксе) can only be guessed.
        lemma = self._glossary.dictionary_form(word)
        return lemma is not None and not self._dictionary(lemma)

    def _known(self, word: str) -> bool:
        return self._certain(word) or self._vocabulary.zipf(word) >= _KNOWN

    def _common(self, word: str) -> bool:
        return (
            word in STOP_WORDS
            or self._vocabulary.certain(word)
            or self._vocabulary.zipf(word) >= _COMMON
            or self._glossary.knows(word)
        )

    def _layout(self, text: str) -> str:
        def rival(word: str) -> float:
            as_typed = self._vocabulary.zipf(word)
            if QueryStep.TRANSLITERATION in self._skip:
                return as_typed
            return max(as_typed, respell(word, self._vocabulary)[1])

        return switch_layout(
            text, self._known, common=self._common, plausible=self._vocabulary.zipf, rival=rival
        )

    def _transliteration(self, text: str) -> str:
        def rival(word: str) -> float:
            return max(self._spelt(word), self._split(word))

        return transliterate(text, self._known, self._vocabulary, rival=rival)

    def _splitting(self, text: str) -> str:
        return split_words(
            text, self._known, self._vocabulary, dictionary=self._dictionary, rival=self._spelt
        )

    def _spelt(self, word: str) -> float:
        """Return how plausible the best spelling of an unknown word is, without it if no other is near."""
        if QueryStep.SPELLING in self._skip:
            return self._vocabulary.zipf(word)
        found, worth = nearest(word, self._vocabulary)
        return worth if found is not None or worth else float("-inf")

    def _split(self, word: str) -> float:
        if QueryStep.SPLITTING in self._skip:
            return float("-inf")
        return split_word(word, self._vocabulary, dictionary=self._dictionary)[1]

    def _name(self, word: str) -> str | None:
        text, worth = respell(word, self._vocabulary)
        return text if worth >= _NAME else None
