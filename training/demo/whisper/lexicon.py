"""Russian words with their forms and their English: the project's glossary, pymorphy3's dictionary."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

GLOSSARY = Path(__file__).resolve().parents[3] / "shared" / "kadr" / "core" / "data" / "glossary_ru_en.tsv"
CASES = {"nom": "nomn", "gen": "gent", "dat": "datv", "acc": "accs", "ins": "ablt", "loc": "loct"}
_LEFT_OUT = ("Names", "Brands", "Irregular forms", "Prefixes", "Function words", "Questions", "Numbers")
_RUSSIAN, _ENGLISH = re.compile(r"[а-яё]{2,14}"), re.compile(r"[a-z]{2,13}")
_PHRASE, _ENGLISH_PHRASE = re.compile(r"[а-яё]+( [а-яё]+){1,3}"), re.compile(r"[a-z]+( [a-z]+){0,3}")
# Of a kind of word, those that most sentences are made of; the others are said now and then.
_CORE = {"noun": 900, "adjective": 250, "verb": 350}


@dataclass(frozen=True, slots=True)
class Noun:
    """``forms`` by number (``sing``, ``plur``) and case; ``gender`` as pymorphy3 calls it."""

    english: str
    plural: str
    gender: str
    animacy: str
    forms: dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Adjective:
    """``forms`` by gender (of several: ``plur``), case, and animacy where it matters (accusative)."""

    english: str
    forms: dict[tuple[str, str, str], str]


@dataclass(frozen=True, slots=True)
class Verb:
    """A transitive one: infinitive, imperative, "we" and "he" forms."""

    english: str
    inf: str
    imp: str
    we: str
    he: str


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words by kind, those that are often said first; ``entries`` are all (Russian, English) pairs."""

    nouns: tuple[Noun, ...]
    adjectives: tuple[Adjective, ...]
    verbs: tuple[Verb, ...]
    entries: tuple[tuple[str, str], ...]

    @staticmethod
    def core(kind: str) -> int:
        """How many words of a kind are said often."""
        return _CORE[kind]


def glossary() -> Iterator[tuple[str, str]]:
    """Yield (Russian, first English) of the glossary's topics that are about things people talk about."""
    topic = ""
    for line in GLOSSARY.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            topic = line[2:]
        elif "\t" in line and not topic.startswith(_LEFT_OUT):
            russian, english = line.split("\t", 1)
            yield russian, english.split("|")[0]


@cache
def lexicon() -> Lexicon:
    """Return the words; the same every time."""
    from pymorphy3 import MorphAnalyzer

    parse = MorphAnalyzer().parse
    kinds: dict[str, dict[str, Any]] = {"noun": {}, "adjective": {}, "verb": {}}
    entries: dict[str, str] = {}
    for russian, english in glossary():
        if _PHRASE.fullmatch(russian) and _ENGLISH_PHRASE.fullmatch(english):
            entries.setdefault(russian, english)
        if not (_RUSSIAN.fullmatch(russian) and _ENGLISH_PHRASE.fullmatch(english)):
            continue
        entries.setdefault(russian, english)
        if not _ENGLISH.fullmatch(english):
            continue
        word = parse(russian)[0]
        kind, made = _made(word, russian, english)
        if made is not None:
            kinds[kind].setdefault(russian, made)
    nouns, adjectives, verbs = (
        tuple(found[key] for key in sorted(found, key=_shuffled)) for found in kinds.values()
    )
    return Lexicon(nouns, adjectives, verbs, tuple(sorted(entries.items(), key=lambda e: _shuffled(e[0]))))


def _shuffled(word: str) -> tuple[int, str]:
    return zlib.crc32(word.encode()), word


def _made(word: Any, russian: str, english: str) -> tuple[str, Any]:
    tag = word.tag
    if word.normal_form != russian and word.normal_form.replace("ё", "е") != russian:
        return "", None
    if tag.POS == "NOUN" and tag.gender and not {"Name", "Surn", "Geox", "Abbr"} & set(tag.grammemes):
        return "noun", _noun(word, english)
    if tag.POS == "ADJF" and "Qual" in tag:
        return "adjective", _adjective(word, english)
    if tag.POS == "INFN" and "tran" in tag:
        return "verb", _verb(word, english)
    return "", None


def _noun(word: Any, english: str) -> Noun | None:
    forms = {
        (number, case): word.inflect({number, grammeme})
        for number in ("sing", "plur")
        for case, grammeme in CASES.items()
    }
    if not all(forms.values()):
        return None
    return Noun(
        english,
        plural(english),
        word.tag.gender,
        word.tag.animacy or "inan",
        {key: form.word for key, form in forms.items()},
    )


def _adjective(word: Any, english: str) -> Adjective | None:
    forms = {}
    for gender in ("masc", "femn", "neut", "plur"):
        for case, grammeme in CASES.items():
            for animacy in ("anim", "inan"):
                wanted = {gender, grammeme} | ({"sing"} if gender != "plur" else set())
                if case == "acc" and gender in {"masc", "plur"}:
                    wanted |= {animacy}
                form = word.inflect(wanted)
                if form is None:
                    return None
                forms[gender, case, animacy] = form.word
    return Adjective(english, forms)


def _verb(word: Any, english: str) -> Verb | None:
    tense = "futr" if "perf" in word.tag else "pres"
    imp = word.inflect({"impr", "plur", "excl"})
    we, he = (
        word.inflect({tense, person, number}) for person, number in (("1per", "plur"), ("3per", "sing"))
    )
    if not (imp and we and he):
        return None
    return Verb(english, word.word, imp.word, we.word, he.word)


def plural(english: str) -> str:
    """The plural of an English noun, by rule."""
    irregular = {"man": "men", "woman": "women", "child": "children", "foot": "feet", "mouse": "mice"}
    if english in irregular:
        return irregular[english]
    if english.endswith("y") and english[-2:-1] not in "aeiou":
        return english[:-1] + "ies"
    return english + ("es" if english.endswith(("s", "x", "z", "ch", "sh")) else "s")


def third_person(english: str) -> str:
    """ "he …s", by rule."""
    return {"have": "has", "go": "goes", "do": "does"}.get(english) or plural(english)


def gerund(english: str) -> str:
    """ "…ing", by rule."""
    if english.endswith("e") and not english.endswith(("ee", "oe", "ye")):
        return english[:-1] + "ing"
    doubled = re.fullmatch(r"[^aeiou]*[aeiou][bdgklmnprt]", english) and not english.endswith(("k", "l"))
    return english + english[-1] + "ing" if doubled else english + "ing"
