"""Which phrases are suggested, and how popular each is: queries, names and what videos contain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log2

from kadr.core.blocklist import blocked
from kadr.core.suggestions import MOST_WORDS, Phrase, Source
from kadr.core.terms import LONGEST_PHRASE, Key, Text, Usual, captions, terms, usable
from kadr.core.text import clean, script, tokens

MOST_PHRASES = 100_000
# What only one or two people have asked may be about themselves: it is not shown to others.
LEAST_USERS = 3
# Popularity is counted in videos. One person who asks for something is worth more than one that says it.
_PER_USER = 8.0
# A name that a team has given to a theme or a person stands for many videos.
_NAMED = 16.0
# How long a number in a query may be before it looks like somebody's telephone or card.
_LONGEST_NUMBER = 5


@dataclass(frozen=True)
class Content:
    """What a dictionary is made of. ``queries`` are counted in different users."""

    queries: Mapping[str, int] = field(default_factory=dict)
    themes: Collection[str] = ()
    people: Collection[str] = ()
    texts: Sequence[Text] = ()


def phrases(content: Content, *, most: int = MOST_PHRASES, usual: Usual | None = None) -> list[Phrase]:
    """Return the most popular phrases, heaviest first.

    ``usual`` tells which words are too usual for a video to be about them.

    A phrase that several sources have is listed once, with the sum of their popularity and the source that
    gives most of it.
    """
    found: dict[Key, list[tuple[float, Source, str]]] = {}
    known = usual or (lambda _: 0.0)

    def add(key: Key, text: str, popularity: float, source: Source) -> None:
        if key:
            found.setdefault(key, []).append((popularity, source, text))

    for query, users in content.queries.items():
        if users >= LEAST_USERS and _may_be_shown(query):
            add(tokens(query), clean(query).lower(), users * _PER_USER, Source.QUERY)
    for source, names in ((Source.THEME, content.themes), (Source.PERSON, content.people)):
        for name in names:
            add(tokens(name), clean(name), _NAMED, source)
    for source, things in (
        (Source.CAPTION, captions(content.texts, usual=known)),
        (Source.TERM, terms(content.texts, usual=known)),
    ):
        for key, each in things.items():
            add(key, each.text, each.worth, source)

    made = []
    for sources in found.values():
        _, source, text = max(sources, key=lambda each: each[0])
        popularity = sum(each[0] for each in sources)
        made.append(Phrase(text, source, 1 + log2(1 + popularity)))
    made.sort(key=lambda phrase: phrase.order)
    kept = (each for each in made if not blocked(each.text))
    return [each for each, _ in zip(kept, range(most), strict=False)]


def _may_be_shown(query: str) -> bool:
    """Return whether a query is one that others may have, too: no addresses, numbers, or letters."""
    key = tokens(query)
    return (
        usable(key)
        and len(key) <= MOST_WORDS
        and len(query) <= LONGEST_PHRASE
        and not {"@", "/", "\\"} & set(query)
        and not any(script(word) == "digit" and len(word) > _LONGEST_NUMBER for word in _joined(key))
    )


def _joined(key: Iterable[str]) -> list[str]:
    """Return the words with neighbouring numbers put together: 8 912 345 is one number."""
    joined: list[str] = []
    for word in key:
        number = word.replace("-", "")
        if number.isdigit() and joined and joined[-1].isdigit():
            joined[-1] += number
        else:
            joined.append(number if number.isdigit() else word)
    return joined
