"""What the score of a hit is made of.

A score is a sum (:mod:`kadr.core.fusion`): ``e_m · w_m · z_m`` of each modality, and the part of the exact
words. The index returns the sum alone, and counts with vectors of 8 bits; here it is taken apart again.
"""

from __future__ import annotations

from collections.abc import Mapping

from kadr.core.fusion import Calibration
from kadr.core.modality import Modality

WORDS = "words"

# Digits behind the point, of parts and sum alike.
DIGITS = 4


def contributions(
    score: float,
    *,
    weights: Mapping[Modality, float],
    cosines: Mapping[Modality, float],
    words: float | None,
    visual: Calibration,
    text: Calibration,
    emphasis: float = 1.0,
) -> dict[str, float]:
    """Return how much of a hit's score comes from each modality, and from ``"words"``; they sum to it.

    ``weights`` are those of the video, ``cosines`` those of its named vectors with the query: of modalities
    that the query asks for, and the video has. ``words`` is what its exact words add, ``None`` where none
    match.
    The parts are negative where a modality is less like the query than unrelated ones are.

    The sum is the score to ``DIGITS`` digits. What parts and score differ by, because the index counts in
    8 bits, is divided in proportion to the weights. A video that only one half of the search proposed was
    scored by that half alone; then the other half has no part.
    """
    parts = {}
    for modality, cosine in cosines.items():
        weight = weights.get(modality, 0.0)
        if weight:
            by = visual if modality is Modality.VISUAL else text
            factor = emphasis if modality is Modality.VISUAL else 1.0
            parts[str(modality)] = factor * weight * (cosine - by.mean) / by.deviation
    alone = {} if words is None else {WORDS: words}
    # Which of the two was counted: both, if it explains the score as well.
    halves = [each for each in ({**parts, **alone}, parts, alone) if each]
    if not halves:
        return {}
    counted = min(halves, key=lambda each: abs(score - sum(each.values())))
    rest = score - sum(counted.values())
    # BM25 is counted exactly: what is rounded is the vectors.
    rounded = {name: weights[Modality(name)] for name in counted if name != WORDS} or {WORDS: 1.0}
    total = sum(rounded.values())
    whole = {
        name: round(value + rest * rounded.get(name, 0.0) / total, DIGITS) for name, value in counted.items()
    }
    # Rounding each of them may leave a last digit over.
    largest = max(whole, key=lambda name: abs(whole[name]))
    whole[largest] = round(whole[largest] + round(score, DIGITS) - sum(whole.values()), DIGITS)
    return whole
