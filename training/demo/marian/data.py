"""What is learnt from, what is held out, and the words that the glossary does not have."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kadr.core.text import script, tokens
from training.demo.marian import lexicon
from training.demo.marian.noise import noisy
from training.demo.marian.phrases import Phrases
from training.translator.pairs import Pair

OTHERS, HELD_OUT = "others.tsv", "heldout.json"
_FREQUENT = 3.0  # the Zipf value from which a Russian word is worth knowing
_LATIN = 3.6  # and an English one
_TOPICS_OF_TERMS = ("Games and internet", "Brands", "Slang and memes")
_PHRASES, _FORMS = 500, 500
# Of what is learnt: words, entries, words that the glossary does not have; the rest are phrases.
_WORDS, _ENTRIES, _OTHERS = 0.40, 0.07, 0.08


@dataclass(frozen=True, slots=True)
class HeldOut:
    """``phrases``: unseen compositions of known words. ``forms``: known words in a form never seen."""

    phrases: tuple[Pair, ...]
    forms: tuple[Pair, ...]


def others(path: Path) -> int:
    """Write the frequent Russian words that no entry has a form of, as the dictionary translates them.

    Words derived from known ones, names as English spells them, the rest letter by letter: what a query gets
    without a translator (``bench.translation``). Takes some minutes; returns how many there are.
    """
    from kadr.adapters.pymorphy import Pymorphy
    from kadr.adapters.wordfreq import language_words
    from kadr.core.glossary import Glossary
    from kadr.core.query import understand
    from kadr.core.vocabulary import Vocabulary

    dictionary, language = Pymorphy(), language_words()
    glossary = Glossary.load(dictionary.lemmas, dictionary.known)
    vocabulary = Vocabulary({}, background=glossary.vocabulary, language=language)
    known = {form.replace("ё", "е") for bent in lexicon.load().forms for form, _ in bent}
    rows = []
    for word in language:
        if script(word) != "cyrillic" or word in known or language.weight(word) < _FREQUENT or len(word) < 3:
            continue
        if any(lemma in glossary.vocabulary for lemma in dictionary.lemmas(word)):
            continue  # a form that only the dictionary of forms has, or a word that English leaves out
        understood = understand(word, glossary, vocabulary, dictionary=dictionary.known)
        same = understood.corrected == word
        said = understood.translated if same else glossary.translate(word).text
        if said and script(said.replace(" ", "")) == "latin":
            rows.append(f"{word}\t{said}\n")
    path.write_text("".join(rows), encoding="utf-8")
    return len(rows)


def phrases(folder: Path) -> Phrases:
    """Return the maker of pairs."""
    from kadr.adapters.wordfreq import language_words

    language = language_words()
    rows = [line.split("\t") for line in (folder / OTHERS).read_text(encoding="utf-8").splitlines()]
    terms = [said for topic, _, said in lexicon.topics() if topic in _TOPICS_OF_TERMS and said.isascii()]
    latin = [word for word in language if script(word) == "latin" and language.weight(word) >= _LATIN]
    # As many times a term as another word: terms are what stands among Russian words in Latin letters.
    latin += terms * max(1, len(latin) // len(terms))
    return Phrases(lexicon.load(), language.weight, latin=latin, others=[(row[0], row[1]) for row in rows])


def hold_out(maker: Phrases, path: Path, *, seed: int = 7) -> HeldOut:
    """Draw what is tested, and write it to ``path``."""
    chance = random.Random(seed)  # noqa: S311 - the same test for everybody, no secret
    entries = {source for source, _ in maker.entries}
    forms: dict[str, Pair] = {}
    while len(forms) < _FORMS:
        pair = maker.word(chance)
        # A form that says something of its own: not spelt as another entry's, and English bends, too.
        if pair.source not in entries and " " not in pair.source:
            forms.setdefault(pair.source, pair)
    drawn: dict[str, Pair] = {}
    while len(drawn) < _PHRASES:
        pair = maker.phrase(chance)
        if len(pair.source.split()) > 2 and forms.keys().isdisjoint(pair.source.split()):
            drawn.setdefault(pair.source, pair)
    held = HeldOut(tuple(drawn.values()), tuple(forms.values()))
    rows = {
        name: [[each.source, each.target] for each in getattr(held, name)] for name in ("phrases", "forms")
    }
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return held


def held_out(path: Path) -> HeldOut:
    """Return what :func:`hold_out` wrote."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return HeldOut(*(tuple(Pair(*row) for row in rows[name]) for name in ("phrases", "forms")))


def learnt(maker: Phrases, held: HeldOut, chance: random.Random) -> Iterator[Pair]:
    """Yield pairs without end, none of which has a form or is a phrase that is held out."""
    forms = {_plain(pair.source) for pair in held.forms}
    closed = {_plain(pair.source) for pair in held.phrases}
    while True:
        draw = chance.random()
        if draw < _WORDS:
            pair = maker.word(chance)
        elif draw < _WORDS + _ENTRIES:
            pair = maker.entry(chance)
        elif draw < _WORDS + _ENTRIES + _OTHERS:
            pair = maker.other(chance)
        else:
            pair = maker.phrase(chance)
        plain = _plain(pair.source)
        if plain not in closed and forms.isdisjoint(plain.split()):
            yield noisy(pair, chance)


def _plain(text: str) -> str:
    return " ".join(tokens(text))
