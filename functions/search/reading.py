"""A query as search works with it: its syntax taken out, the rest understood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kadr.core.errors import EmptyQueryError
from kadr.core.query import Understood
from kadr.core.search_syntax import SearchText, parse_search
from kadr.core.text import fold, language, stems, tokens
from kadr.core.words import ORIGINAL_WEIGHT, query_words, token_id
from kadr.ports.search import ExactWords


@dataclass(frozen=True, slots=True)
class Reading:
    """What a query asks for.

    ``query`` is for people: its texts have the syntax in them, as it could be typed again. ``english`` is
    what the query means; nothing else is embedded.
    """

    asked: SearchText
    query: Understood
    english: str

    def words(self, weight: float) -> ExactWords | None:
        """Return the words to look up, ``None`` where there are none."""
        vector = query_words(self.query.words)
        if not vector.indices:
            return None
        wanted = set(vector.indices)
        every = dict.fromkeys(stem for text, _ in self.query.words for stem in stems(text))
        return ExactWords(vector, weight, tuple(stem for stem in every if token_id(stem) in wanted))


def read(text: str, understand: Callable[[str], Understood], translate: Callable[[str], str]) -> Reading:
    """Take a query apart and have its open words understood.

    Quoted words are looked up as they stand, neither repaired nor translated. What they mean is part of what
    the query means, so for the embedding alone they are put into English: ``translate`` does that, and
    repairs nothing.

    Raises:
        EmptyQueryError: there is nothing to look for.
    """
    asked = parse_search(text)
    if asked.excluded and not asked.phrases and not tokens(asked.open):
        raise EmptyQueryError("this query only says what is not wanted: type what to look for, too")
    found = understand(asked.open)
    if asked.plain:
        if not tokens(found.corrected):
            raise EmptyQueryError("there is nothing to look for in this query: type a word or two")
        return Reading(asked, found, found.translated)
    corrected = asked.written(found.corrected) if found.corrected != asked.open else asked.typed
    same = fold(found.translated) == fold(found.corrected)
    query = replace(
        found,
        original=asked.typed,
        corrected=corrected,
        translated=corrected if same else asked.written(found.translated),
        language=found.language if tokens(asked.open) else language(" ".join(asked.phrases)),
        words=(*found.words, *((each, ORIGINAL_WEIGHT) for each in asked.phrases)),
    )
    meant = (found.translated, *(translate(each) for each in asked.phrases))
    return Reading(asked, query, " ".join(filter(None, meant)))
