"""People across videos in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from kadr.adapters.postgres import Postgres
from kadr.core.extraction import Vector
from kadr.core.people import Candidate, Face, Mark
from kadr.ports.people import Appearance, NewMark, Person, PersonName, RemovedFace, Snapshot, Touched

if TYPE_CHECKING:
    import psycopg

_FACE = "face_id, video_id, position, times, first_seen, last_seen, person_id"
_MARK = "mark_id, video_id, generation, encoding, person_id, is_person, face_id"


class PostgresPeople:
    """Implements :class:`kadr.ports.people.PeopleStore`."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    def people(
        self, *, limit: int, offset: int = 0, name: str = "", min_videos: int = 1
    ) -> tuple[list[Person], int]:
        """Return a page of people and how many there are; see the port."""
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                "WITH shown AS ("
                "  SELECT person_id, count(*) AS videos"
                "  FROM (SELECT DISTINCT person_id, video_id FROM face WHERE person_id IS NOT NULL) AS pairs"
                "  GROUP BY person_id HAVING count(*) >= %(videos)s"
                "), page AS ("
                "  SELECT person_id, name, videos, created_at, count(*) OVER () AS total"
                "  FROM shown JOIN person USING (person_id)"
                "  WHERE %(name)s = '' OR strpos(lower(name), lower(%(name)s)) > 0"
                "  ORDER BY name = '', videos DESC, created_at, person_id LIMIT %(limit)s OFFSET %(offset)s"
                ") SELECT person_id, name, videos,"
                " (SELECT crop_key FROM face WHERE face.person_id = page.person_id"
                "  ORDER BY quality DESC, crop_key LIMIT 1), total"
                " FROM page ORDER BY name = '', videos DESC, created_at, person_id",
                {"name": name, "videos": min_videos, "limit": limit, "offset": offset},
            ).fetchall()
            if not rows and offset:  # behind the last page nobody says how many there are
                return [], self.people(limit=1, name=name, min_videos=min_videos)[1]
        return [Person(*row[:4]) for row in rows], rows[0][4] if rows else 0

    def person(self, person_id: UUID) -> Person | None:
        """Return somebody who has a face."""
        with self._postgres.transaction() as connection:
            found = _person(connection, person_id)
        return found if found is not None and found.videos else None

    def appearances(self, person_id: UUID, *, limit: int, offset: int = 0) -> list[Appearance]:
        """Return a page of the videos that somebody appears in, newest first."""
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                "SELECT face_id, video_id, crop_key, first_seen FROM face JOIN video USING (video_id)"
                " WHERE person_id = %s ORDER BY video.created_at DESC, video_id, position"
                " LIMIT %s OFFSET %s",
                (person_id, limit, offset),
            ).fetchall()
        return [Appearance(*row) for row in rows]

    @contextmanager
    def edit(self) -> Iterator[PostgresPeopleEdit]:
        """Lock people for an editor's change."""
        with self._postgres.transaction() as connection:
            connection.execute("UPDATE people_revision SET revision = revision + 1")
            yield PostgresPeopleEdit(connection)

    @contextmanager
    def clustering(self, revision: int) -> Iterator[PostgresPeopleEdit | None]:
        """Lock people for a part of a clustering; ``None`` if an editor has changed anything meanwhile."""
        with self._postgres.transaction() as connection:
            row = connection.execute("SELECT revision FROM people_revision FOR UPDATE").fetchone()
            yield PostgresPeopleEdit(connection) if row == (revision,) else None

    def snapshot(self) -> Snapshot:
        """Return what a clustering starts from."""
        with self._postgres.transaction() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            row = connection.execute("SELECT revision FROM people_revision").fetchone()
            assert row is not None  # noqa: S101 - the migration has put it there
            faces = faces_where(connection, "true", ())
            marks = marks_where(connection, "true", ())
            people = connection.execute("SELECT person_id FROM person").fetchall()
        return Snapshot(row[0], faces, marks, frozenset(each[0] for each in people))

    def settle(self, meanings: Mapping[int, UUID], radii: Mapping[UUID, float]) -> int:
        """Note what marks mean and how wide people are; remove people who are nobody; see the port."""
        with self._postgres.transaction() as connection:
            connection.execute("SELECT revision FROM people_revision FOR UPDATE")
            note_meanings(connection, meanings)
            connection.execute(
                "UPDATE person SET radius = new.radius"
                " FROM unnest(%s::uuid[], %s::real[]) AS new (person_id, radius)"
                " WHERE person.person_id = new.person_id AND person.radius IS DISTINCT FROM new.radius",
                (list(radii), list(radii.values())),
            )
            return connection.execute(f"DELETE FROM person WHERE {_NOBODY}").rowcount  # noqa: S608


# Nobody knows them and they are not to be seen.
_NOBODY = (
    "NOT EXISTS (SELECT FROM face WHERE face.person_id = person.person_id)"
    " AND NOT EXISTS (SELECT FROM face_mark WHERE face_mark.person_id = person.person_id AND is_person)"
)


class PostgresPeopleEdit:
    """Implements :class:`kadr.ports.people.PeopleEdit`."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def person(self, person_id: UUID) -> Person | None:
        """Return somebody, also somebody without faces."""
        return _person(self._connection, person_id)

    def faces(self, face_ids: Sequence[UUID]) -> list[Face]:
        """Return faces by their ids; those that do not exist are left out."""
        return faces_where(self._connection, "face_id = ANY(%s)", (list(face_ids),))

    def faces_of(self, person_id: UUID) -> list[Face]:
        """Return everything that is somebody's face."""
        return faces_where(self._connection, "person_id = %s", (person_id,))

    def add(self, person_ids: Iterable[UUID]) -> None:
        """Make people without a name; those that are there stay as they are."""
        self._connection.execute(
            "INSERT INTO person (person_id) SELECT unnest(%s::uuid[]) ON CONFLICT DO NOTHING",
            (list(person_ids),),
        )

    def rename(self, person_id: UUID, name: str) -> None:
        """Name somebody."""
        self._connection.execute("UPDATE person SET name = %s WHERE person_id = %s", (name, person_id))

    def assign(self, people: Mapping[UUID, UUID | None]) -> list[Touched]:
        """Say whose faces are; see the port. Faces that are gone meanwhile are passed over."""
        self._lock(people)
        changed = assign(self._connection, people)
        return self._touched(changed)

    def mark(self, marks: Sequence[NewMark]) -> None:
        """Keep words on faces; see the port."""
        columns = (
            [each.face_id for each in marks],
            [each.person_id for each in marks],
            [each.is_person for each in marks],
            [each.encoding.astype("<f4").tobytes() for each in marks],
        )
        self._connection.execute(
            "DELETE FROM face_mark USING unnest(%s::uuid[], %s::uuid[], %s::boolean[])"
            " AS new (face_id, person_id, is_person) WHERE face_mark.face_id = new.face_id"
            " AND (face_mark.person_id = new.person_id OR face_mark.is_person AND new.is_person)",
            columns[:3],
        )
        self._connection.execute(
            "INSERT INTO face_mark (video_id, generation, encoding, face_id, person_id, is_person)"
            " SELECT video_id, generation, new.encoding, face_id, new.person_id, new.is_person"
            " FROM unnest(%s::uuid[], %s::uuid[], %s::boolean[], %s::bytea[])"
            " AS new (face_id, person_id, is_person, encoding)"
            " JOIN face USING (face_id) JOIN video USING (video_id)",
            columns,
        )

    def move_marks(self, person_id: UUID, into: UUID) -> None:
        """Let every word on somebody be on somebody else."""
        self._connection.execute(
            "UPDATE face_mark SET person_id = %s WHERE person_id = %s", (into, person_id)
        )

    def remove_faces(self, person_id: UUID) -> tuple[list[RemovedFace], list[Touched]]:
        """Delete somebody's faces; see the port."""
        self._lock(face.face_id for face in self.faces_of(person_id))
        # Only now: before the lock, another extraction may have put other faces into their places.
        rows = self._connection.execute(
            "DELETE FROM face WHERE person_id = %s RETURNING video_id, position, crop_key", (person_id,)
        ).fetchall()
        touched = self._touched({row[0] for row in rows})
        return [RemovedFace((video, position), portrait) for video, position, portrait in rows], touched

    def remove(self, person_id: UUID) -> None:
        """Delete somebody, with everything that was said of them; their faces are nobody's."""
        self._connection.execute("DELETE FROM person WHERE person_id = %s", (person_id,))

    def _lock(self, face_ids: Iterable[UUID]) -> None:
        # In the order of their ids, as everybody who locks more than one video.
        self._connection.execute(
            "SELECT FROM video WHERE video_id IN (SELECT video_id FROM face WHERE face_id = ANY(%s))"
            " ORDER BY video_id FOR UPDATE",
            (list(face_ids),),
        )

    def _touched(self, videos: Iterable[UUID]) -> list[Touched]:
        # `updated_at` tells who is filling another index that this video is not what it was.
        rows = self._connection.execute(
            "UPDATE video SET updated_at = now() WHERE video_id = ANY(%s) RETURNING video_id, generation,"
            " ARRAY(SELECT DISTINCT person_id FROM face WHERE face.video_id = video.video_id"
            "       AND person_id IS NOT NULL ORDER BY person_id)",
            (list(videos),),
        ).fetchall()
        return [Touched(video, generation, tuple(people)) for video, generation, people in rows]


def faces_where(connection: psycopg.Connection[Any], condition: str, values: Sequence[Any]) -> list[Face]:
    """Return the faces for which a condition of SQL holds, video by video."""
    select = f"SELECT {_FACE} FROM face WHERE {condition} ORDER BY video_id, position"  # noqa: S608
    rows = connection.execute(select.encode(), values)
    return [
        Face(face_id, video_id, position, (first, last) if times is None else tuple(times),
             times is not None, person_id)
        for face_id, video_id, position, times, first, last, person_id in rows
    ]  # fmt: skip


def marks_where(connection: psycopg.Connection[Any], condition: str, values: Sequence[Any]) -> list[Mark]:
    """Return the marks for which a condition of SQL holds, the oldest first."""
    select = f"SELECT {_MARK} FROM face_mark WHERE {condition} ORDER BY mark_id"  # noqa: S608
    rows = connection.execute(select.encode(), values)
    return [
        Mark(number, video_id, generation, _vector(encoding), person_id, is_person, face_id)
        for number, video_id, generation, encoding, person_id, is_person, face_id in rows
    ]


def assign(connection: psycopg.Connection[Any], people: Mapping[UUID, UUID | None]) -> set[UUID]:
    """Say whose faces are, where these people still exist; return the videos of those that were another's."""
    rows = connection.execute(
        "UPDATE face SET person_id = new.person_id"
        " FROM unnest(%s::uuid[], %s::uuid[]) AS new (face_id, person_id)"
        " WHERE face.face_id = new.face_id AND face.person_id IS DISTINCT FROM new.person_id"
        " AND (new.person_id IS NULL OR EXISTS"
        "      (SELECT FROM person WHERE person.person_id = new.person_id FOR KEY SHARE))"
        " RETURNING video_id",
        (list(people), list(people.values())),
    ).fetchall()
    return {row[0] for row in rows}


def note_meanings(connection: psycopg.Connection[Any], meanings: Mapping[int, UUID]) -> None:
    """Note which faces marks mean, where these faces still exist."""
    connection.execute(
        "UPDATE face_mark SET face_id = face.face_id, generation = video.generation"
        " FROM unnest(%s::bigint[], %s::uuid[]) AS new (mark_id, face_id)"
        " JOIN face USING (face_id) JOIN video USING (video_id)"
        " WHERE face_mark.mark_id = new.mark_id AND face_mark.face_id IS DISTINCT FROM face.face_id",
        (list(meanings), list(meanings.values())),
    )


def drop_outdated_marks(connection: psycopg.Connection[Any], video_id: UUID, generation: int) -> None:
    """Forget what was said of faces that an older content of a video had and this one has not."""
    connection.execute(
        "DELETE FROM face_mark WHERE video_id = %s AND generation < %s AND face_id IS NULL",
        (video_id, generation),
    )


def candidates(
    connection: psycopg.Connection[Any], near: Mapping[tuple[UUID, int], float]
) -> list[Candidate]:
    """Return whose the faces are that lie at ``near``, with their distances; nobody's are left out."""
    rows = connection.execute(
        "SELECT video_id, position, person_id, radius"
        " FROM unnest(%s::uuid[], %s::integer[]) AS near (video_id, position)"
        " JOIN face USING (video_id, position) JOIN person USING (person_id)",
        ([video for video, _ in near], [position for _, position in near]),
    ).fetchall()
    return [Candidate(person, near[video, position], radius) for video, position, person, radius in rows]


# Who appears in the video of a row of `video`, those with a name first; for :func:`people_shown`.
PEOPLE_SHOWN = (
    "(SELECT json_agg(json_build_array(person_id, name) ORDER BY name = '', name, person_id)"
    " FROM (SELECT DISTINCT person_id, person.name FROM face JOIN person USING (person_id)"
    "       WHERE face.video_id = video.video_id) AS shown)"
)


def people_shown(found: Sequence[tuple[str, str]] | None) -> tuple[PersonName, ...]:
    """Return what :data:`PEOPLE_SHOWN` has found."""
    return tuple(PersonName(UUID(person), name) for person, name in found or ())


def drop_nobody(connection: psycopg.Connection[Any], person_ids: Sequence[UUID]) -> None:
    """Remove those of these people who have neither a face nor a word of an editor on one."""
    connection.execute(
        f"DELETE FROM person WHERE person_id = ANY(%s) AND {_NOBODY}",  # noqa: S608
        (list(person_ids),),
    )


def _person(connection: psycopg.Connection[Any], person_id: UUID) -> Person | None:
    row = connection.execute(
        "SELECT person_id, name,"
        " (SELECT count(DISTINCT video_id) FROM face WHERE face.person_id = person.person_id),"
        " (SELECT crop_key FROM face WHERE face.person_id = person.person_id"
        "  ORDER BY quality DESC, crop_key LIMIT 1)"
        " FROM person WHERE person_id = %s",
        (person_id,),
    ).fetchone()
    return None if row is None else Person(*row)


def _vector(packed: bytes) -> Vector:
    return np.frombuffer(packed, dtype="<f4").astype(np.float32)
