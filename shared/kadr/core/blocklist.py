"""What is never suggested, though it can be searched for: nobody sees it who did not ask for it."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from kadr.core.text import stem, tokens


@cache
def _listed() -> tuple[frozenset[str], tuple[str, ...], re.Pattern[str]]:
    """Return the stems, the beginnings (with ``*`` in the file), and what is harmless (with ``!``)."""
    text = files("kadr.core").joinpath("data/blocked.txt").read_text(encoding="utf-8")
    entries = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    harmless = "|".join(re.escape(entry[1:]) for entry in entries if entry.startswith("!"))
    return (
        frozenset(stem(entry) for entry in entries if not entry.startswith("!") and not entry.endswith("*")),
        tuple(entry[:-1] for entry in entries if entry.endswith("*")),
        re.compile(rf"(?<!\S)(?:{harmless})(?!\S)"),
    )


def blocked(text: str) -> bool:
    """Return whether a text has a word of the list, in any of its forms."""
    stems, beginnings, harmless = _listed()
    return any(
        part.startswith(beginnings) or stem(part) in stems
        for word in harmless.sub("", " ".join(tokens(text))).split()
        for part in (word, *word.split("-"))
    )
