"""What the index holds of a video."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from uuid import UUID

import numpy as np
import pytest

from kadr.core.document import SearchDocument, VideoFacts, search_document
from kadr.core.extraction import Moment, Vector
from kadr.core.fusion import TEXT_DIMENSIONS, VISUAL_DIMENSIONS, fuse_query
from kadr.core.modality import Modality
from kadr.core.ranking import Ranking, Spread

PERSON = UUID(int=5)
FACTS = VideoFacts(
    "рецепты/борщ.mp4",
    datetime(2026, 3, 1, 15, 0, tzinfo=timezone(timedelta(hours=3))),
    duration=31.5,
    people=(PERSON, PERSON),
)
SAID = [
    Moment(0, 2, "Как варить борщ", "ru", 0.9, "How to cook borscht"),
    Moment(2, 3, "♪", "und", 0.2),
]
CALIBRATION = Spread(0.2, 0.1)


def unit(size: int) -> Vector:
    vector = np.zeros(size, dtype=np.float32)
    vector[0] = 1.0
    return vector


def document(
    *modalities: Modality, ranking: Ranking | None = None, facts: VideoFacts = FACTS
) -> SearchDocument:
    vectors = {
        modality: unit(VISUAL_DIMENSIONS if modality is Modality.VISUAL else TEXT_DIMENSIONS)
        for modality in modalities
    }
    moments = {Modality.SPEECH: SAID} if Modality.SPEECH in modalities else {}
    return search_document(
        vectors, moments, facts, ranking or Ranking(), visual=CALIBRATION, text=CALIBRATION
    )


def test_what_can_be_filtered_by() -> None:
    payload = document(Modality.VISUAL, Modality.SPEECH).payload
    assert payload["created_at"] == "2026-03-01T12:00:00+00:00"
    assert payload["duration"] == 31.5
    assert payload["people"] == [str(PERSON)]
    assert payload["languages"] == ["ru"]
    assert payload["modalities"] == ["visual", "speech"]
    assert "вар борщ" in payload["stems_speech"]
    assert "cook borscht" in payload["stems_speech"]
    assert payload["stems_ocr"] == ""
    assert sum(payload["weights"].values()) == pytest.approx(1, abs=1e-3)


def test_what_is_not_known_is_left_out() -> None:
    payload = document(Modality.VISUAL, facts=VideoFacts("a.mp4", FACTS.created_at)).payload
    assert "duration" not in payload
    assert payload["people"] == payload["languages"] == []
    assert payload["modalities"] == ["visual"]


def test_words_without_a_vector_are_found_by_words_only() -> None:
    """The text encoder may be missing."""
    found = search_document({}, {Modality.OCR: SAID}, FACTS, Ranking(), visual=CALIBRATION, text=CALIBRATION)
    assert found.fused is None
    assert found.searchable
    assert found.payload["modalities"] == ["ocr"]


def test_a_video_without_anything_cannot_be_found() -> None:
    assert not document().searchable


def test_the_constants_win_over_the_models_own_calibration() -> None:
    query = fuse_query(clip=unit(VISUAL_DIMENSIONS), text=None)

    def score(ranking: Ranking) -> float:
        fused = document(Modality.VISUAL, ranking=ranking).fused
        assert fused is not None
        return float(fused @ query)

    assert score(Ranking()) == pytest.approx((1 - 0.2) / 0.1)
    assert score(Ranking(calibration={"visual": Spread(0.4, 0.2)})) == pytest.approx((1 - 0.4) / 0.2)


def test_which_constants_it_was_made_with_is_written_down() -> None:
    other = Ranking(words_scale=3)
    assert (
        document(Modality.VISUAL).payload["ranking"]
        != document(Modality.VISUAL, ranking=other).payload["ranking"]
    )
