"""One query, from what was typed to a page of results."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import numpy as np

from functions.search.glossaries import Glossaries
from kadr.core.errors import DependencyError, EmptyQueryError, WeightsRefusedError, WeightsUnavailableError
from kadr.core.evidence import Evidence, best_moments
from kadr.core.extraction import Vector
from kadr.core.fusion import fuse_query
from kadr.core.query import QueryStep, Understood, understand
from kadr.core.text import tokens
from kadr.core.translation import Translated
from kadr.core.vocabulary import LISTED, Vocabulary, WordIndex
from kadr.core.words import query_words
from kadr.models.registry import require
from kadr.ports.embedding import Translator
from kadr.ports.glossary import EVERYBODY
from kadr.ports.ledger import VideoRecord
from kadr.runtime.settings import SearchSettings
from kadr.runtime.telemetry import logger
from kadr.runtime.wiring import Wiring

if TYPE_CHECKING:
    from kadr.adapters.clip import ClipText
    from kadr.adapters.minilm import MiniLM
    from kadr.adapters.pymorphy import Pymorphy
    from kadr.core.glossary import Glossary

_Model = TypeVar("_Model")

# One point of BM25 against one standard deviation of the semantic score. A rare word that matches exactly
# gives about 6 to 10 points of BM25, a very good semantic match about 6 deviations.
WORDS_WEIGHT = 0.5

# Below this score, and without any word in common, a result is what chance would give. On the samples, the
# best hits of 15 out of 18 queries that no clip answers stay below it, and those of all but 2 of 113 judged
# queries with a right answer in first place are above it.
NOTHING_GOOD = 3.6

# How long the words of newly indexed videos may take to be known to the spelling correction.
_VOCABULARY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Result:
    """One video of a page."""

    record: VideoRecord
    score: float
    shares: dict[str, float]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Results in ranking order; ``took`` in milliseconds per step."""

    query: Understood
    results: tuple[Result, ...]
    nothing_good: bool
    took: dict[str, float] = field(default_factory=dict)


class Engine:
    """Search over whatever modalities have weights; everything is loaded on first use."""

    def __init__(self, settings: SearchSettings, world: Wiring) -> None:
        self._settings = settings
        self._world = world
        self._vocabulary_lock = threading.Lock()
        self._vocabulary_read = float("-inf")
        self._vocabulary: Vocabulary | None = None

    @cached_property
    def text(self) -> MiniLM | None:
        """The sentence encoder, or ``None`` where its weights are not installed."""
        from kadr.adapters.minilm import MiniLM

        return _if_installed(lambda: MiniLM(_folder("text", self._settings.models_dir)))

    @cached_property
    def clip(self) -> ClipText | None:
        """CLIP's text tower, or ``None`` where its weights are not installed."""
        from kadr.adapters.clip import ClipText

        return _if_installed(lambda: ClipText(_folder("visual", self._settings.models_dir)))

    @cached_property
    def _dictionary(self) -> Pymorphy:
        from kadr.adapters.pymorphy import Pymorphy

        return Pymorphy()

    @cached_property
    def _glossary(self) -> Glossary:
        from kadr.core.glossary import Glossary

        return Glossary.load(self._dictionary.lemmas)

    @cached_property
    def _glossary_words(self) -> WordIndex:
        return WordIndex(dict.fromkeys(self._glossary.vocabulary, LISTED))

    @cached_property
    def _language(self) -> WordIndex | None:
        from kadr.adapters.wordfreq import language_words

        try:
            return language_words()
        except DependencyError as error:
            logger().warning(
                "queries are repaired with the words of index and glossary alone", reason=str(error)
            )
            return None

    @cached_property
    def _glossaries(self) -> Glossaries:
        return Glossaries(self._world.glossaries, self._glossary, self._dictionary.lemmas)

    def understand(
        self, text: str, *, skip: Collection[QueryStep] = (), tenant: str = EVERYBODY
    ) -> Understood:
        """Return what was meant, in the language that the index speaks.

        ``skip`` leaves steps out; ``tenant`` says whose glossary it is read with.
        """
        with_words = self._glossaries.of(tenant)
        vocabulary = self._words_known()
        neural = self._neural
        return understand(
            text,
            with_words.glossary,
            vocabulary.extended(with_words.added) if len(with_words.added) else vocabulary,
            dictionary=self._dictionary.known,
            skip=skip,
            translate=None if neural is None else partial(_explained, neural, with_words.glossary),
        )

    @cached_property
    def _neural(self) -> Translator | None:
        """The neural translator, or ``None`` where the glossary is all there is."""
        from kadr.adapters.glossary_translator import GlossaryTranslator
        from kadr.adapters.translation import translator

        try:
            found = translator(self._settings.models_dir)
        except WeightsRefusedError as error:
            logger().warning("the glossary translates alone", reason=str(error))
            return None
        return None if isinstance(found, GlossaryTranslator) else found

    def _words_known(self) -> Vocabulary:
        """Return the words of the newest videos and of the glossary; read again once a minute at most."""
        if time.monotonic() - self._vocabulary_read < _VOCABULARY_SECONDS and self._vocabulary is not None:
            return self._vocabulary
        # Another request may be at it already: its old words will do meanwhile.
        if not self._vocabulary_lock.acquire(blocking=self._vocabulary is None):
            assert self._vocabulary is not None  # noqa: S101 - only then it does not wait
            return self._vocabulary
        try:
            counts: Counter[str] = Counter()
            try:
                for each in self._world.ledger.newest_texts():
                    counts.update(tokens(each))
            except DependencyError as error:
                logger().warning("the words of the index could not be read", reason=str(error))
            self._vocabulary = Vocabulary(counts, background=self._glossary_words, language=self._language)
            self._vocabulary_read = time.monotonic()
            return self._vocabulary
        finally:
            self._vocabulary_lock.release()

    def search(
        self,
        text: str,
        *,
        limit: int,
        offset: int = 0,
        skip: Collection[QueryStep] = (),
        tenant: str = EVERYBODY,
    ) -> Page:
        """Return a page of results; for ``skip`` and ``tenant`` see :meth:`understand`.

        Raises:
            EmptyQueryError: the query has neither letters nor digits.
            DependencyError: Qdrant or PostgreSQL does not answer.
        """
        took: dict[str, float] = {}
        with _Timed(took, "understand"):
            understood = self.understand(text, skip=skip, tenant=tenant)
        if not tokens(understood.corrected):
            raise EmptyQueryError("there is nothing to look for in this query: type a word or two")
        with _Timed(took, "embed"):
            vector = self._embed(understood)
        words = query_words(understood.words)
        with _Timed(took, "query"):
            hits = self._world.index.search(
                fused=vector,
                words=words if words.indices else None,
                words_weight=WORDS_WEIGHT,
                limit=limit,
                offset=offset,
            )
        with _Timed(took, "evidence"):
            found = [hit.video_id for hit in hits]
            records = self._world.ledger.records(found)
            evidence = self._evidence(found, understood)
        results = tuple(
            Result(
                record=records[hit.video_id],
                score=hit.score,
                shares={str(name): float(share) for name, share in hit.payload.get("weights", {}).items()},
                evidence=evidence.get(hit.video_id, ()),
            )
            for hit in hits
            # A point without a row is one that is being deleted at this moment.
            if hit.video_id in records
        )
        best = max((result.score for result in results), default=0.0)
        exact = any(each.matched for result in results for each in result.evidence)
        return Page(understood, results, nothing_good=best < NOTHING_GOOD and not exact, took=took)

    def _embed(self, understood: Understood) -> Vector | None:
        if self.text is None and self.clip is None:
            return None
        english = understood.translated or understood.corrected
        return fuse_query(
            clip=None if self.clip is None else self.clip.embed([english])[0],
            text=None if self.text is None else self._text_vector(english),
        )

    def meaning(self, understood: Understood) -> Vector | None:
        """Return the unit vector of a query's text, ``None`` where no text encoder is installed."""
        return None if self.text is None else self._text_vector(understood.translated or understood.corrected)

    @cached_property
    def _text_vector(self) -> Callable[[str], Vector]:
        @lru_cache(maxsize=20_000)  # 1.5 KB each
        def embed(text: str) -> Vector:
            assert self.text is not None  # noqa: S101 - callers have looked
            return self.text.embed([text])[0]

        return embed

    def _evidence(self, videos: Sequence[UUID], understood: Understood) -> dict[UUID, tuple[Evidence, ...]]:
        similarity = None
        if self.text is not None:
            query = self._text_vector(understood.translated or understood.corrected)

            def similarity(text: str) -> float:
                return float(np.dot(self._text_vector(text), query))

        return {
            video_id: best_moments(by_modality, understood.words, similarity=similarity)
            for video_id, by_modality in self._world.ledger.moments(videos).items()
        }


def _explained(translator: Translator, glossary: Glossary, text: str) -> Translated:
    return translator.explain([text], glossary=glossary)[0]


def _folder(role: str, models_dir: Path) -> Path:
    return require(role, models_dir).directory


def _if_installed(make: Callable[[], _Model]) -> _Model | None:
    try:
        return make()
    except WeightsUnavailableError as error:
        logger().warning("searching without a modality", reason=str(error))
        return None


class _Timed:
    def __init__(self, into: dict[str, float], name: str) -> None:
        self._into, self._name = into, name

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._into[self._name] = round((time.perf_counter() - self._start) * 1000, 2)
