"""Pairs of Russian and English: reading them, and holding some out so that nothing leaks."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

from kadr.core.errors import PermanentError
from kadr.core.text import clean, fold, tokens

Lemmas = Callable[[str], tuple[str, ...]]

# A source has as many keys as its words have readings; of a long one with many, the likeliest will do.
_MOST_KEYS = 16


class PairsRefusedError(PermanentError):
    """A file of pairs is not one."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A Russian text and its English."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Split:
    """What is learnt from, and what is evaluated with."""

    learn: tuple[Pair, ...]
    held_out: tuple[Pair, ...]


def read(path: Path) -> tuple[Pair, ...]:
    """Return the pairs of a file of lines ``russian<TAB>english`` (UTF-8), each once, in its order.

    Empty lines and lines that begin with ``#`` are passed over. Of alternatives after ``|``, as a glossary
    has them, the first is taken.

    Raises:
        PairsRefusedError: a line has no tab or nothing on one side of it, or there is no pair at all.
    """
    pairs: dict[Pair, None] = {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PairsRefusedError(f"{path} is not UTF-8: {error}") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        source, _, target = line.partition("\t")
        pair = Pair(clean(source), clean(target.split("\t")[0].split("|")[0]))
        if not pair.source or not pair.target:
            raise PairsRefusedError(f"{path}, line {number}: expected russian<TAB>english, got {line!r}")
        pairs[pair] = None
    if not pairs:
        raise PairsRefusedError(f"{path} has no pairs")
    return tuple(pairs)


def split(
    pairs: Iterable[Pair],
    lemmas: Lemmas,
    *,
    held_out: int,
    seed: int,
    learn: int | None = None,
    taught: Iterable[Pair] = (),
) -> Split:
    """Hold ``held_out`` pairs out, at random, and return at most ``learn`` others to learn from.

    No source that is held out equals one of the others or of ``taught``, and none may be the same in
    dictionary forms (``коты`` and ``кота``), in any reading of its words: such sources stay together.
    """
    pairs, taught = list(dict.fromkeys(pairs)), list(taught)
    group_of = _groups([pair.source for pair in (*pairs, *taught)], lemmas)
    closed = set(group_of[len(pairs) :])
    groups: dict[int, list[Pair]] = defaultdict(list)
    for pair, group in zip(pairs, group_of, strict=False):
        groups[group].append(pair)
    # Not for secrets; the same split for the same seed.
    chance = random.Random(seed)  # noqa: S311
    order = sorted(groups)
    chance.shuffle(order)
    out: list[Pair] = []
    rest: list[Pair] = []
    for group in order:
        if group not in closed and len(out) + len(groups[group]) <= held_out:
            out += groups[group]
        else:
            rest += groups[group]
    chance.shuffle(rest)
    return Split(tuple(rest[:learn]), tuple(out))


def keys(source: str, lemmas: Lemmas) -> set[str]:
    """Return what two sources share if they may be the same apart from inflection."""
    found = tokens(source)
    readings = islice(product(*((lemmas(word) or (word,)) for word in found)), _MOST_KEYS)
    return {fold(source), *(" ".join(reading) for reading in readings)}


def _groups(sources: Sequence[str], lemmas: Lemmas) -> list[int]:
    """Return a number for each source; those with a key in common have the same."""
    parent = list(range(len(sources)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = place = parent[parent[place]]
        return place

    first: dict[str, int] = {}
    for place, source in enumerate(sources):
        for key in sorted(keys(source, lemmas)):
            parent[root(place)] = root(first.setdefault(key, place))
    return [root(place) for place in range(len(sources))]
