"""What the videos of the simulated collection say and show: words of their topic among frequent ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from bench.collection import SEED, Collection, Counts
from kadr.core.extraction import Moment
from kadr.core.modality import Modality

_VOCABULARY = 30_000  # of each language
_FREQUENT = 300  # too frequent to be of a topic
_OF_TOPIC = 30  # words
_TOPIC_SHARE = 0.4  # of what is said
_RUSSIAN = 0.8  # of the videos
_PER_MOMENT = {Modality.OCR: 4, Modality.SPEECH: 12}
CONFIDENCE = 0.9


class Captions:
    """The words; the n-th English one stands for the translation of the n-th Russian one."""

    def __init__(self, collection: Collection) -> None:
        from wordfreq import iter_wordlist

        self._collection = collection
        self._words = {
            language: list(islice(filter(str.isalpha, iter_wordlist(language)), _VOCABULARY))
            for language in ("ru", "en")
        }
        self._frequencies = np.cumsum(1 / (np.arange(_VOCABULARY) + 20.0))
        self._frequencies /= self._frequencies[-1]
        chance = np.random.default_rng(SEED + 2)
        topics = int(collection.topics.max()) + 1
        self._of_topic = chance.integers(_FREQUENT, _VOCABULARY, (topics, _OF_TOPIC))

    def queries(self, count: int, words: int = 4) -> list[str]:
        """Return different Russian queries, each of words of one topic."""
        chance = np.random.default_rng(SEED + 3)
        found: dict[str, None] = {}
        while len(found) < count:
            own = self._of_topic[chance.choice(self._collection.topics)]
            picked = chance.choice(own, words, replace=False)
            found[" ".join(self._words["ru"][each] for each in picked)] = None
        return list(found)

    def moments(self, videos: Sequence[int]) -> Iterator[dict[Modality, list[Moment]]]:
        """Yield what each of the videos says and shows."""
        for video in videos:
            chance = np.random.default_rng((SEED, video))
            language = "ru" if chance.random() < _RUSSIAN else "en"
            yield {
                modality: self._moments(video, modality, counts[video], language, chance)
                for modality, counts in self._collection.words.items()
                if counts[video]
            }

    def _moments(
        self, video: int, modality: Modality, count: int, language: str, chance: np.random.Generator
    ) -> list[Moment]:
        words = self._said(self._collection.topics[video], count, chance)
        seconds = float(self._collection.seconds[video])
        step = _PER_MOMENT[modality]
        length = seconds * step / max(count, step)
        return [
            Moment(
                start=round(at / step * length, 2),
                end=round(min(seconds, (at / step + 1) * length), 2),
                text=" ".join(self._words[language][word] for word in words[at : at + step]),
                language=language,
                confidence=CONFIDENCE,
                translation=" ".join(self._words["en"][word] for word in words[at : at + step])
                if language == "ru"
                else "",
            )
            for at in range(0, count, step)
        ]

    def _said(self, topic: int, count: int, chance: np.random.Generator) -> Counts:
        frequent = np.searchsorted(self._frequencies, chance.random(count))
        own = self._of_topic[topic][chance.integers(0, _OF_TOPIC, count)]
        return np.where(chance.random(count) < _TOPIC_SHARE, own, frequent)
