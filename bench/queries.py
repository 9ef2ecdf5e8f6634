"""Damages queries as people do and counts how many come back as they were meant.

``python -m bench.queries [--each N] [--seed N] [--json]``: queries of one to four words out of the texts of
the sample clips and the glossary's phrases; each is damaged in one way and then understood, as the search
function would with those clips in its index. Correct queries are understood, too, and must not change.

The damage is done by tables of this module's own, after how keyboards, passports and ears work, not by the
tables that repair it.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from kadr.core.glossary import Glossary
from kadr.core.neighbours import Neighbours
from kadr.core.query import Understood, understand
from kadr.core.text import STOP_WORDS, fold, script, tokens
from kadr.core.vocabulary import Vocabulary, WordIndex

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
EACH, SEED = 50, 7  # 6 classes of 50 are 300

# ------------------------------------------------------------------ keyboards
# The keys of a PC keyboard row by row, each row set off to the right by about half a key.
_ENGLISH = ("qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./")
_RUSSIAN = ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю.")
_SET_OFF = (0.0, 0.25, 0.75)


def _places(rows: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    return {
        key: (column + _SET_OFF[row], float(row))
        for row, keys in enumerate(rows)
        for column, key in enumerate(keys)
    }


_PLACES = {"cyrillic": _places(_RUSSIAN), "latin": _places(_ENGLISH)}


def beside(letter: str) -> list[str]:
    """Return the letters whose keys are at most 1.2 key widths away."""
    places = _PLACES.get(script(letter), {})
    if letter not in places:
        return []
    x, y = places[letter]
    return [
        other
        for other, (a, b) in places.items()
        if other != letter and other.isalpha() and (a - x) ** 2 + (b - y) ** 2 <= 1.2**2
    ]


def wrong_layout(query: str, _: random.Random) -> str:
    """Return what appears when the query's keys are hit with the other layout on."""
    mine, other = (_RUSSIAN, _ENGLISH) if script(query) == "cyrillic" else (_ENGLISH, _RUSSIAN)
    keys = {a: b for row, to in zip(mine, other, strict=True) for a, b in zip(row, to, strict=True)}
    return "".join(keys.get(letter, letter) for letter in query)


# ---------------------------------------------------------------------- typos
# What is heard alike, and therefore written one for the other.
_EAR = {
    "о": "а", "а": "о", "е": "и", "и": "е", "я": "е", "э": "е", "д": "т", "т": "д", "б": "п", "п": "б",
    "г": "к", "з": "с", "с": "з", "в": "ф", "ж": "ш", "ш": "щ", "щ": "ш",
    "a": "e", "e": "a", "i": "e", "o": "u", "y": "i", "c": "k", "s": "c", "z": "s",
}  # fmt: skip


def _typo(word: str, chance: random.Random) -> str:
    """Return the word with one mistake: of the finger in three of five cases, of the ear in two."""
    while True:
        place = chance.randrange(1 if chance.random() < 0.8 else 0, len(word))
        letter = word[place]
        kind = chance.choice(("beside", "missing", "swapped", "both", "twice", "ear", "ear", "sign"))
        damaged = word
        if kind == "beside" and beside(letter):
            damaged = word[:place] + chance.choice(beside(letter)) + word[place + 1 :]
        elif kind == "missing":
            damaged = word[:place] + word[place + 1 :]
        elif kind == "swapped" and place + 1 < len(word):
            damaged = word[:place] + word[place + 1] + letter + word[place + 2 :]
        elif kind == "both" and beside(letter):
            damaged = word[: place + 1] + chance.choice(beside(letter)) + word[place + 1 :]
        elif kind == "twice":
            twice = place and word[place - 1] == letter
            damaged = word[:place] + ("" if twice else letter * 2) + word[place + 1 :]
        elif kind == "ear" and letter in _EAR:
            damaged = word[:place] + _EAR[letter] + word[place + 1 :]
        elif kind == "sign":
            damaged = word.replace("ь", "", 1) if "ь" in word else word.replace("тся", "ться", 1)
        if damaged != word:
            return damaged


def _mistyped(query: str, chance: random.Random, least: int) -> str:
    parts = query.split()
    long = [place for place, part in enumerate(parts) if len(part) >= least]
    place = chance.choice(long)
    parts[place] = _typo(parts[place], chance)
    return " ".join(parts)


def one_typo(query: str, chance: random.Random) -> str:
    """Return the query with one mistake in a word of at least five letters."""
    return _mistyped(query, chance, 5)


def two_typos(query: str, chance: random.Random) -> str:
    """Return the query with two mistakes in words of at least eight letters, often the same one."""
    damaged = query
    while damaged == query:  # the second may have undone the first
        damaged = _mistyped(_mistyped(query, chance, 8), chance, 7)
    return damaged


# ------------------------------------------------------------ transliteration
# International passports (ICAO 9303), library catalogues without their signs (ISO 9), and chats.
_PLAIN = dict(zip("абвгдезийклмнопрстуфэ", "abvgdeziyklmnoprstufe", strict=True))
_STANDARDS: tuple[dict[str, str], ...] = (
    _PLAIN | {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "ie", "ы": "y",
              "ь": "", "ю": "iu", "я": "ia", "й": "i"},
    _PLAIN | {"ж": "zh", "х": "h", "ц": "c", "ч": "ch", "ш": "sh", "щ": "shh", "ъ": "", "ы": "y", "ь": "'",
              "ю": "yu", "я": "ya", "й": "j"},
    _PLAIN | {"ж": "zh", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ы": "y", "ь": "",
              "ю": "yu", "я": "ya"},
    _PLAIN | {"ж": "j", "х": "x", "ц": "c", "ч": "4", "ш": "sh", "щ": "sh", "ъ": "", "ы": "i", "ь": "",
              "ю": "u", "я": "ja"},
)  # fmt: skip


def in_latin(query: str, chance: random.Random) -> str:
    """Return a Russian query in Latin letters, after one of four customs."""
    custom = chance.choice(_STANDARDS)
    return "".join(custom.get(letter, letter) for letter in query)


def joined(query: str, _: random.Random) -> str:
    """Return the query without its spaces."""
    return query.replace(" ", "")


def inflected(query: str, chance: random.Random) -> str:
    """Return the query with one of its words in another form."""
    import pymorphy3

    parts = query.split()
    places = [place for place, part in enumerate(parts) if len(part) >= 4]
    place = chance.choice(places)
    lexeme = pymorphy3.MorphAnalyzer(lang="ru").parse(parts[place])[0].lexeme
    forms = {each.word.replace("ё", "е") for each in lexeme} - {parts[place]}
    if forms:
        parts[place] = chance.choice(sorted(forms))
    return " ".join(parts)


# ------------------------------------------------------------------ measuring
@dataclass
class Outcome:
    """How the queries of one class came back."""

    asked: int = 0
    right: int = 0
    failed: list[tuple[str, str, str]] = field(default_factory=list)  # meant, typed, understood

    @property
    def share(self) -> float:
        """The share of those that came back as they were meant."""
        return self.right / self.asked if self.asked else 0.0


class World:
    """The search function's knowledge with the sample clips in its index."""

    def __init__(self, texts: list[str], language: WordIndex | None) -> None:
        from kadr.adapters.pymorphy import Pymorphy

        self._dictionary = Pymorphy()
        self.glossary = Glossary.load(self._dictionary.lemmas, self._dictionary.known)
        said = [tokens(text) for text in texts]
        self.vocabulary = Vocabulary(
            Counter(token for text in said for token in text),
            background=self.glossary.vocabulary,
            language=language,
            neighbours=Neighbours([*said, *map(tokens, self.glossary.phrases)]),
        )

    def understand(self, query: str) -> Understood:
        """Understand a query."""
        return understand(query, self.glossary, self.vocabulary, dictionary=self._dictionary.known)


def sample_texts() -> list[str]:
    """Return what the sample clips show and say."""
    lines = (SAMPLES / "clips.jsonl").read_text(encoding="utf-8").splitlines()
    clips: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [
        moment["text"] for clip in clips for part in ("lines", "narration") for moment in clip[part] or ()
    ]


def names() -> list[tuple[str, str]]:
    """Return names as they are said in Russian, and as they are written in English."""
    lines = (SAMPLES / "names.tsv").read_text(encoding="utf-8").splitlines()
    return [(said, written) for said, _, written in (line.partition("\t") for line in lines if "\t" in line)]


def correct_queries(texts: list[str], phrases: list[str], chance: random.Random) -> list[str]:
    """Return different queries: parts of one to four words of the texts, and the glossary's phrases."""
    found: dict[str, None] = {}
    for text in texts:
        words = [word for word in tokens(text) if word.isalpha()]
        for length in range(1, 5):
            for begin in range(len(words) - length + 1):
                part = words[begin : begin + length]
                if not set(part) & STOP_WORDS or length > 2:
                    found[" ".join(part)] = None
    queries = [*found, *phrases]
    chance.shuffle(queries)
    return [
        query
        for query in queries
        if script(query) in {"cyrillic", "latin"} and any(len(p) > 3 for p in query.split())
    ]


def measure(each: int, seed: int, *, language: WordIndex | None) -> dict[str, Outcome]:
    """Damage ``each`` queries in every way and understand them; ``language`` is :func:`language_words`."""
    chance = random.Random(seed)
    texts = sample_texts()
    world = World(texts, language)
    phrases = sorted(word for word in world.glossary.phrases if " " in word)
    queries = correct_queries(texts, chance.sample(phrases, 400), chance)
    russian = [query for query in queries if script(query) == "cyrillic"]

    def with_word(pool: list[str], least: int) -> list[str]:
        return [query for query in pool if any(len(part) >= least for part in query.split())]

    several = [query for query in queries if 2 <= len(query.split()) <= 4 and len(query) >= 8]
    damages: dict[str, tuple[list[str], Callable[[str, random.Random], str]]] = {
        "layout": (queries, wrong_layout),
        "one typo": (with_word(queries, 5), one_typo),
        "two typos": (with_word(queries, 8), two_typos),
        "transliterated": (russian, in_latin),
        "joined": (several, joined),
    }
    outcomes: dict[str, Outcome] = {}
    for name, (pool, damage) in damages.items():
        pairs = [(query, damage(query, chance)) for query in chance.sample(pool, min(len(pool), each))]
        outcomes[name] = _outcome(world, pairs)
    forms = [inflected(query, chance) for query in chance.sample(russian, each)]
    outcomes["inflection"] = _outcome(world, [(form, form) for form in forms])
    outcomes["names"] = _outcome(world, [(written, said) for said, written in names()])
    correct = chance.sample(queries, min(len(queries), 6 * each))
    outcomes["correct"] = _outcome(world, [(query, query) for query in correct])
    return outcomes


def _outcome(world: World, pairs: list[tuple[str, str]]) -> Outcome:
    outcome = Outcome()
    for meant, typed in pairs:
        understood = world.understand(typed)
        outcome.asked += 1
        # what was meant in Latin letters may be reached by transliteration or as the translation
        if fold(meant) in {fold(understood.corrected), fold(understood.translated)}:
            outcome.right += 1
        else:
            outcome.failed.append((meant, typed, understood.corrected))
    return outcome


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.queries", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--each", type=int, default=EACH, help=f"queries per class (default {EACH})")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--failed", action="store_true", help="list what did not come back as it was meant")
    options = parser.parse_args()
    from kadr.adapters.wordfreq import language_words

    outcomes = measure(options.each, options.seed, language=language_words())
    if options.json:
        print(json.dumps({name: {"asked": o.asked, "right": o.right} for name, o in outcomes.items()}))
        return
    console = Console()
    table = Table("class", "queries", "as meant", "share", title=f"seed {options.seed}")
    for name, outcome in outcomes.items():
        table.add_row(name, str(outcome.asked), str(outcome.right), f"{outcome.share:.3f}")
    console.print(table)
    if options.failed:
        for name, outcome in outcomes.items():
            for meant, typed, understood in outcome.failed:
                console.print(f"{name}: {typed} → {understood}, meant {meant}", highlight=False)


if __name__ == "__main__":
    main()
