"""How like a query known videos are: what the index says adds up to the scores that it ranked by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

pytest.importorskip("qdrant_edge")
pytest.importorskip("starlette")

from kadr.adapters.qdrant import Qdrant, QdrantVectorIndex
from kadr.adapters.qdrant_similarities import QdrantSimilarities
from kadr.core.contributions import contributions
from kadr.core.errors import DependencyError
from kadr.core.fusion import fuse, fuse_query
from kadr.core.modality import Modality
from kadr.core.pooling import unit_rows
from kadr.core.ranking import Spread
from kadr.core.words import document_words, query_words
from tests.local_qdrant import LocalQdrant

COUNT = 60
VISUAL, TEXT = Spread(0.0, 0.044), Spread(0.0, 0.051)  # of random vectors of 512 and 384
RANDOM = np.random.default_rng(8)
IDS = [UUID(int=number + 1) for number in range(COUNT)]


def unit(size: int) -> np.ndarray:
    return unit_rows(RANDOM.standard_normal((1, size)).astype(np.float32))[0]


CLIP, QUERY = unit(512), unit(384)
WORDS = query_words([("красный борщ", 1.0), ("red borscht", 0.7)])
TEXTS = ["красный борщ", "борщ", "суп", "red borscht", ""]
VECTORS = {
    identity: {
        modality: unit(512 if modality is Modality.VISUAL else 384)
        for modality in (Modality.VISUAL, Modality.OCR, Modality.SPEECH)
        if RANDOM.random() < 0.7
    }
    for identity in IDS
}


@pytest.fixture(scope="module")
def qdrant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Qdrant]:
    server = LocalQdrant(Path(tmp_path_factory.mktemp("similarities")))
    server.start()
    qdrant = Qdrant(server.url, api_key=lambda: None, timeout=10)
    qdrant.ensure()
    index = QdrantVectorIndex(qdrant)
    for number, (identity, vectors) in enumerate(VECTORS.items()):
        weights = {modality: 1 / len(vectors) for modality in vectors}
        for modality, vector in vectors.items():
            index.write_vector(identity, 1, str(modality), vector, {})
        words = document_words([(TEXTS[number % len(TEXTS)], 1.0)])
        index.write_search(
            identity,
            1,
            fused=fuse(vectors, weights, visual=VISUAL, text=TEXT) if weights else None,
            words=words if words.indices else None,
            payload={"weights": {str(modality): weight for modality, weight in weights.items()}},
        )
    yield qdrant
    qdrant.client.close()
    server.end()


def test_cosines_are_exact_and_only_of_what_a_video_has(qdrant: Qdrant) -> None:
    found = QdrantSimilarities(qdrant).of(IDS, visual=CLIP, text=QUERY, words=None)
    for identity, vectors in VECTORS.items():
        exact = {
            modality: float(vector @ (CLIP if modality is Modality.VISUAL else QUERY))
            for modality, vector in vectors.items()
        }
        assert found[identity].cosines == pytest.approx(exact, abs=1e-5)
        assert found[identity].words is None


def test_weights_come_along_whatever_is_compared(qdrant: Qdrant) -> None:
    found = QdrantSimilarities(qdrant).of(IDS, visual=None, text=None, words=None)
    assert {each: similarity.weights for each, similarity in found.items()} == {
        identity: {modality: 1 / len(vectors) for modality in vectors}
        for identity, vectors in VECTORS.items()
    }


def test_words_that_do_not_match_are_none(qdrant: Qdrant) -> None:
    found = QdrantSimilarities(qdrant).of(IDS[:5], visual=None, text=None, words=WORDS)
    assert set(found) == set(IDS[:5])
    assert {each for each in found if found[each].words is not None} == {IDS[0], IDS[1], IDS[3]}
    both, one = found[IDS[0]].words, found[IDS[1]].words
    assert both is not None and one is not None and both > one > 0.0


def test_only_the_videos_that_were_asked_for_are_looked_at(qdrant: Qdrant) -> None:
    unknown = UUID(int=10**6)
    found = QdrantSimilarities(qdrant).of([IDS[3], unknown], visual=CLIP, text=QUERY, words=WORDS)
    assert set(found) == {IDS[3]}
    assert QdrantSimilarities(qdrant).of([], visual=CLIP, text=QUERY, words=WORDS) == {}


def test_parts_sum_to_the_score_that_the_index_ranked_by(qdrant: Qdrant) -> None:
    weight = 0.5
    answer = qdrant.client.query_points(
        "videos", query=fuse_query(clip=CLIP, text=QUERY).tolist(), using="fused", limit=COUNT
    )
    fused = {UUID(str(point.id)): point.score for point in answer.points}
    found = QdrantSimilarities(qdrant).of(IDS, visual=CLIP, text=QUERY, words=WORDS)
    worded = 0
    for identity, semantic in fused.items():
        similarity = found[identity]
        vectors = VECTORS[identity]
        words = None if similarity.words is None else weight * similarity.words
        score = semantic + (words or 0.0)
        parts = contributions(
            score,
            weights={modality: 1 / len(vectors) for modality in vectors},
            cosines=similarity.cosines,
            words=words,
            visual=VISUAL,
            text=TEXT,
        )
        assert sum(parts.values()) == pytest.approx(score, abs=1e-4)
        for modality, vector in vectors.items():
            side, by = (CLIP, VISUAL) if modality is Modality.VISUAL else (QUERY, TEXT)
            exact = float(vector @ side) / by.deviation / len(vectors)
            assert parts[str(modality)] == pytest.approx(exact, abs=0.1)
        worded += words is not None
    assert worded > 10


def test_an_index_that_is_away_is_a_dependency_that_failed() -> None:
    away = Qdrant("http://127.0.0.1:1", api_key=lambda: None, timeout=1)
    with pytest.raises(DependencyError):
        QdrantSimilarities(away).of(IDS[:1], visual=CLIP, text=None, words=None)


def test_an_index_that_is_there_answers(qdrant: Qdrant) -> None:
    QdrantVectorIndex(qdrant).ping()
    with pytest.raises(DependencyError):
        QdrantVectorIndex(qdrant, "nowhere").ping()
