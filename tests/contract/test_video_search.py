"""Search on a real Qdrant: exact joined scores, filters, words of one modality, a total order."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

pytest.importorskip("qdrant_edge")
pytest.importorskip("starlette")

from kadr.adapters.qdrant import Qdrant
from kadr.adapters.qdrant_search import CANDIDATES, QdrantVideoSearch
from kadr.core.document import STEMS
from kadr.core.extraction import Vector
from kadr.core.fusion import FUSED_DIMENSIONS, TEXT_DIMENSIONS, VISUAL_DIMENSIONS
from kadr.core.modality import Modality
from kadr.core.phrases import phrase_index
from kadr.core.text import stems
from kadr.core.words import document_words, query_words
from kadr.ports.search import ExactWords, Likeness, Where
from tests.local_qdrant import LocalQdrant

MANY = 500  # more than each part of a score proposes
DAY = datetime(2026, 3, 1, tzinfo=UTC)
RANDOM = np.random.default_rng(5)
VECTORS = RANDOM.normal(size=(MANY, FUSED_DIMENSIONS)).astype(np.float32)
QUERY = RANDOM.normal(size=FUSED_DIMENSIONS).astype(np.float32)

# What is written and what is said, of the first videos; the others have a word that all have.
TEXTS: dict[int, tuple[str, str]] = {
    0: ("Кот ест огурец", ""),
    1: ("", "Мой кот ест огурец"),
    2: ("Огурец ест кота", ""),
    3: ("Кот", "ест огурец"),
    4: ("cat eats", "про борщ"),
    5: ("Борщ с мясом", ""),
    6: ("Борщ без мяса", ""),
}


def video(number: int) -> UUID:
    return UUID(int=number + 1)


def text_vector(number: int) -> Vector:
    vector = np.zeros(TEXT_DIMENSIONS, np.float32)
    vector[number % TEXT_DIMENSIONS] = 1.0
    return vector


def point(number: int) -> dict[str, Any]:
    written, said = TEXTS.get(number, ("реклама", "" if number % 2 else "реклама"))
    words = document_words([(written, 1.0), (said, 1.0)])
    vectors: dict[str, Any] = {
        "fused": VECTORS[number].tolist(),
        "words": {"indices": list(words.indices), "values": list(words.values)},
        "visual": VECTORS[number][:VISUAL_DIMENSIONS].tolist(),
    }
    modalities = ["visual"]
    for modality, text in (("ocr", written), ("speech", said)):
        if text:
            vectors[modality] = text_vector(number).tolist()
            modalities.append(modality)
    payload = {
        "key": f"{number}.mp4",
        "weights": {"visual": 0.5, "ocr": 0.5},
        "modalities": modalities,
        "languages": ["en"] if number == 4 else ["ru"],
        "people": [str(video(900 + person)) for person in (1, 2) if number % person == 0],
        "duration": float(number),
        "created_at": (DAY + timedelta(days=number)).isoformat(),
        "group": str(video(number // 2 * 2)),
        STEMS[Modality.OCR]: phrase_index([written]),
        STEMS[Modality.SPEECH]: phrase_index([said]),
    }
    if number == 6:
        payload["theme"] = "food"
    return {"id": str(video(number)), "vector": vectors, "payload": payload}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QdrantVideoSearch]:
    server = LocalQdrant(tmp_path_factory.mktemp("qdrant"))
    server.start()
    qdrant = Qdrant(server.url, api_key=lambda: None, timeout=20)
    qdrant.ensure()
    from qdrant_client import models as q

    for start in range(0, MANY, 100):
        qdrant.client.upsert(
            "videos", [q.PointStruct(**point(each)) for each in range(start, start + 100)], wait=True
        )
    yield QdrantVideoSearch(qdrant)
    server.end()


def words(text: str, weight: float = 0.5) -> ExactWords:
    return ExactWords(query_words([(text, 1.0)]), weight, stems(text))


def found(index: QdrantVideoSearch, where: Where, *likenesses: Likeness, text: str = "") -> list[int]:
    parts = likenesses or (Likeness(QUERY, "fused"),)
    hits = index.search(parts, words(text) if text else None, where)
    return [hit.video_id.int - 1 for hit in hits]


def bm25(text: str) -> np.ndarray:
    """The definition, computed here: Qdrant's inverse document frequency times what the videos have."""
    documents = [dict(zip(p["indices"], p["values"], strict=True)) for p in (
        point(each)["vector"]["words"] for each in range(MANY)
    )]  # fmt: skip
    scores = np.zeros(MANY)
    vector = query_words([(text, 1.0)])
    for token, weight in zip(vector.indices, vector.values, strict=True):
        having = sum(token in each for each in documents)
        idf = math.log((MANY - having + 0.5) / (having + 0.5) + 1)
        scores += [idf * weight * each.get(token, 0.0) for each in documents]
    return scores


def test_meaning_and_words_are_added_exactly_whoever_proposed_the_video(index):
    exact = VECTORS @ QUERY + 3.0 * bm25("кот огурец реклама")
    hits = index.search([Likeness(QUERY, "fused")], words("кот огурец реклама", 3.0), Where())
    assert len(hits) == CANDIDATES
    # 8-bit vectors choose the candidates, exact ones score them
    for hit in hits:
        assert hit.score == pytest.approx(exact[hit.video_id.int - 1], rel=0.02, abs=0.5)
    assert [hit.video_id.int - 1 for hit in hits[:5]] == list(np.argsort(-exact)[:5])


@pytest.mark.parametrize("where", [Where(), Where(languages=("ru",)), Where(modality=Modality.OCR)])
def test_words_may_be_asked_for_ahead(index, where):
    likenesses, sought = [Likeness(QUERY, "fused")], words("кот огурец реклама", 3.0)
    having = index.having(sought, where)
    scores = bm25("кот огурец реклама")
    assert [hit.score for hit in having] == pytest.approx(
        [scores[hit.video_id.int - 1] for hit in having], rel=1e-3
    )
    assert index.search(likenesses, sought, where, having=having) == index.search(likenesses, sought, where)


def test_words_that_cannot_count_are_nowhere(index):
    assert index.having(words("кот"), Where(modality=Modality.VISUAL)) == []
    assert index.search([], words("кот"), Where(modality=Modality.VISUAL), having=[]) == []


def test_what_comes_along_is_what_pages_are_cut_by(index):
    (first, *_) = index.search([Likeness(QUERY, "fused")], None, Where())
    assert set(first.payload) == {"group"}


def test_a_likeness_is_scaled_and_shifted_and_0_for_videos_without_the_vector(index):
    hits = index.search([Likeness(text_vector(5), "ocr", 10.0, -1.0)], words("борщ", 0.1), Where())
    scores = {hit.video_id.int - 1: hit.score for hit in hits}
    assert scores[5] == pytest.approx(10.0 - 1.0 + 0.1 * bm25("борщ")[5], rel=0.02)
    assert scores[6] == pytest.approx(-1.0 + 0.1 * bm25("борщ")[6], rel=0.02)


def test_equal_scores_have_an_order(index):
    hits = index.search([], words("борщ"), Where())
    equal = [hit.video_id for hit in hits if hit.score == hits[-1].score]
    assert equal == sorted(equal)
    assert index.search([], words("борщ"), Where()) == hits


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Where(phrases=("кот ест",)), {0, 1}),
        (Where(phrases=("КОТЫ ЕДЯТ огурцы",)), set()),  # едят: another stem
        (Where(phrases=("коты",)), {0, 1, 2, 3}),
        (Where(phrases=("ест огурец",)), {0, 1, 3}),
        (Where(phrases=("кот ест огурец",)), {0, 1}),  # not from one text into the next
        (Where(phrases=("кот", "ест огурец")), {0, 1, 3}),
        (Where(phrases=("кот",), excluded=("мой",)), {0, 2, 3}),
        (Where(phrases=("борщ",), excluded=("с мясом",)), {4, 6}),
        (Where(phrases=("борщ",), excluded=("мясо", "про")), set()),
        (Where(phrases=("борщ",), modality=Modality.OCR), {5, 6}),
        (Where(phrases=("борщ",), modality=Modality.SPEECH), {4}),
        (Where(languages=("en",)), {4}),
        (Where(themes=("food", "sport")), {6}),
        (Where(people=(str(video(901)), str(video(902))), max_duration=4), {0, 2, 4}),
        (Where(min_duration=3, max_duration=5), {3, 4, 5}),
        (Where(max_duration=0), {0}),
        (Where(after=DAY + timedelta(days=2), before=DAY + timedelta(days=4)), {2, 3}),
        (Where(max_duration=4, modality=Modality.SPEECH), {1, 3, 4}),
        (Where(max_duration=4, but_not=(video(1),), but_not_groups=(str(video(2)),)), {0, 4}),
    ],
)  # fmt: skip
def test_filters(index, where, expected):
    assert set(found(index, where)) == expected
    assert set(found(index, where, text="кот огурец борщ")) == expected


def test_words_count_only_where_the_modality_has_them(index):
    where = Where(modality=Modality.SPEECH, max_duration=6)
    likeness = Likeness(text_vector(3), "speech")
    hits = index.search([likeness], words("огурец кот"), where)
    scores = {hit.video_id.int - 1: hit.score for hit in hits}
    assert set(scores) == {1, 3, 4}
    assert scores[4] == pytest.approx(0.0, abs=0.01)  # neither said
    assert scores[1] == pytest.approx(0.5 * bm25("огурец кот")[1], rel=0.01)
    assert found(index, where, likeness, text="cat") == [3, 1, 4]  # written, not said


def test_what_is_seen_has_no_words(index):
    where = Where(modality=Modality.VISUAL, max_duration=6)
    likeness = Likeness(VECTORS[5][:VISUAL_DIMENSIONS], "visual")
    assert found(index, where, likeness, text="кот") == found(index, where, likeness)


def test_nothing_to_compare_with_finds_nothing(index):
    assert index.search([], None, Where()) == []
    assert index.search([], ExactWords(query_words([("…", 1.0)]), 1.0), Where()) == []


def test_stored_vectors_come_back_and_what_is_unknown_is_left_out(index):
    stored = index.stored([video(1), video(9999)], ["ocr", "speech"])
    assert set(stored) == {video(1)}
    assert set(stored[video(1)].vectors) == {"speech"}
    assert np.allclose(stored[video(1)].vectors["speech"], text_vector(1))
    assert stored[video(1)].payload["group"] == str(video(0))
