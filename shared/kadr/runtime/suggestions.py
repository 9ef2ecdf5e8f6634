"""Building the dictionary of suggestions out of what is known, and publishing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kadr.adapters.published_suggestions import Pointer, PublishedSuggestions
from kadr.core.errors import DictionaryError, TransientError, WeightsUnavailableError
from kadr.core.popularity import phrases
from kadr.core.suggestions import Dictionary, Phrase
from kadr.models.registry import require
from kadr.ports.embedding import TextEmbedder, Translator
from kadr.ports.suggestions import QueryHistory, SuggestionContent
from kadr.runtime.telemetry import logger

# How long queries are remembered.
KEPT_DAYS = 90
# Phrases that are translated and embedded together: memory, not speed.
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did. ``embedded`` are phrases that the dictionary before did not have."""

    pointer: Pointer
    phrases: int
    embedded: int
    changed: bool
    forgotten: int


def build(
    content: SuggestionContent,
    history: QueryHistory,
    published: PublishedSuggestions,
    *,
    encoder: TextEmbedder | None,
    translator: Translator,
) -> Built:
    """Make the dictionary anew and publish it; vectors of phrases that stay are taken from the latest one.

    Without an ``encoder`` phrases have no vectors: they are not grouped, and nobody's come first. Queries
    that are older than ``KEPT_DAYS`` are forgotten.

    Raises:
        DependencyError: PostgreSQL or S3 does not answer.
    """
    forgotten = history.forget(KEPT_DAYS)
    found = phrases(content.content())
    before = _latest(published)
    vectors, embedded, made_with = None, 0, ""
    if encoder is not None:
        made_with = f"{encoder.model_version}+{translator.model_version}"
        vectors, embedded = _vectors(found, before, encoder, translator, made_with)
    tag = published.tag()
    pointer = published.publish(Dictionary.of(found, vectors, encoder=made_with))
    return Built(pointer, len(found), embedded, changed=published.tag() != tag, forgotten=forgotten)


def text_encoder(models_dir: Path) -> TextEmbedder | None:
    """Return the encoder of phrases, or ``None`` where its weights are not installed."""
    from kadr.adapters.minilm import MiniLM

    try:
        return MiniLM(require("text", models_dir).directory)
    except WeightsUnavailableError as error:
        logger().warning("suggestions are not grouped by meaning", reason=str(error))
        return None


def _latest(published: PublishedSuggestions) -> Dictionary | None:
    try:
        return published.load()
    except (DictionaryError, TransientError) as error:
        logger().warning("every phrase is embedded again", reason=str(error))
        return None


def _vectors(
    found: Sequence[Phrase],
    before: Dictionary | None,
    encoder: TextEmbedder,
    translator: Translator,
    made_with: str,
) -> tuple[npt.NDArray[np.int8], int]:
    known: dict[str, int] = {}
    vectors = np.zeros((len(found), encoder.dimensions), dtype=np.int8)
    if before is not None and before.vectors is not None and before.encoder == made_with:
        known = {phrase.text: place for place, phrase in enumerate(before.phrases)}
        for place, phrase in enumerate(found):
            if phrase.text in known:
                vectors[place] = before.vectors[known[phrase.text]]
    new = [place for place, phrase in enumerate(found) if phrase.text not in known]
    for begin in range(0, len(new), _BATCH):
        batch = new[begin : begin + _BATCH]
        english = [each.text for each in translator.explain([found[place].text for place in batch])]
        vectors[batch] = np.rint(encoder.embed(english) * 127).astype(np.int8)
    return vectors, len(new)
