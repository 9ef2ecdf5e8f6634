"""From a reading, a video or a picture to one page of hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np

from functions.search.reading import Reading
from kadr.core.diversity import diversified
from kadr.core.errors import WeightsUnavailableError
from kadr.core.extraction import Vector
from kadr.core.fusion import TEXT_DIMENSIONS, VISUAL_DIMENSIONS, Calibration, fuse_query
from kadr.core.modality import Modality
from kadr.core.pages import Cut, Shown, collapsed, cut
from kadr.core.ranking import RANKED, Ranking
from kadr.models.catalogue import Role, calibration
from kadr.ports.search import ExactWords, Likeness, VideoSearch, Where
from kadr.ports.vectors import Hit

_FUSED = "fused"
# Three pages of twenty. Vectors are long: those of 60 take some 30 ms to come, so only who asks for diversity
# pays for them. What comes after these is in the order of its scores.
_DIVERSIFIED = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page, of which videos, and how they are to be ordered."""

    limit: int
    offset: int = 0
    where: Where = field(default_factory=Where)
    emphasis: float = 1.0  # the visual part of a score counts so many times as much
    diversity: float = 0.0  # 0…1; 0: by score alone
    collapse: bool = True  # near duplicates are one result


@dataclass(frozen=True, slots=True)
class QueryVectors:
    """What a query is compared with: ``clip`` (512,) and ``text`` (384,); ``None`` where weights are
    missing."""

    clip: Vector | None = None
    text: Vector | None = None
    text_version: str = ""
    clip_version: str = ""


class Retrieval:
    """Asks the index and cuts pages."""

    def __init__(self, index: VideoSearch) -> None:
        self._index = index

    def having_words(self, reading: Reading, wanted: Wanted, ranking: Ranking) -> list[Hit]:
        """Return the videos with the words of a query, which are known before its vectors are.

        Raises:
            DependencyError: Qdrant does not answer.
        """
        words = reading.words(ranking.words_weight)
        return [] if words is None else self._index.having(words, _where(reading, wanted))

    def by_query(
        self,
        reading: Reading,
        vectors: QueryVectors,
        wanted: Wanted,
        ranking: Ranking,
        having: Sequence[Hit] | None = None,
    ) -> Cut[Shown[Hit]]:
        """Return a page of the videos that fit a query; ``having`` is what :meth:`having_words` answered.

        Raises:
            WeightsUnavailableError: only what is seen is wanted, and CLIP is not installed.
            DependencyError: Qdrant does not answer.
        """
        where = _where(reading, wanted)
        likenesses = _likenesses(vectors, where.modality, wanted.emphasis, ranking)
        words = reading.words(ranking.words_weight)
        return self._page(likenesses, words, replace(wanted, where=where), having)

    def similar(self, video_id: UUID, wanted: Wanted) -> Cut[Shown[Hit]] | None:
        """Return a page of the videos that are like one of them, ``None`` where the index does not know it.

        A score is the cosine of what is seen, of what is written and of what is said, weighted as these count
        in the video that is asked about. With a modality, it is the cosine of that alone.
        """
        modality = wanted.where.modality
        names = [str(each) for each in RANKED if modality in (None, each)]
        stored = self._index.stored([video_id], names).get(video_id)
        if stored is None:
            return None
        weights = stored.payload.get("weights", {}) if modality is None else {str(modality): 1.0}
        likenesses = [
            Likeness(vector, name, scale=float(weights[name]))
            for name, vector in stored.vectors.items()
            if weights.get(name, 0.0) > 0
        ]
        group = stored.payload.get("group")
        where = replace(
            wanted.where,
            but_not=(video_id,),
            but_not_groups=(group,) if group and wanted.collapse else (),
        )
        return self._page(likenesses, None, replace(wanted, where=where))

    def by_picture(self, vector: Vector, wanted: Wanted) -> Cut[Shown[Hit]]:
        """Return a page of the videos that look like a picture; a score is the cosine."""
        return self._page([Likeness(vector, str(Modality.VISUAL))], None, wanted)

    def _page(
        self,
        likenesses: Sequence[Likeness],
        words: ExactWords | None,
        wanted: Wanted,
        having: Sequence[Hit] | None = None,
    ) -> Cut[Shown[Hit]]:
        hits = self._index.search(likenesses, words, wanted.where, having=having)
        shown = collapsed(hits, _group) if wanted.collapse else [Shown(hit) for hit in hits]
        if wanted.diversity > 0 and likenesses:
            shown = self._diversified(shown, [each.using for each in likenesses], wanted.diversity)
        return cut(shown, limit=wanted.limit, offset=wanted.offset)

    def _diversified(
        self, shown: list[Shown[Hit]], names: Sequence[str], diversity: float
    ) -> list[Shown[Hit]]:
        first, rest = shown[:_DIVERSIFIED], shown[_DIVERSIFIED:]
        stored = self._index.stored([each.item.video_id for each in first], names)
        lengths = {
            name: max(
                (each.vectors[name].size for each in stored.values() if name in each.vectors), default=0
            )
            for name in names
        }
        rows = np.zeros((len(first), sum(lengths.values())), np.float32)
        for row, each in zip(rows, first, strict=True):
            found = stored.get(each.item.video_id)
            at = 0
            for name, length in lengths.items():
                vector = None if found is None else found.vectors.get(name)
                if vector is not None:
                    row[at : at + length] = vector
                at += length
        if names == [_FUSED]:  # the constants say nothing about what a video is like
            rows = rows[:, : VISUAL_DIMENSIONS + TEXT_DIMENSIONS]
        order = diversified([each.item.score for each in first], rows, diversity)
        return [*(first[position] for position in order), *rest]


def _where(reading: Reading, wanted: Wanted) -> Where:
    return replace(wanted.where, phrases=reading.asked.phrases, excluded=reading.asked.excluded)


def _likenesses(
    vectors: QueryVectors, modality: Modality | None, emphasis: float, ranking: Ranking
) -> list[Likeness]:
    if modality is None:
        if vectors.clip is None and vectors.text is None:
            return []
        fused = fuse_query(
            clip=vectors.clip,
            text=vectors.text,
            emphasis=emphasis * ranking.emphasis,
            centres=ranking.centres,
        )
        return [Likeness(fused, _FUSED)]
    if modality is Modality.VISUAL:
        if vectors.clip is None:
            raise WeightsUnavailableError(
                "visual", "what is seen cannot be searched: weights not installed: kadr models pull visual"
            )
        known = ranking.calibration.get("visual", calibration(Role.VISUAL, vectors.clip_version))
        return [_calibrated(vectors.clip, modality, known)]
    if vectors.text is None:
        return []
    known = ranking.calibration.get("text", calibration(Role.TEXT, vectors.text_version))
    return [_calibrated(vectors.text, modality, known)]


def _calibrated(vector: Vector, modality: Modality, known: Calibration) -> Likeness:
    """Return the score in standard deviations above what is unrelated, as the fused vector has it."""
    return Likeness(vector, str(modality), 1 / known.deviation, -known.mean / known.deviation)


def _group(hit: Hit) -> str:
    return str(hit.payload.get("group") or hit.video_id)
