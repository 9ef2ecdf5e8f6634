"""The one runner behind every function that works on objects of the media bucket.

It turns a batch of queue messages into calls of one function of the room's own, and takes care of what is
the same everywhere: both shapes of S3 events, versions, leases, doing a job once, retries with backoff,
permanent and transient errors, status rows, logs, metrics and the partial-batch answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote_plus

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import ValidationError

from kadr.adapters.ledger import face_crop_key, generation_of, thumbnail_key
from kadr.core.errors import (
    BusyError,
    KadrError,
    ObjectGoneError,
    PermanentError,
    SupersededError,
    TransientError,
    WeightsUnavailableError,
)
from kadr.core.extraction import Extraction
from kadr.core.identity import ObjectVersion
from kadr.core.modality import Modality, Stage, StageState
from kadr.events import ModalityExtracted, ObjectCreated
from kadr.ports.ledger import Commit, Registration
from kadr.ports.objects import ObjectStore
from kadr.runtime import s3_events
from kadr.runtime.heartbeat import HELD_SECONDS, Heartbeat
from kadr.runtime.job_folder import job_folder
from kadr.runtime.settings import ExtractorSettings
from kadr.runtime.telemetry import logger, metrics, tracer
from kadr.runtime.wiring import Wiring, World

# USD per GB-second of Lambda, x86, us-east-1, first tier. An estimate for people, not a bill.
_USD_PER_GB_SECOND = 0.0000166667

# Retries after 10, 20, 40, 80 … seconds.
_FIRST_BACKOFF = 10
_BUSY_BACKOFF = 60
_LONGEST_BACKOFF = 900

# Stages whose result is a named vector of the same name.
_VECTORS = {Stage.VISUAL, Stage.OCR, Stage.SPEECH}


class LambdaContext(Protocol):
    """What the runner uses of Lambda's context."""

    memory_limit_in_mb: int

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run."""


Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
Extract = Callable[[Path, ExtractorSettings], Extraction]


def queue_handler(
    process: Callable[[SQSRecord, LambdaContext], None], *, backoff: Callable[[], World | Wiring]
) -> Handler:
    """Return a Lambda handler that gives each message of a batch to ``process``.

    Messages whose processing raised are reported as failed, and come again after a growing delay.
    """

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        log = logger()
        log.append_keys(request_id=getattr(context, "aws_request_id", ""))

        def handle(record: SQSRecord) -> None:
            try:
                process(record, context)
            except TransientError as error:
                delay = _delay(error, receive_count(record))
                log.warning("will be tried again", reason=str(error), retry_in=delay)
                backoff().backoff.retry_in(record.event_source_arn, record.receipt_handle, delay)
                raise
            except KadrError as error:
                # Nobody can be told but the dead-letter queue: the message names no video.
                log.error("message refused", reason=str(error))
                raise
            except Exception:
                log.exception("unexpected error")
                # Not after the queue's whole time of invisibility, which is hours for a message of seconds.
                delay = _delay(TransientError(), receive_count(record))
                backoff().backoff.retry_in(record.event_source_arn, record.receipt_handle, delay)
                raise

        answer = process_partial_response(
            event=event,
            record_handler=handle,
            processor=BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False),
            context=context,
        )
        if metrics().metric_set:
            metrics().flush_metrics()
        return dict(answer)

    return handler


def extractor(
    stage: Stage,
    *,
    extract: Extract,
    model_version: Callable[[ExtractorSettings], str],
    off: Callable[[ExtractorSettings], str] = lambda _: "",
    settings: Callable[[], ExtractorSettings] | None = None,
    world: Callable[[], World] | None = None,
) -> Handler:
    """Return the Lambda handler of a stage.

    ``extract`` gets a local copy of the video. ``model_version`` names what it works with: a video is
    extracted again only when its content or this name has changed. ``off`` says why nothing is to be
    extracted at all: then the video is not fetched either. The environment is read and clients are made at
    the first event, not at import.
    """
    read_settings = settings or cache(ExtractorSettings)
    wired: Callable[[], World] = world or cache(lambda: Wiring(read_settings()))

    def process(record: SQSRecord, context: LambdaContext) -> None:
        for message in s3_events.parse(record.body):
            # "Create folder" in the console writes an empty object whose name ends in a slash.
            if isinstance(message, ObjectCreated) and not message.key.endswith("/"):
                job = _Job(
                    stage=stage,
                    extract=extract,
                    model_version=model_version,
                    off=off,
                    settings=_settings(read_settings),
                    world=wired(),
                    context=context,
                )
                job.run(message, record)

    return queue_handler(process, backoff=wired)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One stage of one video."""

    stage: Stage
    extract: Extract
    model_version: Callable[[ExtractorSettings], str]
    off: Callable[[ExtractorSettings], str]
    settings: ExtractorSettings
    world: World
    context: LambdaContext

    def run(self, message: ObjectCreated, record: SQSRecord) -> None:
        """Do the job that the message in ``record`` names, or find that it is done."""
        message = decoded(message, self.world.objects)
        log = logger()
        log.append_keys(video_id=str(message.video_id), key=message.key, stage=self.stage)
        registration = register(self.world, message)
        if registration is None:
            log.info("the object is gone: nothing to do")
            return
        log.append_keys(generation=registration.generation)
        try:
            done = self.world.ledger.claim(
                registration, self.stage, self._version_or_none(), lease=HELD_SECONDS
            )
            if done is None:
                with (
                    Heartbeat(lambda: self._hold(registration, record)),
                    tracer().provider.in_subsegment(f"## {self.stage}"),
                ):
                    self._work(registration)
            else:
                log.info("already done", state=done.state)
                if done.state is StageState.FAILED:
                    return
        except WeightsUnavailableError as error:
            self._record(registration, StageState.UNAVAILABLE, str(error))
            return
        except PermanentError as error:
            self._record(registration, StageState.FAILED, str(error))
            return
        except (SupersededError, ObjectGoneError, BusyError):
            # Not this version's fault: its rows are gone, or another worker is writing them.
            raise
        except Exception as error:
            reason = str(error) if isinstance(error, TransientError) else f"unexpected error: {error!r}"
            attempt = receive_count(record)
            if attempt >= self.settings.max_receive_count:
                self._record(registration, StageState.DEAD, gave_up(attempt, reason))
            else:
                self._record(registration, StageState.RETRYING, reason)
            if isinstance(error, TransientError):
                raise
            # A bug or a broken library: worth the retries that a fresh process may answer differently.
            logger().exception("unexpected error")
            raise TransientError(reason) from error
        # Also when it was done before: the last try may have broken off between the two. The stage is done
        # whatever becomes of this, and stays so: the message alone comes again.
        if self.stage in (Stage.VISUAL, Stage.OCR, Stage.SPEECH, Stage.FACES):
            self.world.assemble_queue.send(
                ModalityExtracted(
                    video_id=registration.video_id,
                    generation=registration.generation,
                    modality=Modality(self.stage.value),
                )
            )

    def _version_or_none(self) -> str:
        try:
            return self.model_version(self.settings)
        except WeightsUnavailableError:
            # The extractor decides: a video without sound needs no speech weights.
            return "none"

    def _work(self, registration: Registration) -> None:
        self._clear_derived(registration)
        reason = self.off(self.settings)
        extraction, milliseconds = (Extraction(reason=reason), 0) if reason else self._extracted(registration)
        with self.world.ledger.commit(registration, self.stage) as commit:
            self._land(commit, registration, extraction)
            commit.write(
                extraction,
                cost_usd=milliseconds
                / 1000
                * (int(self.context.memory_limit_in_mb) / 1024)
                * _USD_PER_GB_SECOND,
            )
        logger().info("extracted", state=extraction.state, reason=extraction.reason, ms=milliseconds)
        metrics().add_dimension(name="stage", value=str(self.stage))
        metrics().add_metric(name="Extracted", unit=MetricUnit.Count, value=1)
        metrics().add_metric(name="ExtractMilliseconds", unit=MetricUnit.Milliseconds, value=milliseconds)

    def _extracted(self, registration: Registration) -> tuple[Extraction, int]:
        """Return what is found in the video, and how many milliseconds that took."""
        with job_folder() as folder:
            path = folder / "media"
            self.world.objects.download(
                registration.bucket,
                registration.key,
                registration.object,
                path,
                max_bytes=self.settings.media_max_bytes,
            )
            before = self.context.get_remaining_time_in_millis()
            extraction = self.extract(path, self.settings)
            return extraction, before - self.context.get_remaining_time_in_millis()

    def _land(self, commit: Commit, registration: Registration, extraction: Extraction) -> None:
        """Put everything that does not live in PostgreSQL where it belongs, under the row's lock."""
        world, video_id, generation = self.world, registration.video_id, registration.generation
        if self.stage in _VECTORS:
            world.index.write_vector(
                video_id, generation, str(self.stage), extraction.vector, {"key": registration.key}
            )
        if extraction.media is not None:
            commit.set_media(extraction.media)
            # `assemble` writes it too, but may have been there before and has nothing to come back for.
            world.index.annotate(video_id, generation, {"duration": extraction.media.duration})
        if extraction.thumbnail is not None:
            key = thumbnail_key(video_id, generation)
            world.objects.put(
                self.settings.derived_bucket, key, extraction.thumbnail, content_type="image/jpeg"
            )
            commit.set_thumbnail(key)
        if self.stage is Stage.FACES:
            for position, face in enumerate(extraction.faces):
                world.objects.put(
                    self.settings.derived_bucket,
                    face_crop_key(video_id, generation, position),
                    face.crop,
                    content_type="image/jpeg",
                )
            world.faces.write(video_id, generation, [face.encoding for face in extraction.faces])
            count = len(extraction.faces)
            kept = {face_crop_key(video_id, generation, position) for position in range(count)}
            self._delete_derived("faces", registration, keep=kept.__contains__)

    def _clear_derived(self, registration: Registration) -> None:
        """Remove the pictures of older versions, whatever becomes of this one.

        Those of this version, from an earlier run, are shown until there are new ones. Of a newer one there
        may be some already, if this worker has been held up.
        """
        folder = {Stage.INGEST: "thumbnails", Stage.FACES: "faces"}.get(self.stage)
        if folder is not None:
            self._delete_derived(
                folder, registration, keep=lambda key: generation_of(key) >= registration.generation
            )

    def _delete_derived(self, folder: str, registration: Registration, keep: Callable[[str], bool]) -> None:
        place = f"{folder}/{registration.video_id}/"
        self.world.objects.delete_prefix(self.settings.derived_bucket, place, keep=keep)

    def _record(self, registration: Registration, state: StageState, reason: str) -> None:
        logger().warning("stage did not finish", state=state, reason=reason)
        metrics().add_dimension(name="stage", value=str(self.stage))
        metrics().add_metric(name=f"Stage{state.capitalize()}", unit=MetricUnit.Count, value=1)
        self.world.ledger.fail(registration, self.stage, state, without_places(reason))

    def _hold(self, registration: Registration, record: SQSRecord) -> None:
        """Keep the job and its message for another while."""
        self.world.ledger.prolong(registration, self.stage, lease=HELD_SECONDS)
        self.world.backoff.retry_in(record.event_source_arn, record.receipt_handle, HELD_SECONDS)


def register(world: World, message: ObjectCreated) -> Registration | None:
    """Number what lies at the message's place now, and clear what an older version left in the index."""

    def observe() -> ObjectVersion | None:
        return world.objects.head(message.bucket, message.key)

    def forget(registration: Registration) -> None:
        world.index.forget(registration.video_id, below=registration.generation)
        world.faces.forget(registration.video_id, below=registration.generation)

    return world.ledger.register(message.video_id, message.bucket, message.key, observe, forget)


def decoded(message: ObjectCreated, objects: ObjectStore) -> ObjectCreated:
    """Return the message with the key under which the object lies.

    One emulator URL-encodes the keys in EventBridge's events; AWS does not. So a key is decoded only if
    nothing lies under it as it stands and something lies under its decoded form.
    """
    key = unquote_plus(message.key)
    if key == message.key or objects.head(message.bucket, message.key) is not None:
        return message
    if objects.head(message.bucket, key) is None:
        return message
    return message.model_copy(update={"key": key})


def _settings(read: Callable[[], ExtractorSettings]) -> ExtractorSettings:
    try:
        return read()
    except ValidationError as error:
        names = ", ".join(f"KADR_{'_'.join(map(str, each['loc'])).upper()}" for each in error.errors())
        raise TransientError(f"the function is not configured: check {names}") from error


def gave_up(attempt: int, reason: object) -> str:
    """Return what is recorded of a job whose message goes to the dead-letter queue."""
    return f"gave up after {attempt} tries, `kadr redrive` tries again: {reason}"


# Addresses and names of the inside: URLs of services, ARNs, hosts, as our errors and libraries' have them.
_PLACES = re.compile(
    r"""\bhttps?://[^\s"']+ | \barn:[^\s"']+ | (?<=PostgreSQL\ at\ )\S+ | (?<=server\ at\ )"[^"]*"
    | \b\d{1,3}(?:\.\d{1,3}){3}\b""",
    re.VERBOSE,
)


def without_places(reason: str) -> str:
    """Return a reason as it may be told: anybody can ask where a video stands; the log has the whole."""
    return _PLACES.sub("…", reason)


def receive_count(record: SQSRecord) -> int:
    """Return how often the queue has delivered the message, this time included."""
    try:
        return int(record.attributes.approximate_receive_count)
    except (KeyError, TypeError, ValueError):
        return 1


def _delay(error: TransientError, attempt: int) -> int:
    if isinstance(error, SupersededError | ObjectGoneError):
        return 1
    if isinstance(error, BusyError):
        # Whoever holds the job holds it a little longer each time, so that its lease does not tell when it
        # ends. All tries together wait as long as a job may take: nobody's message dies for a duplicate.
        later = max(round(error.retry_in) + 1, int(_BUSY_BACKOFF * 2 ** (attempt - 1)))
        return min(_LONGEST_BACKOFF, later)
    return int(min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** (attempt - 1)))
