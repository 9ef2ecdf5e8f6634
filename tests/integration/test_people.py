"""People across videos, on a real PostgreSQL and the local stack's Qdrant: found, corrected, kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from fastapi.testclient import TestClient

pytest.importorskip("qdrant_edge")

from qdrant_client import models as q

from functions.assemble.assemble import assemble
from functions.cluster import people as clustering
from functions.cluster.people import Summary, run
from functions.search.app import create_app
from functions.search.services import services
from kadr.adapters.ledger import PostgresLedger, face_crop_key
from kadr.adapters.people_store import PostgresPeople
from kadr.adapters.postgres import Postgres
from kadr.adapters.qdrant import Qdrant, QdrantFaceIndex, QdrantVectorIndex
from kadr.adapters.qdrant_search import QdrantVideoSearch
from kadr.adapters.suggestion_store import PostgresSuggestionContent
from kadr.core.errors import BusyError, NoSuchPersonError, PeopleError
from kadr.core.extraction import Extraction, FaceTrack, Moment, Vector
from kadr.core.identity import ObjectVersion, video_id
from kadr.core.modality import Modality, Stage
from kadr.core.words import query_words
from kadr.events import ModalityExtracted
from kadr.ports.keys import ApiKey
from kadr.ports.people import Person
from kadr.ports.search import ExactWords, Where
from kadr.runtime.people import PeopleEditor
from tests.fakes import MemoryObjectStore
from tests.local_qdrant import LocalQdrant

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANNA, BERTA, CARLA = 0, 1, 2


@pytest.fixture(scope="module")
def qdrant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Qdrant]:
    server = LocalQdrant(tmp_path_factory.mktemp("qdrant"))
    server.start()
    found = Qdrant(server.url, api_key=lambda: None, timeout=20)
    found.ensure()
    yield found
    found.client.close()
    server.end()


def encoding(person: int, view: int, *, spread: float = 0.36) -> Vector:
    """A picture of somebody: pictures of one person are as far apart as dlib's, those of two 0.83."""
    centre = np.random.default_rng(person).normal(size=128)
    noise = np.random.default_rng(1000 * person + view + 1).normal(size=128)
    apart = np.sqrt((0.83**2 - spread**2) / 2)
    shown = centre * apart / np.sqrt(128) + noise * spread / np.sqrt(2 * 128)
    return np.asarray(shown, np.float32)


def track(vector: Vector, *times: float) -> FaceTrack:
    return FaceTrack(vector, len(times), times[0], times[-1], b"jpeg", 0.9, times)


@dataclass
class Library:
    """A stack without its functions: what is uploaded is there at once."""

    postgres: Postgres
    qdrant: Qdrant
    objects: MemoryObjectStore = field(default_factory=MemoryObjectStore)
    _seconds: int = 0

    def __post_init__(self) -> None:
        self.ledger = PostgresLedger(self.postgres)
        self.people = PostgresPeople(self.postgres)
        self.index = QdrantVectorIndex(self.qdrant)
        self.faces = QdrantFaceIndex(self.qdrant)
        self.editor = PeopleEditor(self.people, self.faces, self.index)

    def upload(self, key: str, *people: FaceTrack) -> UUID:
        """Put a video there, or another content in its place; text lets it be found."""
        identity = video_id("media", key)
        self._seconds += 1
        version = ObjectVersion(
            f"v{self._seconds}", "e", 1, NOON + timedelta(seconds=self._seconds), "video/mp4"
        )

        def forget(new: Any) -> None:
            self.index.forget(identity, below=new.generation)
            self.faces.forget(identity, below=new.generation)

        registration = self.ledger.register(identity, "media", key, lambda: version, forget)
        assert registration is not None
        assert self.ledger.claim(registration, Stage.OCR, "m", lease=60) is None
        with self.ledger.commit(registration, Stage.OCR) as commit:
            self.index.write_vector(identity, registration.generation, "ocr", None, {"key": key})
            commit.write(Extraction(moments=(Moment(0, 2, "Борщ", "ru", 0.9),)))
        self.extract(key, *people, model="m")
        return identity

    def extract(self, key: str, *people: FaceTrack, model: str) -> None:
        """Let the faces of a video be extracted, by another model once more."""
        identity = video_id("media", key)
        record = self.ledger.video(identity)
        assert record is not None
        registration: Any = SimpleNamespace(video_id=identity, generation=record.generation, key=key)
        assert self.ledger.claim(registration, Stage.FACES, model, lease=60) is None
        with self.ledger.commit(registration, Stage.FACES) as commit:
            for position, _ in enumerate(people):
                place = face_crop_key(identity, record.generation, position)
                self.objects.put("derived", place, b"jpeg", content_type="image/jpeg")
            self.faces.write(identity, record.generation, [each.encoding for each in people])
            commit.write(Extraction(faces=people) if people else Extraction(reason="no faces"))
        message = ModalityExtracted(video_id=identity, generation=record.generation, modality=Modality.FACES)
        assert assemble(message, self)  # type: ignore[arg-type] - it needs no queues

    def delete(self, key: str) -> None:
        identity = video_id("media", key)

        def erase() -> None:
            self.index.forget(identity)
            self.faces.forget(identity)

        assert self.ledger.purge(identity, lambda: None, erase)

    def cluster(self) -> Summary:
        return run(self, None)  # type: ignore[arg-type] - it reads no settings

    def who(self, key: str) -> list[UUID | None]:
        """Whose the faces of a video are, by position."""
        with self.postgres.transaction() as connection:
            rows = connection.execute(
                "SELECT person_id FROM face WHERE video_id = %s ORDER BY position", (video_id("media", key),)
            ).fetchall()
        return [row[0] for row in rows]

    def face(self, key: str, position: int = 0) -> UUID:
        with self.postgres.transaction() as connection:
            row = connection.execute(
                "SELECT face_id FROM face WHERE video_id = %s AND position = %s",
                (video_id("media", key), position),
            ).fetchone()
        assert row is not None
        return UUID(str(row[0]))

    def found(self, person: UUID | None) -> set[str]:
        """What a search that is filtered by a person finds."""
        words = ExactWords(query_words([("борщ", 1.0)]), 1.0)
        hits = QdrantVideoSearch(self.qdrant).search([], words, Where(people=(str(person),)))
        records = self.ledger.records([hit.video_id for hit in hits])
        return {record.key for record in records.values()}

    def listed(self) -> list[tuple[str, int]]:
        return [(each.name, each.videos) for each in self.people.people(limit=50)[0]]

    def marks(self) -> int:
        with self.postgres.transaction() as connection:
            row = connection.execute("SELECT count(*) FROM face_mark").fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def library(postgres: Postgres, qdrant: Qdrant) -> Library:
    for collection in ("videos", "faces"):
        qdrant.client.delete(collection, q.Filter(must=[]), wait=True)
    return Library(postgres, qdrant)


@pytest.fixture
def filled(library: Library) -> Library:
    """Anna in three videos, Berta in two, once together with Anna, and Carla in one."""
    library.upload("a1.mp4", track(encoding(ANNA, 1), 0, 1))
    library.upload("a2.mp4", track(encoding(ANNA, 2), 0, 1))
    library.upload("b1.mp4", track(encoding(BERTA, 1), 3, 4))
    library.upload("ab.mp4", track(encoding(ANNA, 3), 0, 1), track(encoding(BERTA, 2), 1, 2))
    library.upload("c1.mp4", track(encoding(CARLA, 1), 0))
    library.upload("nobody.mp4")
    library.cluster()
    return library


def anna(library: Library) -> UUID:
    (person,) = library.who("a1.mp4")
    assert person is not None
    return person


def berta(library: Library) -> UUID:
    (person,) = library.who("b1.mp4")
    assert person is not None
    return person


class TestClustering:
    def test_people_are_found_across_videos_and_search_can_be_filtered_by_them(self, filled: Library) -> None:
        assert filled.who("a1.mp4") == filled.who("a2.mp4")
        assert filled.who("ab.mp4") == [anna(filled), berta(filled)]
        assert filled.found(anna(filled)) == {"a1.mp4", "a2.mp4", "ab.mp4"}
        assert filled.found(berta(filled)) == {"b1.mp4", "ab.mp4"}
        assert filled.listed() == [("", 3), ("", 2), ("", 1)]

    def test_a_second_run_changes_nothing(self, filled: Library) -> None:
        before = {key: filled.who(key) for key in ("a1.mp4", "a2.mp4", "b1.mp4", "ab.mp4", "c1.mp4")}
        again = filled.cluster()
        assert (again.new, again.placed, again.gone, again.videos) == (0, 0, 0, 0)
        assert (again.faces, again.people) == (6, 3)
        assert {key: filled.who(key) for key in before} == before

    def test_without_faces_there_is_nothing_to_do(self, library: Library) -> None:
        assert library.cluster() == Summary()

    def test_who_is_seen_together_is_not_one_even_if_alike(self, library: Library) -> None:
        library.upload("twins.mp4", track(encoding(ANNA, 1), 0, 1), track(encoding(ANNA, 2), 1, 2))
        library.cluster()
        one, other = library.who("twins.mp4")
        assert one != other

    def test_a_new_video_shows_who_is_known_at_once(self, filled: Library) -> None:
        filled.upload("a4.mp4", track(encoding(ANNA, 4, spread=0.2), 0), track(encoding(CARLA + 1, 1), 0))
        assert filled.who("a4.mp4") == [anna(filled), None]
        assert "a4.mp4" in filled.found(anna(filled))
        filled.cluster()
        known, new = filled.who("a4.mp4")
        assert known == anna(filled)
        assert new not in {None, anna(filled), berta(filled)}

    def test_of_many_faces_only_new_ones_are_placed(self, filled: Library) -> None:
        before = filled.who("ab.mp4")
        filled.upload("a4.mp4", track(encoding(ANNA, 4), 0))
        filled.upload("d1.mp4", track(encoding(7, 1), 0))
        filled.upload("d2.mp4", track(encoding(7, 2), 0))
        run(filled, None, whole=0)  # type: ignore[arg-type]
        assert filled.who("a4.mp4") == [anna(filled)]
        assert filled.who("d1.mp4") == filled.who("d2.mp4") != [None]
        assert filled.who("ab.mp4") == before

    def test_faces_of_older_releases_have_no_times_but_are_joined(self, filled: Library) -> None:
        with filled.postgres.transaction() as connection:
            connection.execute("UPDATE face SET times = NULL, person_id = NULL")
        filled.cluster()
        assert filled.who("ab.mp4") == [anna(filled), berta(filled)]

    def test_an_editor_who_works_meanwhile_wins(
        self, filled: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        filled.upload("a4.mp4", track(encoding(ANNA, 4), 0))
        person, other = anna(filled), berta(filled)
        compute, interruptions = clustering._found, iter([lambda: filled.editor.merge(other, person)])

        def interrupted(*args: Any, **options: Any) -> Any:
            result = compute(*args, **options)
            next(interruptions, lambda: None)()
            return result

        monkeypatch.setattr(clustering, "_found", interrupted)
        filled.cluster()
        assert filled.who("b1.mp4") == [person]
        assert filled.who("a4.mp4") == [person]

    def test_editors_who_never_stop_are_waited_for(
        self, filled: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        filled.upload("d1.mp4", track(encoding(7, 1), 0))
        compute = clustering._found

        def interrupted(*args: Any, **options: Any) -> Any:
            filled.editor.rename(anna(filled), f"Anna {uuid4().hex}")
            return compute(*args, **options)

        monkeypatch.setattr(clustering, "_found", interrupted)
        with pytest.raises(BusyError):
            filled.cluster()


class TestEditing:
    def test_a_name_stays_and_becomes_a_suggestion(self, filled: Library) -> None:
        assert filled.editor.rename(anna(filled), "  Анна  Петрова ") == Person(
            anna(filled), "Анна Петрова", 3, filled.people.people(limit=1)[0][0].portrait_key
        )
        filled.cluster()
        assert filled.listed()[0] == ("Анна Петрова", 3)
        assert list(PostgresSuggestionContent(filled.postgres).content().people) == ["Анна Петрова"]
        filled.editor.rename(anna(filled), None)
        assert list(PostgresSuggestionContent(filled.postgres).content().people) == []

    def test_who_was_merged_stays_one(self, filled: Library) -> None:
        one, other = anna(filled), berta(filled)
        filled.editor.rename(other, "Berta")
        merged = filled.editor.merge(other, one)
        assert (merged.person_id, merged.name, merged.videos) == (one, "Berta", 4)
        assert filled.people.person(other) is None
        assert filled.found(one) == {"a1.mp4", "a2.mp4", "ab.mp4", "b1.mp4"}
        assert filled.found(other) == set()
        filled.upload("b3.mp4", track(encoding(BERTA, 3), 0))
        filled.cluster()
        assert filled.who("b1.mp4") == filled.who("b3.mp4") == [one]

    def test_who_was_split_stays_two_also_for_new_faces(self, filled: Library) -> None:
        one = anna(filled)
        new = filled.editor.split(one, [filled.face("a2.mp4")])
        assert (new.name, new.videos) == ("", 1)
        assert filled.found(new.person_id) == {"a2.mp4"}
        assert filled.found(one) == {"a1.mp4", "ab.mp4"}
        filled.upload("a4.mp4", track(encoding(ANNA, 4), 0))
        filled.cluster()
        assert filled.who("a1.mp4") == [one]
        assert filled.who("a2.mp4") == [new.person_id]
        assert filled.who("a4.mp4")[0] in {one, new.person_id}

    def test_who_somebody_is_not_they_never_become(self, filled: Library) -> None:
        one = anna(filled)
        assert filled.editor.reject(one, filled.face("a2.mp4")).videos == 2
        (somebody,) = filled.who("a2.mp4")
        assert somebody not in {None, one}
        assert filled.found(one) == {"a1.mp4", "ab.mp4"}
        filled.cluster()
        assert filled.who("a2.mp4") == [somebody]
        # unless an editor says so
        assert somebody is not None
        filled.editor.merge(somebody, one)
        filled.cluster()
        assert filled.who("a2.mp4") == [one]

    def test_what_was_said_survives_another_extraction(self, filled: Library) -> None:
        one, other = anna(filled), berta(filled)
        filled.editor.rename(one, "Anna")
        filled.editor.rename(other, "Berta")
        filled.editor.reject(one, filled.face("a2.mp4"))
        before = filled.face("ab.mp4")
        # other views are averaged, and another position is the most seen person's
        nearly = encoding(BERTA, 2) + 0.1 * encoding(99, 1), encoding(ANNA, 3) + 0.1 * encoding(98, 1)
        filled.extract("ab.mp4", track(nearly[0], 1, 2, 3), track(nearly[1], 0, 1), model="m2")
        assert filled.who("ab.mp4") == [other, one]
        assert filled.face("ab.mp4", 1) != before
        filled.extract("a2.mp4", track(encoding(ANNA, 2), 0, 1), model="m2")
        assert filled.who("a2.mp4") == [None]
        filled.cluster()
        assert filled.who("ab.mp4") == [other, one]
        assert filled.who("a2.mp4")[0] not in {None, one}

    def test_a_name_outlives_that_its_only_video_is_extracted_again(self, filled: Library) -> None:
        (carla,) = filled.who("c1.mp4")
        assert carla is not None
        filled.editor.rename(carla, "Carla")
        # the rows of the old content go when the new one is registered, and a run may come in between
        filled.ledger.register(
            video_id("media", "c1.mp4"),
            "media",
            "c1.mp4",
            lambda: ObjectVersion("new", "e", 1, NOON + timedelta(days=1), "video/mp4"),
            lambda _: None,
        )
        filled.cluster()
        assert ("Carla", 1) not in filled.listed()
        filled.extract("c1.mp4", track(encoding(CARLA, 1), 0), model="m2")
        assert filled.who("c1.mp4") == [carla]
        assert ("Carla", 1) in filled.listed()

    def test_of_a_content_without_the_face_nothing_is_kept(self, filled: Library) -> None:
        (carla,) = filled.who("c1.mp4")
        assert carla is not None
        filled.editor.rename(carla, "Carla")
        filled.upload("c1.mp4", track(encoding(8, 1), 0))
        assert filled.marks() == 0
        filled.cluster()
        assert ("Carla", 1) not in filled.listed()
        with pytest.raises(NoSuchPersonError):
            filled.editor.rename(carla, "Carla")

    def test_a_deleted_video_takes_its_faces_along_and_who_appears_nowhere_else(
        self, filled: Library
    ) -> None:
        (carla,) = filled.who("c1.mp4")
        assert carla is not None
        filled.editor.rename(carla, "Carla")
        filled.delete("c1.mp4")
        assert filled.people.person(carla) is None
        assert filled.marks() == 0
        filled.delete("a1.mp4")
        assert ("", 2) in filled.listed()
        with filled.postgres.transaction() as connection:
            assert connection.execute("SELECT FROM person WHERE person_id = %s", (carla,)).fetchone() is None

    def test_erasing_leaves_nothing_but_the_videos(self, filled: Library) -> None:
        one = anna(filled)
        filled.editor.rename(one, "Anna")
        held = len(filled.objects.keys("derived"))
        assert filled.editor.erase(one, filled.objects, "derived") == 3
        assert len(filled.objects.keys("derived")) == held - 3
        assert filled.qdrant.client.count("faces").count == 3
        assert filled.found(one) == set()
        assert filled.listed() == [("", 2), ("", 1)]
        assert filled.marks() == 0
        assert filled.ledger.video(video_id("media", "a1.mp4")) is not None
        filled.cluster()
        assert filled.listed() == [("", 2), ("", 1)]

    def test_what_cannot_be_done_is_said_in_words(self, filled: Library) -> None:
        one, other = anna(filled), berta(filled)
        editor = filled.editor
        for refused, words in (
            (lambda: editor.merge(one, one), "with itself"),
            (lambda: editor.merge(one, uuid4()), "no person"),
            (lambda: editor.rename(uuid4(), "x"), "no person"),
            (lambda: editor.split(one, [filled.face("b1.mp4")]), "another person's"),
            (lambda: editor.split(one, [uuid4()]), "no face"),
            (lambda: editor.split(other, [filled.face("b1.mp4"), filled.face("ab.mp4", 1)]), "all faces"),
            (lambda: editor.reject(one, filled.face("b1.mp4")), "another person's"),
            (lambda: editor.reject(filled.who("c1.mp4")[0] or one, filled.face("c1.mp4")), "only face"),
        ):
            with pytest.raises(PeopleError, match=words):
                refused()
        assert filled.listed() == [("", 3), ("", 2), ("", 1)]

    def test_two_editors_at_once(self, filled: Library) -> None:
        one, other = anna(filled), berta(filled)
        failures: list[BaseException] = []

        def attempt(what: Callable[[], Any]) -> None:
            try:
                what()
            except NoSuchPersonError as error:
                failures.append(error)

        threads = [
            threading.Thread(target=attempt, args=[lambda: filled.editor.merge(one, other)]),
            threading.Thread(target=attempt, args=[lambda: filled.editor.merge(other, one)]),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(failures) == 1
        assert filled.listed() == [("", 4), ("", 1)]


class TestHttp:
    @contextmanager
    def client(self, library: Library) -> Iterator[TestClient]:
        keys = {
            "editor": ApiKey("editor", frozenset({"edit"}), None, NOON),
            "words": ApiKey("words", frozenset({"glossary"}), None, NOON),
        }
        here = SimpleNamespace(
            settings=SimpleNamespace(derived_bucket="derived"),
            world=SimpleNamespace(
                people=library.people,
                ledger=library.ledger,
                faces=library.faces,
                index=library.index,
                objects=library.objects,
                keys=SimpleNamespace(find=keys.get),
            ),
            link=lambda bucket, key: f"https://{bucket}/{key}",
            thumbnail=lambda record: None,
        )
        app = create_app()
        app.dependency_overrides[services] = lambda: here
        with TestClient(app) as client:
            yield client

    def test_shelves_pages_and_changes(self, filled: Library) -> None:
        one, other = anna(filled), berta(filled)
        editor = {"Authorization": "Bearer editor"}
        with self.client(filled) as client:
            shelf = client.get("/people", params={"limit": 2}).json()
            assert (shelf["total"], shelf["next_offset"]) == (3, 2)
            assert [each["person_id"] for each in shelf["people"]] == [str(one), str(other)]
            assert shelf["people"][0]["name"] is None
            assert shelf["people"][0]["portrait_url"].startswith("https://derived/faces/")
            assert client.get("/people", params={"offset": 5}).json() == {
                "people": [],
                "total": 3,
                "next_offset": None,
            }
            assert client.get("/people", params={"min_videos": 2}).json()["total"] == 2

            named = client.patch(f"/people/{other}", json={"name": "Берта"}, headers=editor).json()
            assert (named["name"], named["videos"]) == ("Берта", 2)
            assert client.get("/people", params={"name": "БЕР"}).json()["people"] == [named]
            assert client.get("/people").json()["people"][0] == named

            page = client.get(f"/people/{one}", params={"limit": 2}).json()
            assert [each["key"] for each in page["appearances"]] == ["ab.mp4", "a2.mp4"]
            assert page["next_offset"] == 2
            rest = client.get(f"/people/{one}", params={"limit": 2, "offset": 2}).json()
            assert [each["key"] for each in rest["appearances"]] == ["a1.mp4"]
            assert rest["next_offset"] is None
            appearance = page["appearances"][1]
            assert appearance["start"] == 0
            assert appearance["video_url"] == "https://media/a2.mp4"

            new = client.post(
                f"/people/{one}/split", json={"faces": [appearance["face_id"]]}, headers=editor
            ).json()
            assert new["videos"] == 1
            back = client.post(
                f"/people/{new['person_id']}/merge", json={"into": str(one)}, headers=editor
            ).json()
            assert (back["person_id"], back["videos"]) == (str(one), 3)
            less = client.post(
                f"/people/{one}/reject", json={"face_id": appearance["face_id"]}, headers=editor
            ).json()
            assert less["videos"] == 2
            assert client.delete(f"/people/{one}", headers=editor).json() == {"faces": 2}
            assert client.get(f"/people/{one}").status_code == 404

    def test_who_may_and_what_is_refused(self, filled: Library) -> None:
        one = anna(filled)
        with self.client(filled) as client:
            for method, path, body in (
                ("PATCH", "", {"name": "x"}),
                ("DELETE", "", None),
                ("POST", "/merge", {"into": str(one)}),
                ("POST", "/split", {"faces": [str(uuid4())]}),
                ("POST", "/reject", {"face_id": str(uuid4())}),
            ):
                url = f"/people/{one}{path}"
                assert client.request(method, url, json=body).status_code == 401
                words = {"Authorization": "Bearer words"}
                assert client.request(method, url, json=body, headers=words).status_code == 403
            editor = {"Authorization": "Bearer editor"}
            itself = client.post(f"/people/{one}/merge", json={"into": str(one)}, headers=editor)
            assert itself.status_code == 422
            assert "itself" in itself.json()["error"]["message"]
            unknown = client.post(f"/people/{one}/reject", json={"face_id": str(uuid4())}, headers=editor)
            assert unknown.status_code == 404
            assert unknown.json()["error"]["code"] == "not_found"
            foreign = client.post(
                f"/people/{one}/split", json={"faces": [str(filled.face("b1.mp4"))]}, headers=editor
            )
            assert (foreign.status_code, foreign.json()["error"]["code"]) == (422, "invalid")
            assert client.post(f"/people/{one}/split", json={"faces": []}, headers=editor).status_code == 422
            assert client.get(f"/people/{uuid4()}").status_code == 404
            assert client.get("/people/anna").status_code == 422
