"""Why a video was found: the moments of it that match the query, and the frame that looks most like it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from kadr.core.extraction import Moment, StoredFrames, Vector
from kadr.core.highlights import Highlight, Sought
from kadr.core.modality import Modality
from kadr.core.text import clean

# A viewer looks at two or three lines under a picture.
MOST_MOMENTS = 3

# A moment that shares no word with the query is shown only if it means nearly the same (cosine of
# sentence embeddings; unrelated sentences stay below 0.3).
_LEAST_SIMILARITY = 0.35

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A moment and how well it matches.

    ``text`` and ``translation`` are those of the moment, cleaned: the highlights count in them. ``score`` is
    0…1; ``matched`` says that it is the words that match, and not the meaning alone.
    """

    modality: Modality
    moment: Moment
    score: float
    matched: bool
    text: str
    translation: str
    highlights: tuple[Highlight, ...] = ()
    translation_highlights: tuple[Highlight, ...] = ()


@dataclass(frozen=True, slots=True)
class BestFrame:
    """The frame that looks most like the query: ``time`` in seconds, ``score`` the cosine of the two."""

    time: float
    score: float


@dataclass(frozen=True, slots=True)
class Matched:
    """What of a query a video's texts have: the best moments, at most three, the best first.

    ``share`` (0…1) is the share of the query's words that the video has, in whatever moments.
    """

    moments: tuple[Evidence, ...]
    share: float


def matching_moments(moments: Mapping[Modality, Sequence[Moment]], sought: Sought) -> Matched:
    """Return the moments that have words of the query.

    A moment's score is the weighted share of the query's words that it has; one with a quoted phrase has 1.
    """
    found = []
    everything: frozenset[str] = frozenset()
    for modality, those in moments.items():
        for moment in those:
            own = sought.among(moment.text)
            translated = sought.among(moment.translation)
            if not own and not translated:
                continue
            everything |= own | translated
            score = sought.coverage(own | translated)
            if sought.has_phrase(moment.text, own) or sought.has_phrase(moment.translation, translated):
                score = 1.0
            if score > 0.0:
                found.append((modality, moment, score))
    found.sort(key=lambda each: (-each[2], each[1].start, each[0]))
    return Matched(
        tuple(_highlighted(*each, sought) for each in found[:MOST_MOMENTS]), sought.coverage(everything)
    )


def moments_like(
    candidates: Sequence[tuple[Modality, Moment]], similarity: Callable[[str], float]
) -> tuple[Evidence, ...]:
    """Return the moments that mean nearly what the query means, at most three, the best first.

    ``similarity`` is the cosine of an English text with the query.
    """
    found = []
    for modality, moment in candidates:
        score = similarity(moment.translation or moment.text)
        if score >= _LEAST_SIMILARITY:
            found.append(
                Evidence(
                    modality,
                    moment,
                    min(1.0, score),
                    matched=False,
                    text=clean(moment.text),
                    translation=clean(moment.translation),
                )
            )
    found.sort(key=lambda each: (-each.score, each.moment.start, each.modality))
    return tuple(found[:MOST_MOMENTS])


def best_frames(frames: Mapping[Key, StoredFrames], query: Vector) -> dict[Key, BestFrame]:
    """Return for each video the frame with the largest cosine to ``query`` (d,), the earliest of equals.

    All frames of all videos are one product. A video without frames, or whose frames are of another model's
    dimensions, is not in the answer.
    """
    those = {
        key: each
        for key, each in frames.items()
        if len(each.times) and each.vectors.shape == (len(each.times), len(query))
    }
    if not those:
        return {}
    # 8-bit numbers become float32 first: numpy has no quick product for them.
    stacked = np.concatenate([each.vectors for each in those.values()]).astype(np.float32)
    cosines = stacked @ query.astype(np.float32) / np.float32(StoredFrames.SCALE)
    found = {}
    begin = 0
    for key, each in those.items():
        part = cosines[begin : begin + len(each.times)]
        begin += len(each.times)
        best = int(part.argmax())
        found[key] = BestFrame(float(each.times[best]), float(part[best]))
    return found


def _highlighted(modality: Modality, moment: Moment, score: float, sought: Sought) -> Evidence:
    text, translation = clean(moment.text), clean(moment.translation)
    return Evidence(
        modality,
        moment,
        score,
        matched=True,
        text=text,
        translation=translation,
        highlights=sought.highlights(text, moment.words) if sought.among(text) else (),
        translation_highlights=sought.highlights(translation) if sought.among(translation) else (),
    )
