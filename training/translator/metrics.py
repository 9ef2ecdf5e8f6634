"""How good translations are: exact match, chrF, and how many are no translations at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from kadr.core.text import tokens
from kadr.core.translation import refusal

_ORDER, _BETA = 6, 2.0


@dataclass(frozen=True, slots=True)
class Scores:
    """``exact`` and ``degenerate`` are shares 0…1, ``chrf`` is 0…100."""

    pairs: int
    exact: float
    chrf: float
    degenerate: float

    def as_dict(self) -> dict[str, float]:
        """Return the figures, rounded."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def score(sources: Sequence[str], answers: Sequence[str], references: Sequence[str]) -> Scores:
    """Return the scores of answers; all three are as long as there are pairs."""
    if not sources:
        return Scores(0, 0.0, 0.0, 0.0)
    same = sum(exact(answer, reference) for answer, reference in zip(answers, references, strict=True))
    bad = sum(refusal(source, answer) is not None for source, answer in zip(sources, answers, strict=True))
    return Scores(len(sources), same / len(sources), chrf(answers, references), bad / len(sources))


def exact(answer: str, reference: str) -> bool:
    """Return whether two texts have the same words; case and punctuation do not matter."""
    return tokens(answer) == tokens(reference)


def chrf(answers: Sequence[str], references: Sequence[str]) -> float:
    """Return chrF2 of a corpus, 0…100: character n-grams up to 6 without spaces, recall counting double.

    Popović, "chrF: character n-gram F-score for automatic MT evaluation", WMT 2015. Counts are summed over
    the corpus; precision and recall are averaged over the orders that both sides have.
    """
    found, said, asked = [0] * _ORDER, [0] * _ORDER, [0] * _ORDER
    for answer, reference in zip(answers, references, strict=True):
        for order in range(1, _ORDER + 1):
            mine, theirs = _ngrams(answer, order), _ngrams(reference, order)
            found[order - 1] += (mine & theirs).total()
            said[order - 1] += mine.total()
            asked[order - 1] += theirs.total()
    orders = [place for place in range(_ORDER) if said[place] and asked[place]]
    if not orders:
        return 0.0
    precision = sum(found[place] / said[place] for place in orders) / len(orders)
    recall = sum(found[place] / asked[place] for place in orders) / len(orders)
    if not precision + recall:
        return 0.0
    weight = _BETA**2
    return 100 * (1 + weight) * precision * recall / (weight * precision + recall)


def _ngrams(text: str, order: int) -> Counter[str]:
    joined = "".join(text.split())
    return Counter(joined[place : place + order] for place in range(len(joined) - order + 1))
