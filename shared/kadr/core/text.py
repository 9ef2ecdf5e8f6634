"""Text as search sees it: clean, cut into words, reduced to stems. Russian and English; no I/O.

Three forms of a text are told apart:

- *clean* (:func:`clean`): what people read, without what cannot be read (emoji, control characters);
- *folded* (:func:`fold`): what is compared: no case, ``ё`` = ``е``, no stress marks or accents;
- *stems* (:func:`stems`): what is looked up: the words without their endings.

Cleaning and folding are idempotent.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal, Protocol

Script = Literal["cyrillic", "latin", "digit", "mixed", "other"]
Language = Literal["ru", "en", "und"]

# A word is letters and digits, joined inside by apostrophes, hyphens or combining marks (л'ореаль, тик-ток).
_LETTERS = r"(?:[^\W_][\u0300-\u036f]*)+"
_WORD = re.compile(rf"{_LETTERS}(?:['’ʼ\-‐‑]{_LETTERS})*")
_HYPHEN = re.compile(r"[-‐‑]")
_HASHTAG_HUMP = re.compile(r"(?<=[а-яё])(?=[А-ЯЁ])")
_ACCENT = re.compile(r"(?<=[a-z])[\u0300-\u036f]+|(?<=[аеиоуыэюя])[\u0300\u0301]+|(?<=е)\u0308")
_CYRILLIC = re.compile(r"[\u0400-\u052f]")
_LATIN = re.compile(r"[A-Za-z\u00aa-\u024f\u1e00-\u1eff]")
_RUSSIAN = re.compile(r"[а-яё]")

# Letters that look the same in both scripts: recognised text mixes them within one word.
_LATIN_LOOKALIKES = "aceopxyABCEHKMOPTXY"
_CYRILLIC_LOOKALIKES = "асеорхуАВСЕНКМОРТХУ"
_TO_CYRILLIC = str.maketrans(_LATIN_LOOKALIKES, _CYRILLIC_LOOKALIKES)
_TO_LATIN = str.maketrans(_CYRILLIC_LOOKALIKES, _LATIN_LOOKALIKES)

# A quarter of the letters: "как обновить windows 11 home edition" is a Russian sentence.
_RUSSIAN_SHARE = 0.25
# Letters outside the Russian alphabet: і, ї, є are a tenth of Ukrainian text; recognition errors are fewer.
_FOREIGN_SHARE = 0.03

_FREQUENT_RU = """
    а без более бы был была были было быть в вам вас ведь во вот все всего всех вы где да даже для до его ее
    ей ему если есть еще ж же за и из или им их к как ко когда кто ли либо меня мне мы на над надо нам нас не
    него нее ней нет ни них но ну о об он она они оно от очень по под при про с сам свой себя со так также
    такой там те тем то тоже только тот ты у уже хотя чего чей чем что чтобы чье эта эти это этот я
"""
_FREQUENT_EN = """
    a about all also am an and any are as at be been but by can could did do does for from had has have he
    her him his how i if in into is it its just me my no not of on or our she so some than that the their
    them then there these they this to too us very was we were what when where which who will with would you
    your don't doesn't didn't isn't i'm it's can't
"""
STOP_WORDS_RU = frozenset(_FREQUENT_RU.split())
STOP_WORDS_EN = frozenset(_FREQUENT_EN.split())
STOP_WORDS = STOP_WORDS_RU | STOP_WORDS_EN


class _Characters(dict[int, str | int | None]):
    """What becomes of each character: a table for ``str.translate`` that fills itself."""

    def __missing__(self, code: int) -> str | int | None:
        character = chr(code)
        category = unicodedata.category(character)
        kept: str | int | None = code
        if character.isspace():
            kept = " "
        elif category in {"Cc", "Cf", "Cs", "Co"} or code == 0x20E3 or 0xFE00 <= code <= 0xFE0F:
            kept = None  # invisible: zero-width, direction marks, soft hyphens, variation selectors
        elif category in {"So", "Cn"} or 0x1F3FB <= code <= 0x1F3FF:
            kept = " "  # emoji, of this Unicode version or a newer one; skin tones
        self[code] = kept
        return kept


_CHARACTERS = _Characters()


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: ``text`` is folded, ``source`` is ``cleaned[start:end]``, as it was written."""

    text: str
    source: str
    start: int
    end: int


def clean(text: str) -> str:
    """Return the text that people read: NFKC, one space between words, no emoji or control characters."""
    return " ".join(unicodedata.normalize("NFKC", text.translate(_CHARACTERS)).split())


@lru_cache(maxsize=65_536)
def _fold_word(word: str) -> str:
    if word.isascii():
        return word.lower()
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", word).casefold())
    return unicodedata.normalize("NFC", _ACCENT.sub("", folded)).replace("’", "'").replace("ʼ", "'")


def fold(text: str) -> str:
    """Return the form in which texts are compared.

    Case, accents on Latin letters, stress marks and the difference between ``е`` and ``ё`` are gone;
    ``й`` is a letter and stays.
    """
    return " ".join(_fold_word(part) for part in clean(text).split())


def words(text: str) -> tuple[Word, ...]:
    """Return the words of ``clean(text)`` with their places in it.

    ``#`` and ``_`` separate words; a Russian hashtag is cut at its humps (``#КакВарить``). Hyphens and
    apostrophes inside a word keep it one word. Letters of the wrong script that only look right, as
    character recognition leaves them, are put right.
    """
    return tuple(_words(clean(text)))


def _words(cleaned: str) -> Iterator[Word]:
    for start, source in pieces(cleaned):
        yield Word(_fold_word(unmix(source)), source, start, start + len(source))


def pieces(cleaned: str) -> Iterator[tuple[int, str]]:
    """Return the words of a clean text as they are written, with their places in it; see :func:`words`."""
    for match in _WORD.finditer(cleaned):
        start, source = match.start(), match.group()
        if not start or cleaned[start - 1] not in "#_":
            yield start, source
            continue
        cuts = [0, *(hump.start() for hump in _HASHTAG_HUMP.finditer(source))]
        for begin, end in zip(cuts, [*cuts[1:], len(source)], strict=True):
            yield start + begin, source[begin:end]


def tokens(text: str) -> tuple[str, ...]:
    """Return the folded words of a text, in order."""
    return tuple(word.text for word in words(text))


def rewritten(cleaned: str, texts: Iterable[tuple[Word, str | None]]) -> str:
    """Return a clean text with others in the places of its words; ``None`` leaves a word as it is.

    What only a capital letter kept apart within a hashtag, a space does.
    """
    parts: list[str] = []
    position, before = 0, False
    for word, text in texts:
        between = cleaned[position : word.start]
        if position and not between and (before or text is not None):
            between = " "
        parts += (between, cleaned[word.start : word.end] if text is None else text)
        position, before = word.end, text is not None
    return "".join([*parts, cleaned[position:]])


def script(text: str) -> Script:
    """Return the script of a text's letters; ``digit`` where it has none but has digits."""
    cyrillic, latin = bool(_CYRILLIC.search(text)), bool(_LATIN.search(text))
    if cyrillic and latin:
        return "mixed"
    if cyrillic:
        return "cyrillic"
    if latin:
        return "latin"
    letters = any(character.isalpha() for character in text)
    return "digit" if not letters and any(character.isdigit() for character in text) else "other"


@lru_cache(maxsize=65_536)
def unmix(word: str) -> str:
    """Return the word in one script, if it is in two and those of one only look like the other's."""
    if word.isascii() or script(word) != "mixed":
        return word
    if script(word.translate(_TO_CYRILLIC)) == "cyrillic":
        return word.translate(_TO_CYRILLIC)
    if script(word.translate(_TO_LATIN)) == "latin":
        return word.translate(_TO_LATIN)
    return word


def language(text: str) -> Language:
    """Return ``ru``, ``en``, or ``und`` where it is neither or cannot be told.

    By script: Russian where at least a quarter of the letters are Cyrillic and they are letters of the
    Russian alphabet; English where the letters are plain Latin ones.
    """
    letters = [character for character in fold(text) if character.isalpha()]
    if not letters:
        return "und"
    cyrillic = sum(1 for letter in letters if _CYRILLIC.match(letter))
    if cyrillic >= _RUSSIAN_SHARE * len(letters):
        russian = sum(1 for letter in letters if _RUSSIAN.match(letter))
        return "ru" if cyrillic - russian <= _FOREIGN_SHARE * cyrillic else "und"
    # unfolded: accents are what tells French from English
    latin = [letter for letter in text if _LATIN.match(letter)]
    accented = sum(1 for letter in latin if not letter.isascii())
    plain = len(latin) - accented
    return "en" if plain >= 0.5 * len(letters) and accented <= _FOREIGN_SHARE * len(latin) else "und"


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...


# Snowball's stemmers keep the word they work on in themselves: one caller at a time.
_STEMMER_LOCK = threading.Lock()


@cache
def _stemmer(name: str) -> _Stemmer:
    import Stemmer

    stemmer: _Stemmer = Stemmer.Stemmer(name, 0)  # what was asked for is remembered below
    return stemmer


@lru_cache(maxsize=131_072)
def stem(word: str) -> str:
    """Return the stem of one folded word, by the Snowball rules of its script's language.

    Words of other scripts and words with digits are their own stems.
    """
    if any(character.isdigit() for character in word):
        return word
    kind = script(word)
    if kind not in {"cyrillic", "latin"}:
        return word
    with _STEMMER_LOCK:
        return _stemmer("russian" if kind == "cyrillic" else "english").stemWord(word)


def stems(text: str, *, drop_stop_words: bool = False) -> tuple[str, ...]:
    """Return the stems of a text's words, in order.

    A hyphenated word gives its parts and the whole written together, so that ``wi-fi`` finds ``wifi``
    and the reverse. With ``drop_stop_words`` they are left out, unless the text has nothing else.
    """
    found = tokens(text)
    if drop_stop_words:
        found = tuple(token for token in found if token not in STOP_WORDS) or found
    return tuple(part for token in found for part in _stems_of(token))


def _stems_of(token: str) -> tuple[str, ...]:
    parts = _HYPHEN.split(token)
    if len(parts) == 1:
        return (stem(token),)
    return (*(stem(part) for part in parts), stem("".join(parts)))
