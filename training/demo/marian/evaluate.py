"""The demo translator beside what a query gets without it: the dictionary, or the glossary's entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.translation import SAMPLE, as_queries, glossary_alone, read
from bench.translation import evaluate as compare
from kadr.adapters.marian import Marian
from kadr.adapters.pymorphy import Pymorphy
from kadr.adapters.translation import NeuralTranslator
from kadr.adapters.wordfreq import language_words
from kadr.core.glossary import Glossary
from kadr.models.registry import InstalledModel
from training.demo.marian.data import HeldOut
from training.translator.metrics import score
from training.translator.pairs import Pair

Translate = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares of 1, and chrF of 100. ``untranslated``: of the Russian words, as in ``bench.translation``."""

    pairs: int
    exact: float
    chrf: float
    degenerate: float
    untranslated: float

    def row(self) -> tuple[str, ...]:
        """As a table has them."""
        return (
            f"{self.exact:.3f}",
            f"{self.chrf:.1f}",
            f"{self.degenerate:.3f}",
            f"{self.untranslated:.3f}",
        )


def sets(held: HeldOut, other: Path | None = None) -> dict[str, list[Pair]]:
    """Return what is measured on, by name: ``other`` is a file of pairs of somebody's own."""
    found = {
        "phrases of known words, unseen": list(held.phrases),
        "known words in unseen forms": list(held.forms),
        "samples/translations.tsv": [Pair(*pair) for pair in read(SAMPLE)],
    }
    if other is not None:
        found[other.name] = [Pair(*pair) for pair in read(other)]
    return found


def ways(model: InstalledModel, untrained: InstalledModel) -> dict[str, Translate]:
    """Return the translators by name: as a query meets them, and the models without anything around."""
    dictionary, language = Pymorphy(), language_words()
    glossary = Glossary.load(dictionary.lemmas, dictionary.known)
    neural = NeuralTranslator(Marian(model), glossary, choose_words=False)  # as translator() makes it
    return {
        "untrained": _alone(untrained),
        "glossary": glossary_alone(glossary),
        "dictionary": as_queries(glossary, language, dictionary.known),
        "model alone": _alone(model),
        "model in a query": as_queries(glossary, language, dictionary.known, neural),
    }


def _alone(model: InstalledModel) -> Translate:
    engine = Marian(model)
    return lambda text: engine.translate([text])[0]


def measure(translators: Mapping[str, Translate], pairs: Sequence[Pair]) -> dict[str, Figures]:
    """Return the figures of every translator on the same pairs."""
    lemmas = Pymorphy().lemmas
    found = {}
    for name, translate in translators.items():
        answers = {pair.source: translate(pair.source) for pair in pairs}
        quality = compare(answers.__getitem__, [(pair.source, pair.target) for pair in pairs], lemmas)
        sources, references = [pair.source for pair in pairs], [pair.target for pair in pairs]
        degenerate = score(sources, [answers[source] for source in sources], references).degenerate
        found[name] = Figures(len(pairs), quality.exact, quality.chrf, degenerate, quality.untranslated)
    return found


def wrong(translate: Translate, pairs: Sequence[Pair], most: int) -> list[tuple[Pair, str]]:
    """Return the first pairs that are not translated as they should be, with what was said instead."""
    from training.translator.metrics import exact

    said = ((pair, translate(pair.source)) for pair in pairs)
    bad = [(pair, answer) for pair, answer in said if not exact(answer, pair.target)]
    return bad[:most]
