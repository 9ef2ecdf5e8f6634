"""Glossaries as files: what a team keeps in a spreadsheet, as tab-separated text.

``russian<TAB>english|alternative<TAB>kind``, one entry a line. The kind is ``term`` (the default: kept
through a neural translator) or ``word`` (an ordinary word, used where there is no better translation). No
English: a word that English leaves out. Lines that begin with ``#`` are comments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kadr.core.errors import GlossaryError
from kadr.core.glossary import Entry
from kadr.core.text import clean, fold, script

KINDS = {"term": True, "word": False}
# A longer phrase is a sentence, and no query has it.
LONGEST_SOURCE = 100
LONGEST_TARGET = 300


@dataclass(frozen=True, slots=True)
class Difference:
    """What an import would do."""

    added: tuple[Entry, ...]
    changed: tuple[tuple[Entry, Entry], ...]  # before, after
    removed: tuple[Entry, ...]
    same: int


def entry(source: str, targets: Iterable[str], *, kind: str = "term") -> Entry:
    """Return a valid entry.

    Raises:
        ValueError: with what is wrong, in words.
    """
    key = fold(source)
    kept = tuple(dict.fromkeys(target for target in map(clean, targets) if target))
    if not key:
        raise ValueError("there is no Russian word or phrase")
    if script(key) not in {"cyrillic", "mixed"}:
        raise ValueError(f"{source!r} has no Russian letters: the Russian comes first, then the English")
    if len(key) > LONGEST_SOURCE or sum(map(len, kept)) > LONGEST_TARGET:
        raise ValueError(
            f"it is too long: {LONGEST_SOURCE} characters of Russian and {LONGEST_TARGET} of English at most"
        )
    russian = next((target for target in kept if script(target) in {"cyrillic", "mixed"}), None)
    if russian is not None:
        raise ValueError(f"the translation {russian!r} has Russian letters")
    if any("|" in target or "\t" in target for target in kept):
        raise ValueError("a translation cannot contain '|' or a tab")
    if kind not in KINDS:
        raise ValueError(f"the kind {kind!r} is neither 'term' nor 'word'")
    return Entry(key, kept, term=KINDS[kind])


def kind_of(each: Entry) -> str:
    """Return ``term`` or ``word``."""
    return "term" if each.term else "word"


def read(text: str) -> tuple[Entry, ...]:
    """Return the entries of a file.

    Raises:
        GlossaryError: with every line that is wrong, by its number.
    """
    entries: dict[str, tuple[int, Entry]] = {}
    problems: list[str] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("\t")]
        if not 2 <= len(fields) <= 3:
            problems.append(
                f"line {number}: expected russian<TAB>english[<TAB>kind], got {len(fields)} fields"
            )
            continue
        try:
            found = entry(
                fields[0], fields[1].split("|"), kind=(fields[2] if len(fields) > 2 else "") or "term"
            )
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            continue
        if found.source in entries:
            problems.append(f"line {number}: {fields[0]!r} is in line {entries[found.source][0]} already")
        else:
            entries[found.source] = (number, found)
    if problems:
        raise GlossaryError(problems)
    return tuple(found for _, found in entries.values())


def write(entries: Iterable[Entry]) -> str:
    """Return a file with the entries, by their Russian: :func:`read` of it gives the same."""
    ordered = sorted(entries, key=lambda each: each.source)
    return "".join(f"{each.source}\t{'|'.join(each.targets)}\t{kind_of(each)}\n" for each in ordered)


def compare(now: Iterable[Entry], new: Iterable[Entry], *, replace: bool = False) -> Difference:
    """Return what putting ``new`` into ``now`` changes; with ``replace``, what is not in it goes."""
    before: Mapping[str, Entry] = {each.source: each for each in now}
    after = {each.source: each for each in new}
    return Difference(
        added=tuple(each for source, each in after.items() if source not in before),
        changed=tuple(
            (before[source], each)
            for source, each in after.items()
            if source in before and before[source] != each
        ),
        removed=tuple(each for source, each in before.items() if replace and source not in after),
        same=sum(before.get(source) == each for source, each in after.items()),
    )
