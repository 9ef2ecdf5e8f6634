"""Building the dictionary of suggestions out of what is known, and publishing it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kadr.adapters.postgres import Postgres
from kadr.adapters.published_suggestions import Pointer, PublishedSuggestions
from kadr.adapters.suggestion_store import PostgresQueryHistory, PostgresSuggestionContent
from kadr.core.errors import DependencyError, DictionaryError, TransientError, WeightsUnavailableError
from kadr.core.popularity import phrases
from kadr.core.suggestions import Dictionary, Phrase
from kadr.core.terms import Usual
from kadr.models.registry import require
from kadr.ports.embedding import TextEmbedder, Translator
from kadr.ports.objects import ObjectStore
from kadr.ports.suggestions import QueryHistory, SuggestionContent
from kadr.runtime.telemetry import logger

# How long queries are remembered.
KEPT_DAYS = 90
# Phrases that are translated and embedded together: about a second's work; then the clock is looked at.
_BATCH = 250


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did.

    ``embedded`` phrases got their vectors now, ``waiting`` ones get them next time; ``forgotten`` queries
    were too old; ``changed`` says whether another dictionary is published than before.
    """

    pointer: Pointer
    phrases: int
    embedded: int
    waiting: int
    forgotten: int
    changed: bool


def build(
    content: SuggestionContent,
    history: QueryHistory,
    published: PublishedSuggestions,
    *,
    encoder: TextEmbedder | None,
    translator: Translator,
    usual: Usual | None = None,
    seconds: float = math.inf,
) -> Built:
    """Make the dictionary anew and publish it; vectors of phrases that stay are taken from the latest one.

    After so many ``seconds`` of embedding, the least popular of the other phrases are left without a vector:
    a function that has half a minute publishes what it has, and goes on the next time.

    Without an ``encoder`` phrases have no vectors: they are not grouped, and nobody's come first. Queries
    that are older than ``KEPT_DAYS`` are forgotten.

    Raises:
        DependencyError: PostgreSQL or S3 does not answer.
    """
    forgotten = history.forget(KEPT_DAYS)
    found = phrases(content.content(), usual=usual)
    before = _latest(published)
    vectors, embedded, waiting, made_with = None, 0, 0, ""
    if encoder is not None:
        made_with = f"{encoder.model_version}+{translator.model_version}"
        known = _known(before, made_with)
        vectors, waiting = _vectors(found, known, encoder, translator, seconds)
        embedded = sum(phrase.text not in known for phrase in found) - waiting
    tag = published.tag()
    pointer = published.publish(Dictionary.of(found, vectors, encoder=made_with))
    return Built(pointer, len(found), embedded, waiting, forgotten, changed=published.tag() != tag)


def rebuild(
    postgres: Postgres, objects: ObjectStore, bucket: str, models_dir: Path, *, seconds: float = math.inf
) -> Built:
    """Do what :func:`build` does with PostgreSQL, the derived bucket and the installed weights."""
    from kadr.adapters.translation import translator

    return build(
        PostgresSuggestionContent(postgres),
        PostgresQueryHistory(postgres),
        PublishedSuggestions(objects, bucket),
        encoder=text_encoder(models_dir),
        translator=translator(models_dir),
        usual=_usual(),
        seconds=seconds,
    )


def _usual() -> Usual | None:
    from kadr.adapters.wordfreq import language_words

    try:
        return language_words().weight
    except DependencyError as error:
        logger().warning("usual words are suggested, too", reason=str(error))
        return None


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


def _known(before: Dictionary | None, made_with: str) -> Mapping[str, npt.NDArray[np.int8]]:
    """Return the vectors of the phrases that have one of the same models."""
    if before is None or before.vectors is None or before.encoder != made_with:
        return {}
    return {
        phrase.text: vector
        for phrase, vector in zip(before.phrases, before.vectors, strict=True)
        if vector.any()
    }


def _vectors(
    found: Sequence[Phrase],
    known: Mapping[str, npt.NDArray[np.int8]],
    encoder: TextEmbedder,
    translator: Translator,
    seconds: float,
) -> tuple[npt.NDArray[np.int8], int]:
    """Return the phrases' vectors, zero where there was no time, and how many those are."""
    begun = time.monotonic()
    vectors = np.zeros((len(found), encoder.dimensions), dtype=np.int8)
    new = []
    for place, phrase in enumerate(found):
        if phrase.text in known:
            vectors[place] = known[phrase.text]
        else:
            new.append(place)
    done = 0
    while done < len(new) and time.monotonic() - begun < seconds:
        batch = new[done : done + _BATCH]
        english = [each.text for each in translator.explain([found[place].text for place in batch])]
        vectors[batch] = np.rint(encoder.embed(english) * 127).astype(np.int8)
        done += len(batch)
    return vectors, len(new) - done
