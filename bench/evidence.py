"""How long it takes to say why the videos of a page were found, without the time of PostgreSQL and Qdrant."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from uuid import UUID

import numpy as np

from bench.results import Result
from functions.search.evidence import Asked, Explainer
from kadr.core.extraction import FrameEmbeddings, Moment, StoredFrames, Word
from kadr.core.highlights import Sought
from kadr.core.modality import Modality
from kadr.core.pooling import unit_rows
from kadr.core.ranking import default_ranking
from kadr.core.words import query_words
from kadr.ports.ledger import FoundVideo
from kadr.ports.similarities import VideoSimilarity
from kadr.ports.vectors import Hit

HITS, FRAMES, MOMENTS, WORDS = 20, 120, 30, 9
# Pages in turn: texts that are met once only, of words that come again, as in a collection.
PAGES = 10
RUNS = 60

_RARE = [("как варить вкусный борщ", 1.0), ("how to cook tasty borscht", 0.7)]
# Every hit has three moments with one of these.
_FREQUENT = [("время года для человека", 1.0), ("time of the year for a man", 0.7)]


@dataclass
class _Page:
    """Hits, and what the stores say of them."""

    hits: list[Hit]
    videos: dict[UUID, FoundVideo]
    similar: dict[UUID, VideoSimilarity]


class _Stores:
    """PostgreSQL and Qdrant, at hand."""

    def __init__(self, page: _Page) -> None:
        self.page = page

    def found(self, video_ids: Sequence[UUID], **_parts: bool) -> Mapping[UUID, FoundVideo]:
        return self.page.videos

    def of(self, video_ids: Sequence[UUID], **_sides: object) -> Mapping[UUID, VideoSimilarity]:
        return self.page.similar


def measure() -> Result:
    """Return the milliseconds for a page of 20 hits of 120 frames and 30 moments each.

    Raises:
        ImportError: `wordfreq`, which the words come from, is not installed.
    """
    random = np.random.default_rng(2)
    pages = [_page(random) for _ in range(PAGES)]
    clip, text = (unit_rows(random.standard_normal((1, size)).astype(np.float32))[0] for size in (512, 384))
    ranking = default_ranking()
    stores = _Stores(pages[0])
    explainer = Explainer(stores, stores, None)  # type: ignore[arg-type]

    def medians(words: list[tuple[str, float]]) -> tuple[float, float]:
        """Return the milliseconds by the clock and of the processor."""
        turns = cycle(pages)
        asked = Asked(sought=Sought(words), clip=clip, text=text, words=query_words(words))

        def work() -> tuple[float, float]:
            stores.page = next(turns)
            wall, cpu = time.perf_counter(), time.process_time()
            explainer.explain(stores.page.hits, asked, ranking)
            return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000

        for _ in pages:  # a process that has served some pages knows their words
            work()
        walls, cpus = zip(*(work() for _ in range(RUNS)), strict=True)
        return statistics.median(walls), statistics.median(cpus)

    wall, cpu = medians(_RARE)
    _, frequent = medians(_FREQUENT)
    return Result("search.evidence", wall, "ms", more={"cpu_ms": cpu, "cpu_ms_frequent_words": frequent})


def _page(random: np.random.Generator) -> _Page:
    from wordfreq import top_n_list

    vocabularies = {language: top_n_list(language, 20_000) for language in ("ru", "en")}
    chances = 1 / np.arange(1, 20_001)
    chances /= chances.sum()

    def text(language: str) -> str:
        return " ".join(random.choice(vocabularies[language], WORDS, p=chances)).capitalize() + "."

    def moment(second: int) -> Moment:
        said = text("ru")
        times = tuple(
            Word(word, second + at / 10, second + (at + 1) / 10) for at, word in enumerate(said.split())
        )
        return Moment(second, second + 1, said, "ru", 0.9, text("en"), times)

    ids = [UUID(int=number + 1) for number in range(HITS)]
    weights = {"visual": 0.4, "ocr": 0.3, "speech": 0.3}
    pictures = {}
    for each in ids:
        vectors = unit_rows(random.standard_normal((FRAMES, 512)).astype(np.float32))
        pictures[each] = StoredFrames.of(FrameEmbeddings(np.arange(FRAMES, dtype=np.float32), vectors))
    cosines = {Modality.VISUAL: 0.3, Modality.OCR: 0.2, Modality.SPEECH: 0.4}
    third = MOMENTS // 3
    return _Page(
        hits=[Hit(each, 8.0 - rank / 10, {"weights": weights}) for rank, each in enumerate(ids)],
        videos={
            each: FoundVideo(
                each,
                "media",
                f"{each}.mp4",
                moments={
                    Modality.OCR: [moment(second) for second in range(third)],
                    Modality.SPEECH: [moment(second) for second in range(MOMENTS - third)],
                },
                frames=pictures[each],
            )
            for each in ids
        },
        similar={each: VideoSimilarity(cosines, words=9.0) for each in ids},
    )
