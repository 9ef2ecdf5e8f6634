"""An index that is fused anew loses nothing: on a real PostgreSQL and the local stack's Qdrant."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("qdrant_edge")
pytest.importorskip("starlette")

from qdrant_client import models as q

from functions.assemble.assemble import assemble
from kadr.adapters.ledger import PostgresLedger
from kadr.adapters.ledger_scan import PostgresRuns
from kadr.adapters.postgres import Postgres
from kadr.adapters.qdrant import Qdrant, QdrantVectorIndex
from kadr.adapters.qdrant_bulk import QdrantCollections
from kadr.adapters.ranking_store import PostgresRankingStore
from kadr.cli.app import app
from kadr.cli.session import Session
from kadr.core.document import STEMS
from kadr.core.errors import DependencyError, SupersededError
from kadr.core.extraction import Extraction, MediaFacts, Moment, Vector
from kadr.core.fusion import FUSED_DIMENSIONS, fuse_query
from kadr.core.identity import ObjectVersion, video_id
from kadr.core.modality import Modality, Stage
from kadr.core.phrases import phrase
from kadr.core.ranking import Ranking, default_ranking, ranking_json
from kadr.events import ModalityExtracted
from kadr.runtime import reindexing
from kadr.runtime.reindexing import Plan, Reindexed, drop_old, plan, reindex
from tests.contract.command_target import CommandTarget
from tests.local_qdrant import LocalQdrant

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OTHER = Ranking(words_scale=2.0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalQdrant]:
    server = LocalQdrant(tmp_path_factory.mktemp("qdrant"))
    server.start()
    yield server
    server.end()


def unit(position: int, dimensions: int) -> Vector:
    vector = np.zeros(dimensions, dtype=np.float32)
    vector[position] = 1.0
    return vector


@dataclass
class Library:
    """A stack without its functions: what is uploaded is there at once."""

    postgres: Postgres
    qdrant: Qdrant
    alias: str
    _seconds: int = 0

    @property
    def ledger(self) -> PostgresLedger:
        return PostgresLedger(self.postgres)

    @property
    def index(self) -> QdrantVectorIndex:
        return QdrantVectorIndex(self.qdrant, self.alias)

    @property
    def runs(self) -> PostgresRuns:
        return PostgresRuns(self.postgres)

    @property
    def collections(self) -> QdrantCollections:
        return QdrantCollections(self.qdrant, self.alias)

    def upload(self, key: str, text: str = "", *, look: int | None = None, duration: float = 30.0) -> UUID:
        """Put a video there, with a text that is shown in it and a number for what it looks like."""
        identity = video_id("media", key)
        self._seconds += 1
        version = ObjectVersion(
            f"v{self._seconds}", "e", 1000, NOON + timedelta(seconds=self._seconds), "video/mp4"
        )
        registration = self.ledger.register(
            identity,
            "media",
            key,
            lambda: version,
            lambda new: self.index.forget(identity, below=new.generation),
        )
        assert registration is not None
        self._land(registration, Stage.INGEST, Extraction(media=MediaFacts(duration, 720, 1280, True)), None)
        moments = (Moment(0, 2, text, "ru", 0.9),) if text else ()
        vector = unit(sum(text.encode()) % 384, 384) if text else None
        self._land(registration, Stage.OCR, Extraction(moments=moments), vector)
        if look is not None:
            self._land(registration, Stage.VISUAL, Extraction(), unit(look, 512))
        self.assemble(identity, registration.generation)
        return identity

    def _land(self, registration: Any, stage: Stage, found: Extraction, vector: Vector | None) -> None:
        assert self.ledger.claim(registration, stage, "m1", lease=60) is None
        with self.ledger.commit(registration, stage) as commit:
            if stage is not Stage.INGEST:
                self.index.write_vector(
                    registration.video_id,
                    registration.generation,
                    str(stage),
                    vector,
                    {"key": registration.key},
                )
            if found.media is not None:
                commit.set_media(found.media)
            commit.write(found)

    def assemble(self, identity: UUID, generation: int) -> None:
        message = ModalityExtracted(video_id=identity, generation=generation, modality=Modality.OCR)
        assemble(message, self)  # type: ignore[arg-type] - it needs the ledger and the index only

    def delete(self, identity: UUID) -> None:
        assert self.ledger.purge(identity, lambda: None, lambda: self.index.forget(identity))

    def held(self, collection: str = "") -> dict[str, Any]:
        """What is in a collection (the one that is searched), by key, without what may differ."""
        records, _ = self.qdrant.client.scroll(
            collection or self.alias, limit=1000, with_payload=True, with_vectors=True
        )
        found = {}
        for record in records:
            payload = {name: value for name, value in (record.payload or {}).items() if name != "as_of"}
            assert isinstance(record.vector, dict)
            vectors = {
                name: np.round(value, 4).tolist() if isinstance(value, list) else value
                for name, value in sorted(record.vector.items())
            }
            found[payload["key"]] = (str(record.id), payload, vectors)
        return found

    def groups(self) -> dict[str, str]:
        return {key: payload["group"] for key, (_, payload, _) in self.held().items()}

    def weights(self, key: str) -> dict[str, float]:
        return dict(self.held()[key][1]["weights"])

    def reindexed(self, wanted: Any = "same", progress: Watching | None = None) -> Reindexed:
        return reindex(self.runs, self.collections, self.plan(wanted), progress or Watching())

    def plan(self, wanted: Any = "same") -> Plan:
        return plan(self.runs, self.collections, wanted)


@dataclass
class Watching:
    """Implements ``Progress``; ``then`` happens once, after so many videos, ``at`` at each beginning."""

    after: int = 1
    then: Callable[[], object] = lambda: None
    at: Callable[[str], object] = lambda what: None
    looked_at: int = 0

    def begin(self, what: str, total: int | None) -> None:
        self.at(what)

    def advance(self, videos: int) -> None:
        before, self.looked_at = self.looked_at, self.looked_at + videos
        if before < self.after <= self.looked_at:
            self.then()


@pytest.fixture
def library(postgres: Postgres, server: LocalQdrant, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    monkeypatch.setattr(reindexing, "BATCH", 2)
    monkeypatch.setattr(reindexing, "_LITTLE", 0)
    qdrant = Qdrant(server.url, api_key=lambda: None, timeout=30)
    alias = f"videos{uuid4().hex[:8]}"
    qdrant.ensure(alias)
    yield Library(postgres, qdrant, alias)
    qdrant.client.close()


@pytest.fixture
def filled(library: Library) -> Library:
    for number in range(7):
        library.upload(f"{number}.mp4", f"Как варить борщ {number}", look=number)
    return library


class TestAllIsThere:
    def test_what_is_searched_is_the_same_and_in_a_new_collection(self, filled: Library) -> None:
        before = filled.held()
        done = filled.reindexed()
        assert (done.previous, done.collection) == (f"{filled.alias}-0001", f"{filled.alias}-0002")
        assert done.videos == done.written == 7
        assert filled.collections.current() == done.collection
        assert filled.held() == before == filled.held(done.previous)

    def test_the_new_one_is_quantised_and_indexed_like_the_old_one(self, filled: Library) -> None:
        done = filled.reindexed()
        old, new = (filled.qdrant.client.get_collection(name) for name in (done.previous, done.collection))
        assert new.config.quantization_config == old.config.quantization_config is not None
        assert new.config.params.vectors == old.config.params.vectors
        assert set(new.payload_schema) == set(old.payload_schema)
        assert filled.qdrant.ensure(filled.alias) == []
        wanted = q.FieldCondition(key=STEMS[Modality.OCR], match=q.MatchPhrase(phrase=phrase("варим борщ 3")))
        found = filled.qdrant.client.scroll(filled.alias, q.Filter(must=[wanted]))[0]
        assert [(record.payload or {})["key"] for record in found] == ["3.mp4"]

    def test_what_others_wrote_beside_stays(self, filled: Library) -> None:
        filled.qdrant.client.set_payload(
            filled.alias, {"theme": "soup"}, points=[str(video_id("media", "3.mp4"))], wait=True
        )
        filled.reindexed()
        assert filled.held()["3.mp4"][1]["theme"] == "soup"

    def test_an_index_of_an_older_release_gets_what_is_new(self, library: Library) -> None:
        """Fused vectors of another size, and no payload to filter by."""
        client, old = library.qdrant.client, f"{library.alias}-0001"
        library.upload("a.mp4", "борщ", look=3)
        (identity, payload, vectors) = library.held()["a.mp4"]
        client.delete_collection(old)
        sizes = {"fused": FUSED_DIMENSIONS - 1, "visual": 512, "ocr": 384, "speech": 384}
        client.create_collection(
            old,
            {name: q.VectorParams(size=size, distance=q.Distance.DOT) for name, size in sizes.items()},
            sparse_vectors_config={"words": q.SparseVectorParams()},
        )
        alias = q.CreateAlias(collection_name=old, alias_name=library.alias)
        client.update_collection_aliases([q.CreateAliasOperation(create_alias=alias)])
        kept = {name: vectors[name] for name in ("visual", "ocr")} | {"fused": [0.0] * sizes["fused"]}
        point = q.PointStruct(
            id=identity, vector=kept, payload={"generation": payload["generation"], "key": "a.mp4"}
        )
        client.upsert(library.alias, [point], wait=True)
        assert f"index of duration in {old}" in library.qdrant.ensure(library.alias, dry_run=True)
        assert not library.collections.fits(old)
        with pytest.raises(DependencyError, match="kadr reindex --fused"):
            library.assemble(UUID(identity), payload["generation"])
        library.reindexed()
        assert library.held() == {"a.mp4": (identity, payload, vectors)}


class TestMeanwhile:
    """Things happen after the first batch of two of seven has been written."""

    @pytest.mark.parametrize("number", [0, 6], ids=["written already", "not written yet"])
    def test_what_is_overwritten_is_not_found_any_more(self, filled: Library, number: int) -> None:
        key = sorted((video_id("media", f"{each}.mp4"), f"{each}.mp4") for each in range(7))[number][1]
        filled.reindexed(progress=Watching(then=lambda: filled.upload(key, "Смешной кот", look=99)))
        held = filled.held()
        assert held == filled.held(f"{filled.alias}-0001")
        assert phrase("кот") in held[key][1][STEMS[Modality.OCR]]
        assert len(held) == 7

    @pytest.mark.parametrize("number", [0, 6], ids=["written already", "not written yet"])
    def test_what_is_deleted_stays_deleted(self, filled: Library, number: int) -> None:
        identity, key = sorted((video_id("media", f"{each}.mp4"), f"{each}.mp4") for each in range(7))[number]
        filled.reindexed(progress=Watching(then=lambda: filled.delete(identity)))
        assert set(filled.held()) == {f"{each}.mp4" for each in range(7)} - {key}

    def test_what_is_uploaded_is_there(self, filled: Library) -> None:
        filled.reindexed(progress=Watching(then=lambda: filled.upload("new.mp4", "Новое", look=50)))
        assert len(filled.held()) == 8
        assert filled.held() == filled.held(f"{filled.alias}-0001")

    def test_what_is_overwritten_with_rubbish_is_gone(self, filled: Library) -> None:
        filled.reindexed(progress=Watching(after=7, then=lambda: filled.upload("2.mp4")))
        _, payload, vectors = filled.held()["2.mp4"]
        assert vectors == {}
        assert payload["modalities"] == []

    def test_nothing_is_lost_between_catching_up_and_changing_over(self, filled: Library) -> None:
        def happen(what: str) -> None:
            if what == "changing over":
                filled.upload("new.mp4", "Новое", look=50)
                filled.upload("3.mp4", "Смешной кот", look=51)
                filled.delete(video_id("media", "5.mp4"))

        filled.reindexed(progress=Watching(at=happen))
        assert set(filled.held()) == {*(f"{each}.mp4" for each in range(7)), "new.mp4"} - {"5.mp4"}
        assert filled.held() == filled.held(f"{filled.alias}-0001")

    def test_who_writes_at_the_last_moment_waits_and_writes_into_the_new_one(
        self, filled: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        late = threading.Thread(target=filled.upload, args=("late.mp4", "Поздно"), kwargs={"look": 60})
        switch = QdrantCollections.switch

        def slow_switch(collections: QdrantCollections, name: str) -> None:
            late.start()
            while not self.somebody_waits(filled.postgres):
                assert late.is_alive()
            switch(collections, name)

        monkeypatch.setattr(QdrantCollections, "switch", slow_switch)
        done = filled.reindexed(OTHER)
        late.join(30)
        assert "late.mp4" in filled.held()
        assert "late.mp4" not in filled.held(done.previous)
        assert filled.held()["late.mp4"][1]["ranking"] == OTHER.version

    @staticmethod
    def somebody_waits(postgres: Postgres) -> bool:
        with postgres.transaction() as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_locks WHERE relation = 'video'::regclass AND NOT granted"
            ).fetchone()
        return bool(found and found[0])


class Broken(Exception):
    pass


def break_off() -> None:
    raise Broken


class TestBrokenOff:
    def test_the_next_run_goes_on_and_nobody_has_noticed(self, filled: Library) -> None:
        before = filled.held()
        with pytest.raises(Broken):
            filled.reindexed(OTHER, Watching(after=4, then=break_off))
        assert filled.collections.current() == f"{filled.alias}-0001"
        assert PostgresRankingStore(filled.postgres).active() == default_ranking()
        assert filled.held() == before
        what = filled.plan()
        assert what.run is not None
        assert what.ranking == OTHER
        done = filled.reindexed()
        assert (done.written, done.videos) == (3, 7)
        assert {payload["ranking"] for _, payload, _ in filled.held().values()} == {OTHER.version}

    def test_what_was_deleted_in_between_is_not_brought_back(self, filled: Library) -> None:
        with pytest.raises(Broken):
            filled.reindexed(progress=Watching(after=6, then=break_off))
        for number in range(7):
            filled.delete(video_id("media", f"{number}.mp4"))
        with filled.postgres.transaction() as connection:  # long ago
            connection.execute("UPDATE deletion SET erased_at = erased_at - interval '1 day'")
        assert filled.reindexed().videos == 0

    def test_with_other_constants_it_begins_again(self, filled: Library) -> None:
        with pytest.raises(Broken):
            filled.reindexed(OTHER, Watching(after=4, then=break_off))
        third = Ranking(words_scale=5.0)
        what = filled.plan(third)
        assert what.abandoned is not None
        done = filled.reindexed(third)
        assert (done.written, done.version) == (7, third.version)
        assert filled.collections.all() == [f"{filled.alias}-0001", done.collection]

    def test_who_lives_on_does_not_write_over_what_another_one_has_changed_over_to(
        self, filled: Library
    ) -> None:
        """As after a lock that was lost: what is searched stays, and what came meanwhile."""

        def another() -> None:
            filled.reindexed()
            filled.upload("new.mp4", "Новое", look=50)

        with pytest.raises(SupersededError):
            filled.reindexed(
                progress=Watching(at=lambda what: another() if what == "changing over" else None)
            )
        assert len(filled.held()) == 8

    def test_between_the_last_two_steps(self, filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
        """The new collection is searched, and its constants are not in force."""
        switch = QdrantCollections.switch

        def half(collections: QdrantCollections, name: str) -> None:
            switch(collections, name)
            raise Broken

        monkeypatch.setattr(QdrantCollections, "switch", half)
        with pytest.raises(Broken):
            filled.reindexed(OTHER)
        filled.upload("new.mp4", "Новое", look=50)
        assert filled.held()["new.mp4"][1]["ranking"] == default_ranking().version
        what = filled.plan()
        assert what.finishing
        done = filled.reindexed()
        assert PostgresRankingStore(filled.postgres).active() == OTHER
        assert {payload["ranking"] for _, payload, _ in filled.held().values()} == {OTHER.version}
        assert (done.written, done.videos) == (1, 8)


class TestConstants:
    def test_new_ones_are_in_force_for_old_and_new_videos(self, filled: Library) -> None:
        before = filled.weights("1.mp4")
        filled.reindexed(OTHER)
        filled.upload("new.mp4", "Как варить борщ 1", look=50)
        assert filled.weights("1.mp4")["ocr"] > before["ocr"]
        assert filled.weights("new.mp4") == filled.weights("1.mp4")
        assert PostgresRankingStore(filled.postgres).active() == OTHER
        filled.reindexed("release")
        assert filled.weights("1.mp4") == before
        assert PostgresRankingStore(filled.postgres).active() == default_ranking()

    def test_those_that_only_queries_read_need_no_new_index(self, filled: Library) -> None:
        filled.reindexed(OTHER)
        louder = Ranking(words_scale=OTHER.words_scale, words_weight=0.9)
        done = filled.reindexed(louder)
        assert (done.written, done.collection) == (0, f"{filled.alias}-0002")
        assert PostgresRankingStore(filled.postgres).active() == louder

    def test_a_large_collection_gets_centres_and_every_score_stays(
        self, filled: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = scores(filled)
        monkeypatch.setattr(reindexing, "LARGE", 7)
        filled.reindexed()
        centres = PostgresRankingStore(filled.postgres).active().centres
        assert np.linalg.norm(centres["visual"].vector) == pytest.approx(1 / np.sqrt(7), abs=1e-3)
        assert set(centres) == {"visual", "text"}
        assert scores(filled) == pytest.approx(before, abs=1e-3)
        # They are kept, with other constants too: what is uploaded meanwhile is fused with them.
        filled.reindexed(OTHER)
        assert PostgresRankingStore(filled.postgres).active().centres == centres


def scores(library: Library) -> dict[str, float]:
    centres = PostgresRankingStore(library.postgres).active().centres
    query = fuse_query(clip=unit(3, 512), text=unit(5, 384), centres=centres)
    return {key: float(np.dot(vectors["fused"], query)) for key, (_, _, vectors) in library.held().items()}


class TestGroups:
    @pytest.fixture
    def copies(self, library: Library) -> Library:
        library.upload("original.mp4", "Кот", look=5)
        library.upload("copy.mp4", "Кот", look=5, duration=31.0)
        library.upload("words.mp4", "Пёс", look=5)
        library.upload("cut.mp4", "Кот", look=5, duration=12.0)
        library.upload("other.mp4", "Кот", look=6)
        library.upload("text.mp4", "Кот")
        return library

    def test_copies_share_one_and_what_only_resembles_has_its_own(self, copies: Library) -> None:
        groups = copies.groups()
        assert groups["original.mp4"] == groups["copy.mp4"]
        assert len(set(groups.values())) == 5

    def test_they_are_found_again_whatever_is_written_together(self, copies: Library) -> None:
        for batch in (1, 2, 6):
            reindexing.BATCH = batch  # the fixture puts it back
            copies.reindexed()
            groups = copies.groups()
            assert groups["original.mp4"] == groups["copy.mp4"]
            assert len(set(groups.values())) == 5

    def test_assembling_again_changes_nothing(self, copies: Library) -> None:
        before = copies.groups()
        for key in before:
            record = copies.ledger.video(video_id("media", key))
            assert record is not None
            copies.assemble(record.video_id, record.generation)
        assert copies.groups() == before


class TestOldCollections:
    def test_they_are_kept_until_they_are_dropped(self, filled: Library) -> None:
        filled.reindexed()
        filled.reindexed()
        old = [f"{filled.alias}-0001", f"{filled.alias}-0002"]
        assert filled.collections.all() == [*old, f"{filled.alias}-0003"]
        assert drop_old(filled.collections, dry_run=True) == old
        assert drop_old(filled.collections) == old
        assert filled.collections.all() == [f"{filled.alias}-0003"]
        assert len(filled.held()) == 7
        assert drop_old(filled.collections) == []

    def test_one_that_is_being_made_is_not_old(self, filled: Library) -> None:
        with pytest.raises(Broken):
            filled.reindexed(OTHER, Watching(after=4, then=break_off))
        assert drop_old(filled.collections) == []
        assert filled.reindexed().written == 3


class TestCommand:
    @pytest.fixture
    def kadr(self, filled: Library, server: LocalQdrant) -> Callable[..., Any]:
        target = CommandTarget(
            filled.postgres, KADR_QDRANT_URL=server.url, KADR_QDRANT_COLLECTION=filled.alias
        )
        session = Session(root=Path(), read_target=lambda root, stack: target)  # type: ignore[arg-type,return-value]
        return lambda *arguments: CliRunner().invoke(app, ["reindex", *arguments], obj=session)

    def test_a_dry_run_says_what_would_be_done_and_does_nothing(
        self, kadr: Callable[..., Any], filled: Library
    ) -> None:
        said = kadr("--fused", "--dry-run").stdout
        assert f"would fuse 7 videos of {filled.alias}-0001 into {filled.alias}-0002" in said
        assert json.loads(kadr("--fused", "--drop-old", "-n", "--json").stdout)["would_drop"] == [
            f"{filled.alias}-0001"
        ]
        assert filled.collections.all() == [f"{filled.alias}-0001"]
        assert filled.runs.unfinished() is None

    def test_it_says_what_was_done_and_what_is_left(self, kadr: Callable[..., Any], filled: Library) -> None:
        done = kadr("--fused")
        assert done.stdout == (
            f"{filled.alias}-0002 is searched now: 7 videos, 7 of them fused in this run\n"
        )
        assert f"{filled.alias}-0001: kept" in done.stderr
        assert "videos: 4 of 7" in done.stderr
        assert kadr("--drop-old").stdout == f"dropped {filled.alias}-0001\n"
        assert "no older collection" in kadr("--drop-old").stderr

    def test_constants_from_a_file(self, kadr: Callable[..., Any], filled: Library, tmp_path: Path) -> None:
        file = tmp_path / "ranking.json"
        file.write_text(json.dumps(ranking_json(OTHER)))
        answer = json.loads(kadr("--fused", "--ranking", str(file), "--drop-old", "--json").stdout)
        assert answer["version"] == OTHER.version
        assert answer["dropped"] == [f"{filled.alias}-0001"]
        file.write_text(json.dumps({"words_scale": 0}))
        refused = kadr("--fused", "--ranking", str(file))
        assert refused.exit_code == 1
        assert "words_scale" in refused.stderr

    def test_interrupted_it_says_how_to_go_on(
        self, kadr: Callable[..., Any], filled: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(QdrantCollections, "switch", interrupted)
            stopped = kadr("--fused")
        assert stopped.exit_code == 130
        assert "the same command goes on" in stopped.stderr
        went_on = kadr("--fused")
        assert "begun before" in went_on.stderr
        assert "0 of them fused in this run" in went_on.stdout

    def test_two_at_once_would_undo_each_other(self, kadr: Callable[..., Any], filled: Library) -> None:
        with filled.runs.exclusively() as alone:
            assert alone
            refused = kadr("--fused")
            assert kadr("--fused", "--dry-run").exit_code == 0
        assert refused.exit_code == 1
        assert "right now" in refused.stderr
        assert filled.collections.all() == [f"{filled.alias}-0001"]
        assert kadr("--fused").exit_code == 0

    def test_called_wrongly(self, kadr: Callable[..., Any]) -> None:
        assert kadr().exit_code == 2
        assert kadr("--drop-old", "--ranking", "release").exit_code == 2
        missing = kadr("--fused", "--ranking", "no-such.json")
        assert missing.exit_code == 1
        assert "no-such.json cannot be read" in missing.stderr


class TestFacts:
    def test_people_length_and_models_are_in_what_is_assembled(self, library: Library) -> None:
        identity = library.upload("a.mp4", "Борщ", duration=12.5)
        person = uuid4()
        with library.postgres.transaction() as connection:
            connection.execute("INSERT INTO person (person_id) VALUES (%s)", (person,))
            for position in range(2):
                connection.execute(
                    "INSERT INTO face (video_id, position, person_id, count, first_seen, last_seen, quality,"
                    " crop_key) VALUES (%s, %s, %s, 1, 0, 1, 1, '')",
                    (identity, position, person),
                )
        record = library.ledger.video(identity)
        assert record is not None
        with library.ledger.assemble(identity, record.generation) as commit:
            assert commit is not None
            facts = commit.facts()
        assert facts.people == (person,)
        assert facts.model_versions[Stage.OCR] == "m1"
        assert (facts.key, facts.duration, facts.created_at) == ("a.mp4", 12.5, record.created_at)
        library.assemble(identity, record.generation)
        payload = library.held()["a.mp4"][1]
        assert payload["people"] == [str(person)]
        assert payload["created_at"] == record.created_at.astimezone(UTC).isoformat()

    def test_a_length_that_is_measured_last_is_written_too(self, library: Library) -> None:
        identity = library.upload("a.mp4", "Борщ")
        record = library.ledger.video(identity)
        assert record is not None
        library.index.annotate(identity, record.generation - 1, {"duration": 1.0})
        assert library.held()["a.mp4"][1]["duration"] == 30.0
        library.index.annotate(identity, record.generation, {"duration": 7.0})
        assert library.held()["a.mp4"][1]["duration"] == 7.0
        library.index.annotate(uuid4(), 1, {"duration": 7.0})
        assert len(library.held()) == 1
