"""What is said: sentences from templates, lists of words with their translations, words in any order."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from training.demo.whisper import lexicon
from training.demo.whisper.lexicon import Adjective, Lexicon, Noun, Verb

Word = TypeVar("Word", Noun, Adjective, Verb)
_SLOT = re.compile(r"\{(an )?(ns|n|m|v|a|q|ving|vs)(?:\.(\w+))?(-)?\}")
_NUMBERS = {
    "пять": "five", "шесть": "six", "семь": "seven", "восемь": "eight", "девять": "nine", "десять": "ten",
    "двенадцать": "twelve", "пятнадцать": "fifteen", "двадцать": "twenty", "тридцать": "thirty",
    "сорок": "forty", "пятьдесят": "fifty", "сто": "a hundred",
}  # fmt: skip
_CORE = 0.7  # of the words are from the core
_ADJECTIVE = 0.25  # of the things have an adjective
_BARE = 0.5  # of English sentences: how often "the" becomes something else, or nothing
_HELD_OUT = 12  # one template in so many is for tests
# What the voices of the sample clips say, word by word: said here in any order, never as a sentence.
_CLIPS = Path(__file__).resolve().parents[3] / "samples" / "clips.jsonl"


@dataclass(frozen=True, slots=True)
class Sentence:
    """``english`` is the translation of a Russian one; empty where there is none to be learnt."""

    language: str
    text: str
    english: str = ""
    kind: str = "sentence"


def templates(*, held_out: bool) -> tuple[tuple[str, str], ...]:
    """Return (Russian or nothing, English): those of the tests, or those of training."""
    return tuple(pair for pair in _templates() if (zlib.crc32(pair[1].encode()) % _HELD_OUT == 0) == held_out)


@cache
def _templates() -> tuple[tuple[str, str], ...]:
    lines = Path(__file__).with_name("templates.tsv").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        if line and not line.startswith("#"):
            russian, english = line.split("\t")
            found.append((russian, english))
    return tuple(found)


class Speaker:
    """Invents what is said, from ``rng``; with ``held_out``, in sentences that training never has."""

    def __init__(self, rng: np.random.Generator, *, held_out: bool = False) -> None:
        self._rng = rng
        self._templates = {
            "en": templates(held_out=held_out),
            "ru": tuple(pair for pair in templates(held_out=held_out) if pair[0]),
        }
        self._lexicon: Lexicon = lexicon.lexicon()
        self._clips = {language: _clip_words(language) for language in ("ru", "en")}

    def sentence(self, language: str) -> Sentence:
        """One thing to say: mostly a sentence, now and then a list or words in any order."""
        draw = self._rng.random()
        if draw < 0.68:
            return self.from_template(language)
        return self.entries(language) if draw < 0.84 else self.words(language)

    def from_template(self, language: str) -> Sentence:
        """A template with its slots filled, in both languages."""
        known = self._templates[language]
        russian, english = known[self._rng.integers(len(known))]
        things = {"n": self._thing(), "m": self._thing()}
        verb = self._core(self._lexicon.verbs, "verb")
        number = list(_NUMBERS)[self._rng.integers(len(_NUMBERS))]

        def in_russian(slot: re.Match[str]) -> str:
            _, name, form, _ = slot.groups()
            if name == "q":
                return number
            if name == "v":
                return str(getattr(verb, form))
            noun, adjective = things["m" if name == "m" else "n"]
            if name == "a":
                return self._agreeing(noun, adjective or self._lexicon.adjectives[0], "sing", form)
            many = "plur" if name == "ns" else "sing"
            words = [noun.forms[many, form]]
            if adjective is not None and "{a." not in russian:
                words.insert(0, self._agreeing(noun, adjective, many, form))
            return " ".join(words)

        loose = language == "en" and self._rng.random() < _BARE

        def in_english(slot: re.Match[str]) -> str:
            article, name, _, bare = slot.groups()
            if name == "q":
                return _NUMBERS[number]
            if name in {"v", "ving", "vs"}:
                changes: dict[str, Callable[[str], str]] = {
                    "v": str,
                    "ving": lexicon.gerund,
                    "vs": lexicon.third_person,
                }
                return changes[name](verb.english)
            noun, adjective = things["m" if name == "m" else "n"]
            if name == "a":
                return (adjective or self._lexicon.adjectives[0]).english
            word = noun.plural if name == "ns" else noun.english
            if adjective is not None and "{a}" not in english:
                word = f"{adjective.english} {word}"
            if article:
                return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
            if name == "ns" or bare:
                return word
            return f"{self._determiner() if loose else 'the '}{word}"

        said = {
            "ru": _capital(_SLOT.sub(in_russian, russian)),
            "en": _capital(_SLOT.sub(in_english, english)),
        }
        return Sentence(language, said[language], said["en"] if language == "ru" else "")

    def entries(self, language: str) -> Sentence:
        """One to four entries of the glossary, with commas."""
        entries = self._lexicon.entries
        chosen = [entries[self._rng.integers(len(entries))] for _ in range(self._rng.integers(1, 5))]
        russian, english = (", ".join(pair[side] for pair in chosen) + "." for side in (0, 1))
        if language == "ru":
            return Sentence("ru", _capital(russian), _capital(english), "list")
        return Sentence("en", _capital(english), kind="list")

    def words(self, language: str) -> Sentence:
        """Two to six words in any form and order: no grammar to guess from."""
        count = int(self._rng.integers(2, 7))
        return Sentence(language, " ".join(self._word(language) for _ in range(count)), kind="words")

    def _word(self, language: str) -> str:  # noqa: PLR0911 - one per kind of word and language
        rng, words = self._rng, self._lexicon
        draw = rng.random()
        if draw < 0.3:
            return str(rng.choice(self._clips[language]))
        if draw < 0.65:
            noun = words.nouns[rng.integers(len(words.nouns))]
            if language == "en":
                return noun.plural if rng.random() < 0.3 else noun.english
            return list(noun.forms.values())[rng.integers(len(noun.forms))]
        if draw < 0.8:
            adjective = words.adjectives[rng.integers(len(words.adjectives))]
            if language == "en":
                return adjective.english
            return list(adjective.forms.values())[rng.integers(len(adjective.forms))]
        verb = words.verbs[rng.integers(len(words.verbs))]
        if language == "en":
            changes: tuple[Callable[[str], str], ...] = (str, lexicon.gerund, lexicon.third_person)
            return changes[rng.integers(3)](verb.english)
        return str((verb.inf, verb.imp, verb.we, verb.he)[rng.integers(4)])

    def _thing(self) -> tuple[Noun, Adjective | None]:
        noun = self._core(self._lexicon.nouns, "noun")
        described = self._rng.random() < _ADJECTIVE
        return noun, self._core(self._lexicon.adjectives, "adjective") if described else None

    def _core(self, words: Sequence[Word], kind: str) -> Word:
        among = len(words) if self._rng.random() > _CORE else min(len(words), Lexicon.core(kind))
        return words[int(self._rng.integers(among))]

    @staticmethod
    def _agreeing(noun: Noun, adjective: Adjective, number: str, case: str) -> str:
        gender = "plur" if number == "plur" else noun.gender
        return adjective.forms[gender, case, noun.animacy]

    def _determiner(self) -> str:
        return str(self._rng.choice(["the ", "my ", "your ", "this ", "her ", "our ", ""]))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@cache
def _clip_words(language: str) -> tuple[str, ...]:
    import json

    words: dict[str, None] = {}
    for line in _CLIPS.read_text(encoding="utf-8").splitlines():
        for said in json.loads(line)["narration"] or ():
            if said["language"] == language:
                words |= dict.fromkeys(re.findall(r"[^\W\d_]+", said["text"].lower()))
    return tuple(words)


def plain(text: str) -> list[str]:
    """The words of a text as word error rates are counted: lower case, ё as е, no punctuation."""
    return re.findall(r"[^\W_]+", text.lower().replace("ё", "е"))
