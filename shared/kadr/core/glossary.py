"""The glossary: Russian into English by a list of words and phrases, and back for word search.

It knows the vocabulary of short videos (slang, brands, games, how-to phrases) that a general translator
gets wrong, needs no weights, and answers in microseconds. It does not know grammar: what comes out is the
right words in Russian order, which is what a sentence encoder and a word index need. See ADR 0004.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from itertools import chain
from typing import Literal

from kadr.core.text import STOP_WORDS_EN, Word, clean, fold, script, stem, tokens, words

Lemmas = Callable[[str], tuple[str, ...]]
"""The possible dictionary forms of a folded word, likeliest first (``ports.embedding.Lemmatizer.lemmas``)."""

Known = Callable[[str], bool]
"""Whether the dictionary has a folded word in this form."""

Respell = Callable[[str], str | None]
"""The usual spelling in Latin letters of a folded Russian word, or ``None`` where none is known."""

PieceKind = Literal["phrase", "word", "derived", "transliterated", "kept"]

_DATA = "data/glossary_ru_en.tsv"
# Topics of that file whose words a general translator gets wrong; the others are an ordinary dictionary.
_TERM_TOPICS = frozenset({"Games and internet", "Brands", "Slang and memes"})
# 5-й, 90-е, 2х, 10ти; units are no endings: 5кг, 4к
_NUMERAL = re.compile(r"(\d+)(?:-[а-я]{1,3}|[йяехю]|го|му|ти|ми|ый|ий|ой|ая|ое|ые|ых|ым|ую)")

LATIN_LETTERS = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "й": "y",
        "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u",
        "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "",
        "э": "e", "ю": "yu", "я": "ya", "і": "i", "ї": "yi", "є": "ye", "ґ": "g", "ў": "w",
    }
)  # fmt: skip

# How one Russian word is made of another: (ending, endings of the word it may be made of). The longest
# ending that leads to a known word wins; a wrong guess needs a known word that happens to fit.
_DERIVATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ирование", ("ировать",)),
    ("ывание", ("ывать", "ать")),
    ("овление", ("овить",)),
    ("ление", ("ить",)),
    ("ание", ("ать",)),
    ("яние", ("ять",)),
    ("ение", ("ить", "еть")),
    ("ность", ("ный",)),
    ("ость", ("ый", "ий", "ой")),
    ("тельница", ("тель",)),
    ("ница", ("ник",)),
    ("очный", ("ка",)),
    ("ечный", ("ка", "ца")),
    ("овый", ("", "а")),
    ("евый", ("", "й", "ь")),
    ("ский", ("", "а", "ия", "ь")),
    ("кий", ("к",)),
    ("ской", ("", "а")),
    ("ный", ("", "а", "о", "я", "ь")),
    ("ной", ("", "а", "о")),
    ("чик", ("",)),
    ("ечка", ("ка", "я", "ь")),
    ("очка", ("ка", "а")),
    ("ушка", ("а", "")),
    ("енька", ("а", "я")),
    ("ишка", ("",)),
    ("ище", ("", "а")),
    ("ик", ("",)),
    ("ок", ("",)),
    ("ек", ("",)),
    ("ша", ("",)),
    ("ка", ("", "а")),
    ("ющий", ("ть",)),
    ("ный", ("нный",)),
    ("ся", ("",)),
    ("сь", ("",)),
    ("о", ("ый", "ий", "ой")),
    ("и", ("ий",)),
    ("ый", ("о",)),
    ("ий", ("о",)),
)
# Prefixes that more words of the dictionary begin with than are made with them: постель, экспресс, артель.
_CHANCE_PREFIXES = frozenset({"пост", "экс", "рок", "поп", "арт"})
# For words that the lemmatiser guesses wrong (вайба, сониками, влюблённые): endings of forms, longest first,
# and those of the dictionary forms they may belong to.
_INFLECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    *((ending, ("ый", "ий", "ой")) for ending in ("ыми", "ими", "ого", "его", "ому", "ему")),
    *((ending, ("", "а", "я", "ы", "и", "о", "е")) for ending in ("ами", "ями")),
    *(
        (ending, ("ый", "ий", "ой"))
        for ending in ("ая", "яя", "ую", "юю", "ое", "ее", "ые", "ие", "ых", "их")
    ),
    *(
        (ending, ("", "а", "ы", "и", "о", "ый", "ий"))
        for ending in ("ах", "ях", "ам", "ям", "ом", "ем", "ым")
    ),
    *((ending, ("", "а", "ы", "и", "ый", "ий")) for ending in ("ов", "ев", "ой", "ей")),
    *((ending, ("", "а", "я", "ы", "и", "о", "е", "ь", "й")) for ending in "аяыиуюеоь"),
    ("", ("а", "ы", "и", "о")),
)
_VERB_ENDINGS = ("ть", "ти", "чь", "ться", "тись", "чься")
_VERB_PREFIXES = (
    "пере", "подо", "разо", "про", "при", "под", "раз", "рас", "вы", "за", "на", "по", "об", "от", "до",
    "из", "ис", "вз", "вс", "въ", "во", "со", "с", "у", "о", "в",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the glossary: folded Russian, and English, the main translation first.

    No translation at all: a word that English leaves out. A ``term`` is kept through a neural translator;
    what is none (most of the entries that come with Kadr) is used where there is no better translation.
    """

    source: str
    targets: tuple[str, ...]
    term: bool = True


@dataclass(frozen=True, slots=True)
class Term:
    """A place in a cleaned text, ``cleaned[start:end]``, and the English that has to stand there."""

    start: int
    end: int
    target: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text and what became of it."""

    source: str
    target: str
    kind: PieceKind


@dataclass(frozen=True, slots=True)
class Translation:
    """An English text.

    ``covered`` is the share of the Russian words that the glossary knows: 1 where there are none, half of a
    word where its meaning was concluded from a related one. The rest is transliterated.
    """

    text: str
    covered: float
    pieces: tuple[Piece, ...] = ()


@dataclass(slots=True)
class _Node:
    """A place in a tree of phrases: what may follow, and what ends here."""

    children: dict[str, _Node] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)
    ends: bool = False

    def grow(self, path: Iterable[str]) -> _Node:
        node = self
        for step in path:
            node = node.children.setdefault(step, _Node())
        return node


def parse(text: str, *, terms: Collection[str] | None = None) -> tuple[Entry, ...]:
    """Return the entries of a glossary file: ``russian<TAB>english|alternative``, ``#`` comments.

    ``terms`` are the comments below which entries are terms; without them, all are.

    Raises:
        ValueError: a line has no tab or no Russian, or a Russian word or phrase occurs twice.
    """
    entries: dict[str, Entry] = {}
    topic = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#"):
            topic = line[1:].strip()
        if not line.strip() or line.startswith("#"):
            continue
        source, tab, targets = line.partition("\t")
        key = fold(source)
        if not tab or not key:
            raise ValueError(f"glossary, line {number}: expected russian<TAB>english, got {line!r}")
        if key in entries:
            raise ValueError(f"glossary, line {number}: {source!r} is there already")
        entries[key] = Entry(
            key,
            tuple(target.strip() for target in targets.split("|") if target.strip()),
            term=terms is None or topic in terms,
        )
    return tuple(entries.values())


class Glossary:
    """A list of words and phrases with their translations, ready to be applied.

    Example::

        dictionary = Pymorphy()
        glossary = Glossary.load(dictionary.lemmas, dictionary.known)
        glossary.translate("как варить борщ").text       # "how to cook borscht"
        glossary.reverse("how to cook borscht")          # ("как варить", …, "борщ")
    """

    def __init__(self, entries: Iterable[Entry], lemmas: Lemmas, known: Known = lambda _: False) -> None:
        """``known`` words are taken for no others that they look like."""
        self._entries = tuple(entries)
        self._lemmas = lemmas
        self._known = known
        self._words: dict[str, Entry] = {}
        self._prefixes: dict[str, Entry] = {}
        self._phrases, self._term_phrases = _Node(), _Node()
        for entry in self._entries:
            parts = entry.source.split(" ")
            if entry.source.endswith("-"):
                self._prefixes[entry.source[:-1]] = entry
            elif len(parts) == 1:
                self._words[entry.source] = entry
            else:
                # both as it is written and in dictionary forms: a text's words are tried as both, too
                for path in {tuple(parts), tuple(self._forms(part)[-1:][0] for part in parts)}:
                    for root in (self._phrases, self._term_phrases) if entry.term else (self._phrases,):
                        node = root.grow(path)
                        if not node.ends:
                            node.ends, node.targets = True, list(entry.targets)

    @classmethod
    def load(cls, lemmas: Lemmas, known: Known = lambda _: False, *, extra: Iterable[Entry] = ()) -> Glossary:
        """Return the glossary that comes with Kadr; ``extra`` entries are added and replace its own."""
        text = files("kadr.core").joinpath(_DATA).read_text(encoding="utf-8")
        entries = {entry.source: entry for entry in (*parse(text, terms=_TERM_TOPICS), *extra)}
        return cls(entries.values(), lemmas, known)

    def __len__(self) -> int:
        return len(self._entries)

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits that change with any entry."""
        lines = (f"{entry.source}\t{'|'.join(entry.targets)}\t{entry.term:d}\n" for entry in self._entries)
        return sha256("".join(lines).encode()).hexdigest()[:12]

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Every folded word, Russian and English, that stands in an entry."""
        russian = (token for entry in self._entries for token in tokens(entry.source))
        english = (token for entry in self._entries for target in entry.targets for token in tokens(target))
        return frozenset(russian) | frozenset(english)

    @property
    def phrases(self) -> tuple[str, ...]:
        """The Russian side of every entry."""
        return tuple(entry.source for entry in self._entries)

    def knows(self, word: str) -> bool:
        """Return whether a folded word, in this form or its dictionary form, stands in the glossary."""
        if word in self.vocabulary:
            return True
        if script(word) == "latin":
            return stem(word) in self._english_stems
        return self.dictionary_form(word) is not None

    def dictionary_form(self, word: str) -> str | None:
        """Return the likeliest dictionary form of a folded Russian word that has an entry, or ``None``."""
        return next((lemma for lemma in self._lemmas(word) if lemma in self._words), None)

    def translate(self, text: str, *, names: Respell | None = None) -> Translation:
        """Return the text with its Russian words put into English.

        Phrases are matched before words, longest first, in any inflection. Russian words that are not
        known are written in Latin letters, so that names survive: as ``names`` spells them, if it knows how;
        everything else stays as it is.
        """
        cleaned = clean(text)
        found = words(cleaned)
        parts: list[str] = []
        pieces: list[Piece] = []
        known, russian = 0.0, 0
        position = index = 0
        while index < len(found):
            length, piece = self._piece(found, index, cleaned, names)
            # words of a hashtag that only their capitals keep apart
            parts += (cleaned[position : found[index].start] or " ", piece.target)
            pieces.append(piece)
            if piece.kind != "kept":
                russian += length
                known += length * {"derived": 0.5, "transliterated": 0.0}.get(piece.kind, 1.0)
            index += length
            position = found[index - 1].end
        parts.append(cleaned[position:])
        translated = " ".join("".join(parts).split())
        return Translation(translated, known / russian if russian else 1.0, tuple(pieces))

    def terms(self, text: str) -> tuple[Term, ...]:
        """Return where terms stand in ``clean(text)``.

        Phrases before words, longest first, in any inflection. Unlike in :meth:`translate`, a phrase of the
        ordinary dictionary does not hide a term within it.
        """
        cleaned = clean(text)
        found = words(cleaned)
        terms: list[Term] = []
        index = 0
        while index < len(found):
            length, target = self._longest_phrase(found, index, cleaned, root=self._term_phrases)
            if not length:
                length = 1
                entry = self._entry(found[index].text)
                target = self._first(entry) if entry is not None and entry.term else ""
            start, end = found[index].start, found[index + length - 1].end
            if target:
                terms.append(Term(start, end, _cased(target, like=cleaned[start:end])))
            index += length
        return tuple(terms)

    def _piece(
        self, found: tuple[Word, ...], index: int, cleaned: str, names: Respell | None
    ) -> tuple[int, Piece]:
        """Return how many words the piece that begins at ``index`` has, and the piece."""
        word = found[index]
        if word.text == "про" and index == len(found) - 1 > 0 and script(found[index - 1].text) != "cyrillic":
            return 1, Piece(word.source, _cased("pro", like=word.source), "word")  # айфон 15 про
        kind: PieceKind = "phrase"
        length, target = self._longest_phrase(found, index, cleaned, root=self._phrases)
        if not length and script(word.text) not in {"cyrillic", "mixed"}:
            return 1, Piece(word.source, word.source, "kept")
        if not length:
            length = 1
            target, kind = self._word(word.text, names)
        source = cleaned[word.start : found[index + length - 1].end]
        return length, Piece(source, _cased(target, like=source), kind)

    def _forms(self, word: str) -> tuple[str, ...]:
        """Return the word as it is, then its likeliest dictionary form, if that is another."""
        lemma = next(iter(self._lemmas(word)), word) if script(word) == "cyrillic" else word
        return (word,) if lemma == word else (word, lemma)

    def _longest_phrase(
        self, found: tuple[Word, ...], index: int, cleaned: str, *, root: _Node
    ) -> tuple[int, str]:
        nodes, length, target = [root], 0, ""
        for step, word in enumerate(found[index:], start=1):
            if step > 1 and cleaned[found[index + step - 2].end : word.start].strip("-_# "):
                break  # a comma or a full stop stands between
            options = (
                (word.text, *self._lemmas(word.text)) if script(word.text) == "cyrillic" else (word.text,)
            )
            nodes = [node.children[option] for node in nodes for option in options if option in node.children]
            if not nodes:
                break
            end = next((node for node in nodes if node.ends), None)
            if end is not None:
                length, target = step, end.targets[0] if end.targets else ""
        return length, target

    def _word(self, word: str, names: Respell | None = None) -> tuple[str, PieceKind]:
        """Return the English of one folded word and how it was found."""
        numeral = _NUMERAL.fullmatch(word)
        if numeral:
            return numeral.group(1), "word"
        entry = self._entry(word)
        if entry is not None:
            return self._first(entry), "word"
        lemmas = self._lemmas(word) if script(word) == "cyrillic" else ()
        for form in (*lemmas, word):
            derived = self._derived(form)
            if derived is not None:
                return derived, "derived"
        if "-" in word:
            translated = [self._word(part, names) for part in word.split("-")]
            if any(kind != "transliterated" for _, kind in translated):
                return " ".join(target for target, _ in translated if target), "derived"
        if names is not None:
            spelt = next(filter(None, map(names, (word, *lemmas))), None)
            if spelt is not None:
                return spelt, "transliterated"
        return next(iter(lemmas), word).translate(LATIN_LETTERS), "transliterated"

    def _entry(self, word: str) -> Entry | None:
        """Return a folded word's entry: of its form, a dictionary form, or what its ending suggests."""
        lemmas = self._lemmas(word) if script(word) == "cyrillic" else ()
        forms = (form for form in chain((word, *lemmas), _dictionary_forms(word)) if form in self._words)
        if lemmas and self._known(word):
            # так is no taco: of a word that the dictionary has, it has the dictionary form, too
            own = (word, *lemmas)
            forms = (form for form in forms if form in own or self._lemmas(form)[0] == lemmas[0])
        return next((self._words[form] for form in forms), None)

    @staticmethod
    def _first(entry: Entry) -> str:
        return entry.targets[0] if entry.targets else ""

    def _derived(self, lemma: str) -> str | None:
        """Return the English of a word that the lemma is made of, if that one is known."""
        for related in _related(lemma):
            if related in self._words:
                return self._first(self._words[related])
        if lemma.startswith("не") and len(lemma) > 5 and lemma[2:] in self._words:
            return f"not {self._first(self._words[lemma[2:]])}"
        chance = _CHANCE_PREFIXES if self._known(lemma) else frozenset()
        for length in range(min(8, len(lemma) - 3), 1, -1):
            prefix, rest = self._prefixes.get(lemma[:length]), lemma[length:].removeprefix("-")
            if prefix is not None and (lemma[:length] not in chance or lemma[length] == "-"):
                whole = next((form for form in self._forms(rest) if form in self._words), None)
                if whole is not None and len(whole) > 2:
                    return f"{self._first(prefix)} {self._first(self._words[whole])}"
        return None

    @cached_property
    def _english(self) -> _Node:
        """The way back: a tree of the stems of English phrases with the Russian ones at its ends."""
        root = _Node()
        alternatives: list[tuple[_Node, str]] = []
        for entry in self._entries:
            if entry.source.endswith("-"):
                continue
            for rank, target in enumerate(entry.targets):
                node = root.grow(stem(token) for token in tokens(target))
                node.ends = True
                if rank == 0:
                    node.targets.append(entry.source)
                else:
                    alternatives.append((node, entry.source))
        for node, source in alternatives:  # behind the entries of which it is the main translation
            node.targets.append(source)
        return root

    @cached_property
    def _english_stems(self) -> frozenset[str]:
        return frozenset(_steps(self._english))

    def reverse(self, text: str, *, limit: int = 4) -> tuple[str, ...]:
        """Return Russian words and phrases that mean what the English ones of a text do.

        For finding Russian text by words: up to ``limit`` for each English word or phrase, longest match
        first, in the order of the text. English stop words that are no part of a phrase are passed over.
        """
        found = tokens(text)
        stemmed = [stem(token) for token in found]
        result: dict[str, None] = {}
        index = 0
        while index < len(found):
            node: _Node | None = self._english
            length, targets = 1, list[str]()
            for step, part in enumerate(stemmed[index:], start=1):
                node = node.children.get(part) if node else None
                if node is None:
                    break
                if node.ends and not (step == 1 and found[index] in STOP_WORDS_EN):
                    length, targets = step, node.targets
            result |= dict.fromkeys(targets[:limit])
            index += length
        return tuple(result)


def _cased(target: str, *, like: str) -> str:
    return target[:1].upper() + target[1:] if like[:1].isupper() else target


def _steps(node: _Node) -> Iterator[str]:
    for step, child in node.children.items():
        yield step
        yield from _steps(child)


def _dictionary_forms(word: str) -> Iterator[str]:
    """Yield what the dictionary form of a word may be, by its ending alone."""
    for ending, replacements in _INFLECTIONS:
        root = word.removesuffix(ending)
        if len(root) >= 3 and word.endswith(ending):
            for replacement in replacements:
                yield root + replacement


def _related(lemma: str) -> Iterator[str]:
    """Yield words that a Russian word may be made of, likeliest first; many of them do not exist."""
    for ending, replacements in _DERIVATIONS:
        root = lemma.removesuffix(ending)
        if len(root) >= 3 and root != lemma:
            for replacement in replacements:
                yield root + replacement
    if lemma.endswith(_VERB_ENDINGS):
        for prefix in _VERB_PREFIXES:
            root = lemma.removeprefix(prefix)
            if len(root) >= 4 and root != lemma:
                yield root
                if root.endswith(("ся", "сь")):
                    yield root[:-2]
                if root.endswith("ывать"):  # перечитывать: читать
                    yield root.removesuffix("ывать") + "ать"
                    yield root.removesuffix("ывать") + "ить"
