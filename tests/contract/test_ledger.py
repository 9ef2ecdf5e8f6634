"""What the ledger promises, kept by a real PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from kadr.adapters.ledger import PostgresLedger
from kadr.adapters.postgres import Postgres, migrate, migrations
from kadr.core.errors import BusyError, DependencyError, SupersededError, UnstorableError
from kadr.core.extraction import Extraction, FaceTrack, FrameEmbeddings, MediaFacts, Moment, Word
from kadr.core.identity import ObjectVersion, video_id
from kadr.core.modality import Modality, Stage, StageState, VideoState
from kadr.ports.ledger import Registration

BUCKET, KEY = "media", "борщ 🍲.mp4"
VIDEO = video_id(BUCKET, KEY)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def version(name: str, second: int = 0) -> ObjectVersion:
    return ObjectVersion(name, name, 1000, NOON + timedelta(seconds=second), "video/mp4")


class Bucket:
    """What lies at the key, and what the ledger asked to have cleared."""

    def __init__(self) -> None:
        self.now: ObjectVersion | None = None
        self.cleared: list[int] = []

    def register(self, ledger: PostgresLedger) -> Registration | None:
        return ledger.register(
            VIDEO, BUCKET, KEY, lambda: self.now, lambda new: self.cleared.append(new.generation)
        )


@pytest.fixture
def ledger(postgres: Postgres) -> PostgresLedger:
    return PostgresLedger(postgres)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def registered(ledger: PostgresLedger, bucket: Bucket) -> Registration:
    bucket.now = version("v1")
    registration = bucket.register(ledger)
    assert registration is not None
    return registration


def extract(ledger: PostgresLedger, registration: Registration, stage: Stage, found: Extraction) -> None:
    assert ledger.claim(registration, stage, "m1", lease=60) is None
    with ledger.commit(registration, stage) as commit:
        commit.write(found)


def stages(ledger: PostgresLedger, video: UUID = VIDEO) -> dict[Stage, StageState]:
    record = ledger.video(video)
    assert record is not None
    return {stage.stage: stage.state for stage in record.stages}


def test_migrating_twice_does_nothing_the_second_time(postgres: Postgres) -> None:
    assert migrations()
    assert migrate(postgres) == []


def test_a_session_has_its_limits_from_the_role(postgres: Postgres) -> None:
    """What a connection asks for as it opens, RDS Proxy refuses."""
    assert "options" not in postgres._arguments()
    fresh = Postgres(postgres._address, credentials=postgres._credentials)
    with fresh.transaction() as connection:
        shown = [
            connection.execute(f"SHOW {name}").fetchone()  # type: ignore[arg-type]
            for name in ("lock_timeout", "idle_in_transaction_session_timeout", "statement_timeout")
        ]
    fresh.close()
    assert shown == [("30s",), ("1min",), ("30s",)]


def test_what_works_on_whole_collections_may_take_longer(postgres: Postgres) -> None:
    fresh = Postgres(postgres._address, credentials=postgres._credentials, long_statements=True)
    with fresh.transaction() as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)
    fresh.close()


def test_a_login_that_was_rotated_is_read_again(postgres: Postgres) -> None:
    old = {"username": "replaced", "password": ""}
    rotated = Postgres(postgres._address, credentials=lambda: old, renewed=postgres._credentials)
    rotated.ping()
    rotated.close()


def test_a_database_that_is_there_answers(postgres: Postgres) -> None:
    postgres.ping()
    postgres.close()
    nowhere = replace(postgres._address, database="nowhere")
    with pytest.raises(DependencyError):
        Postgres(nowhere, credentials=postgres._credentials, connect_timeout=0.1).ping()


def test_what_postgresql_cannot_store_is_an_error_of_its_own(ledger: PostgresLedger) -> None:
    with pytest.raises(UnstorableError):
        ledger.videos(limit=1, key_prefix="a\x00")
    with pytest.raises(UnstorableError):
        ledger.videos(limit=1, offset=10**20)


def test_a_database_that_lets_nobody_write_is_a_transient_error(postgres: Postgres) -> None:
    """As after a standby took over: another try finds the new primary."""
    with pytest.raises(DependencyError, match="read-only"), postgres.transaction() as connection:
        connection.execute("SET TRANSACTION READ ONLY")
        connection.execute("DELETE FROM video")


def test_two_events_of_one_upload_are_one_generation(ledger: PostgresLedger, bucket: Bucket) -> None:
    bucket.now = version("v1")
    first, second = bucket.register(ledger), bucket.register(ledger)
    assert first == second
    assert first is not None
    assert bucket.cleared == [first.generation]


def test_all_stages_are_queued_at_registration(ledger: PostgresLedger, registered: Registration) -> None:
    assert set(stages(ledger).values()) == {StageState.QUEUED}
    assert Stage.OCR in stages(ledger)


def test_an_event_for_an_object_that_is_gone_leaves_nothing(ledger: PostgresLedger, bucket: Bucket) -> None:
    assert bucket.register(ledger) is None
    assert ledger.video(VIDEO) is None
    assert ledger.videos(limit=10) == []


UNFINISHED = (StageState.FAILED, StageState.DEAD, StageState.UNAVAILABLE)


def test_what_failed_is_queued_again_and_can_be_claimed(
    ledger: PostgresLedger, registered: Registration
) -> None:
    extract(ledger, registered, Stage.SPEECH, Extraction(reason="no sound"))
    assert ledger.claim(registered, Stage.OCR, "m1", lease=60) is None
    ledger.fail(registered, Stage.OCR, StageState.FAILED, "a broken frame")
    ledger.fail(registered, Stage.VISUAL, StageState.UNAVAILABLE, "no weights")
    told: list[tuple[Stage, int]] = []
    done = ledger.requeue(VIDEO, UNFINISHED, lambda stage, number: told.append((stage, number)))
    assert done == [Stage.VISUAL, Stage.OCR]
    assert told == [(stage, registered.generation) for stage in done]
    assert stages(ledger)[Stage.OCR] is stages(ledger)[Stage.VISUAL] is StageState.QUEUED
    assert stages(ledger)[Stage.SPEECH] is StageState.EMPTY
    assert ledger.claim(registered, Stage.OCR, "m1", lease=60) is None  # the same model may try again


def test_what_could_not_be_sent_stays_failed(ledger: PostgresLedger, registered: Registration) -> None:
    ledger.fail(registered, Stage.INGEST, StageState.FAILED, "not a video")

    def refuse(stage: Stage, generation: int) -> None:
        raise DependencyError("no queue")

    with pytest.raises(DependencyError):
        ledger.requeue(VIDEO, UNFINISHED, refuse)
    record = ledger.video(VIDEO)
    assert record is not None
    ingest = next(each for each in record.stages if each.stage is Stage.INGEST)
    assert (record.state, ingest.state, ingest.reason) == (
        VideoState.FAILED,
        StageState.FAILED,
        "not a video",
    )


def test_a_video_that_is_not_there_has_nothing_to_queue(ledger: PostgresLedger) -> None:
    assert ledger.requeue(VIDEO, UNFINISHED, lambda stage, generation: None) is None


def test_overwriting_drops_what_was_known(
    ledger: PostgresLedger, bucket: Bucket, registered: Registration
) -> None:
    extract(ledger, registered, Stage.OCR, Extraction(moments=(Moment(0, 1, "старое"),)))
    bucket.now = version("v2", 1)
    newer = bucket.register(ledger)
    assert newer is not None
    assert newer.generation > registered.generation
    assert ledger.moments([VIDEO]) == {}
    assert stages(ledger)[Stage.OCR] is StageState.QUEUED


def test_the_same_bytes_uploaded_again_later_are_a_new_version(
    ledger: PostgresLedger, bucket: Bucket, registered: Registration
) -> None:
    bucket.now = version("v1", 5)
    again = bucket.register(ledger)
    assert again is not None
    assert again.generation > registered.generation


def test_a_straggler_cannot_write(ledger: PostgresLedger, bucket: Bucket, registered: Registration) -> None:
    assert ledger.claim(registered, Stage.OCR, "m1", lease=60) is None
    bucket.now = version("v2", 1)
    bucket.register(ledger)
    with pytest.raises(SupersededError), ledger.commit(registered, Stage.OCR):
        pytest.fail("the old generation was let in")
    with pytest.raises(SupersededError):
        ledger.claim(registered, Stage.SPEECH, "m1", lease=60)


def test_a_stragglers_failure_is_not_recorded(
    ledger: PostgresLedger, bucket: Bucket, registered: Registration
) -> None:
    bucket.now = version("v2", 1)
    bucket.register(ledger)
    ledger.fail(registered, Stage.OCR, StageState.FAILED, "old news")
    assert stages(ledger)[Stage.OCR] is StageState.QUEUED


def test_a_finished_job_is_not_done_again(ledger: PostgresLedger, registered: Registration) -> None:
    extract(ledger, registered, Stage.OCR, Extraction(moments=(Moment(0, 1, "раз"),)))
    done = ledger.claim(registered, Stage.OCR, "m1", lease=60)
    assert done is not None
    assert done.state is StageState.DONE


def test_a_finished_job_is_done_again_with_another_model(
    ledger: PostgresLedger, registered: Registration
) -> None:
    extract(ledger, registered, Stage.OCR, Extraction(moments=(Moment(0, 1, "раз"),)))
    assert ledger.claim(registered, Stage.OCR, "m2", lease=60) is None


def test_results_stay_those_of_their_model_until_another_ones_are_there(
    postgres: Postgres, ledger: PostgresLedger, registered: Registration
) -> None:
    def made_with() -> str:
        with ledger.assemble(VIDEO, registered.generation) as commit:
            assert commit is not None
            versions = dict(commit.facts().model_versions)
        found = ledger.found([VIDEO], moments=False, frames=False)[VIDEO]
        assert found.versions == versions
        return versions.get(Stage.OCR, "")

    extract(ledger, registered, Stage.OCR, Extraction())
    with postgres.transaction() as connection:  # as it was before there was a column for this
        connection.execute("UPDATE extraction SET made_with = NULL")
    assert made_with() == "m1"
    assert ledger.claim(registered, Stage.OCR, "m2", lease=60) is None
    assert made_with() == "m1"
    ledger.fail(registered, Stage.OCR, StageState.QUEUED, "")
    assert ledger.claim(registered, Stage.OCR, "m3", lease=60) is None
    ledger.fail(registered, Stage.OCR, StageState.FAILED, "no")
    assert made_with() == "m1"
    assert ledger.claim(registered, Stage.OCR, "m4", lease=60) is None
    with ledger.commit(registered, Stage.OCR) as commit:
        commit.write(Extraction())
    assert made_with() == "m4"


def test_what_is_done_does_not_fail_because_its_message_came_twice(
    ledger: PostgresLedger, registered: Registration
) -> None:
    extract(ledger, registered, Stage.OCR, Extraction())
    ledger.fail(registered, Stage.OCR, StageState.RETRYING, "the database broke off as it was asked")
    assert stages(ledger)[Stage.OCR] is StageState.DONE


def test_what_fails_long_after_it_began_can_be_recorded(
    postgres: Postgres, ledger: PostgresLedger, registered: Registration
) -> None:
    """More milliseconds than a number of four bytes holds."""
    extract(ledger, registered, Stage.OCR, Extraction())
    ledger.requeue(VIDEO, [StageState.DONE], lambda *_: None)
    with postgres.transaction() as connection:
        connection.execute("UPDATE extraction SET started_at = now() - interval '60 days'")
    ledger.fail(registered, Stage.OCR, StageState.FAILED, "its weights were refused")
    record = ledger.video(VIDEO)
    assert record is not None
    (failed,) = (each for each in record.stages if each.stage is Stage.OCR)
    assert (failed.state, failed.duration_ms) == (StageState.FAILED, None)


def test_only_one_worker_gets_a_job(ledger: PostgresLedger, registered: Registration) -> None:
    assert ledger.claim(registered, Stage.OCR, "m1", lease=60) is None
    with pytest.raises(BusyError) as busy:
        ledger.claim(registered, Stage.OCR, "m1", lease=60)
    assert 0 < busy.value.retry_in <= 60


def test_a_dead_workers_job_is_taken_over(ledger: PostgresLedger, registered: Registration) -> None:
    assert ledger.claim(registered, Stage.OCR, "m1", lease=-1) is None
    assert ledger.claim(registered, Stage.OCR, "m1", lease=60) is None
    record = ledger.video(VIDEO)
    assert record is not None
    assert next(stage.attempts for stage in record.stages if stage.stage is Stage.OCR) == 2


def test_a_living_workers_lease_is_prolonged(ledger: PostgresLedger, registered: Registration) -> None:
    assert ledger.claim(registered, Stage.OCR, "m1", lease=-1) is None
    ledger.prolong(registered, Stage.OCR, lease=60)
    with pytest.raises(BusyError):
        ledger.claim(registered, Stage.OCR, "m1", lease=60)


@pytest.mark.parametrize(
    ("state", "again"),
    [(StageState.FAILED, False), (StageState.UNAVAILABLE, True), (StageState.DEAD, True),
     (StageState.RETRYING, True)],
)  # fmt: skip
def test_what_can_be_tried_again_after_a_failure(
    ledger: PostgresLedger, registered: Registration, state: StageState, again: bool
) -> None:
    ledger.claim(registered, Stage.SPEECH, "m1", lease=60)
    ledger.fail(registered, Stage.SPEECH, state, "why")
    claimed = ledger.claim(registered, Stage.SPEECH, "m1", lease=60)
    assert (claimed is None) is again


def test_writing_twice_changes_nothing(ledger: PostgresLedger, registered: Registration) -> None:
    found = Extraction(
        moments=(Moment(0.5, 2.5, "Как варить борщ", "ru", 0.9, "How to cook borscht"), Moment(3, 4, "x")),
        frames=FrameEmbeddings(np.array([0.0, 1.0], np.float32), np.eye(2, 512, dtype=np.float32)),
        details={"frames": 2},
    )
    extract(ledger, registered, Stage.OCR, found)
    with ledger.commit(registered, Stage.OCR) as commit:
        commit.write(found)
    assert ledger.moments([VIDEO])[VIDEO][Modality.OCR] == [found.moments[0], Moment(3, 4, "x")]
    frames = ledger.found([VIDEO])[VIDEO].frames
    assert frames is not None
    assert frames.times.tolist() == [0.0, 1.0]
    assert frames.vectors.dtype == np.int8
    np.testing.assert_array_equal(frames.vectors, np.eye(2, 512) * 127)


def test_frames_in_eight_bits_are_as_similar_to_a_query_as_they_were(
    postgres: Postgres, ledger: PostgresLedger, registered: Registration
) -> None:
    random = np.random.default_rng(7)
    vectors, queries = (random.standard_normal((count, 512)).astype(np.float32) for count in (120, 20))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    times = np.arange(120, dtype=np.float32) * 1.5
    extract(ledger, registered, Stage.VISUAL, Extraction(frames=FrameEmbeddings(times, vectors)))
    kept = ledger.found([VIDEO])[VIDEO].frames
    assert kept is not None
    np.testing.assert_array_equal(kept.times, times)
    assert np.abs(kept.vectors @ queries.T / 127 - vectors @ queries.T).max() <= 0.01
    with postgres.transaction() as connection:
        rows = connection.execute("SELECT octet_length(vectors) FROM frame_embeddings").fetchall()
    assert rows == [(120 * 512,)]  # one blob, one byte for each number


def test_one_stage_does_not_touch_another(ledger: PostgresLedger, registered: Registration) -> None:
    extract(ledger, registered, Stage.OCR, Extraction(moments=(Moment(0, 1, "написано"),)))
    extract(ledger, registered, Stage.SPEECH, Extraction(reason="no sound"))
    assert ledger.moments([VIDEO])[VIDEO] == {Modality.OCR: [Moment(0, 1, "написано")]}
    assert stages(ledger)[Stage.SPEECH] is StageState.EMPTY


def test_faces_and_media_facts_are_kept(ledger: PostgresLedger, registered: Registration) -> None:
    track = FaceTrack(np.zeros(128, np.float32), 3, 0.0, 2.0, b"jpeg", 0.8)
    extract(ledger, registered, Stage.FACES, Extraction(faces=(track,)))
    with ledger.commit(registered, Stage.INGEST) as commit:
        commit.set_media(MediaFacts(duration=7.5, width=360, height=640, has_audio=True))
        commit.set_thumbnail("thumbnails/x.jpg")
    record = ledger.video(VIDEO)
    assert record is not None
    assert (record.duration, record.width, record.height, record.has_audio) == (7.5, 360, 640, True)
    assert record.thumbnail_key == "thumbnails/x.jpg"


def test_a_page_shows_a_video_with_what_its_place_is_explained_by(
    ledger: PostgresLedger, registered: Registration
) -> None:
    written = Moment(0.1, 1.3, "Борщ", "ru", 0.9, "Borscht")
    extract(ledger, registered, Stage.OCR, Extraction(moments=(written,)))
    frames = FrameEmbeddings(np.zeros(1, np.float32), np.eye(1, 512, dtype=np.float32))
    extract(ledger, registered, Stage.VISUAL, Extraction(frames=frames))
    with ledger.commit(registered, Stage.INGEST) as commit:
        commit.set_media(MediaFacts(duration=7.3, width=360, height=640, has_audio=True))
        commit.set_thumbnail("thumbnails/x.jpg")
    stranger = UUID(int=1)
    found = ledger.found([stranger, VIDEO])
    assert set(found) == {VIDEO}
    video = found[VIDEO]
    assert (video.bucket, video.key) == (registered.bucket, registered.key)
    assert (video.duration, video.thumbnail_key) == (7.3, "thumbnails/x.jpg")
    assert video.versions == {Stage.OCR: "m1", Stage.VISUAL: "m1"}
    assert video.moments == {Modality.OCR: [written]}
    assert video.frames is not None
    less = ledger.found([VIDEO], moments=False, frames=False)[VIDEO]
    assert (less.key, less.moments, less.frames) == (video.key, {}, None)
    assert ledger.found([]) == {}


def test_text_with_a_nul_character_is_stored_without_it(
    ledger: PostgresLedger, registered: Registration
) -> None:
    extract(ledger, registered, Stage.OCR, Extraction(moments=(Moment(0, 1, "a\x00b"),)))
    assert ledger.moments([VIDEO])[VIDEO][Modality.OCR][0].text == "ab"


def test_when_each_word_is_said_is_kept(
    ledger: PostgresLedger, registered: Registration, postgres: Postgres
) -> None:
    words = (Word("Варим", 0.5, 0.93), Word("бо\x00рщ.", 1.1, 1.58))
    said = Moment(0.5, 2.0, "Варим борщ.", "ru", 0.5, "We cook borscht.", words)
    extract(ledger, registered, Stage.SPEECH, Extraction(moments=(said, Moment(3, 4, "Да."))))
    found = ledger.moments([VIDEO])[VIDEO][Modality.SPEECH]
    assert found[0].words == (words[0], Word("борщ.", 1.1, 1.58))
    assert found[1].words == ()
    with ledger.assemble(VIDEO, registered.generation) as commit:
        assert commit is not None
        assert commit.moments()[Modality.SPEECH] == found


def test_a_broken_commit_leaves_nothing(ledger: PostgresLedger, registered: Registration) -> None:
    ledger.claim(registered, Stage.OCR, "m1", lease=60)
    with pytest.raises(RuntimeError), ledger.commit(registered, Stage.OCR) as commit:
        commit.write(Extraction(moments=(Moment(0, 1, "half"),)))
        raise RuntimeError("the process dies here")
    assert ledger.moments([VIDEO]) == {}
    assert stages(ledger)[Stage.OCR] is StageState.RUNNING


def test_a_video_becomes_searchable_with_its_first_modality(
    ledger: PostgresLedger, registered: Registration
) -> None:
    extract(ledger, registered, Stage.OCR, Extraction(moments=(Moment(0, 1, "раз"),)))
    with ledger.assemble(VIDEO, registered.generation) as commit:
        assert commit is not None
        assert list(commit.moments()) == [Modality.OCR]
        commit.set_searchable(True)
        commit.finish({})
    record = ledger.video(VIDEO)
    assert record is not None
    assert record.state is VideoState.SEARCHABLE
    assert [found.video_id for found in ledger.videos(limit=9, state=VideoState.SEARCHABLE)] == [VIDEO]
    assert ledger.videos(limit=9, state=VideoState.FAILED) == []
    assert ledger.video_counts() == {VideoState.SEARCHABLE: 1}


def test_a_video_that_could_not_be_assembled_says_so(
    ledger: PostgresLedger, registered: Registration
) -> None:
    extract(ledger, registered, Stage.OCR, Extraction(moments=(Moment(0, 1, "раз"),)))
    ledger.abandon(VIDEO, registered.generation - 1, Stage.ASSEMBLE, "old news")
    assert stages(ledger)[Stage.ASSEMBLE] is StageState.QUEUED
    ledger.abandon(VIDEO, registered.generation, Stage.ASSEMBLE, "Qdrant did not answer")
    assert stages(ledger)[Stage.ASSEMBLE] is StageState.DEAD


def test_assembling_an_old_generation_does_nothing(ledger: PostgresLedger, registered: Registration) -> None:
    with ledger.assemble(VIDEO, registered.generation - 1) as commit:
        assert commit is None


def test_a_video_that_cannot_be_opened_is_failed(ledger: PostgresLedger, registered: Registration) -> None:
    for stage in (Stage.INGEST, Stage.VISUAL, Stage.OCR, Stage.SPEECH, Stage.FACES):
        ledger.claim(registered, stage, "m1", lease=60)
        ledger.fail(registered, stage, StageState.FAILED, "not a video")
    record = ledger.video(VIDEO)
    assert record is not None
    assert record.state is VideoState.FAILED
    assert {stage.reason for stage in record.stages} == {"not a video"}


def test_purging_leaves_nothing_but_the_proof(
    ledger: PostgresLedger, bucket: Bucket, registered: Registration, postgres: Postgres
) -> None:
    extract(ledger, registered, Stage.OCR, Extraction(moments=(Moment(0, 1, "секрет"),)))
    erased: list[bool] = []
    assert ledger.purge(VIDEO, lambda: None, lambda: erased.append(True))
    assert erased == [True]
    assert ledger.video(VIDEO) is None
    with postgres.transaction() as connection:
        for table in ("video", "extraction", "moment", "frame_embeddings", "face"):
            assert connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (0,)
        assert connection.execute("SELECT video_id FROM deletion").fetchall() == [(VIDEO,)]


def test_a_late_delete_event_does_not_erase_what_was_uploaded_since(
    ledger: PostgresLedger, bucket: Bucket, registered: Registration
) -> None:
    def erase() -> None:
        pytest.fail("erased a video that is in the bucket")

    assert not ledger.purge(VIDEO, lambda: bucket.now, erase)
    assert ledger.video(VIDEO) is not None


def test_a_purge_that_breaks_off_is_done_again(ledger: PostgresLedger, registered: Registration) -> None:
    def breaks() -> None:
        raise DependencyError("Qdrant did not answer")

    with pytest.raises(DependencyError):
        ledger.purge(VIDEO, lambda: None, breaks)
    assert ledger.video(VIDEO) is not None
    assert ledger.purge(VIDEO, lambda: None, lambda: None)


def test_a_straggler_of_a_deleted_and_reuploaded_video_cannot_write(
    ledger: PostgresLedger, bucket: Bucket, registered: Registration
) -> None:
    ledger.purge(VIDEO, lambda: None, lambda: None)
    again = bucket.register(ledger)
    assert again is not None
    assert again.generation > registered.generation
    with pytest.raises(SupersededError), ledger.commit(registered, Stage.OCR):
        pytest.fail("let in")


def test_workers_that_see_versions_in_the_wrong_order_cannot_misnumber_them(ledger: PostgresLedger) -> None:
    """The slow observer of the old version must not register it after the new one."""
    observed: list[str] = []
    looking, uploaded = threading.Event(), threading.Event()
    now: dict[str, Any] = {"object": version("v1")}

    def slow() -> ObjectVersion:
        looking.set()
        assert uploaded.wait(10)
        observed.append(now["object"].version)
        found: ObjectVersion = now["object"]
        return found

    def quick() -> ObjectVersion:
        found: ObjectVersion = now["object"]
        return found

    worker = threading.Thread(target=lambda: ledger.register(VIDEO, BUCKET, KEY, slow, lambda _: None))
    worker.start()
    assert looking.wait(10)
    now["object"] = version("v2", 1)
    uploaded.set()
    second = ledger.register(VIDEO, BUCKET, KEY, quick, lambda _: None)
    worker.join(10)
    assert observed == ["v2"]
    assert second is not None
    assert second.object.version == "v2"


def test_a_database_that_is_not_there_is_a_transient_error() -> None:
    from kadr.adapters.postgres import PostgresAddress

    nowhere = Postgres(
        PostgresAddress("127.0.0.1", 1, "kadr", "disable"),
        credentials=lambda: {"username": "x", "password": "x"},
        connect_timeout=1,
    )
    with pytest.raises(DependencyError, match=r"127\.0\.0\.1:1"):
        PostgresLedger(nowhere).video(VIDEO)
    nowhere.close()
