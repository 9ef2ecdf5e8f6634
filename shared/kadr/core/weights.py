"""How much each modality of a video counts.

The weights depend on the video only, never on the query, so they can be folded into its vector
(:mod:`kadr.core.fusion`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from kadr.core.extraction import Moment
from kadr.core.modality import Modality
from kadr.core.ranking import RANKED, Ranking, default_ranking
from kadr.core.text import tokens

# The reference system reads this many characters of a text.
_REFERENCE_CHARACTERS = 77
# In the reference system pictures have 56 % where there is no text at all, OCR and speech 22 % each: that is
# what softmax makes of ln(56 / 22) against 0 and 0.
_REFERENCE_VISUAL = math.log(56 / 22)


def word_count(moments: Sequence[Moment]) -> float:
    """Return the number of words, each counted as much as the recogniser trusts it.

    A word has a letter or a digit in it: lines, dots and emoji that a recogniser saw are none.
    """
    return math.fsum(len(tokens(moment.text)) * min(1.0, max(0.0, moment.confidence)) for moment in moments)


def video_weights(
    present: Collection[Modality],
    moments: Mapping[Modality, Sequence[Moment]],
    ranking: Ranking | None = None,
) -> dict[Modality, float]:
    """Return the weight of each modality of a video by the formula that ``ranking`` names.

    ``present`` are the modalities that the video has a vector of; the moments of others do not count.
    """
    ranking = ranking or default_ranking()
    texts = {modality: found for modality, found in moments.items() if modality in present}
    if ranking.formula == "reference":
        return reference_weights(
            present,
            {modality: len(" ".join(each.text for each in found)) for modality, found in texts.items()},
        )
    return weights(
        has_visual=Modality.VISUAL in present,
        words={modality: word_count(found) for modality, found in texts.items()},
        ranking=ranking,
    )


def weights(
    *, has_visual: bool, words: Mapping[Modality, float], ranking: Ranking | None = None
) -> dict[Modality, float]:
    """Return the weight of each present modality; they sum to 1.

    ``words`` are confidence-weighted word counts of OCR and speech. A modality that is absent is not in the
    answer. The evidence of text is ``c_m · (1 − exp(−words / s))``, that of pictures ``c_vis``, with the
    ceilings ``c`` and the scale ``s`` of ``ranking``; the weights are their shares. So more words, or words
    more trusted, never weigh less.
    """
    ranking = ranking or default_ranking()
    evidence = {Modality.VISUAL: ranking.ceilings[Modality.VISUAL]} if has_visual else {}
    for modality in (Modality.OCR, Modality.SPEECH):
        value = -math.expm1(-words.get(modality, 0.0) / ranking.words_scale)
        if value > 0.0:
            evidence[modality] = ranking.ceilings[modality] * value
    total = math.fsum(evidence.values())
    return {modality: value / total for modality, value in evidence.items()}


def reference_weights(
    present: Collection[Modality], characters: Mapping[Modality, int]
) -> dict[Modality, float]:
    """Return the weights of the reference system, for comparison: it is what Kadr has to be better than.

    A reconstruction from what is known of it: softmax over one number for each modality; that of a text is
    its share of the 77 *characters* that the system reads; with no text at all OCR and speech still have
    22 % each. A modality that is absent keeps its weight and has nothing to show for it, so the weights of
    those that are present may sum to less than 1.
    """
    raw = {
        modality: (
            _REFERENCE_VISUAL
            if modality is Modality.VISUAL
            else min(characters.get(modality, 0), _REFERENCE_CHARACTERS) / _REFERENCE_CHARACTERS
        )
        for modality in RANKED
    }
    total = math.fsum(math.exp(value) for value in raw.values())
    return {modality: math.exp(raw[modality]) / total for modality in RANKED if modality in present}
