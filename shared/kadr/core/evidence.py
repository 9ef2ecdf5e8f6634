"""Why a video was found: the moments of it that match the query."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kadr.core.extraction import Moment
from kadr.core.modality import Modality
from kadr.core.text import stems

# A viewer looks at two or three lines under a picture.
_MOST = 3

# A moment that shares no word with the query is shown only if it means nearly the same (cosine of
# sentence embeddings; unrelated sentences stay below 0.3).
_LEAST_SIMILARITY = 0.35


@dataclass(frozen=True, slots=True)
class Evidence:
    """A moment and how well it matches: ``score`` 0…1; ``matched`` says that it shares words."""

    modality: Modality
    moment: Moment
    score: float
    matched: bool


def best_moments(
    moments: Mapping[Modality, Sequence[Moment]],
    words: Sequence[tuple[str, float]],
    *,
    similarity: Callable[[str], float] | None = None,
) -> tuple[Evidence, ...]:
    """Return the moments that match best, at most three, the best first.

    ``words`` are the texts of the query (as typed, translated) with their weights. A moment's score is the
    weighted share of the query's words that it has. ``similarity``, the cosine of a text with the query,
    decides among moments that have none of them.
    """
    found = []
    for modality, those in moments.items():
        for moment in those:
            own = set(stems(moment.text)) | set(stems(moment.translation))
            score = _coverage(words, own)
            if score > 0.0:
                found.append(Evidence(modality, moment, score, matched=True))
    if not found and similarity is not None:
        for modality, those in moments.items():
            for moment in those:
                score = similarity(moment.translation or moment.text)
                if score >= _LEAST_SIMILARITY:
                    found.append(Evidence(modality, moment, min(1.0, score), matched=False))
    found.sort(key=lambda each: (-each.score, each.moment.start, each.modality))
    return tuple(found[:_MOST])


def _coverage(words: Sequence[tuple[str, float]], own: set[str]) -> float:
    """Return the best share, over the query's texts, of its words that the moment has."""
    best = 0.0
    for text, weight in words:
        wanted = set(stems(text, drop_stop_words=True))
        if wanted:
            best = max(best, weight * len(wanted & own) / len(wanted))
    return best
