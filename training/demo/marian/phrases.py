"""Pairs of Russian and English without end: single words in all forms, phrases, templates with gaps filled.

Gaps of ``templates.tsv`` are ``{what.form}``. ``what`` is ``noun`` or one of the topics of :data:`TOPICS`
(``food:masc`` wants a gender), ``np`` (a noun that may have an adjective), ``vt`` and ``vi`` (verbs with and
without an object), ``a`` (an adjective), ``lat`` (a word in Latin letters), ``num``; a digit tells two of a
kind apart. Forms are cases and numbers of nouns, ``inf 3s pm …`` of verbs (:class:`lexicon.Verb`),
``adj.masc`` of adjectives. English nouns are in the number of the Russian ones, ``{food.sing}`` in the
singular; verbs have ``s`` and ``ed``.
"""

from __future__ import annotations

import random
import re
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Generic, TypeVar

from training.demo.marian import english
from training.demo.marian.lexicon import Adjective, Lexicon, Noun, Verb
from training.translator.pairs import Pair

TOPICS: Mapping[str, tuple[str, ...]] = {
    "food": ("Food and cooking",),
    "animal": ("Animals",),
    "thing": ("Home, repair and crafts", "Clothes and beauty", "Technology"),
    "place": ("Travel and geography", "Places and directions"),
    "transport": ("Transport",),
    "sport": ("Sport and fitness",),
    "person": ("Family and people",),
    "body": ("Body and health",),
    "game": ("Games and internet",),
    "holiday": ("Holidays and feelings",),
}
_GAP = re.compile(r"\{([a-z]+)(?::([a-z]+))?(\d?)((?:\.[a-z0-9]+)*)\}")
_RARE = 1.5  # the Zipf value of a word that the frequency list does not have
_STEEP = 0.35  # how much more often frequent words are drawn: 10^(0.35 · Zipf)

Item = TypeVar("Item")
Frequency = Callable[[str], float]


@dataclass(frozen=True, slots=True)
class Template:
    """A line of ``templates.tsv``."""

    russian: str
    english: str


class _Drawn(Generic[Item]):
    """Draws items, some more often than others."""

    def __init__(self, items: Sequence[Item], weights: Sequence[float]) -> None:
        self._items = items
        self._sums = list(accumulate(weights))

    def __call__(self, chance: random.Random) -> Item:
        return self._items[bisect(self._sums, chance.random() * self._sums[-1])]


class _MissingForm(Exception):
    """What was drawn has no such form."""


class Phrases:
    """Makes pairs. ``frequency`` is a word's Zipf value, 0 where it is not known.

    ``latin`` are words to be left as they are; ``others`` are Russian words that the glossary does not have,
    with what the dictionary makes of them.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        frequency: Frequency,
        *,
        latin: Sequence[str],
        others: Sequence[tuple[str, str]],
    ) -> None:
        self._zipf = frequency
        self.meanings = _meanings(lexicon)
        self._latin = latin
        self.entries = lexicon.entries
        forms = [
            [(russian, said) for russian, said in bent if self.meanings.get(russian) == said]
            for bent in lexicon.forms
        ]
        forms = [bent for bent in forms if bent]
        self._words = _Drawn(
            [_Drawn(bent, [self._weight(word) for word, _ in bent]) for bent in forms],
            [max(self._weight(word) for word, _ in bent) for bent in forms],
        )
        self._others = _Drawn(others, [self._weight(word) for word, _ in others]) if others else None
        everything = [noun for nouns in lexicon.nouns.values() for noun in nouns]
        self._nouns = {"noun": self._by_gender(everything), "np": self._by_gender(everything)}
        for name, topics in TOPICS.items():
            chosen = [noun for topic in topics for noun in lexicon.nouns[topic]]
            if name in {"person", "animal"}:
                chosen = [noun for noun in chosen if noun.animate]
            self._nouns[name] = self._by_gender(chosen)
        self._adjectives = _Drawn(
            lexicon.adjectives,
            [self._weight(each.forms.get(("nomn", "masc"), "")) for each in lexicon.adjectives],
        )
        self._verbs = {
            "vt": self._drawn_verbs([verb for verb in lexicon.verbs if verb.transitive]),
            "vi": self._drawn_verbs([verb for verb in lexicon.verbs if not verb.transitive]),
        }
        lines = Path(__file__).with_name("templates.tsv").read_text(encoding="utf-8").splitlines()
        rows = [line.partition("\t") for line in lines if line.strip() and not line.startswith("#")]
        self.templates = [Template(russian.strip(), said.strip()) for russian, _, said in rows]

    def _weight(self, word: str) -> float:
        zipf = min(self._zipf(part.replace("ё", "е")) for part in word.split()) if word.strip() else 0.0
        return float(10 ** (_STEEP * max(zipf, _RARE)))

    def _by_gender(self, nouns: Sequence[Noun]) -> dict[str, _Drawn[Noun]]:
        found: dict[str, _Drawn[Noun]] = {}
        for gender in ("", "masc", "femn", "neut"):
            chosen = [noun for noun in nouns if not gender or noun.gender == gender]
            if chosen:
                found[gender] = _Drawn(
                    chosen, [self._weight(next(iter(each.forms.values()))) for each in chosen]
                )
        return found

    def _drawn_verbs(self, verbs: Sequence[Verb]) -> _Drawn[Verb]:
        return _Drawn(verbs, [self._weight(verb.forms["inf"]) for verb in verbs])

    def word(self, chance: random.Random) -> Pair:
        """Return a word of the glossary in some form."""
        return Pair(*self._words(chance)(chance))

    def entry(self, chance: random.Random) -> Pair:
        """Return an entry of the glossary as it stands there."""
        return Pair(*chance.choice(self.entries))

    def other(self, chance: random.Random) -> Pair:
        """Return a word that the glossary does not have."""
        return Pair(*self._others(chance)) if self._others else self.word(chance)

    def phrase(self, chance: random.Random) -> Pair:
        """Return a template with its gaps filled."""
        return self.fill(chance.choice(self.templates), chance)

    def fill(self, template: Template, chance: random.Random) -> Pair:
        """Return this template with its gaps filled."""
        while True:
            try:
                return self._filled(template, chance)
            except _MissingForm:
                continue

    def _filled(self, template: Template, chance: random.Random) -> Pair:
        drawn: dict[str, Any] = {}
        numbers: dict[str, str] = {}
        beside: dict[str, Adjective | None] = {}
        will: set[str] = set()

        def draw(what: str, gender: str, key: str) -> Any:
            if key not in drawn:
                if what in self._nouns:
                    drawn[key] = self._nouns[what][gender](chance)
                    beside[key] = (
                        self._adjectives(chance) if what == "np" and chance.random() < 0.45 else None
                    )
                elif what in self._verbs:
                    drawn[key] = self._verbs[what](chance)
                elif what == "a":
                    drawn[key] = self._adjectives(chance)
                elif what == "num":
                    drawn[key] = str(chance.choice((5, 10, 15, 20, 30, 7, 12, chance.randint(5, 100))))
                else:
                    drawn[key] = chance.choice(self._latin)
            return drawn[key]

        def russian(gap: re.Match[str]) -> str:
            what, gender, digit, rest = gap.groups(default="")
            key = what + digit
            item = draw(what, gender, key)
            form = rest[1:].split(".") if rest else []
            if isinstance(item, Noun):
                numbers.setdefault(key, form[1] if len(form) > 1 else chance.choice(("sing", "sing", "plur")))
                number = numbers[key]
                word = item.forms.get((form[0], number))  # type: ignore[arg-type]
                adjective = beside[key]
                before = adjective.beside(item, form[0], number) if adjective else ""  # type: ignore[arg-type]
                if word is None or before is None:
                    raise _MissingForm
                return f"{before} {word}".strip()
            if isinstance(item, Verb):
                if form[0] not in item.forms:
                    raise _MissingForm
                if item.perfective and form[0][0] in "123":
                    will.add(key)
                return item.forms[form[0]]
            if isinstance(item, Adjective):
                word = item.forms.get(("nomn", form[1]))
                if word is None:
                    raise _MissingForm
                return word
            return str(item)

        def said(gap: re.Match[str]) -> str:
            what, _, digit, rest = gap.groups(default="")
            key = what + digit
            item = drawn[key]
            if isinstance(item, Noun):
                number = "sing" if rest == ".sing" else numbers[key]
                adjective = beside[key]
                meaning = item.english[number]  # type: ignore[index]
                return f"{adjective.english} {meaning}" if adjective else meaning
            if isinstance(item, Verb):
                if key in will:
                    return f"will {item.english}"
                change = {".s": english.third, ".ed": english.past}.get(rest)
                return change(item.english) if change else item.english
            return str(item.english if isinstance(item, Adjective) else item)

        return Pair(_GAP.sub(russian, template.russian), _GAP.sub(said, template.english))


def _meanings(lexicon: Lexicon) -> dict[str, str]:
    """What each form means by itself: an entry as it stands first, then forms of the likeliest entry."""
    from kadr.adapters.pymorphy import Pymorphy

    lemmas = Pymorphy().lemmas
    found = {bent[0][0]: bent[0][1] for bent in reversed(lexicon.forms)}
    for unlikely in (False, True):
        for bent in lexicon.forms:
            entry = bent[0][0].replace("ё", "е")
            for form, said in bent[1:]:
                if unlikely or " " in form or lemmas(form)[0] == entry:
                    found.setdefault(form, said)
    return found
