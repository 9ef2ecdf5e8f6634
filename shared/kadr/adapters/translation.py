"""The translator of queries, lettering and speech: the model where there is one, the glossary in any case."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

from kadr.adapters.glossary_translator import GlossaryTranslator
from kadr.adapters.marian import BEAM, Marian
from kadr.adapters.marian_greedy import GreedyMarian
from kadr.core.glossary import Glossary
from kadr.core.protected import Protected, protect, translatable
from kadr.core.translation import Refusal, Translated, TranslatedPart, refusal, same_words, sentences
from kadr.models.registry import InstalledModel, installed
from kadr.ports.embedding import Translator

_RECIPE = "1"  # of what is done around the model; raised when the same model would give other texts
_CACHE = 20_000  # sentences, about half a kilobyte each
_ENDS = ".!?…"


class SentenceTranslator(Protocol):
    """A model that translates sentences: :class:`kadr.adapters.marian.Marian`, or, without a beam,
    :class:`kadr.adapters.marian_greedy.GreedyMarian`."""

    model_version: str

    def translate(self, sentences: Sequence[str]) -> list[str]:
        """Return an answer for each sentence, which does not depend on the others."""
        ...


class NeuralTranslator:
    """Implements :class:`kadr.ports.embedding.Translator`: a model between the glossary's terms.

    Terms are kept (:mod:`kadr.core.protected`); an answer that is not to be believed is replaced by the
    dictionary's (:func:`kadr.core.translation.refusal`). A model that does not ``choose_words`` is believed
    only where it says the dictionary's words: it may put them in order and bend them. Sentences are
    remembered, the latest 20,000, per version of the glossary. Thread-safe where the model is.
    """

    def __init__(
        self,
        model: SentenceTranslator,
        glossary: Glossary,
        *,
        choose_words: bool = True,
        cache_size: int = _CACHE,
    ) -> None:
        self._model = model
        self._choose_words = choose_words
        self.glossary = glossary
        recipe = _RECIPE if choose_words else f"{_RECIPE}-order"
        self.model_version = f"{model.model_version}+glossary-{glossary.version}+{recipe}"
        self._cache: OrderedDict[tuple[str, str], TranslatedPart] = OrderedDict()
        self._cache_size = cache_size
        self._lock = threading.Lock()

    def translate(self, text: str, *, glossary: Glossary | None = None) -> str:
        """Return English; a text without Cyrillic letters comes back as it is.

        Raises:
            WeightsUnavailableError, WeightsRefusedError: when the model is loaded, on first use.
        """
        return self.explain([text], glossary=glossary)[0].text

    def explain(self, texts: Sequence[str], *, glossary: Glossary | None = None) -> list[Translated]:
        """Return the same with where each sentence's translation comes from; errors as :meth:`translate`."""
        using = glossary or self.glossary
        cut = [sentences(text) if translatable(text) else () for text in texts]
        parts = self._parts(list(dict.fromkeys(part for found in cut for part in found)), using)
        return [
            Translated(" ".join(parts[part].target for part in found), tuple(parts[part] for part in found))
            if found
            else Translated(text, (TranslatedPart(text, text, "kept"),))
            for text, found in zip(texts, cut, strict=True)
        ]

    def _parts(self, found: Sequence[str], glossary: Glossary) -> Mapping[str, TranslatedPart]:
        version = glossary.version
        parts: dict[str, TranslatedPart] = {}
        with self._lock:
            for sentence in found:
                if (version, sentence) in self._cache:
                    self._cache.move_to_end((version, sentence))
                    parts[sentence] = self._cache[version, sentence]
        new = {part.source: part for part in self._translated([s for s in found if s not in parts], glossary)}
        with self._lock:
            self._cache.update({(version, sentence): part for sentence, part in new.items()})
            while len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)
        return parts | new

    def _translated(self, found: Sequence[str], glossary: Glossary) -> list[TranslatedPart]:
        done: dict[str, TranslatedPart] = {}
        asked: list[tuple[str, Protected]] = []
        for sentence in found:
            if not translatable(sentence):
                done[sentence] = TranslatedPart(sentence, sentence, "kept")
                continue
            protected = protect(sentence, glossary)
            if protected.complete:
                done[sentence] = TranslatedPart(sentence, protected.marked, "glossary", kept=protected.terms)
            else:
                asked.append((sentence, protected))
        again: list[tuple[str, Protected]] = []
        for (sentence, protected), answer in zip(
            asked, self._answers([protected.marked for _, protected in asked]), strict=True
        ):
            refused = self._refusal(protected.marked, answer, glossary)
            if refused is None and protected.kept_in(answer):
                done[sentence] = TranslatedPart(sentence, answer, "neural", kept=protected.terms)
            elif protected.terms:
                again.append((sentence, protected))
            else:
                done[sentence] = _by_dictionary(sentence, glossary, refused)
        done |= {part.source: part for part in self._between(again, glossary)}
        return [done[sentence] for sentence in found]

    def _between(self, found: Sequence[tuple[str, Protected]], glossary: Glossary) -> list[TranslatedPart]:
        """Translate what stands between the terms of each sentence."""
        gaps = list(
            dict.fromkeys(
                gap.strip() for _, protected in found for gap in protected.gaps if translatable(gap)
            )
        )
        answers = dict(zip(gaps, self._answers(gaps), strict=True))
        parts = []
        for sentence, protected in found:
            stripped = [gap.strip() for gap in protected.gaps]
            refusals = [self._refusal(gap, answers[gap], glossary) for gap in stripped if gap in answers]
            refused = next((reason for reason in refusals if reason is not None), None)
            if refused is not None:
                parts.append(_by_dictionary(sentence, glossary, refused))
                continue
            text = protected.joined([answers.get(gap, gap) for gap in stripped])
            parts.append(TranslatedPart(sentence, text, "neural", kept=protected.terms))
        return parts

    def _refusal(self, source: str, answer: str, glossary: Glossary) -> Refusal | None:
        """What is wrong with an answer, or ``None``."""
        found = refusal(source, answer)
        if found is None and not self._choose_words:
            return None if same_words(answer, glossary.translate(source).text) else "other words"
        return found

    def _answers(self, texts: Sequence[str]) -> list[str]:
        """Return the model's answers; a full stop that was not asked for is taken away."""
        if not texts:
            return []
        return [
            answer if text.rstrip("\"»”')").endswith(tuple(_ENDS)) else answer.rstrip(_ENDS).rstrip()
            for text, answer in zip(texts, self._model.translate(texts), strict=True)
        ]


def _by_dictionary(sentence: str, glossary: Glossary, refused: Refusal | None) -> TranslatedPart:
    return TranslatedPart(sentence, glossary.translate(sentence).text, "dictionary", refused=refused)


@cache
def _glossary() -> Glossary:
    from kadr.adapters.pymorphy import Pymorphy

    dictionary = Pymorphy()
    return Glossary.load(dictionary.lemmas, dictionary.known)


@cache
def _neural(model: InstalledModel, beam: int) -> NeuralTranslator:
    engine = GreedyMarian(model) if beam == 1 else Marian(model, beam=beam)
    # The demo's model has learnt the glossary by heart, and not well enough to replace it.
    return NeuralTranslator(engine, _glossary(), choose_words=not model.demo)


@cache
def _plain() -> GlossaryTranslator:
    return GlossaryTranslator(_glossary())


def translator(models_dir: Path, *, beam: int = BEAM) -> Translator:
    """Return the translator that the weights in ``models_dir`` allow: neural, or the glossary alone.

    The same object for the same weights and ``beam``; nothing is loaded before it is used.

    Raises:
        WeightsRefusedError: there are weights, but not of a safe format, or their manifest is damaged.
    """
    model = installed("translation", models_dir)
    return _plain() if model is None else _neural(model, beam)
