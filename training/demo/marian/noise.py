"""What people do to words: slips of the finger, spelling by ear, words written together."""

from __future__ import annotations

import random

from training.translator.pairs import Pair

_KEYS = ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю")
_NEIGHBOURS = {
    key: row[max(0, place - 1) : place] + row[place + 1 : place + 2]
    for row in _KEYS
    for place, key in enumerate(row)
}
# What sounds alike where no stress falls on it, or at the end of a word.
_BY_EAR = (
    ("о", "а"), ("а", "о"), ("е", "и"), ("и", "е"), ("тся", "ться"), ("ться", "тся"), ("жи", "жы"),
    ("ши", "шы"), ("чн", "шн"), ("сч", "щ"), ("зд", "сд"), ("ого", "ова"), ("его", "ева"), ("нн", "н"),
    ("сс", "с"), ("ь", ""), ("э", "е"), ("я", "е"), ("в", "ф"), ("д", "т"), ("з", "с"),
)  # fmt: skip
_SPOILT, _TOGETHER, _TAG, _ENDED = 0.05, 0.04, 0.02, 0.08


def spoil(word: str, chance: random.Random) -> str:  # noqa: PLR0911 - one for each kind of mistake
    """Return a word of four letters or more with one mistake in it."""
    if len(word) < 4:
        return word
    place = chance.randrange(1, len(word))
    match chance.randrange(5):
        case 0:
            return word[:place] + word[place + 1 :]
        case 1:
            return word[:place] + word[place - 1] + word[place:]
        case 2:
            return word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :]
        case 3 if near := _NEIGHBOURS.get(word[place], ""):
            return word[:place] + chance.choice(near) + word[place + 1 :]
    heard = [(one, other) for one, other in _BY_EAR if one in word[1:]]
    if not heard:
        return word
    one, other = chance.choice(heard)
    return word[0] + word[1:].replace(one, other, 1)


def noisy(pair: Pair, chance: random.Random) -> Pair:
    """Return a pair as somebody might have typed it; the English stays right."""
    source, target = pair.source, pair.target
    if "ё" in source and chance.random() < 0.7:
        source = source.replace("ё", "е")
    if chance.random() < _SPOILT:
        words = source.split(" ")
        place = chance.randrange(len(words))
        if not words[place].isascii():
            words[place] = spoil(words[place], chance)
        source = " ".join(words)
    words = source.split(" ")
    draw = chance.random()
    if draw < _TOGETHER and 1 < len(words) <= 3 and not any(word.isascii() for word in words):
        source = "".join(words)
    if draw < _TAG or chance.random() < _TAG / 2:
        source = f"#{source}"
    elif chance.random() < _ENDED:
        end = chance.choice(".!?")
        source, target = source + end, target + end
    return Pair(source, target)
