"""Words in the letters of the other script: ``райан гослинг`` is ``ryan gosling``, ``borshch`` is ``борщ``.

The rules say how a sound may be written; which of the spellings is meant, the vocabulary says. A search over
the spellings follows only beginnings that some word has, so that the many that no word has cost nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from heapq import heappop, heappush

from kadr.core.text import STOP_WORDS, Word, clean, rewritten, script, words
from kadr.core.vocabulary import Vocabulary

Known = Callable[[str], bool]
"""Whether a folded word exists."""

_Rules = dict[str, list[tuple[str, str, float]]]

# What is written for each Russian sound, in English words and names, with how unusual it is. English spelling
# is what it is: most vowels have five.
_LATIN: dict[str, dict[float, str]] = {
    "а": {0.0: "a", 0.4: "u ah er", 0.6: "o e"},
    "ай": {0.0: "ai ay", 0.1: "i y", 0.3: "igh ie ey"},
    "айя": {0.2: "aia iah"},
    "ау": {0.0: "au", 0.1: "ow ou"},
    "б": {0.0: "b", 0.1: "bb"},
    "в": {0.0: "v", 0.2: "w", 0.3: "wh"},
    "г": {0.0: "g", 0.2: "gg gh gue", 0.3: "h"},
    "д": {0.0: "d", 0.1: "dd"},
    "дж": {0.0: "j", 0.1: "g dg dzh", 0.2: "dge"},
    "е": {0.0: "e", 0.3: "ea a ye ie ae ai oe", 0.4: "ee i"},
    "ей": {0.0: "ey ay", 0.1: "ei ai", 0.2: "a"},
    "ж": {0.0: "zh", 0.1: "j g", 0.3: "s"},
    "з": {0.0: "z", 0.1: "zz", 0.2: "s"},
    "и": {0.0: "i", 0.1: "ee y", 0.2: "e ea ie", 0.3: "ey"},
    "ий": {0.0: "y iy", 0.1: "i"},
    "йо": {0.0: "yo", 0.1: "jo io"},
    "й": {0.0: "y", 0.1: "i", 0.3: "j"},
    "к": {0.0: "k", 0.1: "c ck", 0.2: "ch q cc que"},
    "кв": {0.1: "qu"},
    "кл": {0.1: "cle ckle kle", 0.2: "chael"},
    "кс": {0.0: "x ks", 0.1: "cks cs xx"},
    "л": {0.0: "l", 0.1: "ll"},
    "м": {0.0: "m", 0.1: "mm", 0.3: "mb"},
    "н": {0.0: "n", 0.1: "nn", 0.3: "kn"},
    "нс": {0.1: "nce nse"},
    "нк": {0.1: "nk nc"},
    "о": {0.0: "o", 0.3: "oh au aw a oa ou", 0.5: "u"},
    "ой": {0.0: "oy", 0.1: "oi"},
    "оу": {0.0: "o", 0.1: "ow oa ou", 0.2: "aw au"},
    "п": {0.0: "p", 0.1: "pp"},
    "р": {0.0: "r", 0.1: "rr", 0.3: "wr"},
    "с": {0.0: "s", 0.1: "c ss", 0.2: "sc", 0.3: "ps"},
    "т": {0.0: "t", 0.1: "tt", 0.2: "th"},
    "у": {0.0: "u", 0.1: "oo w", 0.2: "ou ew ue", 0.4: "o"},
    "ф": {0.0: "f", 0.1: "ph ff"},
    "х": {0.0: "h", 0.1: "kh", 0.2: "ch"},
    "ц": {0.0: "ts", 0.1: "tz c z", 0.3: "zz"},
    "ч": {0.0: "ch", 0.1: "tch", 0.3: "c cz"},
    "ш": {0.0: "sh", 0.2: "ch sch", 0.4: "s"},
    "щ": {0.0: "shch", 0.1: "sch sh"},
    "ъ": {0.0: ""},
    "ы": {0.0: "y", 0.1: "i"},
    "ь": {0.0: ""},
    "ью": {0.0: "yu", 0.1: "ew iew u iu"},
    "э": {0.0: "e", 0.2: "a ae ai"},
    "эй": {0.0: "ay", 0.1: "a ey ai ei"},
    "ю": {0.0: "yu", 0.1: "u", 0.2: "ju iu ew you"},
    "я": {0.0: "ya", 0.1: "ia a", 0.3: "ja"},
}
# What a Russian means who types it in Latin letters: several standards, and none.
_CYRILLIC: dict[str, dict[float, str]] = {
    "'": {0.0: "ь", 0.1: "ъ"},
    "4": {0.0: "ч"},
    "6": {0.1: "ш"},
    "a": {0.0: "а", 0.4: "я"},
    "b": {0.0: "б"},
    "c": {0.1: "ц к", 0.2: "с"},
    "ch": {0.0: "ч", 0.4: "х"},
    "ck": {0.1: "к"},
    "d": {0.0: "д", 0.2: "дь"},
    "e": {0.0: "е э", 0.2: "ъе", 0.3: "ье"},
    "f": {0.0: "ф"},
    "g": {0.0: "г", 0.3: "ж"},
    "h": {0.0: "х", 0.3: "г"},
    "i": {0.0: "и", 0.1: "й", 0.3: "ы"},
    "ia": {0.1: "я ия ья"},
    "ie": {0.2: "ие ье"},
    "iu": {0.1: "ю"},
    "j": {0.1: "ж й дж"},
    "ja": {0.0: "я", 0.1: "ья"},
    "je": {0.0: "е"},
    "jo": {0.0: "е"},
    "ju": {0.0: "ю"},
    "k": {0.0: "к"},
    "kh": {0.0: "х"},
    "ks": {0.0: "кс"},
    "l": {0.0: "л", 0.1: "ль"},
    "m": {0.0: "м", 0.3: "мь"},
    "n": {0.0: "н", 0.1: "нь"},
    "o": {0.0: "о", 0.2: "е"},
    "p": {0.0: "п"},
    "ph": {0.2: "ф"},
    "q": {0.1: "к", 0.2: "я"},
    "r": {0.0: "р", 0.2: "рь"},
    "s": {0.0: "с", 0.2: "сь"},
    "sch": {0.0: "щ", 0.2: "сч"},
    "sh": {0.0: "ш", 0.1: "щ шь"},
    "shch": {0.0: "щ"},
    "shh": {0.0: "щ"},
    "t": {0.0: "т", 0.1: "ть"},
    "th": {0.3: "т"},
    "ts": {0.0: "ц", 0.1: "тс"},
    "u": {0.0: "у", 0.3: "ю"},
    "v": {0.0: "в", 0.3: "вь"},
    "w": {0.1: "в ш", 0.3: "щ"},
    "x": {0.1: "х кс"},
    "y": {0.0: "й ы", 0.1: "и ий ый", 0.2: "ь"},
    "ya": {0.0: "я", 0.1: "ья"},
    "ye": {0.0: "е", 0.1: "ье ые"},
    "yi": {0.1: "ый ьи"},
    "yo": {0.0: "е"},
    "yu": {0.0: "ю", 0.1: "ью"},
    "z": {0.0: "з", 0.2: "зь", 0.3: "ж ц"},
    "zh": {0.0: "ж", 0.1: "жь"},
}

# Letters at the end that are written and not said (fake, porsche), and those said twice and written once.
_SILENT_END = ("e", 0.2)
# Where a word ends and the next begins within one that was written together (бравлстарс).
_NEXT_WORD = 0.4
_SHORTEST_PART = 4
_SEVERAL_ALLOWED = 0.25  # or any word is two of another language
_MOST_PARTS = 3
# How far a spelling may be from the plainest one: a fifth of a letter for each letter.
_ALLOWED = 0.2
_ALLOWED_AT_LEAST = 0.5
# How much plausibility (Zipf scale) one unusual spelling (0.1) is worth.
_UNUSUAL = 6.0
# No query needs more steps; an adversary's might.
_MOST_STEPS = 2_000
# Spellings that are compared by plausibility.
_COMPARED = 8
# Short words are codes and abbreviations, and any two letters are a transliteration of something.
_SHORTEST = 3
_LONGEST = 40
# The other reading of a word that exists, in a query of transliterated words: one in ten million.
_USUAL, _VERY_USUAL = 2.0, 4.0
# As it stands, a word of four letters is thirty times likelier (wall, вал; not more, море).
_FAR_LIKELIER = 1.5
# Others follow where they have at most twice as many letters as those that cannot be read otherwise.
_AGAINST = 2
_OTHER = frozenset({"cyrillic", "latin"})
_SOFT_SIGNS = ("'", "’", "`", "ʼ")
# A word in the other script is ten times rarer than a mistyped one.
_OTHER_SCRIPT = 1.0
# Chance makes words of three or four letters, and hardly ever of eight: the longer it is, the more unusual
# may the spelling be.
_LEAST, _LESS_FOR_A_LETTER = 2.0, 0.55


def _rules(table: dict[str, dict[float, str]]) -> _Rules:
    rules: _Rules = defaultdict(list)
    for source, spellings in table.items():
        for cost, targets in spellings.items():
            for target in targets.split() or [""]:
                rules[source[0]].append((source, target, cost))
    for letter in {source[0] for source in table}:  # a doubled consonant: Анна, Anna, Ана
        if letter.isalpha():
            rules[letter].append((letter * 2, rules[letter][0][1], 0.1))
    return dict(rules)


_TO_LATIN, _TO_CYRILLIC = _rules(_LATIN), _rules(_CYRILLIC)


def respell(word: str, vocabulary: Vocabulary, *, shortest: int = _SHORTEST) -> tuple[str | None, float]:
    """Return the word or words of the vocabulary that a folded word spells in the other script.

    And how plausible that is (Zipf scale, less what is unusual about the spelling); ``None`` if there are
    none.
    """
    kind = script(word)
    if kind not in {"cyrillic", "latin"} or not shortest <= len(word) <= _LONGEST:
        return None, float("-inf")
    rules = _TO_LATIN if kind == "cyrillic" else _TO_CYRILLIC
    allowed = max(_ALLOWED * len(word), _ALLOWED_AT_LEAST)
    found: list[tuple[float, str | None]] = []
    # (cost so far, letters of the source used, words that are complete, the word that is being spelt)
    waiting: list[tuple[float, int, tuple[str, ...], str]] = [(0.0, 0, (), "")]
    seen: set[tuple[int, tuple[str, ...], str]] = set()
    steps = 0
    while waiting and len(found) < _COMPARED and steps < _MOST_STEPS:
        cost, place, complete, current = heappop(waiting)
        if (place, complete, current) in seen:
            continue
        seen.add((place, complete, current))
        steps += 1
        if place == len(word):
            if vocabulary.certain(current) if complete else current in vocabulary:
                parts = (*complete, current)
                if complete and cost - _NEXT_WORD * len(complete) > _SEVERAL_ALLOWED:
                    continue
                found.append((_worth(parts, vocabulary) - _UNUSUAL * cost, " ".join(parts)))
            elif kind == "cyrillic" and not complete and not current.endswith(_SILENT_END[0]):
                _push(
                    waiting,
                    (cost + _SILENT_END[1], place, complete, current + _SILENT_END[0]),
                    allowed,
                    vocabulary,
                )
            continue
        for source, target, extra in rules.get(word[place], ()):
            if word.startswith(source, place):
                _push(
                    waiting,
                    (cost + extra, place + len(source), complete, current + target),
                    allowed,
                    vocabulary,
                )
        ends = len(current) >= _SHORTEST_PART and len(word) - place >= _SHORTEST_PART
        if ends and len(complete) + 1 < _MOST_PARTS and vocabulary.certain(current):
            for source, target, extra in rules.get(word[place], ()):
                if word.startswith(source, place) and target:
                    state = (cost + extra + _NEXT_WORD, place + len(source), (*complete, current), target)
                    _push(waiting, state, allowed, vocabulary)
    worth, text = max(found, default=(float("-inf"), None))
    return text, worth


def _push(
    waiting: list[tuple[float, int, tuple[str, ...], str]],
    state: tuple[float, int, tuple[str, ...], str],
    allowed: float,
    vocabulary: Vocabulary,
) -> None:
    if state[0] <= allowed + 1e-9 and vocabulary.begins(state[3]):
        heappush(waiting, state)


def _worth(parts: tuple[str, ...], vocabulary: Vocabulary) -> float:
    return min(vocabulary.zipf(part) for part in parts)


def transliterate(
    query: str, known: Known, vocabulary: Vocabulary, *, rival: Callable[[str], float] | None = None
) -> str:
    """Return the query with the words put into the other script that nobody knows in the one they are in.

    ``borshch`` becomes ``борщ`` and, where the index or the language has it only so, ``гослинг`` becomes
    ``gosling``: if that is more plausible than the best other reading of the word, which ``rival`` tells. In
    a query of such words, others that exist in both scripts (``dom``) follow.
    """
    cleaned = clean(query)
    found = list(words(cleaned))
    weigh = rival or vocabulary.zipf
    signed = [_signed(word, cleaned) for word in found]
    read: list[str | None] = [None] * len(found)
    for place, word in enumerate(found):
        if not known(word.text):
            found[place], read[place] = _first(signed[place], lambda text: _likelier(text, vocabulary, weigh))
    if all(text in STOP_WORDS for text in read if text is not None):
        # most little words can be spelt at twice their length: yoyo is no ее
        read = [
            None if text is None or len(word.text) >= 2 * len(text) else text
            for word, text in zip(found, read, strict=True)
        ]
    _follow(found, signed, read, vocabulary)
    return rewritten(cleaned, zip(found, read, strict=True))


def _signed(word: Word, cleaned: str) -> tuple[Word, ...]:
    """Return the word as it may be meant: with the quote behind it, as a soft sign, and as it is."""
    if script(word.text) == "latin" and cleaned[word.end : word.end + 1] in _SOFT_SIGNS:
        return replace(word, text=word.text + "'", end=word.end + 1), word
    return (word,)


def _first(ways: tuple[Word, ...], spell: Callable[[str], str | None]) -> tuple[Word, str | None]:
    """Return the first of the ways to take a word that can be spelt, and how; the last if none can."""
    spelt = ((way, spell(way.text)) for way in ways)
    return next((each for each in spelt if each[1] is not None), (ways[-1], None))


def _follow(
    found: list[Word], signed: list[tuple[Word, ...]], read: list[str | None], vocabulary: Vocabulary
) -> None:
    """Let words that exist in both scripts follow those that do not, if these are enough."""
    changed = {script(text) for text in read if text is not None}
    if len(changed) != 1:
        return
    others = [
        place
        for place, word in enumerate(found)
        if read[place] is None and script(word.text) in _OTHER - changed
    ]
    letters = sum(len(word.text) for word, text in zip(found, read, strict=True) if text is not None)
    if _AGAINST * letters >= sum(len(found[place].text) for place in others):
        for place in others:
            found[place], read[place] = _first(signed[place], lambda text: _along(text, vocabulary))


def _likelier(word: str, vocabulary: Vocabulary, weigh: Callable[[str], float]) -> str | None:
    text, worth = respell(word, vocabulary)
    worth -= _OTHER_SCRIPT
    least = _LEAST - _LESS_FOR_A_LETTER * (len(word) - _SHORTEST)
    return text if text is not None and worth >= least and worth > weigh(word) else None


def _along(word: str, vocabulary: Vocabulary) -> str | None:
    """Return the other reading of a word that exists, if that is a usual word."""
    text, worth = respell(word, vocabulary, shortest=1)
    usual = _USUAL if len(word) >= _SHORTEST else _VERY_USUAL
    if len(word) > _SHORTEST:
        usual = max(usual, vocabulary.zipf(word) - _FAR_LIKELIER)
    return None if text is None or " " in text or worth < usual else text
