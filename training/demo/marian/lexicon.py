"""The glossary's entries by part of speech, with all their forms and what each is in English."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from kadr.core.glossary import parse
from training.demo.marian import english

Case = Literal["nomn", "gent", "datv", "accs", "ablt", "loct"]
Number = Literal["sing", "plur"]
Gender = Literal["masc", "femn", "neut"]
CASES: tuple[Case, ...] = ("nomn", "gent", "datv", "accs", "ablt", "loct")


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun or a noun with its adjective; ``forms`` by case and number, ``english`` by number."""

    forms: Mapping[tuple[Case, Number], str]
    english: Mapping[Number, str]
    gender: Gender
    animate: bool

    def spelt(self) -> list[tuple[str, str]]:
        """Return the forms with their English; a nominative before what is spelt like it."""
        forms = sorted(self.forms.items(), key=lambda item: item[0][0] != "nomn")
        return [(form, self.english[number]) for (_, number), form in forms]


@dataclass(frozen=True, slots=True)
class Adjective:
    """``forms`` by case and gender or number; the accusative of things, and ``alive``, that of beings."""

    forms: Mapping[tuple[Case, str], str]
    alive: Mapping[str, str]
    english: str

    def beside(self, noun: Noun, case: Case, number: Number) -> str | None:
        """Return the form that goes with a noun."""
        kind = "plur" if number == "plur" else noun.gender
        if case == "accs" and noun.animate and kind in self.alive:
            return self.alive[kind]
        return self.forms.get((case, kind))


@dataclass(frozen=True, slots=True)
class Verb:
    """``forms``: ``inf 1s 2s 3s 1p 2p 3p pm pf pn pp is ip``: person, past, imperative."""

    forms: Mapping[str, str]
    english: str
    transitive: bool
    perfective: bool


@dataclass(slots=True)
class Lexicon:
    """``nouns`` by topic of the glossary; ``forms`` are all single words with their English."""

    nouns: dict[str, list[Noun]] = field(default_factory=lambda: defaultdict(list))
    adjectives: list[Adjective] = field(default_factory=list)
    verbs: list[Verb] = field(default_factory=list)
    entries: list[tuple[str, str]] = field(default_factory=list)
    forms: list[tuple[tuple[str, str], ...]] = field(default_factory=list)  # of one entry each


@cache
def _analyzer() -> Any:
    import pymorphy3

    return pymorphy3.MorphAnalyzer(lang="ru")


def topics() -> Iterator[tuple[str, str, str]]:
    """Yield (topic, Russian, English) of each entry that has English, the first of its alternatives."""
    text = files("kadr.core").joinpath("data/glossary_ru_en.tsv").read_text(encoding="utf-8")
    topic = ""
    for line in text.splitlines():
        if line.startswith("#"):
            topic = line[1:].strip()
        elif line.strip():
            for entry in parse(line):
                if entry.targets and not entry.source.endswith("-"):
                    # The file's own spelling has ё; the folded one has not.
                    yield topic, line.partition("\t")[0].strip().lower(), entry.targets[0]


def load() -> Lexicon:
    """Return the glossary as a lexicon; takes some seconds."""
    found = Lexicon()
    for topic, russian, meaning in topics():
        found.entries.append((russian, meaning))
        words = russian.split()
        bent: list[tuple[str, str]] = []
        if len(words) == 1:
            bent = _single(found, topic, russian, meaning)
        elif len(words) == 2 and (noun := _pair(words, meaning)) is not None:
            found.nouns[topic].append(noun)
            bent = noun.spelt()
        found.forms.append(tuple(dict.fromkeys(((russian, meaning), *bent))))
    return found


def _single(found: Lexicon, topic: str, russian: str, meaning: str) -> list[tuple[str, str]]:
    wanted = "INFN" if topic in {"Verbs", "More verbs"} else ""
    parses = [
        each
        for each in _analyzer().parse(russian)
        if each.is_known and each.word.replace("ё", "е") == russian.replace("ё", "е") and _usable(each)
    ]
    if wanted:
        parses.sort(key=lambda each: wanted != each.tag.POS)
    if not parses:
        return []
    first = parses[0]
    match first.tag.POS:
        case "NOUN":
            noun = _noun(first, meaning)
            if topic not in {"Irregular forms"}:
                found.nouns[topic].append(noun)
            return noun.spelt()
        case "ADJF":
            adjective = _adjective(first, meaning)
            found.adjectives.append(adjective)
            words = {each.word for each in first.lexeme if each.tag.POS in {"ADJF", "ADJS"}}
            return [(word, meaning) for word in sorted(words) if not word.startswith("по")]
        case "INFN":
            verb, bent = _verb(first, meaning)
            found.verbs.append(verb)
            return bent
    return []


def _usable(parsed: Any) -> bool:
    return parsed.tag.POS not in {"NOUN", "ADJF", "INFN"} or "nomn" in parsed.tag or parsed.tag.POS == "INFN"


def _noun(parsed: Any, meaning: str) -> Noun:
    forms: dict[tuple[Case, Number], str] = {}
    for each in parsed.lexeme:
        case, number = each.tag.case, each.tag.number
        if case in CASES and number is not None:
            forms.setdefault((case, number), each.word)
    many = parsed.tag.number == "plur"
    meanings: dict[Number, str] = {"sing": meaning, "plur": meaning if many else english.plural(meaning)}
    return Noun(forms, meanings, parsed.tag.gender or "masc", "anim" in parsed.tag)


def _adjective(parsed: Any, meaning: str) -> Adjective:
    forms: dict[tuple[Case, str], str] = {}
    alive: dict[str, str] = {}
    for each in parsed.lexeme:
        tag = each.tag
        if tag.POS != "ADJF" or tag.case not in CASES:
            continue
        kind = "plur" if tag.number == "plur" else tag.gender
        if kind is None or "Supr" in tag or "Cmp2" in tag:
            continue
        if tag.case == "accs" and "anim" in tag:
            alive.setdefault(kind, each.word)
        else:
            forms.setdefault((tag.case, kind), each.word)
    return Adjective(forms, alive, meaning)


_PERSONS = {"1per": "1", "2per": "2", "3per": "3"}


def _verb(parsed: Any, meaning: str) -> tuple[Verb, list[tuple[str, str]]]:
    forms = {"inf": parsed.word}
    bent: list[tuple[str, str]] = []
    perfective = "perf" in parsed.tag
    for each in parsed.lexeme:
        tag = each.tag
        number = "s" if tag.number == "sing" else "p"
        key, said = "", meaning
        if tag.POS == "VERB" and tag.mood == "impr":
            if "excl" in tag or "incl" not in tag:
                key = f"i{number}"
        elif tag.POS == "VERB" and tag.tense == "past":
            key = "pp" if number == "p" else f"p{(tag.gender or 'masc')[0]}"
            said = english.past(meaning)
        elif tag.POS == "VERB" and tag.person in _PERSONS:
            key = f"{_PERSONS[tag.person]}{number}"
            if tag.tense == "futr":
                said = f"will {meaning}"
            elif key == "3s":
                said = english.third(meaning)
        elif tag.POS in {"PRTF", "PRTS"} and tag.voice == "pssv":
            said = english.participle(meaning)
        elif tag.POS == "PRTF":
            said = english.gerund(meaning) if tag.tense == "pres" else english.past(meaning)
        elif tag.POS == "GRND":
            said = english.gerund(meaning) if not perfective else f"having {english.participle(meaning)}"
        if key:
            forms.setdefault(key, each.word)
        bent.append((each.word, said))
    verb = Verb(forms, meaning, "tran" in parsed.tag, perfective)
    return verb, list(dict.fromkeys(bent))


def _pair(words: Sequence[str], meaning: str) -> Noun | None:
    """An adjective that agrees with its noun, bent together."""
    adjectives = [
        each for each in _analyzer().parse(words[0]) if each.tag.POS == "ADJF" and "nomn" in each.tag
    ]
    nouns = [each for each in _analyzer().parse(words[1]) if each.tag.POS == "NOUN" and "nomn" in each.tag]
    for one in adjectives:
        for other in nouns:
            if one.tag.number != other.tag.number:
                continue
            if one.tag.number == "sing" and one.tag.gender != other.tag.gender:
                continue
            noun, beside = _noun(other, meaning), _adjective(one, "")
            numbers = ("plur",) if one.tag.number == "plur" else ("sing", "plur")
            forms = {
                (case, number): f"{word} {form}"
                for (case, number), form in noun.forms.items()
                if number in numbers and (word := beside.beside(noun, case, number)) is not None
            }
            return Noun(forms, noun.english, noun.gender, noun.animate)
    return None
