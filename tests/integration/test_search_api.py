"""The ways of searching over HTTP and a real Qdrant: filters, pages, copies, similar videos, pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from fastapi.testclient import TestClient

pytest.importorskip("qdrant_edge")

from functions.search.app import create_app
from functions.search.engine import Engine
from functions.search.image_query import Seen, seen
from functions.search.services import services
from kadr.adapters.qdrant import Qdrant, QdrantVectorIndex
from kadr.adapters.qdrant_search import QdrantVideoSearch
from kadr.adapters.qdrant_similarities import QdrantSimilarities
from kadr.core.document import VideoFacts
from kadr.core.extraction import Moment, Vector
from kadr.core.modality import Modality, VideoState
from kadr.core.ranking import default_ranking
from kadr.ports.ledger import FoundVideo, VideoRecord
from kadr.runtime.assembly import document
from kadr.runtime.settings import SearchSettings
from tests.fakes import MemoryGlossaryStore
from tests.local_qdrant import LocalQdrant

DAY = datetime(2026, 3, 1, tzinfo=UTC)
ANNA = UUID(int=77)
MANY = 45


def unit(size: int, *directions: int) -> Vector:
    vector = np.zeros(size, np.float32)
    vector[list(directions)] = 1.0
    return vector / np.linalg.norm(vector)


class Table:
    """Stands in for both encoders: every text means the same."""

    model_version = "table"

    def __init__(self, size: int) -> None:
        self._size = size

    def embed(self, texts: Sequence[str]) -> Vector:
        return np.stack([unit(self._size, 0) for _ in texts])


def said_and_written(number: int) -> dict[Modality, list[Moment]]:
    """The first two cook borscht, with and without meat, the third says so; the others sing."""
    written, said = {
        0: ("Как варить борщ с мясом", ""),
        1: ("Борщ без мяса: как сварить", ""),
        2: ("Подпишись", "Сегодня мы варим борщ"),
    }.get(number, ("Песня", "песня"))
    language = "ru" if number != 4 else "en"
    return {
        Modality.OCR: [Moment(0, 2, written, language)],
        Modality.SPEECH: [Moment(0, 2, said, language)] if said else [],
    }


class Ledger:
    """What search reads of PostgreSQL, in dictionaries."""

    def __init__(self) -> None:
        self.videos: dict[UUID, VideoRecord] = {}

    def found(
        self, video_ids: Sequence[UUID], *, moments: bool = True, frames: bool = True
    ) -> dict[UUID, FoundVideo]:
        known = [self.videos[each] for each in video_ids if each in self.videos]
        return {
            each.video_id: FoundVideo(
                each.video_id,
                each.bucket,
                each.key,
                moments=said_and_written(each.video_id.int - 1) if moments else {},
            )
            for each in known
        }

    def newest_texts(self) -> list[str]:
        return ["Как варить борщ с мясом", "песня"]


def write(number: int, index: QdrantVectorIndex, ledger: Ledger) -> None:
    """Index a video as the extractors and assemble do; 0 and 1 are near duplicates by their pictures."""
    identity = UUID(int=number + 1)
    texts = said_and_written(number)
    vectors = {
        Modality.VISUAL: unit(512, 0, 3 if number < 2 else 4 + number),
        Modality.OCR: unit(384, 0, 1 + number),
    }
    if texts[Modality.SPEECH]:
        vectors[Modality.SPEECH] = unit(384, 0, 1 + number)
    people = (ANNA,) if number % 2 else ()
    created = DAY + timedelta(days=number)
    found = document(
        vectors, texts, VideoFacts(f"{number}.mp4", created, 10.0 + number, people), default_ranking()
    )
    for modality, vector in vectors.items():
        index.write_vector(identity, 1, str(modality), vector, {})
    group = "borscht" if number < 2 else str(identity)
    index.write_search(
        identity, 1, fused=found.fused, words=found.words, payload={**found.payload, "group": group}
    )
    ledger.videos[identity] = VideoRecord(
        identity, "media", f"{number}.mp4", 1, VideoState.SEARCHABLE, 1, created, created
    )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    server = LocalQdrant(tmp_path_factory.mktemp("qdrant"))
    server.start()
    qdrant = Qdrant(server.url, api_key=lambda: None, timeout=20)
    qdrant.ensure()
    ledger = Ledger()
    for number in range(MANY):
        write(number, QdrantVectorIndex(qdrant), ledger)
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
        models_dir=tmp_path_factory.mktemp("models"),
    )
    engine = Engine(settings, world)  # type: ignore[arg-type]
    engine.__dict__ |= {"clip": Table(512), "text": Table(384)}
    here = SimpleNamespace(
        engine=engine, settings=settings, link=lambda bucket, key: key, thumbnail=lambda record: None
    )
    app = create_app()
    app.dependency_overrides[services] = lambda: here
    app.dependency_overrides[seen] = lambda: Seen(unit(512, 3), {"decode": 1.0, "embed": 1.0})
    with TestClient(app) as client:
        yield client
    qdrant.client.close()
    server.end()


def asked(client: TestClient, path: str, **parameters: Any) -> dict[str, Any]:
    method = "POST" if path == "/search/image" else "GET"
    answer = client.request(method, path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def keys(client: TestClient, q: str, **parameters: Any) -> list[str]:
    answer = asked(client, "/search", q=q, **{"k": 100, "collapse": False, **parameters})
    return [result["key"].removesuffix(".mp4") for result in answer["results"]]


@pytest.mark.parametrize(
    ("q", "parameters", "expected"),
    [
        ('"борщ"', {}, {"0", "1", "2"}),
        ('"борщ" -мясо', {}, {"2"}),
        ('борщ «с мясом»', {}, {"0"}),
        ('"варить борщ"', {"modality": "ocr"}, {"0"}),
        ('"варим борщ"', {"modality": "speech"}, {"2"}),
        ('"борщ"', {"person": str(ANNA)}, {"1"}),
        ('"борщ"', {"min_duration": 11, "max_duration": 12}, {"1", "2"}),
        ('"борщ"', {"after": "2026-03-02"}, {"1", "2"}),
        ('"борщ"', {"after": "2026-03-02T03:00:00+03:00", "before": "2026-03-03"}, {"1"}),
        ("песня", {"language": "en"}, {"4"}),
        ("песня", {"language": ["en", "de"], "theme": "music"}, set()),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_what_comes(client, q, parameters, expected):
    assert set(keys(client, q, **parameters)) == expected


def test_words_put_their_videos_first_and_the_others_behind(client):
    everything = keys(client, "борщ")
    assert set(everything[:3]) == {"0", "1", "2"}
    assert len(everything) == MANY
    assert keys(client, "борщ", modality="speech")[0] == "2"


def test_the_answer_says_how_the_query_was_read(client):
    query = asked(client, "/search", q='вврить "с мясом" -песня')["query"]
    assert query["corrected"] == 'варить "с мясом" -песня'
    assert query["translated"].endswith('"с мясом" -песня')
    assert (query["phrases"], query["excluded"]) == (["с мясом"], ["песня"])
    assert {"text": "с мясом", "weight": 1.0} in query["words"]


@pytest.mark.parametrize(
    "parameters", [{}, {"collapse": False}, {"diversity": 0.4}, {"modality": "ocr"}, {"language": "ru"}]
)
@pytest.mark.parametrize(
    ("path", "query"),
    [("/search", {"q": "борщ"}), (f"/videos/{UUID(int=1)}/similar", {}), ("/search/image", {})],
)
def test_pages_of_any_size_are_one_list(client, path, query, parameters):
    if path == "/search/image":
        parameters = {name: value for name, value in parameters.items() if name != "modality"}
    whole = asked(client, path, k=100, **query, **parameters)
    assert whole["next_offset"] is None
    assert whole["results"]
    ranks = [result["rank"] for result in whole["results"]]
    assert ranks == list(range(1, len(ranks) + 1))
    read, offset = [], 0
    while offset is not None:
        page = asked(client, path, k=7, offset=offset, **query, **parameters)
        read += page["results"]
        offset = page["next_offset"]
    assert [result["video_id"] for result in read] == [result["video_id"] for result in whole["results"]]
    assert [result["rank"] for result in read] == ranks


def test_beyond_the_end_there_is_an_empty_page(client):
    page = asked(client, "/search", q="борщ", offset=900)
    assert (page["results"], page["next_offset"]) == ([], None)


def test_near_duplicates_are_one_result(client):
    results = {each["key"]: each for each in asked(client, "/search", q="борщ", k=100)["results"]}
    assert len(results) == MANY - 1
    (shown,) = {"0.mp4", "1.mp4"} & set(results)
    assert results[shown]["duplicates"] == 1
    assert results["2.mp4"]["duplicates"] == 0


def test_similar_videos_leave_out_the_video_and_its_copies(client):
    path = f"/videos/{UUID(int=1)}/similar"
    found = [each["key"] for each in asked(client, path, k=100)["results"]]
    assert not {"0.mp4", "1.mp4"} & set(found)
    assert len(found) == MANY - 2
    copies = asked(client, path, k=100, collapse=False)["results"]
    assert copies[0]["key"] == "1.mp4"
    assert copies[0]["score"] <= 1.0
    (seen_first,) = asked(client, path, k=1, modality="visual", collapse=False)["results"]
    assert seen_first["key"] == "1.mp4"


def test_nothing_is_similar_to_a_video_that_is_not_there(client):
    answer = client.get(f"/videos/{UUID(int=9999)}/similar")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_a_picture_finds_what_looks_like_it_within_the_filters(client):
    answer = asked(client, "/search/image", k=2, collapse=False)
    assert {each["key"] for each in answer["results"]} == {"0.mp4", "1.mp4"}
    assert answer["results"][0]["score"] == pytest.approx(2**-0.5, abs=0.01)
    assert {"decode", "embed", "query"} <= set(answer["took_ms"])
    (only,) = asked(client, "/search/image", person=str(ANNA), k=1)["results"]
    assert only["key"] == "1.mp4"


@pytest.mark.parametrize(
    ("parameters", "code", "said"),
    [
        ({"q": "-кот"}, "empty", "type what to look for"),
        ({"q": "🍲"}, "empty", "type a word"),
        ({"q": "кот", "min_duration": 9, "max_duration": 3}, "invalid", "max_duration"),
        ({"q": "кот", "after": "2026-03-02", "before": "2026-03-01"}, "invalid", "before"),
        ({"q": "кот", "after": "yesterday"}, "invalid", "after"),
        ({"q": "кот", "modality": "smell"}, "invalid", "modality"),
        ({"q": "кот", "diversity": 2}, "invalid", "diversity"),
        ({"q": "кот", "emphasis": -1}, "invalid", "emphasis"),
        ({"q": "кот", "person": "anna"}, "invalid", "person"),
        ({"q": "кот", "language": "русский"}, "invalid", "language"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(client, parameters, code, said):
    answer = client.get("/search", params=parameters)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == code
    assert said in answer.json()["error"]["message"]


def test_what_is_seen_cannot_be_searched_without_clip(client):
    engine = client.app.dependency_overrides[services]().engine
    clip = engine.__dict__["clip"]
    engine.__dict__["clip"] = None
    try:
        answer = client.get("/search", params={"q": "кот", "modality": "visual"})
    finally:
        engine.__dict__["clip"] = clip
    assert answer.status_code == 503
    assert "kadr models pull visual" in answer.json()["error"]["message"]
