"""GET /search over the real index and text encoder: what it says of its hits is true.

PostgreSQL is a dictionary, and CLIP's text tower a table of words: its weights cannot be had here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from fastapi.testclient import TestClient

pytest.importorskip("onnxruntime")
pytest.importorskip("qdrant_edge")

from functions.search.app import create_app
from functions.search.engine import Engine
from functions.search.services import services
from kadr.adapters.minilm import MiniLM
from kadr.adapters.qdrant import Qdrant, QdrantVectorIndex
from kadr.adapters.qdrant_search import QdrantVideoSearch
from kadr.adapters.qdrant_similarities import QdrantSimilarities
from kadr.core.document import VideoFacts
from kadr.core.extraction import FrameEmbeddings, Moment, StoredFrames, Vector, Word
from kadr.core.modality import Modality, Stage
from kadr.core.passages import embed_passages
from kadr.core.pooling import mean_direction, unit_rows
from kadr.core.ranking import default_ranking
from kadr.models.registry import require
from kadr.ports.ledger import FoundVideo
from kadr.runtime.assembly import document
from kadr.runtime.settings import SearchSettings
from tests.fakes import MemoryGlossaryStore
from tests.local_qdrant import LocalQdrant

pytestmark = pytest.mark.onnx

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RANDOM = np.random.default_rng(4)
# What can be seen, each thing a direction; a query looks like the things that it names.
THINGS = {
    name: unit_rows(RANDOM.standard_normal((1, 512)).astype(np.float32))[0] for name in ("soup", "cat", "car")
}
# What all pictures and texts have in common.
COMMON = unit_rows(RANDOM.standard_normal((1, 512)).astype(np.float32))[0]


class TableClip:
    """Stands in for CLIP's text tower."""

    model_version = "table"

    def embed(self, texts: Sequence[str]) -> Vector:
        """Return (len(texts), 512), unit rows."""
        return np.stack([picture(*(name for name in THINGS if name in text.lower())) for text in texts])


def picture(*things: str) -> Vector:
    """A frame, or a text: the cosine of two is about 0.2, and 0.4 if they share a thing, as with CLIP."""
    own = unit_rows(RANDOM.standard_normal((1, 512)).astype(np.float32))[0]
    content = unit_rows(sum((0.6 * THINGS[name] for name in things), own)[None])[0]
    return (np.sqrt(0.2) * COMMON + np.sqrt(0.8) * content).astype(np.float32)


@dataclass
class Video:
    """A video by what is in it."""

    written: tuple[Moment, ...] = ()
    said: tuple[Moment, ...] = ()
    frames: tuple[tuple[str, ...], ...] = ()  # one a second: the things in it


VIDEOS = {
    "borscht.mp4": Video(
        written=(
            Moment(0, 2, "Как варить борщ", "ru", 0.9, "How to cook borscht"),
            Moment(2, 4, "Подпишись", "ru", 0.9, "Subscribe"),
        ),
        said=(
            Moment(
                1.0,
                4.0,
                "Сегодня варим красный борщ.",
                "ru",
                0.9,
                "We cook red borscht today.",
                (
                    Word("Сегодня", 1.0, 1.6),
                    Word("варим", 1.7, 2.2),
                    Word("красный", 2.3, 2.9),
                    Word("борщ.", 3.0, 3.6),
                ),
            ),
        ),
        frames=((), (), ("soup",), ()),
    ),
    "beets.mp4": Video(
        written=(
            Moment(0, 3, "Красная свёкла и не только борщ", "ru", 0.9, "Red beets and not only borscht"),
        )
    ),
    "cat.mp4": Video(frames=((), ("cat",), (), ())),
    "driving.mp4": Video(
        said=(Moment(0, 5, "Мы едем на машине за город.", "ru", 0.9, "We are driving out of town by car."),),
        frames=(("car",),) * 3,
    ),
    "soup.mp4": Video(frames=(("cat",), (), (), ("soup",), ())),
    "taxes.mp4": Video(
        written=(Moment(0, 3, "Налоги для самозанятых", "ru", 0.9, "Taxes for the self-employed"),)
    ),
}
IDS = {key: UUID(int=number + 1) for number, key in enumerate(VIDEOS)}


@dataclass
class MemoryLedger:
    """The reads of a search."""

    videos: dict[UUID, FoundVideo] = field(default_factory=dict)

    def found(self, video_ids: Sequence[UUID], *, moments: bool, frames: bool) -> dict[UUID, FoundVideo]:
        return {
            each: replace(
                self.videos[each],
                **({} if moments else {"moments": {}}),
                **({} if frames else {"frames": None}),
            )
            for each in video_ids
        }

    def newest_texts(self) -> list[str]:
        return [
            moment.text
            for video in self.videos.values()
            for those in video.moments.values()
            for moment in those
        ]


@pytest.fixture(scope="module")
def client(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    server = LocalQdrant(tmp_path_factory.mktemp("qdrant"))
    server.start()
    qdrant = Qdrant(server.url, api_key=lambda: None, timeout=20)
    qdrant.ensure()
    ledger = MemoryLedger()
    text = MiniLM(require("text", models_dir).directory)
    for key, video in VIDEOS.items():
        write(key, video, QdrantVectorIndex(qdrant), ledger, text)
    world = SimpleNamespace(
        ledger=ledger,
        glossaries=MemoryGlossaryStore(),
        rankings=SimpleNamespace(active=default_ranking),
        video_search=QdrantVideoSearch(qdrant),
        similarities=QdrantSimilarities(qdrant),
    )
    settings = SearchSettings(
        postgres_host="unused",
        postgres_secret_arn="unused",
        qdrant_url=server.url,
        media_bucket="media",
        derived_bucket="derived",
        models_dir=models_dir,
    )
    engine = Engine(settings, world)  # type: ignore[arg-type]
    engine.__dict__["clip"] = TableClip()
    here = SimpleNamespace(
        engine=engine,
        settings=settings,
        world=world,
        link=lambda bucket, key: key,
        thumbnail=lambda record: None,
    )
    app = create_app()
    app.dependency_overrides[services] = lambda: here
    with TestClient(app) as client:
        yield client
    qdrant.client.close()
    server.end()


def write(key: str, video: Video, index: QdrantVectorIndex, ledger: MemoryLedger, text: MiniLM) -> None:
    """Index a video as the extractors and assemble do."""
    identity = IDS[key]
    moments = {Modality.OCR: list(video.written), Modality.SPEECH: list(video.said)}
    vectors: dict[Modality, Vector] = {}
    for modality, those in moments.items():
        vector = embed_passages(text.embed, [moment.translation for moment in those])
        if vector is not None:
            vectors[modality] = vector
    pictures = None
    if video.frames:
        frames = np.stack([picture(*things) for things in video.frames])
        pictures = StoredFrames.of(FrameEmbeddings(np.arange(len(frames), dtype=np.float32), frames))
        mean = mean_direction(frames)
        assert mean is not None
        vectors[Modality.VISUAL] = mean
    versions = {Stage.OCR: f"reader {text.model_version}", Stage.VISUAL: "table"}
    found = document(vectors, moments, VideoFacts(key, NOON, model_versions=versions), default_ranking())
    for modality, vector in vectors.items():
        index.write_vector(identity, 1, str(modality), vector, {})
    index.write_search(
        identity, 1, fused=found.fused, words=found.words, payload={**found.payload, "group": key}
    )
    ledger.videos[identity] = FoundVideo(
        identity, "media", key, versions=versions, moments=moments, frames=pictures
    )


def search(client: TestClient, query: str, **parameters: Any) -> dict[str, Any]:
    answer = client.get("/search", params={"q": query, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def first(client: TestClient, query: str, **parameters: Any) -> dict[str, Any]:
    return search(client, query, **parameters)["results"][0]


def marked(evidence: dict[str, Any], which: str = "") -> list[str]:
    text = evidence["translation" if which else "text"]
    return [text[each["offset"] :][: each["length"]] for each in evidence[f"{which}highlights"]]


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("как варить борщ", {}),
        ("a cat in the soup", {}),
        ("автомобиль", {}),
        ("taxes", {"emphasis": 3.0}),
        ('"красный борщ"', {}),
        ("борщ", {"modality": "ocr"}),
        ("борщ", {"modality": "speech"}),
        ("soup", {"modality": "visual"}),
    ],
)
def test_contributions_sum_to_the_score_of_every_hit(
    client: TestClient, query: str, parameters: dict[str, Any]
) -> None:
    results = search(client, query, **parameters)["results"]
    assert results
    for result in results:
        assert sum(result["contributions"].values()) == pytest.approx(result["score"], abs=2e-4)
        alone = parameters.get("modality")
        allowed = {alone, "words"} if alone else {*result["shares"], "words"}
        assert set(result["contributions"]) <= allowed
        assert 0.0 < result["confidence"] <= 1.0


def test_the_word_that_was_asked_for_is_marked_and_timed(client: TestClient) -> None:
    result = first(client, "красные борщи", modality="speech")
    assert result["key"] == "borscht.mp4"
    (evidence,) = result["evidence"]
    assert marked(evidence) == ["красный", "борщ"]
    assert [(each["start"], each["end"]) for each in evidence["highlights"]] == [(2.3, 2.9), (3.0, 3.6)]
    assert result["matched"] == 1.0


def test_a_quoted_phrase_is_marked_as_one(client: TestClient) -> None:
    answer = search(client, '"красный борщ"')
    assert [result["key"] for result in answer["results"]] == ["borscht.mp4"]
    assert marked(answer["results"][0]["evidence"][0]) == ["красный борщ"]
    assert answer["results"][0]["evidence"][0]["highlights"][0]["start"] == 2.3


def test_an_english_query_marks_the_translation(client: TestClient) -> None:
    evidence = first(client, "taxes")["evidence"][0]
    assert evidence["text"] == "Налоги для самозанятых"
    assert marked(evidence, "translation_") == ["Taxes"]


def test_what_is_seen_is_found_at_its_second(client: TestClient) -> None:
    cats = {each["key"]: each for each in search(client, "a cat")["results"]}
    assert cats["cat.mp4"]["frame"]["time"] == 1.0
    assert cats["cat.mp4"]["frame"]["score"] > cats["driving.mp4"]["frame"]["score"]
    assert set(cats["cat.mp4"]["contributions"]) == {"visual"}
    assert cats["soup.mp4"]["frame"]["time"] == 0.0
    soups = {each["key"]: each for each in search(client, "soup")["results"]}
    assert soups["soup.mp4"]["frame"]["time"] == 3.0
    assert soups["borscht.mp4"]["frame"]["time"] == 2.0


def test_a_hit_by_meaning_shows_the_moment_that_means_it(client: TestClient) -> None:
    result = first(client, "income declaration", modality="ocr")
    assert result["key"] == "taxes.mp4"
    assert result["matched"] == 0.0
    assert [each["text"] for each in result["evidence"]] == ["Налоги для самозанятых"]
    assert result["evidence"][0]["highlights"] == []


def test_confidence_tells_a_good_page_from_one_without_anything_good(client: TestClient) -> None:
    good = search(client, "как варить борщ")
    assert not good["nothing_good"]
    assert good["results"][0]["confidence"] > 0.9
    # Of what is written: the table of words that stands for CLIP says something of every query.
    bad = search(client, "квантовая хромодинамика", modality="ocr")
    assert bad["nothing_good"]
    assert max(each["confidence"] for each in bad["results"]) < 0.5
