"""Capital letters that say nothing: a query typed with Caps Lock on."""

from __future__ import annotations

# A single word of so many capitals may be an abbreviation (НАСА, ЮНЕСКО).
_LONGEST_ABBREVIATION = 6
# Up to so many letters every word may be one: iOS, eSIM, США
_BRAND = 4


def calm_capitals(query: str) -> str:
    """Return a query that is all in capitals, or has them the wrong way round (``кАК``), in small letters.

    Search does not tell capitals from small letters, but a translator does. Abbreviations stay as they are.
    """
    chunks = query.split()
    capitals = [chunk for chunk in chunks if chunk.isupper()]
    inverted = [chunk for chunk in chunks if len(chunk) > 1 and chunk[0].islower() and chunk[1:].isupper()]
    if len(inverted) + len(capitals) < len([chunk for chunk in chunks if any(map(str.isalpha, chunk))]):
        return query
    if not any(len(chunk) > _BRAND for chunk in (*capitals, *inverted)):
        return query
    abbreviation = len(chunks) == 1 and not inverted and len(query) <= _LONGEST_ABBREVIATION
    return query if abbreviation or not chunks else query.lower()
