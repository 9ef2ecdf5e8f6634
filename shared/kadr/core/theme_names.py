"""What a theme is called: by the words that its videos have, and others have not.

Class-based TF-IDF (Grootendorst, *BERTopic*, 2022): the share of a theme's videos that have a word, times the
logarithm of how rare the word is over all themes, ``log(1 + A / f)``, with ``f`` in how many videos the word
is and ``A`` how many words a theme has on average. Videos and not mentions are counted: one long talk is one
voice. As in suggestions (:mod:`kadr.core.terms`), words that are usual in the language tell little.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, log1p
from typing import Literal

from kadr.core.blocklist import blocked
from kadr.core.terms import Usual, specific, usable
from kadr.core.text import clean, stem, words

Tongue = Literal["ru", "en"]

# Words that are kept for a theme; the name has the first of them.
MOST_TERMS = 8
_IN_NAME = 3
# What two videos have in common; in larger themes one in eight.
_LEAST_VIDEOS, _LEAST_SHARE = 2, 0.125
LONGEST_NAME = 80

Lemma = Callable[[str], str]
"""The dictionary form of a folded Russian word."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is written or said at one moment; ``translation`` is English, or empty."""

    text: str
    translation: str
    language: str


Texts = Sequence[Said]
"""Of one video."""


def tongue(videos: Iterable[Texts]) -> Tongue:
    """Return the language that most of the videos have text in; Russian where neither is more."""
    russian = english = 0
    for texts in videos:
        found = Counter(each.language for each in texts if each.text)
        russian += found["ru"] > found["en"]
        english += found["en"] > found["ru"]
    return "en" if english > russian else "ru"


def theme_terms(
    themes: Sequence[Sequence[Texts]],
    others: Sequence[Texts] = (),
    *,
    usual: Usual | None = None,
    lemma: Lemma | None = None,
) -> list[list[str]]:
    """Return the most telling words of each theme, the best first; a theme without words has none.

    Each theme is given as its videos' texts, ``others`` are those of videos without a theme. A theme speaks
    the language of most of its videos: Russian as it was said, English as it was said or translated. Words of
    the block list are left out.
    """
    spoken = [tongue(videos) for videos in themes]
    counted = [_counted(videos, language) for videos, language in zip(themes, spoken, strict=True)]
    background = {language: _counted(others, language) for language in set(spoken)}
    # A language has its own rarities: the classes of a word are the themes that speak it.
    everywhere: dict[Tongue, Counter[str]] = {}
    average: dict[Tongue, float] = {}
    for language in set(spoken):
        classes = [each.videos for each, own in zip(counted, spoken, strict=True) if own == language]
        classes.append(background[language].videos)
        everywhere[language] = sum(classes, Counter())
        average[language] = sum(map(Counter.total, classes)) / len(classes)

    found = []
    for videos, words_of, language in zip(themes, counted, spoken, strict=True):
        least = max(min(_LEAST_VIDEOS, len(videos)), ceil(_LEAST_SHARE * len(videos)))
        worth: dict[str, float] = {}
        for root, count in words_of.videos.items():
            shown = words_of.shown(root, lemma if language == "ru" else None)
            if count < least or not usable((shown,)) or blocked(shown):
                continue
            rare = log1p(average[language] / everywhere[language][root])
            telling = 1.0 if usual is None else specific((shown,), usual)
            worth[shown] = max(worth.get(shown, 0.0), count / len(videos) * rare * telling)
        best = sorted((each for each in worth if worth[each] > 0), key=lambda each: (-worth[each], each))
        found.append([each for each in best[:MOST_TERMS] if worth[each] >= worth[best[0]] / 4])
    return found


def name_of(terms: Sequence[str], taken: Collection[str] = ()) -> str:
    """Return a name of the first terms, other than those ``taken``; empty without terms.

    Three words where there are as many; more where another theme has the same ones.
    """
    for count in range(min(_IN_NAME, len(terms)), len(terms) + 1):
        name = ", ".join(terms[:count])[:LONGEST_NAME]
        if name and (name := name[0].upper() + name[1:]) not in taken:
            return name
    return ""


def still_fits(name: str, terms: Sequence[str]) -> bool:
    """Return whether a name that was made of terms is made of these: it need not change every hour."""
    parts = [part.lower() for part in name.split(", ")]
    return bool(name) and set(parts) <= {term.lower() for term in terms}


def numbered(language: Tongue, taken: Collection[str]) -> str:
    """Return a name for a theme that there are no words for."""
    word = "Тема" if language == "ru" else "Theme"
    return next(name for number in range(1, len(taken) + 2) if (name := f"{word} {number}") not in taken)


def editors_name(name: str) -> str:
    """Return a name as people may give it to a theme or a person.

    Raises:
        ValueError: it is too long, has nothing to read, or a word that nobody is to see unasked.
    """
    cleaned = clean(name)
    if not any(map(str.isalnum, cleaned)):
        raise ValueError("a name needs a letter or a digit")
    if len(cleaned) > LONGEST_NAME:
        raise ValueError(f"a name has at most {LONGEST_NAME} characters")
    if blocked(cleaned):
        raise ValueError("this name has a word that is not shown to people")
    return cleaned


class _Words:
    """In how many videos each stem is, and how it is usually written."""

    def __init__(self) -> None:
        self.videos: Counter[str] = Counter()
        self._forms: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, texts: Iterable[str]) -> None:
        """Count a video."""
        roots: set[str] = set()
        for text in texts:
            for word in words(text):
                root = stem(word.text)
                roots.add(root)
                self._forms[root][word.text] += 1
        self.videos.update(roots)

    def shown(self, root: str, lemma: Lemma | None) -> str:
        """Return the word that stands for a stem."""
        form = max(self._forms[root].items(), key=lambda each: (each[1], each[0]))[0]
        return form if lemma is None else lemma(form)


def _counted(videos: Iterable[Texts], language: Tongue) -> _Words:
    counted = _Words()
    for texts in videos:
        counted.add(
            each.text if each.language == language else each.translation
            for each in texts
            if each.language == language or (language == "en" and each.translation)
        )
    return counted
