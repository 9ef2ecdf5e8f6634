"""What a translation says about itself, and when a neural one is not to be believed.

A small translation model answers everything, also what it has not understood: with one word over and over,
with nothing, with a page of text for two words, or with the question itself. Such answers are recognised by
their form alone, without a second model, and the dictionary's take their place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from kadr.core.text import clean, fold, script, stems, tokens

Way = Literal["neural", "glossary", "dictionary", "kept"]
"""Where a part of a translation comes from.

``neural``: the model; ``glossary``: it consists of terms of the glossary; ``dictionary``: word by word,
because there is no model or its answer was refused; ``kept``: there was nothing to translate.
"""
Refusal = Literal["empty", "repetition", "too long", "not English", "other words"]

# An English text has at most this many words for one of a Russian sentence, and a few more in all: words
# written together (#доброеутро) come apart, and articles and prepositions are added.
_WORDS_PER_WORD, _MORE_WORDS = 3, 6
_LETTERS_PER_LETTER, _MORE_LETTERS = 4, 40
# One to four words, three times in a row; or up to a dozen characters, six times ("hahahahahaha").
_LONGEST_LOOP, _TIMES = 4, 3
_STUTTER = re.compile(r"(\S.{0,11}?)\1{5,}")
# A long answer that says the same few words in changing order.
_LONG, _LEAST_VARIETY = 16, 0.35

# A model that was trained on single sentences gets these; of a longer one, a part. Letters, because Marian
# has 512 positions, and a string of rare characters takes one for each.
_MOST_WORDS, _MOST_LETTERS = 60, 480
_SENTENCE_END = re.compile(
    r"(?:(?<=[.!?…])|(?<=[.!?…][\"»”')]))(?<!\b\w\.)\s+(?=[\"«“'(—–-]*\s?[^\W\d_a-zа-яё])|\n"
)


@dataclass(frozen=True, slots=True)
class TranslatedPart:
    """A sentence, or what is treated as one. ``refused`` says what was wrong with the model's answer."""

    source: str
    target: str
    way: Way
    refused: Refusal | None = None
    kept: tuple[str, ...] = ()  # the terms of the glossary in it, in English


@dataclass(frozen=True, slots=True)
class Translated:
    """An English text, and where it comes from."""

    text: str
    parts: tuple[TranslatedPart, ...]

    @property
    def kind(self) -> Way | Literal["mixed"]:
        """The way that all parts came, those aside that needed no translation."""
        ways = {part.way for part in self.parts} - {"kept"}
        if not ways:
            return "kept"
        return ways.pop() if len(ways) == 1 else "mixed"

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """What was wrong with the model's answers, where they were not taken."""
        return tuple(part.refused for part in self.parts if part.refused is not None)


def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a text, cleaned; one of more than sixty words is cut, at a comma if it has one.

    A full stop ends a sentence where a capital letter follows and no initial goes before; so does a line's
    end. Nothing but white space is lost.
    """
    lines = "\n".join(filter(None, (clean(line) for line in text.splitlines())))
    return tuple(
        part for sentence in _SENTENCE_END.split(lines) if sentence.strip() for part in _cut(sentence.strip())
    )


def _cut(sentence: str) -> Iterator[str]:
    found = sentence.split(" ")
    while found:
        lengths = accumulate(len(word) + 1 for word in found[:_MOST_WORDS])
        fits = max(1, sum(length <= _MOST_LETTERS for length in lengths))
        if fits < len(found):
            half = range(fits, fits // 2, -1)
            fits = next((place for place in half if found[place - 1][-1] in ",;:"), fits)
        yield " ".join(found[:fits])
        found = found[fits:]


def refusal(source: str, answer: str) -> Refusal | None:
    """Return what is wrong with a model's answer to a Russian sentence, or ``None``.

    What is in the source may be in the answer: "да да да да" is "yes yes yes yes".
    """
    said, asked = tokens(answer), tokens(source)
    if not said:
        return "empty"
    if script(answer) in {"cyrillic", "mixed"}:
        return "not English"
    if (
        len(said) > _WORDS_PER_WORD * len(asked) + _MORE_WORDS
        or len(answer) > _LETTERS_PER_LETTER * len(source) + _MORE_LETTERS
    ):
        return "too long"
    looped = (repeats(said) and not repeats(asked)) or (
        _STUTTER.search(fold(answer)) is not None and not _STUTTER.search(fold(source))
    )
    monotonous = len(said) > _LONG and len(set(said)) < _LEAST_VARIETY * len(said)
    return "repetition" if looped or monotonous else None


def same_words(answer: str, other: str) -> bool:
    """Return whether two English texts have the same words; order, endings and little words aside."""
    one, two = (Counter(stems(text, drop_stop_words=True)) for text in (answer, other))
    return one == two


def repeats(words: Sequence[str]) -> bool:
    """Return whether one to four words follow one another three times."""
    for length in range(1, _LONGEST_LOOP + 1):
        same = 0  # words in a row that equal the one a length before
        for place in range(length, len(words)):
            same = same + 1 if words[place] == words[place - length] else 0
            if same == length * (_TIMES - 1):
                return True
    return False
