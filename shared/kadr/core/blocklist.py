"""What is never suggested, though it can be searched for: nobody sees it who did not ask for it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from kadr.core.text import stem, tokens


@cache
def _listed() -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the stems, and the beginnings (with ``*`` in the file)."""
    text = files("kadr.core").joinpath("data/blocked.txt").read_text(encoding="utf-8")
    entries = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return (
        frozenset(stem(entry) for entry in entries if not entry.endswith("*")),
        tuple(entry[:-1] for entry in entries if entry.endswith("*")),
    )


def blocked(text: str) -> bool:
    """Return whether a text has a word of the list, in any of its forms."""
    stems, beginnings = _listed()
    return any(
        part.startswith(beginnings) or stem(part) in stems
        for word in tokens(text)
        for part in (word, *word.split("-"))
    )
