"""What a query says about itself: ``"quoted phrases"`` that have to be there, ``-words`` that must not.

Quotes are straight (``"…"``), Russian (``«…»``) or typographic (``“…”``, ``„…“``), because keyboards of
phones choose for people. What does not follow the rules is text like any other: a quote that is never closed,
a dash inside a word or beside a space, a minus before a number, phrases beyond the first :data:`MOST`.
Exclusions beyond as many are left out. Nothing that can be typed is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kadr.core.phrases import phrase
from kadr.core.text import clean

# Each is translated by itself, and is a condition for the index.
MOST = 8
# Which sign closes what another one opens.
_CLOSES = {'"': '"', "«": "»", "“": "”“", "„": "“”"}
# A quote opens at the beginning of a word and closes at the end of one: 55" is a size, and "njn is the
# Russian "Этот" on the other keyboard layout.
_QUOTED = "|".join(rf"{opens}(?!\s)[^{opens}{closes}]*(?<!\s)[{closes}]" for opens, closes in _CLOSES.items())
_BEGINS, _ENDS = r"(?<![\w\-‐−])", r"(?!\w)"
_DASH = "[-‐−]"  # hyphen, its typographic form, minus; – and — are punctuation between words
_PART = re.compile(
    rf"(?:(?<!\S){_DASH}(?P<without>{_QUOTED}){_ENDS}"
    rf"|(?<!\S){_DASH}(?P<word>[#@]?[^\W\d_][^\s\"«»“”„]*)"  # -30 is a temperature
    rf"|{_BEGINS}(?P<phrase>{_QUOTED}){_ENDS})"
)


@dataclass(frozen=True, slots=True)
class SearchText:
    """A query, taken apart.

    ``typed`` is the whole of it, cleaned. ``open`` is what may be repaired and translated. ``phrases`` have
    to be there and ``excluded`` must not, both as they were typed, without their signs, each once.
    """

    typed: str
    open: str
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether there is no syntax in it: all of it is text."""
        return not self.phrases and not self.excluded

    def written(self, text: str) -> str:
        """Return the query as somebody would type it whose open text is ``text``."""
        return " ".join(
            (
                *filter(None, [text]),
                *(f'"{each}"' for each in self.phrases),
                *(f"-{each}" if len(each.split()) == 1 else f'-"{each}"' for each in self.excluded),
            )
        )


def parse_search(query: str) -> SearchText:
    """Take a query apart. Pure, never fails; without syntax ``open`` is the cleaned query itself."""
    typed = clean(query)
    phrases: dict[str, str] = {}
    excluded: dict[str, str] = {}
    rest: list[str] = []
    end = 0
    for match in _PART.finditer(typed):
        required = match["phrase"]
        text = clean((required or match["without"] or f" {match['word']} ")[1:-1])
        form = phrase(text)
        if not form and match["word"]:
            continue  # nothing to exclude by: leave it as it stands
        rest.append(typed[end : match.start()])
        into = phrases if required else excluded
        if form and (form in into or len(into) < MOST):
            into.setdefault(form, text)
        elif form and required:
            rest.append(text)
        end = match.end()
    if not end:
        return SearchText(typed, typed)
    rest.append(typed[end:])
    return SearchText(typed, clean(" ".join(rest)), tuple(phrases.values()), tuple(excluded.values()))
