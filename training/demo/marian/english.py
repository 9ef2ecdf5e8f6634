"""The endings of English words, as far as translating inflected Russian needs them."""

from __future__ import annotations

import re
from functools import cache

# Present, past, past participle. What is not here takes -ed. Written from memory of any school grammar.
_IRREGULAR = """
be was been, become became become, begin began begun, bend bent bent, bet bet bet, bind bound bound,
bite bit bitten, blow blew blown, break broke broken, breed bred bred, bring brought brought,
build built built, burn burned burned, burst burst burst, buy bought bought, catch caught caught,
choose chose chosen, come came come, cost cost cost, cut cut cut, deal dealt dealt, dig dug dug, do did done,
draw drew drawn, dream dreamed dreamed, drink drank drunk, drive drove driven, eat ate eaten,
fall fell fallen, feed fed fed, feel felt felt, fight fought fought, find found found, fly flew flown,
forbid forbade forbidden, forget forgot forgotten, forgive forgave forgiven, freeze froze frozen,
get got got, give gave given, go went gone, grow grew grown, hang hung hung, have had had, hear heard heard,
hide hid hidden, hit hit hit, hold held held, hurt hurt hurt, keep kept kept, know knew known,
lay laid laid, lead led led, lean leaned leaned, learn learned learned, leave left left, lend lent lent,
let let let, lie lay lain, light lit lit, lose lost lost, make made made, mean meant meant, meet met met,
pay paid paid, put put put, quit quit quit, read read read, ride rode ridden, ring rang rung,
rise rose risen, run ran run, say said said, see saw seen, seek sought sought, sell sold sold,
send sent sent, set set set, sew sewed sewn, shake shook shaken, shine shone shone, shoot shot shot,
show showed shown, shrink shrank shrunk, shut shut shut, sing sang sung, sink sank sunk, sit sat sat,
sleep slept slept, slide slid slid, speak spoke spoken, spend spent spent, spin spun spun,
spit spat spat, split split split, spread spread spread, spring sprang sprung, stand stood stood,
steal stole stolen, stick stuck stuck, sting stung stung, strike struck struck, swear swore sworn,
sweep swept swept, swell swelled swollen, swim swam swum, swing swung swung, take took taken,
teach taught taught, tear tore torn, tell told told, think thought thought, throw threw thrown,
understand understood understood, wake woke woken, wear wore worn, weave wove woven, weep wept wept,
win won won, wind wound wound, withdraw withdrew withdrawn, write wrote written
"""
_PARTS = {row.split()[0]: (row.split()[1], row.split()[2]) for row in _IRREGULAR.split(",")}
_PLURALS = {
    "man": "men", "woman": "women", "child": "children", "person": "people", "foot": "feet",
    "tooth": "teeth", "mouse": "mice", "goose": "geese", "sheep": "sheep", "fish": "fish", "deer": "deer",
    "ox": "oxen", "knife": "knives", "life": "lives", "wife": "wives", "leaf": "leaves", "wolf": "wolves",
    "half": "halves", "shelf": "shelves", "thief": "thieves", "loaf": "loaves", "calf": "calves",
    "elf": "elves", "scarf": "scarves", "aircraft": "aircraft", "series": "series", "species": "species",
    "hero": "heroes", "potato": "potatoes", "tomato": "tomatoes", "echo": "echoes", "photo": "photos",
}  # fmt: skip
# Words that have no plural, or are one already.
_UNCOUNTED = frozenset(
    """
    water milk bread butter cheese meat rice sugar salt flour music news advice information love money hair
    luggage furniture traffic weather work help fun health luck snow rain air gold silver iron steel knowledge
    research homework equipment clothing jewellery jewelry makeup food soup tea coffee juice porridge honey
    garlic cabbage software hardware police cattle people anger happiness sadness peace courage evidence
    electricity energy gas oil sand soil grass wood paper glass
    """.split()  # noqa: SIM905 - a list of words
)
_KEEP_LAST = frozenset({"visit", "edit", "open", "listen", "happen", "enter", "offer", "answer"})
_VOWELS = "aeiou"


def _split(text: str) -> tuple[str, str, str]:
    """What comes before the word that bends in a noun phrase, that word, and what follows it."""
    head, joint, rest = text, "", ""
    for preposition in (" of ", " in ", " for ", " on ", " with ", " from ", " to ", " by ", " at "):
        before, found, after = text.partition(preposition)
        if found:
            head, joint, rest = before, found, after
            break
    before, space, word = head.rpartition(" ")
    return before + space, word, joint + rest


@cache
def plural(text: str) -> str:
    """Return the plural of a noun or a noun phrase: ``cup of tea`` is ``cups of tea``."""
    before, word, after = _split(text)
    lower = word.lower()
    if not lower.isalpha() or lower in _UNCOUNTED or _already(lower):
        bent = word
    elif lower in _PLURALS:
        bent = _PLURALS[lower]
    elif lower.endswith(("man",)) and lower not in {"human", "german", "roman"}:
        bent = f"{word[:-3]}men"
    elif lower.endswith(("s", "x", "z", "ch", "sh")):
        bent = f"{word}es"
    elif lower.endswith("y") and lower[-2:-1] not in _VOWELS:
        bent = f"{word[:-1]}ies"
    else:
        bent = f"{word}s"
    return before + bent + after


def _already(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("ss", "us", "is", "as")) and len(word) > 3


def _bend(text: str, change: str) -> str:
    """Bend the first word of a verb phrase: ``take off`` is ``took off``."""
    first, space, rest = text.partition(" ")
    return f"{_verb(first, change)}{space}{rest}"


@cache
def _verb(word: str, change: str) -> str:  # noqa: PLR0911 - one for each rule of spelling
    if not re.fullmatch("[a-z]+", word):
        return word
    if change == "s":
        if word in {"be", "have"}:
            return {"be": "is", "have": "has"}[word]
        if word.endswith(("s", "x", "z", "ch", "sh", "o")):
            return f"{word}es"
        return f"{word[:-1]}ies" if word.endswith("y") and word[-2] not in _VOWELS else f"{word}s"
    if change == "ed" and word in _PARTS:
        return _PARTS[word][0]
    if change == "en" and word in _PARTS:
        return _PARTS[word][1]
    ending = "ing" if change == "ing" else "ed"
    if word.endswith("ie") and ending == "ing":
        return f"{word[:-2]}ying"
    if word.endswith("e") and not word.endswith(("ee", "oe", "ye")):
        return f"{word[:-1]}{ending}"
    if word.endswith("ee") and ending == "ed":
        return f"{word}d"
    if ending == "ed" and word.endswith("y") and word[-2] not in _VOWELS:
        return f"{word[:-1]}ied"
    return f"{word}{word[-1]}{ending}" if _doubles(word) else f"{word}{ending}"


def _doubles(word: str) -> bool:
    """``stop`` is ``stopped``: one short syllable, or one that is stressed at its end."""
    if word in _KEEP_LAST or len(word) < 3:
        return False
    shape = word[-1] not in _VOWELS + "wxy" and word[-2] in _VOWELS and word[-3] not in _VOWELS
    syllables = len(re.findall(r"[aeiouy]+", word))
    return shape and (
        syllables == 1 or word.endswith(("fer", "mit", "gin", "pel", "trol", "cur", "get", "cap"))
    )


def third(text: str) -> str:
    """``take off`` → ``takes off``."""
    return _bend(text, "s")


def past(text: str) -> str:
    """``take off`` → ``took off``."""
    return _bend(text, "ed")


def participle(text: str) -> str:
    """``take off`` → ``taken off``."""
    return _bend(text, "en")


def gerund(text: str) -> str:
    """``take off`` → ``taking off``."""
    return _bend(text, "ing")
