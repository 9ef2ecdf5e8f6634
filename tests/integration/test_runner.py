"""The runner, assemble and purge, on a real PostgreSQL and the local Qdrant."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from functions.assemble.assemble import assemble
from functions.faces import extract as faces
from functions.purge.purge import purge
from kadr.adapters.ledger import PostgresLedger, face_crop_key
from kadr.adapters.postgres import Postgres
from kadr.adapters.qdrant import Qdrant, QdrantFaceIndex, QdrantVectorIndex
from kadr.adapters.qdrant_search import QdrantVideoSearch
from kadr.core.errors import (
    BusyError,
    DependencyError,
    NotAVideoError,
    SupersededError,
    WeightsUnavailableError,
)
from kadr.core.extraction import Extraction, FaceTrack, MediaFacts, Moment
from kadr.core.fusion import fuse_query
from kadr.core.identity import video_id
from kadr.core.modality import Stage, StageState, VideoState
from kadr.core.words import query_words
from kadr.events import ObjectCreated, ObjectRemoved
from kadr.ports.search import ExactWords, Likeness, Where
from kadr.runtime.heartbeat import HELD_SECONDS, Heartbeat
from kadr.runtime.runner import Handler, extractor, queue_handler
from kadr.runtime.settings import ExtractorSettings
from tests.fakes import FakeContext, MemoryObjectStore, RecordingBackoff, RecordingQueue
from tests.local_qdrant import LocalQdrant

BUCKET, KEY = "media-bucket", "рецепты/борщ 🍲.mp4"
VIDEO = video_id(BUCKET, KEY)


def unit(position: int, dimensions: int = 384) -> Any:
    vector = np.zeros(dimensions, dtype=np.float32)
    vector[position] = 1.0
    return vector


@dataclass
class FakeWorld:
    ledger: PostgresLedger
    index: QdrantVectorIndex
    faces: QdrantFaceIndex
    video_search: QdrantVideoSearch
    objects: MemoryObjectStore = field(default_factory=MemoryObjectStore)
    assemble_queue: RecordingQueue = field(default_factory=RecordingQueue)
    backoff: RecordingBackoff = field(default_factory=RecordingBackoff)

    def assemble_all(self) -> None:
        while self.assemble_queue.sent:
            assemble(self.assemble_queue.sent.pop(0), self)

    def states(self) -> dict[Stage, tuple[StageState, str]]:
        record = self.ledger.video(VIDEO)
        assert record is not None
        return {stage.stage: (stage.state, stage.reason) for stage in record.stages}

    def found(self, text: str) -> list[Any]:
        words = query_words([(text, 1.0)])
        return [
            hit.video_id
            for hit in self.video_search.search([], ExactWords(words, 1.0), Where())
            if hit.score > 0
        ]


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Qdrant]:
    server = LocalQdrant(tmp_path_factory.mktemp("qdrant"))
    server.start()
    qdrant = Qdrant(server.url, api_key=lambda: None, timeout=20)
    yield qdrant
    qdrant.client.close()
    server.end()


@pytest.fixture
def world(postgres: Postgres, vectors: Qdrant) -> FakeWorld:
    for each in vectors.client.get_collections().collections:
        vectors.client.delete_collection(each.name)
    vectors.ensure()
    return FakeWorld(
        PostgresLedger(postgres),
        QdrantVectorIndex(vectors),
        QdrantFaceIndex(vectors),
        QdrantVideoSearch(vectors),
    )


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ExtractorSettings:
    return ExtractorSettings(
        postgres_host="unused",
        postgres_secret_arn="unused",
        qdrant_url="http://127.0.0.1:1",
        media_bucket=BUCKET,
        derived_bucket="derived",
        assemble_queue_url="unused",
        models_dir=tmp_path,
        media_max_bytes=1000,
    )


def event(*, receive_count: int = 1, detail_type: str = "Object Created", key: str = KEY) -> dict[str, Any]:
    body = {
        "source": "aws.s3",
        "detail-type": detail_type,
        "detail": {"bucket": {"name": BUCKET}, "object": {"key": key, "etag": "e", "sequencer": "00"}},
    }
    return {
        "Records": [
            {
                "messageId": "m1",
                "receiptHandle": "r1",
                "body": json.dumps(body),
                "attributes": {"ApproximateReceiveCount": str(receive_count)},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:ocr",
            }
        ]
    }


def retried(answer: dict[str, Any]) -> bool:
    return bool(answer["batchItemFailures"])


@pytest.fixture
def handler_of(world: FakeWorld, settings: ExtractorSettings) -> Callable[..., Handler]:
    def make(
        found: Extraction | Exception | Callable[[Path], Extraction], stage: Stage = Stage.OCR
    ) -> Handler:
        def extract(path: Path, _settings: ExtractorSettings) -> Extraction:
            if isinstance(found, Exception):
                raise found
            return found if isinstance(found, Extraction) else found(path)

        return extractor(
            stage,
            extract=extract,
            model_version=lambda _: "m1",
            settings=lambda: settings,
            world=lambda: world,
        )

    return make


BORSCHT = Extraction(
    moments=(Moment(0.0, 2.0, "Как варить борщ", "ru", 0.9, "How to cook borscht"),), vector=unit(0)
)
CAT = Extraction(moments=(Moment(0.0, 2.0, "Смешной кот", "ru", 0.9, "Funny cat"),), vector=unit(1))


def test_an_upload_is_found_by_its_words_in_both_languages(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    assert not retried(handler_of(BORSCHT)(event(), FakeContext()))
    world.assemble_all()
    assert world.found("варим борщи") == [VIDEO]
    assert world.found("borscht") == [VIDEO]
    record = world.ledger.video(VIDEO)
    assert record is not None
    assert record.state is VideoState.SEARCHABLE


def test_an_upload_is_found_by_meaning(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    handler_of(BORSCHT)(event(), FakeContext())
    world.assemble_all()
    hits = world.video_search.search([Likeness(fuse_query(clip=None, text=unit(0)), "fused")], None, Where())
    assert [hit.video_id for hit in hits] == [VIDEO]
    assert hits[0].score > 5  # standard deviations above an unrelated video


def test_the_extractor_gets_the_bytes_that_were_uploaded(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"the very bytes")
    seen: list[bytes] = []

    def look(path: Path) -> Extraction:
        seen.append(path.read_bytes())
        return BORSCHT

    handler_of(look)(event(), FakeContext())
    assert seen == [b"the very bytes"]


def test_the_same_event_twice_extracts_once(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    calls: list[Path] = []

    def count(path: Path) -> Extraction:
        calls.append(path)
        return BORSCHT

    handler = handler_of(count)
    handler(event(), FakeContext())
    handler(event(), FakeContext())
    assert len(calls) == 1
    # The message to assemble is sent again: the first try may have died before sending it.
    assert len(world.assemble_queue.sent) == 2


def test_overwritten_the_old_content_is_not_found(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    handler_of(BORSCHT)(event(), FakeContext())
    world.assemble_all()
    world.objects.put(BUCKET, KEY, b"another video")
    handler_of(CAT)(event(), FakeContext())
    world.assemble_all()
    assert world.found("борщ") == []
    assert world.found("кот") == [VIDEO]


def test_overwritten_with_rubbish_the_old_content_is_not_found(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    handler_of(BORSCHT)(event(), FakeContext())
    world.assemble_all()
    world.objects.put(BUCKET, KEY, b"rubbish")
    handler_of(NotAVideoError("this is not a video"))(event(), FakeContext())
    assert world.found("борщ") == []
    assert world.states()[Stage.OCR] == (StageState.FAILED, "this is not a video")


def test_overwritten_while_being_extracted_the_retry_sees_the_new_content(
    world: FakeWorld, handler_of: Any
) -> None:
    world.objects.put(BUCKET, KEY, b"video")

    def overwrite(_path: Path) -> Extraction:
        world.objects.put(BUCKET, KEY, b"newer")
        handler_of(Extraction(reason="no sound"), Stage.SPEECH)(event(), FakeContext())
        return BORSCHT

    assert retried(handler_of(overwrite)(event(), FakeContext()))
    world.assemble_all()
    assert world.found("борщ") == []
    assert not retried(handler_of(CAT)(event(receive_count=2), FakeContext()))
    world.assemble_all()
    assert world.found("кот") == [VIDEO]


def test_a_permanent_failure_is_recorded_and_not_retried(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"text")
    assert not retried(handler_of(NotAVideoError("no video stream"))(event(), FakeContext()))
    assert world.states()[Stage.OCR] == (StageState.FAILED, "no video stream")


def test_a_file_over_the_size_limit_is_refused_before_it_is_read(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"x" * 1001)
    assert not retried(handler_of(BORSCHT)(event(), FakeContext()))
    state, reason = world.states()[Stage.OCR]
    assert state is StageState.FAILED
    assert "1000" in reason


def test_missing_weights_are_said_and_block_nothing(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    assert not retried(handler_of(WeightsUnavailableError("speech"), Stage.SPEECH)(event(), FakeContext()))
    handler_of(BORSCHT)(event(), FakeContext())
    world.assemble_all()
    assert world.states()[Stage.SPEECH] == (StageState.UNAVAILABLE, "weights not installed: speech")
    assert world.found("борщ") == [VIDEO]


def test_a_transient_failure_comes_again_later_and_later(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    handler = handler_of(DependencyError("Qdrant did not answer"))
    for attempt in (1, 2, 3):
        assert retried(handler(event(receive_count=attempt), FakeContext()))
    assert [delay for delay in world.backoff.delays if delay != HELD_SECONDS] == [10, 20, 40]
    assert world.states()[Stage.OCR] == (StageState.RETRYING, "Qdrant did not answer")


def test_the_last_try_says_that_it_was_the_last(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    assert retried(handler_of(DependencyError("no answer"))(event(receive_count=5), FakeContext()))
    state, reason = world.states()[Stage.OCR]
    assert state is StageState.DEAD
    assert "kadr redrive" in reason
    # and the redriven message is worked on
    assert not retried(handler_of(BORSCHT)(event(), FakeContext()))
    assert world.states()[Stage.OCR][0] is StageState.DONE


def test_a_bug_is_retried_and_named(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    assert retried(handler_of(ZeroDivisionError("division by zero"))(event(), FakeContext()))
    state, reason = world.states()[Stage.OCR]
    assert state is StageState.RETRYING
    assert "division by zero" in reason


def test_an_object_deleted_before_its_event_leaves_nothing(world: FakeWorld, handler_of: Any) -> None:
    assert not retried(handler_of(BORSCHT)(event(), FakeContext()))
    assert world.ledger.video(VIDEO) is None
    assert world.index.count() == 0


def test_a_folder_of_the_console_is_not_a_video(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, "holiday/", b"")
    assert not retried(handler_of(BORSCHT)(event(key="holiday/"), FakeContext()))
    assert world.ledger.videos(limit=10) == []


def test_a_key_that_an_emulator_encoded_is_found(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, "a b.mp4", b"video")
    handler_of(BORSCHT)(event(key="a+b.mp4"), FakeContext())
    assert world.ledger.video(video_id(BUCKET, "a b.mp4")) is not None


def test_a_key_with_a_percent_sign_is_taken_as_it_is(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, "100%25.mp4", b"video")
    handler_of(BORSCHT)(event(key="100%25.mp4"), FakeContext())
    assert world.ledger.video(video_id(BUCKET, "100%25.mp4")) is not None


def test_an_unreadable_message_goes_to_the_dead_letter_queue(world: FakeWorld, handler_of: Any) -> None:
    broken = event()
    broken["Records"][0]["body"] = "{"
    assert retried(handler_of(BORSCHT)(broken, FakeContext()))


def test_what_is_switched_off_is_not_fetched_and_leaves_nothing_of_before(
    world: FakeWorld, handler_of: Any, settings: ExtractorSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    somebody = FaceTrack(unit(0, 128), 3, 0.0, 2.0, b"jpeg", 0.8)
    handler_of(Extraction(faces=(somebody,)), Stage.FACES)(event(), FakeContext())
    monkeypatch.delattr(type(world.objects), "download")
    switched_off = extractor(
        Stage.FACES,
        extract=faces.extract,
        model_version=faces.model_version,
        off=faces.off,
        settings=lambda: settings.model_copy(update={"faces": "off"}),
        world=lambda: world,
    )
    assert not retried(switched_off(event(), FakeContext()))
    assert world.states()[Stage.FACES] == (StageState.EMPTY, "faces are switched off")
    assert world.objects.keys("derived") == set()


def test_what_nobody_expected_comes_again_soon_too(world: FakeWorld) -> None:
    """Not after the queue's whole time of invisibility."""

    def broken(_record: Any, _context: Any) -> None:
        raise ZeroDivisionError

    assert retried(queue_handler(broken, backoff=lambda: world)(event(receive_count=2), FakeContext()))
    assert world.backoff.delays == [20]


def test_one_bad_message_does_not_fail_its_batch(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    batch = event()
    batch["Records"].append({**batch["Records"][0], "messageId": "m2", "body": "{"})
    answer = handler_of(BORSCHT)(batch, FakeContext())
    assert answer["batchItemFailures"] == [{"itemIdentifier": "m2"}]


def test_ingest_keeps_the_facts_and_the_thumbnail(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    facts = MediaFacts(duration=4.0, width=360, height=640, has_audio=False)
    handler_of(Extraction(media=facts, thumbnail=b"jpeg"), Stage.INGEST)(event(), FakeContext())
    record = world.ledger.video(VIDEO)
    assert record is not None
    assert record.duration == 4.0
    assert record.thumbnail_key in world.objects.keys("derived")
    assert world.assemble_queue.sent == []


def test_portraits_stay_until_there_are_new_ones(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    both = tuple(FaceTrack(unit(n, 128), 3, 0.0, 2.0, f"jpeg {n}".encode(), 0.8) for n in range(2))
    handler_of(Extraction(faces=both), Stage.FACES)(event(), FakeContext())
    before = world.objects.keys("derived")
    assert len(before) == 2
    assert world.ledger.requeue(VIDEO, [StageState.DONE], lambda *_: None) == [Stage.FACES]
    handler_of(DependencyError("no answer"), Stage.FACES)(event(receive_count=5), FakeContext())
    assert world.objects.keys("derived") == before  # it failed, and the faces are still those
    seen = world.objects.keys("derived")

    def look(path: Path) -> Extraction:
        assert world.objects.keys("derived") == seen
        return Extraction(faces=both[:1])

    handler_of(look, Stage.FACES)(event(), FakeContext())
    assert len(world.objects.keys("derived")) == 1
    world.objects.put(BUCKET, KEY, b"newer")
    newest = face_crop_key(VIDEO, 10**6, 0)  # by a worker that overtook this one
    world.objects.put("derived", newest, b"jpeg")
    handler_of(DependencyError("no answer"), Stage.FACES)(event(), FakeContext())
    assert world.objects.keys("derived") == {newest}  # those of another content are not shown


def test_what_is_done_stays_done_if_assemble_cannot_be_told(world: FakeWorld, handler_of: Any) -> None:
    class Silent:
        def send(self, message: Any) -> None:
            raise DependencyError("SQS did not take a message")

    world.objects.put(BUCKET, KEY, b"video")
    queue, world.assemble_queue = world.assemble_queue, Silent()  # type: ignore[assignment]
    for attempt in (1, 5):
        assert retried(handler_of(BORSCHT)(event(receive_count=attempt), FakeContext()))
        assert world.states()[Stage.OCR] == (StageState.DONE, "")
    world.assemble_queue = queue

    def again(path: Path) -> Extraction:
        raise AssertionError("it was extracted twice")

    assert not retried(handler_of(again)(event(receive_count=2), FakeContext()))
    world.assemble_all()
    assert world.found("борщ") == [VIDEO]


def test_addresses_of_the_inside_are_in_the_log_only(
    world: FakeWorld, handler_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kadr-AbC"
    why = f"cannot read the secret {secret}: Qdrant at http://10.0.0.7:6333 did not answer"
    handler_of(DependencyError(why))(event(), FakeContext())
    _, reason = world.states()[Stage.OCR]
    assert reason == "cannot read the secret … Qdrant at … did not answer"
    assert any("10.0.0.7" in str(vars(record)) for record in caplog.records)


def test_everything_of_a_deleted_video_is_gone(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    track = FaceTrack(unit(0, 128), 3, 0.0, 2.0, b"jpeg", 0.8)
    handler_of(Extraction(thumbnail=b"jpeg"), Stage.INGEST)(event(), FakeContext())
    handler_of(Extraction(faces=(track,)), Stage.FACES)(event(), FakeContext())
    handler_of(BORSCHT)(event(), FakeContext())
    world.assemble_all()
    assert len(world.objects.keys("derived")) == 2

    removed = ObjectRemoved(bucket=BUCKET, key=KEY)
    assert not purge(removed, world, "derived")  # it is still in the bucket
    assert world.found("борщ") == [VIDEO]

    world.objects.delete(BUCKET, KEY)
    assert purge(removed, world, "derived")
    assert world.found("борщ") == []
    assert world.index.count() == 0
    assert world.objects.keys("derived") == set()
    assert world.ledger.video(VIDEO) is None
    assert not retried(handler_of(BORSCHT)(event(), FakeContext()))  # a late "created" event
    assert world.index.count() == 0


def test_a_message_of_an_older_generation_assembles_nothing(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    handler_of(BORSCHT)(event(), FakeContext())
    old = world.assemble_queue.sent.pop()
    world.objects.put(BUCKET, KEY, b"newer")
    handler_of(Extraction(reason="no text"))(event(), FakeContext())
    assert not assemble(old, world)


def test_an_old_write_cannot_touch_the_index(world: FakeWorld) -> None:
    """The guard of last resort: a straggler that has lost its lock in PostgreSQL."""
    world.index.write_vector(VIDEO, 7, "ocr", unit(7), {"key": KEY})
    world.index.write_vector(VIDEO, 6, "ocr", unit(6), {"key": KEY})
    world.index.write_vector(VIDEO, 6, "speech", unit(6), {"key": KEY})
    assert {
        name: int(vector.argmax()) for name, vector in world.index.vectors(VIDEO, ["ocr", "speech"]).items()
    } == {"ocr": 7}
    world.index.forget(VIDEO, below=7)
    assert world.index.count() == 1


def test_superseded_is_an_error_that_is_retried_at_once() -> None:
    from kadr.runtime.runner import _delay

    assert _delay(SupersededError("x"), 4) == 1


def test_a_duplicate_waits_as_long_as_a_job_may_take() -> None:
    from kadr.runtime.runner import _delay

    waits = [_delay(BusyError("x", retry_in=40), attempt) for attempt in range(1, 5)]
    assert waits == sorted(waits) and sum(waits) >= 900
    assert _delay(BusyError("x", retry_in=800), 1) == 801


def test_created_and_removed_name_the_same_video() -> None:
    created, removed = ObjectCreated(bucket=BUCKET, key=KEY), ObjectRemoved(bucket=BUCKET, key=KEY)
    assert created.video_id == removed.video_id == VIDEO


def test_a_job_is_held_while_it_is_worked_on_and_no_longer(world: FakeWorld, handler_of: Any) -> None:
    world.objects.put(BUCKET, KEY, b"video")
    handler_of(BORSCHT)(event(), FakeContext())
    assert world.backoff.delays == [HELD_SECONDS]
    assert not any(thread.name == "heartbeat" for thread in threading.enumerate())


def test_a_heartbeat_beats_until_the_work_ends_even_if_a_beat_fails() -> None:
    beats: list[float] = []
    enough = threading.Event()

    def beat() -> None:
        beats.append(time.monotonic())
        if len(beats) == 3:
            enough.set()
        raise DependencyError("SQS did not answer")

    with Heartbeat(beat, every=0.01):
        assert enough.wait(10)
    count = len(beats)
    assert not any(thread.name == "heartbeat" for thread in threading.enumerate())
    assert len(beats) == count
