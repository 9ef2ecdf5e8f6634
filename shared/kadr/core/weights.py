"""How much each modality of a video counts.

The weights depend on the video only, never on the query, so they can be folded into its vector
(:mod:`kadr.core.fusion`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from kadr.core.extraction import Moment
from kadr.core.modality import Modality

# The modalities that a query is compared with. Faces are filtered by, not ranked by.
RANKED = (Modality.VISUAL, Modality.OCR, Modality.SPEECH)

# Recognised words after which text has 63 % of the say that it can have: two short captions.
_WORDS_SCALE = 8.0


def word_count(moments: Sequence[Moment]) -> float:
    """Return the number of words, each counted as much as the recogniser trusts it."""
    return sum(len(moment.text.split()) * min(1.0, max(0.0, moment.confidence)) for moment in moments)


def weights(*, has_visual: bool, words: Mapping[Modality, float]) -> dict[Modality, float]:
    """Return the weight of each present modality; they sum to 1.

    ``words`` are confidence-weighted word counts of OCR and speech. A modality that is absent is not in the
    answer. More words never weigh less: the evidence of text is ``1 − exp(−words / 8)``, that of pictures
    is 1.
    """
    evidence = {Modality.VISUAL: 1.0} if has_visual else {}
    for modality in (Modality.OCR, Modality.SPEECH):
        value = -math.expm1(-words.get(modality, 0.0) / _WORDS_SCALE)
        if value > 0.0:
            evidence[modality] = value
    total = sum(evidence.values())
    return {modality: value / total for modality, value in evidence.items()}
