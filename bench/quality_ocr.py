"""How well text on screen is read.

The share of characters that are wrong (CER), the share of words found, and words that were read where nothing
of the kind is written. A written line counts as read where a moment overlaps it in time; its CER is the edit
distance to the best matching stretch of such a moment. Case, punctuation and ё/е do not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kadr.core.extraction import Moment
from kadr.core.text import tokens

COUNTS = ("characters", "wrong", "words", "found", "spurious")


def stretch_distance(written: str, read: str) -> int:
    """Return the least edit distance between ``written`` and any stretch of ``read``."""
    row = np.zeros(len(read) + 1, np.int64)  # a stretch may begin anywhere
    steps = np.arange(len(read) + 1)
    for index, letter in enumerate(written, 1):
        new = np.empty_like(row)
        new[0] = index
        new[1:] = np.minimum(row[1:] + 1, row[:-1] + [letter != other for other in read])
        # insertions run along the row: the least of every cell to the left, and the way from there
        row = np.minimum.accumulate(new - steps) + steps
    return int(row.min())


def measure(clip: Mapping[str, Any], found: Sequence[Moment]) -> dict[str, float]:
    """Return characters, wrong ones, words, found ones, and spurious words of one clip."""
    result = dict.fromkeys(COUNTS, 0.0)
    readable = [line for line in clip["lines"] if line["legible"] or line["motion"] == "crawl"]
    all_read = Counter(word for segment in found for word in set(tokens(segment.text)))
    for line in readable:
        written = " ".join(tokens(line["text"]))
        near = [s for s in found if s.start < line["end"] and s.end > line["start"]]
        distances = [stretch_distance(written, " ".join(tokens(s.text))) for s in near]
        result["characters"] += len(written)
        result["wrong"] += min([len(written), *distances])
        words = written.split()
        read = Counter(word for s in near for word in tokens(s.text))
        result["words"] += len(words)
        result["found"] += sum(min(count, read[word]) for word, count in Counter(words).items())
    known = {word for line in clip["lines"] for word in tokens(line["text"])}
    result["spurious"] = sum(count for word, count in all_read.items() if word not in known)
    return result


def rates(counts: Mapping[str, float]) -> dict[str, float]:
    """Return the character error rate and the coverage of words, 0…1."""
    return {
        "cer": counts["wrong"] / max(counts["characters"], 1),
        "coverage": counts["found"] / max(counts["words"], 1),
    }
