"""One query, from what was typed to a page of results."""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from functions.search.evidence import Asked, Explainer, Explanation, nothing_good
from functions.search.glossaries import Glossaries
from functions.search.reading import Reading, read
from functions.search.retrieval import QueryVectors, Retrieval, Wanted
from kadr.core.errors import DependencyError, WeightsRefusedError, WeightsUnavailableError
from kadr.core.extraction import Vector
from kadr.core.highlights import Sought
from kadr.core.modality import Modality
from kadr.core.neighbours import Neighbours
from kadr.core.pages import Cut, Shown
from kadr.core.query import QueryStep, Understood, understand
from kadr.core.ranking import Ranking
from kadr.core.text import tokens
from kadr.core.translation import Translated
from kadr.core.vocabulary import LISTED, Vocabulary, WordIndex
from kadr.models.registry import require
from kadr.ports.embedding import Translator
from kadr.ports.glossary import EVERYBODY
from kadr.ports.ledger import FoundVideo
from kadr.ports.vectors import Hit
from kadr.runtime.settings import SearchSettings
from kadr.runtime.telemetry import logger
from kadr.runtime.wiring import Wiring

if TYPE_CHECKING:
    from kadr.adapters.clip import ClipText
    from kadr.adapters.minilm import MiniLM
    from kadr.adapters.pymorphy import Pymorphy
    from kadr.core.glossary import Glossary

_Model = TypeVar("_Model")

# How long the words of newly indexed videos may take to be known to the spelling correction.
_VOCABULARY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Result:
    """One video of a page; ``rank`` 1 is the best, ``duplicates`` are the near duplicates it stands for."""

    record: FoundVideo
    rank: int
    score: float
    why: Explanation = field(default_factory=Explanation)
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Results in the order in which to show them; ``took`` in milliseconds per step.

    ``query`` and ``english`` (what was embedded) are there where words were searched for. ``next_offset`` is
    ``None`` on the last page.
    """

    query: Understood | None
    results: tuple[Result, ...]
    nothing_good: bool
    took: dict[str, float] = field(default_factory=dict)
    next_offset: int | None = None
    english: str = ""
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


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
        from kadr.adapters.onnx import cores

        # Half of the processors: the other encoder and the index work at the same time.
        threads = max(1, cores() // 2)
        return _if_installed(lambda: ClipText(_folder("visual", self._settings.models_dir), threads=threads))

    @cached_property
    def _dictionary(self) -> Pymorphy:
        from kadr.adapters.pymorphy import Pymorphy

        return Pymorphy()

    @cached_property
    def _glossary(self) -> Glossary:
        from kadr.core.glossary import Glossary

        return Glossary.load(self._dictionary.lemmas, self._dictionary.known)

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
        dictionary = self._dictionary
        return Glossaries(self._world.glossaries, self._glossary, dictionary.lemmas, dictionary.known)

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
            vocabulary.extended(with_words.added, with_words.neighbours)
            if len(with_words.added)
            else vocabulary,
            dictionary=self._dictionary.known,
            skip=skip,
            translate=None if neural is None else partial(_explained, neural, with_words.glossary),
        )

    @cached_property
    def _neural(self) -> Translator | None:
        """The neural translator, or ``None`` where the glossary is all there is."""
        from kadr.adapters.glossary_translator import GlossaryTranslator
        from kadr.adapters.marian import QUERY_BEAM
        from kadr.adapters.translation import translator

        try:
            found = translator(self._settings.models_dir, beam=QUERY_BEAM)
        except WeightsRefusedError as error:
            logger().warning("the glossary translates alone", reason=str(error))
            return None
        return None if isinstance(found, GlossaryTranslator) else found

    def _words_known(self) -> Vocabulary:
        """Return the words of the newest videos and of the glossary.

        They are read again once a minute at most, in the background: it takes seconds, and the old words will
        do meanwhile.
        """
        known = self._vocabulary
        if known is None:
            with self._vocabulary_lock:  # several first requests wait for the same words
                return self._vocabulary or self._read_words()
        old = time.monotonic() - self._vocabulary_read >= _VOCABULARY_SECONDS
        if old and self._vocabulary_lock.acquire(blocking=False):
            self._threads.submit(self._read_words_again)
        return known

    def _read_words_again(self) -> None:
        try:
            self._read_words()
        except Exception:  # nobody waits for it who would be told
            logger().exception("the words of the index could not be read again")
        finally:
            self._vocabulary_lock.release()

    def _read_words(self) -> Vocabulary:
        texts: list[tuple[str, ...]] = []
        try:
            texts += map(tokens, self._world.ledger.newest_texts())
        except DependencyError as error:
            logger().warning("the words of the index could not be read", reason=str(error))
        vocabulary = Vocabulary(
            Counter(chain.from_iterable(texts)),
            background=self._glossary_words,
            language=self._language,
            neighbours=Neighbours([*texts, *map(tokens, self._glossary.phrases)]),
        )
        self._vocabulary, self._vocabulary_read = vocabulary, time.monotonic()
        return vocabulary

    def read(self, text: str, *, skip: Collection[QueryStep] = (), tenant: str = EVERYBODY) -> Reading:
        """Return what a query asks for, its syntax taken out; for the rest see :meth:`understand`.

        Raises:
            EmptyQueryError: there is nothing to look for.
        """

        def translated(phrase: str) -> str:
            only = [step for step in QueryStep if step is not QueryStep.TRANSLATION or step in skip]
            return self.understand(phrase, skip=only, tenant=tenant).translated

        return read(text, partial(self.understand, skip=skip, tenant=tenant), translated)

    def search(
        self,
        text: str,
        wanted: Wanted,
        *,
        skip: Collection[QueryStep] = (),
        tenant: str = EVERYBODY,
    ) -> Page:
        """Return a page of results; for ``skip`` and ``tenant`` see :meth:`understand`.

        Raises:
            EmptyQueryError: there is nothing to look for.
            WeightsUnavailableError: only what is seen is wanted, and CLIP is not installed.
            DependencyError: Qdrant or PostgreSQL does not answer.
        """
        took: dict[str, float] = {}
        with _Timed(took, "understand"):
            reading = self.read(text, skip=skip, tenant=tenant)
        with _Timed(took, "embed"):
            ranking = self._world.rankings.active()
            # At the same time: the index looks words up while vectors are computed.
            having = self._threads.submit(self._retrieval.having_words, reading, wanted, ranking)
            vectors = self._vectors(reading.english)
        with _Timed(took, "query"):
            page = self._retrieval.by_query(reading, vectors, wanted, ranking, having.result())
        with _Timed(took, "evidence"):
            words = reading.words(ranking.words_weight)
            modality = wanted.where.modality
            asked = Asked(
                sought=Sought(reading.query.words, reading.asked.phrases),
                clip=vectors.clip if modality in {None, Modality.VISUAL} else None,
                text=vectors.text if modality is not Modality.VISUAL else None,
                words=None if words is None else words.vector,
                modality=modality,
                emphasis=wanted.emphasis * ranking.emphasis,
            )
            results = self._results(page, wanted, asked, ranking)
        _keep_what_is_loaded()
        return Page(
            reading.query,
            results,
            nothing_good=nothing_good([each.why for each in results], ranking),
            took=took,
            next_offset=page.next_offset,
            english=reading.english,
            phrases=reading.asked.phrases,
            excluded=reading.asked.excluded,
        )

    def similar(self, video_id: UUID, wanted: Wanted) -> Page | None:
        """Return a page of videos that are like one of them, ``None`` where nothing of it is indexed.

        Raises:
            DependencyError: Qdrant or PostgreSQL does not answer.
        """
        took: dict[str, float] = {}
        with _Timed(took, "query"):
            page = self._retrieval.similar(video_id, wanted)
        return None if page is None else self._shown(page, wanted, took, Asked(graded=False))

    def by_picture(self, vector: Vector, wanted: Wanted) -> Page:
        """Return a page of the videos that look like a picture, by its vector (512,), as :attr:`clip` has it.

        Raises:
            DependencyError: Qdrant or PostgreSQL does not answer.
        """
        took: dict[str, float] = {}
        with _Timed(took, "query"):
            page = self._retrieval.by_picture(vector, wanted)
        return self._shown(page, wanted, took, Asked(clip=vector, modality=Modality.VISUAL, graded=False))

    def _shown(self, page: Cut[Shown[Hit]], wanted: Wanted, took: dict[str, float], asked: Asked) -> Page:
        with _Timed(took, "evidence"):
            ranking = self._world.rankings.active()
            results = self._results(page, wanted, asked, ranking)
        return Page(None, results, nothing_good=not results, took=took, next_offset=page.next_offset)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=4, thread_name_prefix="search")

    @cached_property
    def _retrieval(self) -> Retrieval:
        return Retrieval(self._world.video_search)

    @cached_property
    def _explainer(self) -> Explainer:
        embed = None if self.text is None else self._text_vector
        return Explainer(self._world.ledger, self._world.similarities, embed)

    def _results(
        self, page: Cut[Shown[Hit]], wanted: Wanted, asked: Asked, ranking: Ranking
    ) -> tuple[Result, ...]:
        explained = self._explainer.explain([each.item for each in page.items], asked, ranking)
        return tuple(
            Result(
                record=explained[each.item.video_id].video,
                rank=rank,
                score=each.item.score,
                why=explained[each.item.video_id].why,
                duplicates=each.duplicates,
            )
            for rank, each in enumerate(page.items, start=wanted.offset + 1)
            # A point without a row is one that is being deleted at this moment.
            if each.item.video_id in explained
        )

    def _vectors(self, english: str) -> QueryVectors:
        clip, text = self.clip, self.text
        # At the same time: each model has a processor to itself, which serves both better than two in turn.
        seen = None if clip is None else self._threads.submit(clip.embed, [english])
        meant = None if text is None else self._text_vector(english)
        return QueryVectors(
            clip=None if seen is None else seen.result()[0],
            text=meant,
            clip_version="" if clip is None else clip.model_version,
            text_version="" if text is None else text.model_version,
        )

    def meaning(self, english: str) -> Vector | None:
        """Return the unit vector of an English text, ``None`` where no text encoder is installed."""
        return None if self.text is None else self._text_vector(english)

    @cached_property
    def _text_vector(self) -> Callable[[str], Vector]:
        @lru_cache(maxsize=20_000)  # 1.5 KB each
        def embed(text: str) -> Vector:
            assert self.text is not None  # noqa: S101 - callers have looked
            vector: Vector = self.text.embed([text])[0]
            return vector

        return embed


@cache
def _keep_what_is_loaded() -> None:
    """Once: what the first search has loaded stays, so the garbage collector need not look through it again.

    It has a quarter of a million objects: a look takes half a second, amid somebody's search.
    """
    gc.collect()
    gc.freeze()


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
