"""What a Whisper writes that nobody said, and how to tell.

Trained on subtitles, it writes into music, applause and silence what subtitles have there: labels, thanks,
the credits of whoever made them. And a greedy decoder can get caught in a loop.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from kadr.core.extraction import Word
from kadr.core.text import tokens

# Whisper's authors: text that zlib makes this much smaller repeats itself.
_COMPRESSION = 2.4
# The fastest speakers of debating clubs reach 350 words a minute, 5.8 a second, and 12 syllables of about
# 2.5 letters a second. Timestamps may be half a second off.
_WORDS_PER_SECOND, _LETTERS_PER_SECOND, _SLACK = 7.0, 30.0, 0.5
# Slow speech has about 1.5 words a second; windows are speech without the pauses.
_FEW_WORDS_PER_SECOND = 0.5
# What a phrase of courtesy must have to be believed. Silero's mean probability over the samples' voices is
# 0.82 to 0.97, and 0.70 where a rocket drowns one (python -m bench.quality_speech). The other two could not
# be measured without Whisper's weights: half of its authors' limit for silence, and words of which most are
# sure.
_SURE_VOICE, _SURE_TEXT, _SURE_SILENCE = 0.65, 0.6, 0.3
_COURTESIES = 3  # the same one said that often in a video was not said
_LOOPS = {1: 5, 2: 4}  # length of what is repeated, in words, and how often it has to be; longer: 3 times
_LONGEST_LOOP = 12  # words

_PART = re.compile(r"\w+")  # "sous-titres" and "d'Amara" are two
_OPEN, _CLOSE = "[(（【{", "])）】}"
_LABEL = re.compile(
    rf"[{re.escape(_OPEN)}][^{re.escape(_CLOSE)}]*(?:[{re.escape(_CLOSE)}]|$)"  # [music], (applause)
    r"|[♩♪♫♬]+[^♩♪♫♬]*(?:[♩♪♫♬]+|$)"  # ♪ sung ♪
    r"|\*[^*]+\*"  # *laughs*
)
# Subtitles in capitals say what is heard: "ДИНАМИЧНАЯ МУЗЫКА", "APPLAUSE".
_SOUNDS = {
    *("музыка", "аплодисменты", "смех", "шум", "тишина", "пение", "стук", "вздох", "плач", "крик"),
    *("music", "applause", "laughter", "silence", "cheering", "noise", "singing"),
}
# Of people who make subtitles; nobody says these.
_CREDITS = re.compile(
    r"^(?:субтитры (?:сделал|создавал|создал|подогнал|делал|подготовил|и озвучка|добавил|по заказу)"
    r"|(?:редактор|корректор|переводчик) субтитров"
    r"|subtitles? (?:by|made by|created by|provided by)|subtitling by|captions? by|captioning by"
    r"|transcri(?:bed|ption|pt) by|translated by|sous titr(?:es|age)|untertitel(?:ung)?(?: \w+)* "
    r"(?:von|des|im auftrag)|subtitulos|legendas? (?:por|pela))|\bdimatorzok\b|\bamara org\b|\bamaraorg\b"
)
# People do say these, but far less often than a Whisper writes them.
_COURTESY = re.compile(
    r"^(?:(?:so |and |ok |okay |well )?(?:thank you|thanks)(?: (?:very much|so much|all|everyone|guys))*"
    r"(?: for (?:watching|listening|your attention|viewing))?(?: (?:and )?(?:bye|see you.*))?"
    r"|(?:please )?(?:like|subscribe)(?: (?:and|to|like|subscribe|share|the|my|our|this|channel|video))*"
    r"|see you (?:next time|in the next (?:video|one)|again|soon)|bye(?: bye)*|you|the end|to be continued"
    r"|(?:большое )?спасибо(?: (?:большое|вам|всем|за (?:просмотр|внимание|подписку)))*"
    r"|продолжение следует|конец|до (?:свидания|новых встреч|скорых встреч|встречи)|пока(?: пока)*"
    r"|(?:подписывайтесь|подпишитесь|подписывайся)(?: на (?:наш |мой )?канал)?"
    r"(?: (?:и )?ставьте лайки?)?|ставьте лайки?(?: (?:и )?подписывайтесь(?: на (?:наш |мой )?канал)?)?"
    r"|всем (?:пока|спасибо)|с вами был\w*(?: \w+){0,2}"
    r"|ご視聴ありがとうございました|감사합니다|谢谢(?:观看|大家)?)$"
)


@dataclass(frozen=True, slots=True)
class Said:
    """One segment: seconds from the beginning of the window, text, confidence 0…1.

    ``words`` have the window's time, too, and keep the space before them: joined they are the text. A
    translation has none, nor has what was transcribed without times. ``no_speech`` is how probable the model
    finds that nobody speaks there.
    """

    start: float
    end: float
    text: str
    confidence: float
    no_speech: float = 0.0
    words: tuple[Word, ...] = ()


class Voice(Protocol):
    """What voice activity detection tells of the window in which something was said."""

    @property
    def seconds(self) -> float:
        """How long it is."""

    @property
    def probability(self) -> float:
        """How sure it is that somebody speaks, 0…1."""


def plausible(segments: Sequence[Said], window: Voice) -> list[Said | None]:
    """Return each segment of one window as somebody may have said it, or ``None``.

    Labels are taken out, loops cut to what they repeat. Text that nobody can say in its time, that repeats
    itself, credits of subtitles, and courtesies without a clear voice under them are dropped.
    """
    kept = _unrepeated([_readable(said) for said in segments])
    words = sum(len(said.words) for said in kept if said is not None)
    sparse = words < _FEW_WORDS_PER_SECOND * window.seconds
    return [
        None
        if said is None
        or _too_fast(said)
        or compression(said.text) > _COMPRESSION
        or (kind := formula(said.text)) == "credit"
        or (kind == "courtesy" and (sparse or not _certain(said, window)))
        else said
        for said in kept
    ]


def worn_out(texts: Sequence[str]) -> list[bool]:
    """Return which texts of a video are a courtesy that it would say too often."""
    plain = [tokens(text) if formula(text) == "courtesy" else () for text in texts]
    counts = Counter(plain)
    return [bool(text) and counts[text] >= _COURTESIES for text in plain]


def clean(text: str) -> str:
    """Return a translation without labels and loops; "" if it still repeats itself or is a credit."""
    said = _readable(Said(0.0, 0.0, text, 1.0))
    if said is None or compression(said.text) > _COMPRESSION or formula(said.text) == "credit":
        return ""
    return said.text


def formula(text: str) -> str:
    """Return "credit", "courtesy", or "" for what is neither."""
    plain = " ".join(_PART.findall(" ".join(tokens(text))))
    if _CREDITS.search(plain):
        return "credit"
    return "courtesy" if _COURTESY.match(plain) else ""


def compression(text: str) -> float:
    """Return how many times smaller zlib makes a text: about 1 for a sentence, large for a loop."""
    encoded = text.encode()
    return len(encoded) / len(zlib.compress(encoded)) if encoded else 0.0


def _readable(said: Said) -> Said | None:
    words = _without_loops(_without_labels(said.words or _split(said)))
    text = "".join(word.text for word in words).strip()
    if not tokens(text) or _names_a_sound(text):
        return None
    return replace(said, text=text, words=tuple(words))


def _without_labels(words: Sequence[Word]) -> list[Word]:
    whole = "".join(word.text for word in words)
    labels = [match.span() for match in _LABEL.finditer(whole)]
    kept, at = [], 0
    for word in words:
        start, at = at + len(word.text) - len(word.text.lstrip()), at + len(word.text)
        if not any(first < at and start < last for first, last in labels):
            kept.append(word)
    return kept


def _names_a_sound(text: str) -> bool:
    return text.upper() == text and not _SOUNDS.isdisjoint(tokens(text))


def _without_loops(words: Sequence[Word]) -> list[Word]:
    """Keep one of what is said over and over."""
    plain = [" ".join(tokens(word.text)) for word in words]
    kept: list[Word] = []
    at = 0
    while at < len(words):
        for length in range(1, _LONGEST_LOOP + 1):
            pattern = plain[at : at + length]
            times = 1
            while plain[at + times * length : at + (times + 1) * length] == pattern:
                times += 1
            if times >= _LOOPS.get(length, 3) and len(pattern) == length:
                kept.extend(words[at : at + length])
                at += times * length
                # The last round may have been cut off.
                while pattern and at < len(words) and plain[at] == pattern[0]:
                    at, pattern = at + 1, pattern[1:]
                break
        else:
            kept.append(words[at])
            at += 1
    return kept


def _unrepeated(segments: Sequence[Said | None]) -> list[Said | None]:
    """Drop all but the first of three or more equal segments in a row."""
    kept = list(segments)
    start = 0
    for end in range(1, len(kept) + 1):
        same = end < len(kept) and _plain(segments[end]) == _plain(segments[start])
        if not same:
            if end - start >= 3:
                kept[start + 1 : end] = [None] * (end - start - 1)
            start = end
    return kept


def _plain(said: Said | None) -> tuple[str, ...]:
    return tokens(said.text) if said is not None else ()


def _too_fast(said: Said) -> bool:
    seconds = said.end - said.start + _SLACK
    letters = sum(letter.isalnum() for letter in said.text)
    return letters > _LETTERS_PER_SECOND * seconds or len(said.text.split()) > _WORDS_PER_SECOND * seconds


def _certain(said: Said, window: Voice) -> bool:
    return (
        window.probability >= _SURE_VOICE
        and said.confidence >= _SURE_TEXT
        and said.no_speech <= _SURE_SILENCE
    )


def _split(said: Said) -> tuple[Word, ...]:
    """Return the words of a text whose words have no times of their own."""
    return tuple(Word(part, said.start, said.end) for part in re.findall(r"\s*\S+", said.text))
