"""Exact words: BM25 as a dot product of two sparse vectors.

BM25 scores a document for a query as a sum over the query's words of ``idf · saturated tf``. The saturated
term frequency depends on the document only, so it is the document's value; the query's value is the
weight of the word; the inverse document frequency changes with every upload, so the index multiplies it in
(Qdrant's IDF modifier). Formula: Robertson and Zaragoza, *The Probabilistic Relevance Framework: BM25 and
Beyond*, 2009.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from kadr.core.extraction import Moment
from kadr.core.modality import Modality
from kadr.core.text import STOP_WORDS, stems, tokens

# The usual saturation: the second mention of a word adds less than half of what the first did.
K1 = 1.2
# Less than the usual 0.75: lengths differ because some videos have speech and others three words on screen,
# and those three are not to beat the same words said in a talk by as much as a title would beat a book.
B = 0.5
# What a typical video of 30 s says and shows, in words: people speak about 2.2 words a second for some two
# thirds of it (45), some 15 are on screen, and speech or screen text counts again in translation (~60).
AVERAGE_LENGTH = 120.0

ORIGINAL_WEIGHT = 1.0
# A translated word may be the wrong one: it counts, but not as much as what was said or typed.
TRANSLATION_WEIGHT = 0.7


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Token ids and weights; ids are unique and ascending, below 2³²."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@lru_cache(maxsize=131_072)
def token_id(stem: str) -> int:
    """Return the id of a stem: 32 bits of its BLAKE2b digest, the same on every machine and for ever.

    Qdrant's sparse indices are 32 bits wide. Among 500,000 different stems a given word of a query shares
    its id with another one with a probability of 500,000 / 2³² ≈ 0.0001: rarer than a misspelling, and
    what it costs is one foreign match. A table of ids would have to be kept in step by every writer.
    """
    return int.from_bytes(blake2b(stem.encode(), digest_size=4).digest(), "big")


def _vector(weights: dict[int, float]) -> SparseVector:
    ordered = sorted(weights.items())
    return SparseVector(tuple(index for index, _ in ordered), tuple(value for _, value in ordered))


def document_words(weighted_texts: Sequence[tuple[str, float]]) -> SparseVector:
    """Return the words of a document: saturated term frequencies, 0 < value < K1 + 1.

    A text's weight counts its words as that many: 1 for what is said or shown, less for translations.
    Stop words are kept, because a query may consist of nothing else. No text: an empty vector.
    """
    frequencies: dict[int, float] = defaultdict(float)
    length = 0.0
    for text, weight in weighted_texts:
        if weight <= 0:
            continue
        for stem in stems(text):
            frequencies[token_id(stem)] += weight
            length += weight
    norm = K1 * (1 - B + B * length / AVERAGE_LENGTH)
    return _vector({index: tf * (K1 + 1) / (tf + norm) for index, tf in frequencies.items()})


def video_words(moments: Mapping[Modality, Sequence[Moment]]) -> SparseVector:
    """Return the words of a video: what is shown and said counts as much as it is trusted, English less."""
    return document_words(
        [
            (text, weight * moment.confidence)
            for found in moments.values()
            for moment in found
            for text, weight in ((moment.text, ORIGINAL_WEIGHT), (moment.translation, TRANSLATION_WEIGHT))
        ]
    )


def query_words(weighted_texts: Sequence[tuple[str, float]]) -> SparseVector:
    """Return the words of a query with their weights.

    A word of several texts (the query, its translation) has the weight of the heaviest one, however often
    it is said. Stop words are left out, unless there is nothing else in all of the texts.
    """
    weighted = [(text, weight) for text, weight in weighted_texts if weight > 0]
    content = [(text, weight) for text, weight in weighted if _has_content(text)]
    weights: dict[int, float] = {}
    for text, weight in content or weighted:
        for stem in stems(text, drop_stop_words=True):
            index = token_id(stem)
            weights[index] = max(weights.get(index, 0.0), weight)
    return _vector(weights)


def _has_content(text: str) -> bool:
    return any(token not in STOP_WORDS for token in tokens(text))
