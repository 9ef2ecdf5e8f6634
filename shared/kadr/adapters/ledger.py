"""The ledger in PostgreSQL. Every change of a video happens under its row's lock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from kadr.adapters.people_store import (
    PEOPLE_SHOWN,
    assign,
    candidates,
    drop_nobody,
    drop_outdated_marks,
    faces_where,
    marks_where,
    note_meanings,
    people_shown,
)
from kadr.adapters.postgres import Postgres
from kadr.adapters.ranking_store import ranking_in_force
from kadr.adapters.theme_store import ThemeReader, set_themes
from kadr.core.document import VideoFacts
from kadr.core.errors import BusyError, SupersededError
from kadr.core.extraction import Extraction, MediaFacts, Moment, StoredFrames, Word
from kadr.core.identity import ObjectVersion
from kadr.core.modality import Modality, Stage, StageState, VideoState, video_state
from kadr.core.people import Candidate, Face, Mark
from kadr.core.ranking import Ranking
from kadr.core.themes import Assigned, ThemeSpace
from kadr.ports.ledger import FoundVideo, Registration, StageRecord, VideoRecord
from kadr.ports.vectors import FacePlace

if TYPE_CHECKING:
    import psycopg

# What a stage's results were made with. `model_version` is what works at it now, or has failed at it.
MADE_WITH = "coalesce(made_with, model_version)"

_QUEUED_AT_REGISTRATION = (Stage.INGEST, Stage.VISUAL, Stage.OCR, Stage.SPEECH, Stage.FACES)


class PostgresLedger:
    """Implements :class:`kadr.ports.ledger.Ledger`."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._themes = ThemeReader()

    def register(
        self,
        video_id: UUID,
        bucket: str,
        key: str,
        observe: Callable[[], ObjectVersion | None],
        on_new: Callable[[Registration], None],
    ) -> Registration | None:
        """Number what the bucket holds now; see the port."""
        with self._postgres.transaction() as connection:
            connection.execute(
                "INSERT INTO video (video_id, bucket, key, generation, version, etag, size, content_type,"
                " modified_at) VALUES (%s, %s, %s, 0, '', '', 0, '', 'epoch')"
                " ON CONFLICT (video_id) DO NOTHING",
                (video_id, bucket, key),
            )
            row = connection.execute(
                "SELECT generation, version, modified_at FROM video WHERE video_id = %s FOR UPDATE",
                (video_id,),
            ).fetchone()
            if row is None:  # deleted between the two statements
                raise SupersededError(f"{key} was deleted while it was being registered")
            generation, version, modified_at = row
            found = observe()
            if found is None:
                if generation == 0:
                    connection.execute("DELETE FROM video WHERE video_id = %s", (video_id,))
                return None
            if generation and (version, modified_at) == (found.version, found.modified_at):
                return Registration(video_id, bucket, key, generation, found)

            # A new version. The old one's rows go now, so that it is not found while the new one is
            # being worked on, and even if nothing can be made of the new one.
            number = connection.execute("SELECT nextval('video_generation')").fetchone()
            assert number is not None  # noqa: S101 - a SELECT of a function always has a row
            registration = Registration(video_id, bucket, key, number[0], found)
            for table in ("extraction", "moment", "frame_embeddings", "face"):
                connection.execute(f"DELETE FROM {table} WHERE video_id = %s", (video_id,))  # noqa: S608
            connection.execute(
                "UPDATE video SET generation = %s, version = %s, etag = %s, size = %s, content_type = %s,"
                " modified_at = %s, duration = NULL, width = NULL, height = NULL, has_audio = NULL,"
                " thumbnail_key = NULL, searchable = false, state = 'indexing', theme_id = NULL,"
                " theme_distance = NULL,"
                " updated_at = now() WHERE video_id = %s",
                (number[0], found.version, found.etag, found.size, found.content_type, found.modified_at,
                 video_id),
            )  # fmt: skip
            connection.cursor().executemany(
                "INSERT INTO extraction (video_id, stage, generation, state) VALUES (%s, %s, %s, 'queued')",
                [(video_id, stage, number[0]) for stage in _QUEUED_AT_REGISTRATION],
            )
            on_new(registration)
            return registration

    def claim(
        self, registration: Registration, stage: Stage, model_version: str, *, lease: float
    ) -> StageRecord | None:
        """Take the job for ``lease`` seconds; see the port."""
        with self._postgres.transaction() as connection:
            self._lock(connection, registration)
            row = connection.execute(
                "SELECT state, model_version, lease_until, attempts, reason FROM extraction"
                " WHERE video_id = %s AND stage = %s",
                (registration.video_id, stage),
            ).fetchone()
            now = datetime.now(UTC)
            if row is not None:
                state, done_by, lease_until, attempts, reason = row
                same = done_by == model_version
                if same and state in (StageState.DONE, StageState.EMPTY, StageState.FAILED):
                    return StageRecord(stage, StageState(state), reason, attempts, done_by)
                if state == StageState.RUNNING and lease_until is not None and lease_until > now:
                    raise BusyError(
                        f"another worker is at {stage} of {registration.key}",
                        retry_in=(lease_until - now).total_seconds(),
                    )
            connection.execute(
                "INSERT INTO extraction (video_id, stage, generation, state, attempts, model_version,"
                " lease_until, started_at) VALUES (%(id)s, %(stage)s, %(generation)s, 'running', 1,"
                " %(model)s, %(until)s, now()) ON CONFLICT (video_id, stage) DO UPDATE SET"
                " state = 'running', reason = '', attempts = extraction.attempts + 1,"
                " generation = %(generation)s, model_version = %(model)s, lease_until = %(until)s,"
                " made_with = coalesce(extraction.made_with, extraction.model_version),"
                " started_at = now(), updated_at = now()",
                {
                    "id": registration.video_id,
                    "stage": stage,
                    "generation": registration.generation,
                    "model": model_version,
                    "until": now + timedelta(seconds=lease),
                },
            )
            return None

    def prolong(self, registration: Registration, stage: Stage, *, lease: float) -> None:
        """Hold a claimed job for another ``lease`` seconds from now. Silent if superseded."""
        with self._postgres.transaction() as connection:
            connection.execute(
                "UPDATE extraction SET lease_until = now() + make_interval(secs => %s)"
                " WHERE video_id = %s AND stage = %s AND generation = %s AND state = 'running'",
                (lease, registration.video_id, stage, registration.generation),
            )

    @contextmanager
    def commit(self, registration: Registration, stage: Stage) -> Iterator[PostgresCommit]:
        """Lock the video's row; raises SupersededError if the generation is not the current one."""
        with self._postgres.transaction() as connection:
            self._lock(connection, registration)
            yield PostgresCommit(
                connection, registration.video_id, registration.generation, stage, self._themes
            )

    def fail(self, registration: Registration, stage: Stage, state: StageState, reason: str) -> None:
        """Record that a stage failed, is unavailable, or will be retried. Silent if superseded."""
        self._fail(registration.video_id, registration.generation, stage, state, reason)

    def abandon(self, video_id: UUID, generation: int, stage: Stage, reason: str) -> None:
        """Record that a stage's message goes to the dead-letter queue. Silent if superseded."""
        self._fail(video_id, generation, stage, StageState.DEAD, reason)

    def _fail(self, video_id: UUID, generation: int, stage: Stage, state: StageState, reason: str) -> None:
        with self._postgres.transaction() as connection:
            connection.execute(
                "INSERT INTO extraction (video_id, stage, generation, state, reason)"
                " SELECT video_id, %(stage)s, generation, %(state)s, %(reason)s FROM video"
                " WHERE video_id = %(id)s AND generation = %(generation)s FOR UPDATE"
                " ON CONFLICT (video_id, stage) DO UPDATE SET state = %(state)s, reason = %(reason)s,"
                " lease_until = NULL, updated_at = now(),"
                # Of what was not claimed, it is not known: it failed before, or was begun long ago.
                " duration_ms = CASE WHEN extraction.state = 'running'"
                " THEN (extract(epoch FROM now() - extraction.started_at) * 1000)::integer END"
                # A message that came twice may fail where the other one has done the job.
                " WHERE extraction.state NOT IN ('done', 'empty')",
                {"id": video_id, "generation": generation, "stage": stage, "state": state, "reason": reason},
            )
            refresh_state(connection, video_id)

    def requeue(
        self, video_id: UUID, states: Collection[StageState], send: Callable[[Stage, int], None]
    ) -> list[Stage] | None:
        """Set the stages that are in one of ``states`` to queued; see the port."""
        with self._postgres.transaction() as connection:
            row = connection.execute(
                "SELECT generation FROM video WHERE video_id = %s AND generation > 0 FOR UPDATE", (video_id,)
            ).fetchone()
            if row is None:
                return None
            changed = connection.execute(
                "UPDATE extraction SET state = 'queued', reason = '', lease_until = NULL, updated_at = now()"
                " WHERE video_id = %s AND (state = ANY(%s) OR state = 'running' AND lease_until < now())"
                " RETURNING stage",
                (video_id, list(states)),
            ).fetchall()
            stages = sorted((Stage(stage) for (stage,) in changed), key=list(Stage).index)
            refresh_state(connection, video_id)
            for stage in stages:
                send(stage, row[0])
            return stages

    @contextmanager
    def assemble(self, video_id: UUID, generation: int) -> Iterator[PostgresCommit | None]:
        """Lock the video's row for assembling; ``None`` if the generation is not the current one."""
        with self._postgres.transaction() as connection:
            row = connection.execute(
                "SELECT generation FROM video WHERE video_id = %s FOR UPDATE", (video_id,)
            ).fetchone()
            if row is None or row[0] != generation:
                yield None
                return
            connection.execute(
                "INSERT INTO extraction (video_id, stage, generation, state, started_at)"
                " VALUES (%s, 'assemble', %s, 'running', clock_timestamp()) ON CONFLICT (video_id, stage)"
                " DO UPDATE SET started_at = clock_timestamp(), generation = excluded.generation",
                (video_id, generation),
            )
            yield PostgresCommit(connection, video_id, generation, Stage.ASSEMBLE, self._themes)

    def purge(
        self, video_id: UUID, observe: Callable[[], ObjectVersion | None], erase: Callable[[], None]
    ) -> bool:
        """Erase the video if ``observe`` finds nothing in the bucket; return whether it did."""
        with self._postgres.transaction() as connection:
            row = connection.execute(
                "SELECT generation FROM video WHERE video_id = %s FOR UPDATE", (video_id,)
            ).fetchone()
            if observe() is not None:
                return False
            # Also without a row: an earlier try may have broken off half-way.
            erase()
            if row is not None:
                people = [each.person_id for each in faces_where(connection, "video_id = %s", (video_id,))]
                connection.execute("DELETE FROM video WHERE video_id = %s", (video_id,))
                connection.execute(
                    "INSERT INTO deletion (video_id, generation) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    (video_id, row[0]),
                )
                drop_nobody(connection, [each for each in people if each is not None])
            return True

    def video(self, video_id: UUID) -> VideoRecord | None:
        """Return one video."""
        return self.records([video_id]).get(video_id)

    def videos(
        self, *, limit: int, offset: int = 0, state: VideoState | None = None, key_prefix: str = ""
    ) -> list[VideoRecord]:
        """Return videos, newest first."""
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                "SELECT video_id FROM video WHERE generation > 0 AND starts_with(key, %(prefix)s)"
                " AND (%(state)s::text IS NULL OR state = %(state)s)"
                " ORDER BY created_at DESC, video_id LIMIT %(limit)s OFFSET %(offset)s",
                {"prefix": key_prefix, "state": state, "limit": limit, "offset": offset},
            ).fetchall()
        identities = [row[0] for row in rows]
        records = self.records(identities)
        return [records[each] for each in identities if each in records]

    def records(self, video_ids: Sequence[UUID]) -> dict[UUID, VideoRecord]:
        """Return videos with all their stages."""
        if not video_ids:
            return {}
        stages: dict[UUID, list[StageRecord]] = {}
        videos: dict[UUID, Any] = {}
        with self._postgres.transaction() as connection:
            # A video and its stages as of one moment, else a state could contradict its stages. It is one
            # statement because RDS Proxy no longer shares a connection that has set a level of isolation.
            for row in connection.execute(
                "SELECT video_id, bucket, key, video.generation, size, created_at, video.updated_at,"
                " duration, width, height, has_audio, thumbnail_key, video.state, stage, extraction.state,"
                " reason, attempts, model_version, duration_ms, cost_usd, extraction.updated_at, details"
                " FROM video LEFT JOIN extraction USING (video_id)"
                " WHERE video_id = ANY(%s) AND video.generation > 0",
                (list(video_ids),),
            ):
                videos[row[0]] = row
                if row[13] is not None:
                    stage = StageRecord(Stage(row[13]), StageState(row[14]), *row[15:])
                    stages.setdefault(row[0], []).append(stage)
        order = list(Stage)
        records = {}
        for row in videos.values():
            own = sorted(stages.get(row[0], []), key=lambda record: order.index(record.stage))
            records[row[0]] = VideoRecord(
                video_id=row[0], bucket=row[1], key=row[2], generation=row[3], state=VideoState(row[12]),
                size=row[4], created_at=row[5], updated_at=row[6], duration=row[7], width=row[8],
                height=row[9], has_audio=row[10], thumbnail_key=row[11], stages=tuple(own),
            )  # fmt: skip
        return records

    def found(
        self, video_ids: Sequence[UUID], *, moments: bool = True, frames: bool = True
    ) -> dict[UUID, FoundVideo]:
        """Return the videos of a result page: one transaction, and all of it asked for at once."""
        if not video_ids:
            return {}
        wanted = (list(video_ids),)
        texts: dict[UUID, dict[Modality, list[Moment]]] = {}
        pictures: dict[UUID, StoredFrames] = {}
        # In a pipeline nothing is waited for before it is read: the database reads on while Python parses.
        with self._postgres.transaction() as connection, connection.pipeline():
            videos = connection.execute(
                "SELECT video_id, bucket, key, duration, thumbnail_key,"  # noqa: S608 - of our own
                f" (SELECT json_object_agg(stage, {MADE_WITH}) FROM extraction"
                f"  WHERE extraction.video_id = video.video_id AND {MADE_WITH} <> ''), theme_id,"
                f" {PEOPLE_SHOWN} FROM video WHERE video_id = ANY(%s) AND generation > 0",
                wanted,
            )
            framed = connection.cursor(binary=True)  # as text, bytes are twice as many
            if frames:
                framed.execute(
                    "SELECT video_id, dimensions, times, vectors FROM frame_embeddings"
                    " WHERE video_id = ANY(%s)",
                    wanted,
                )
            if moments:
                texts = moments_of(connection, video_ids)
            for video_id, dimensions, times, vectors in framed.fetchall() if frames else ():
                pictures[video_id] = StoredFrames(
                    times=np.frombuffer(times, dtype="<f4"),
                    vectors=np.frombuffer(vectors, dtype=np.int8).reshape(-1, dimensions),
                )
            return {
                video_id: FoundVideo(
                    video_id,
                    bucket,
                    key,
                    duration,
                    thumbnail,
                    {Stage(stage): version for stage, version in (versions or {}).items()},
                    texts.get(video_id, {}),
                    pictures.get(video_id),
                    theme_id,
                    people_shown(shown),
                )
                for video_id, bucket, key, duration, thumbnail, versions, theme_id, shown in videos.fetchall()
            }

    def moments(self, video_ids: Sequence[UUID]) -> dict[UUID, dict[Modality, list[Moment]]]:
        """Return the moments of videos."""
        with self._postgres.transaction() as connection:
            return moments_of(connection, video_ids)

    def counts(self) -> dict[Stage, dict[StageState, int]]:
        """Return how many videos stand in which state, per stage."""
        counts: dict[Stage, dict[StageState, int]] = {stage: {} for stage in Stage}
        with self._postgres.transaction() as connection:
            for stage, state, count in connection.execute(
                "SELECT stage, state, count(*) FROM extraction GROUP BY stage, state"
            ):
                counts[Stage(stage)][StageState(state)] = count
        return counts

    def video_counts(self) -> dict[VideoState, int]:
        """Return how many videos stand in which state."""
        with self._postgres.transaction() as connection:
            rows = connection.execute("SELECT state, count(*) FROM video WHERE generation > 0 GROUP BY state")
            return {VideoState(state): count for state, count in rows}

    def newest_texts(self, limit: int = 20_000) -> list[str]:
        """Return the texts and translations of the newest moments, for the spelling correction."""
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                "SELECT text, translation FROM moment JOIN video USING (video_id)"
                " ORDER BY video.created_at DESC LIMIT %s",
                (limit,),
            ).fetchall()
        return [text for row in rows for text in row if text]

    @staticmethod
    def _lock(connection: psycopg.Connection[Any], registration: Registration) -> None:
        row = connection.execute(
            "SELECT generation FROM video WHERE video_id = %s FOR UPDATE", (registration.video_id,)
        ).fetchone()
        if row is None or row[0] != registration.generation:
            raise SupersededError(f"{registration.key} was overwritten or deleted in the meantime")


class PostgresCommit:
    """Implements :class:`kadr.ports.ledger.Commit`."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        video_id: UUID,
        generation: int,
        stage: Stage,
        themes: ThemeReader,
    ) -> None:
        self._connection = connection
        self._video_id = video_id
        self._generation = generation
        self._stage = stage
        self._themes = themes

    def write(self, extraction: Extraction, *, cost_usd: float | None = None) -> None:
        """Replace the stage's moments, frames and faces, and set its state."""
        from psycopg.types.json import Jsonb

        cursor = self._connection.cursor()
        cursor.execute(
            "DELETE FROM moment WHERE video_id = %s AND modality = %s", (self._video_id, self._stage)
        )
        cursor.executemany(
            "INSERT INTO moment (video_id, modality, position, starts_at, ends_at, text, language,"
            " translation, confidence, words) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (self._video_id, self._stage, position, moment.start, max(moment.start, moment.end),
                 _storable(moment.text), moment.language, _storable(moment.translation), moment.confidence,
                 Jsonb([[_storable(word.text), round(word.start, 2), round(word.end, 2)]
                        for word in moment.words]) if moment.words else None)
                for position, moment in enumerate(extraction.moments)
            ],
        )  # fmt: skip
        if extraction.frames is not None:
            kept = StoredFrames.of(extraction.frames)
            cursor.execute(
                "INSERT INTO frame_embeddings (video_id, dimensions, times, vectors) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (video_id) DO UPDATE SET dimensions = excluded.dimensions,"
                " times = excluded.times, vectors = excluded.vectors",
                (
                    self._video_id,
                    kept.vectors.shape[1],
                    kept.times.astype("<f4").tobytes(),
                    kept.vectors.tobytes(),
                ),
            )
        if self._stage is Stage.FACES:
            cursor.execute("DELETE FROM face WHERE video_id = %s", (self._video_id,))
            cursor.executemany(
                "INSERT INTO face"
                " (video_id, position, count, first_seen, last_seen, quality, crop_key, times)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (self._video_id, position, face.count, face.first_seen, face.last_seen, face.quality,
                     face_crop_key(self._video_id, self._generation, position), list(face.times) or None)
                    for position, face in enumerate(extraction.faces)
                ],
            )  # fmt: skip
        cursor.execute(
            "UPDATE extraction SET state = %s, reason = %s, details = %s, cost_usd = %s,"
            " lease_until = NULL, made_with = model_version,"
            " duration_ms = (extract(epoch FROM clock_timestamp() - started_at) * 1000)::integer,"
            " updated_at = now() WHERE video_id = %s AND stage = %s",
            (
                extraction.state,
                extraction.reason,
                Jsonb(extraction.details),
                cost_usd,
                self._video_id,
                self._stage,
            ),
        )
        if self._stage is not Stage.INGEST:
            # What search reads is out of date from here on; `assemble` says when it no longer is.
            cursor.execute(
                "INSERT INTO extraction (video_id, stage, generation, state) VALUES (%s, 'assemble', %s,"
                " 'queued') ON CONFLICT (video_id, stage) DO UPDATE SET state = 'queued',"
                " generation = excluded.generation, updated_at = now()",
                (self._video_id, self._generation),
            )
        refresh_state(self._connection, self._video_id)

    def finish(self, details: Mapping[str, Any]) -> None:
        """Set the stage's state to done, with small facts for people."""
        from psycopg.types.json import Jsonb

        self._connection.execute(
            "UPDATE extraction SET state = 'done', reason = '', attempts = attempts + 1, details = %s,"
            " duration_ms = (extract(epoch FROM clock_timestamp() - started_at) * 1000)::integer,"
            " updated_at = now() WHERE video_id = %s AND stage = %s",
            (Jsonb(dict(details)), self._video_id, self._stage),
        )
        refresh_state(self._connection, self._video_id)

    def set_media(self, media: MediaFacts) -> None:
        """Set what ingest measured."""
        self._connection.execute(
            "UPDATE video SET duration = %s, width = %s, height = %s, has_audio = %s WHERE video_id = %s",
            (media.duration, media.width, media.height, media.has_audio, self._video_id),
        )

    def set_thumbnail(self, key: str) -> None:
        """Set where ingest put the thumbnail."""
        self._connection.execute(
            "UPDATE video SET thumbnail_key = %s WHERE video_id = %s", (key, self._video_id)
        )

    def set_searchable(self, searchable: bool) -> None:
        """Say whether the index now holds a search vector or words of the video."""
        self._connection.execute(
            "UPDATE video SET searchable = %s WHERE video_id = %s", (searchable, self._video_id)
        )

    def moments(self) -> dict[Modality, list[Moment]]:
        """Return every moment of the video."""
        return moments_of(self._connection, [self._video_id]).get(self._video_id, {})

    def facts(self) -> VideoFacts:
        """Return what else is known of the video."""
        return facts_of(self._connection, [self._video_id])[self._video_id]

    def ranking(self) -> Ranking:
        """Return the constants of ranking that the index is fused with now."""
        return ranking_in_force(self._connection)

    def themes(self) -> ThemeSpace:
        """Return the themes in force, which stay so until the commit."""
        return self._themes.read(self._connection, hold=True)

    def set_theme(self, theme: Assigned | None) -> None:
        """Set the theme that the video is listed in."""
        set_themes(self._connection, {self._video_id: theme})

    def faces(self) -> list[Face]:
        """Return the video's faces, the one that is seen most first."""
        return faces_where(self._connection, "video_id = %s", (self._video_id,))

    def marks(self) -> list[Mark]:
        """Return what editors have said of the video's faces."""
        return marks_where(self._connection, "video_id = %s", (self._video_id,))

    def candidates(self, near: Mapping[FacePlace, float]) -> list[Candidate]:
        """Return whose the faces are that lie at ``near``, with their distances; nobody's are left out."""
        return candidates(self._connection, near) if near else []

    def assign_faces(self, people: Mapping[UUID, UUID]) -> None:
        """Say whose faces of the video are, by their ids; people who are gone meanwhile are passed over."""
        if people:
            assign(self._connection, people)

    def settle_marks(self, meaning: Mapping[int, UUID]) -> None:
        """Note which faces marks mean; those on faces that only an older content had are forgotten."""
        note_meanings(self._connection, meaning)
        drop_outdated_marks(self._connection, self._video_id, self._generation)


def thumbnail_key(video_id: UUID, generation: int) -> str:
    """Return where a thumbnail lies in the derived bucket."""
    return f"thumbnails/{video_id}/{generation}.jpg"


def face_crop_key(video_id: UUID, generation: int, position: int) -> str:
    """Return where the picture of a person lies in the derived bucket."""
    return f"faces/{video_id}/{generation}/{position}.jpg"


def generation_of(key: str) -> int:
    """Return which generation of its video an object of the derived bucket is of; 0 if it does not say."""
    place = key.split("/")[2:3]
    number = place[0].partition(".")[0] if place else ""
    return int(number) if number.isdecimal() else 0


def derived_prefixes(video_id: UUID) -> tuple[str, str]:
    """Return below which prefixes of the derived bucket all that is made of a video lies."""
    return f"thumbnails/{video_id}/", f"faces/{video_id}/"


def moments_of(
    connection: psycopg.Connection[Any], video_ids: Sequence[UUID]
) -> dict[UUID, dict[Modality, list[Moment]]]:
    """Return the moments of videos, in their order."""
    found: dict[UUID, dict[Modality, list[Moment]]] = {}
    for video_id, modality, start, end, text, language, confidence, translation, words in connection.execute(
        "SELECT video_id, modality, starts_at, ends_at, text, language, confidence, translation, words"
        " FROM moment WHERE video_id = ANY(%s) ORDER BY video_id, modality, position",
        (list(video_ids),),
    ):
        said = tuple(Word(*word) for word in words or ())
        moment = Moment(start, end, text, language, confidence, translation, said)
        found.setdefault(video_id, {}).setdefault(Modality(modality), []).append(moment)
    return found


def facts_of(connection: psycopg.Connection[Any], video_ids: Sequence[UUID]) -> dict[UUID, VideoFacts]:
    """Return what is known of videos beside their moments; those that do not exist are left out."""
    wanted = list(video_ids)
    people: dict[UUID, list[UUID]] = {}
    for video_id, person in connection.execute(
        "SELECT DISTINCT video_id, person_id FROM face WHERE video_id = ANY(%s) AND person_id IS NOT NULL",
        (wanted,),
    ):
        people.setdefault(video_id, []).append(person)
    versions: dict[UUID, dict[Stage, str]] = {}
    for video_id, stage, version in connection.execute(
        f"SELECT video_id, stage, {MADE_WITH} FROM extraction"  # noqa: S608 - of our own
        f" WHERE video_id = ANY(%s) AND {MADE_WITH} <> ''",
        (wanted,),
    ):
        versions.setdefault(video_id, {})[Stage(stage)] = version
    return {
        video_id: VideoFacts(
            key, created_at, duration, tuple(people.get(video_id, ())), versions.get(video_id, {})
        )
        for video_id, key, created_at, duration in connection.execute(
            "SELECT video_id, key, created_at, duration FROM video WHERE video_id = ANY(%s)", (wanted,)
        )
    }


def refresh_state(connection: psycopg.Connection[Any], video_id: UUID) -> None:
    """Derive the video's state from its stages again."""
    row = connection.execute("SELECT searchable FROM video WHERE video_id = %s", (video_id,)).fetchone()
    if row is None:
        return
    stages = {
        Stage(stage): StageState(state)
        for stage, state in connection.execute(
            "SELECT stage, state FROM extraction WHERE video_id = %s", (video_id,)
        )
    }
    connection.execute(
        "UPDATE video SET state = %s, updated_at = now() WHERE video_id = %s",
        (video_state(stages, searchable=row[0]), video_id),
    )


def _storable(text: str) -> str:
    # PostgreSQL's text cannot hold NUL; recognisers can be made to produce it.
    return text.replace("\x00", "")
