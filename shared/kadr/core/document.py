"""What the index holds of one video: everything that search reads, made of everything that was extracted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from kadr.core.extraction import Moment, Vector
from kadr.core.fusion import Calibration, fuse
from kadr.core.modality import Modality, Stage
from kadr.core.phrases import phrase_index
from kadr.core.ranking import RANKED, Ranking
from kadr.core.weights import video_weights, word_count
from kadr.core.words import SparseVector, video_words

# The payload fields in which phrases and words are looked up, apart for each modality: who asks for what is
# said does not mean what is written.
STEMS = {Modality.OCR: "stems_ocr", Modality.SPEECH: "stems_speech"}


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What is known of a video beside its vectors and moments. What has not been found out is empty."""

    key: str
    created_at: datetime
    duration: float | None = None  # seconds
    people: tuple[UUID, ...] = ()
    model_versions: Mapping[Stage, str] = field(default_factory=dict)  # what its results were made with


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """A video as search reads it.

    ``payload`` has what is filtered by and shown; the group of near duplicates is not in it, because it
    depends on other videos (:mod:`kadr.core.duplicates`).
    """

    fused: Vector | None
    words: SparseVector | None
    shares: Mapping[Modality, float]
    payload: Mapping[str, Any]

    @property
    def searchable(self) -> bool:
        """Whether the video can be found at all."""
        return self.fused is not None or self.words is not None


def search_document(
    vectors: Mapping[Modality, Vector],
    moments: Mapping[Modality, Sequence[Moment]],
    facts: VideoFacts,
    ranking: Ranking,
    *,
    visual: Calibration,
    text: Calibration,
) -> SearchDocument:
    """Return what the index shall hold of a video.

    ``vectors`` are the unit vectors of what has been extracted so far; ``visual`` and ``text`` calibrate the
    models that made them. The constants in ``ranking`` win over both.
    """
    shares = video_weights(vectors.keys(), moments, ranking)
    fused = None
    if shares:
        fused = fuse(
            vectors,
            shares,
            visual=ranking.calibration.get("visual", visual),
            text=ranking.calibration.get("text", text),
            centres=ranking.centres,
        )
    words = video_words(moments)
    every = [moment for found in moments.values() for moment in found]
    payload: dict[str, Any] = {
        "key": facts.key,
        "created_at": facts.created_at.astimezone(UTC).isoformat(),
        "weights": {str(modality): round(share, 4) for modality, share in shares.items()},
        "modalities": [
            str(modality)
            for modality in RANKED
            if modality in vectors or word_count(moments.get(modality, ())) > 0
        ],
        "languages": sorted({moment.language for moment in every} - {"und", ""}),
        "people": sorted(str(person) for person in set(facts.people)),
        "ranking": ranking.version,
    }
    for modality, name in STEMS.items():
        payload[name] = phrase_index(
            part for moment in moments.get(modality, ()) for part in (moment.text, moment.translation)
        )
    if facts.duration is not None:
        payload["duration"] = facts.duration
    return SearchDocument(fused, words if words.indices else None, shares, payload)
