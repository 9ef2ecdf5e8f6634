"""Themes in PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from kadr.adapters.postgres import Postgres
from kadr.core.extraction import Vector
from kadr.core.theme_names import Said, name_of
from kadr.core.themes import POINT_DIMENSIONS, Assigned, ThemeSpace
from kadr.ports.themes import Member, NamedBy, Theme, ThemeRecord

if TYPE_CHECKING:
    import psycopg

_LOCK = 0x7468656D65  # "theme" in ASCII
# Recognised text that is less certain than that is as likely noise as words; as for suggestions.
_LEAST_CONFIDENCE = 0.5
_VERSION = b"SELECT version FROM theme_space"
_VERSION_HELD = b"SELECT version FROM theme_space FOR SHARE"
_RECORD = (
    "SELECT theme_id, name, named_by, terms,"
    " (SELECT count(*) FROM video WHERE video.theme_id = theme.theme_id AND searchable) AS videos FROM theme"
)


class ThemeReader:
    """Reads the themes in force within somebody's transaction; they are kept until there are others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: ThemeSpace | None = None

    def read(self, connection: psycopg.Connection[Any], *, hold: bool = False) -> ThemeSpace:
        """Return the themes in force; with ``hold`` they stay so until the end of the transaction."""
        row = connection.execute(_VERSION_HELD if hold else _VERSION).fetchone()
        version = 0 if row is None else int(row[0])
        with self._lock:
            if self._known is None or self._known.version != version:
                self._known = _space(connection, version)
            return self._known


def set_themes(connection: psycopg.Connection[Any], themes: Mapping[UUID, Assigned | None]) -> None:
    """Set the themes that videos are listed by; their rows are locked by the caller."""
    connection.cursor().executemany(
        "UPDATE video SET theme_id = %s, theme_distance = %s, updated_at = now() WHERE video_id = %s"
        " AND (theme_id, theme_distance) IS DISTINCT FROM (%s::uuid, %s::real)",
        [
            (theme, distance, video_id, theme, distance)
            for video_id, assigned in themes.items()
            for theme, distance in [
                (None, None) if assigned is None else (assigned.theme_id, assigned.distance)
            ]
        ],
    )


class _Locked:
    """Implements :class:`kadr.ports.themes.LockedVideos`."""

    def __init__(
        self, connection: psycopg.Connection[Any], present: frozenset[UUID], reader: ThemeReader
    ) -> None:
        self._connection = connection
        self._reader = reader
        self.present = present

    def space(self) -> ThemeSpace:
        """Return the themes in force."""
        return self._reader.read(self._connection)

    def set_themes(self, themes: Mapping[UUID, Assigned | None]) -> None:
        """Set the themes that videos are listed by."""
        set_themes(self._connection, themes)


class PostgresThemeStore:
    """Implements :class:`kadr.ports.themes.ThemeStore`."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._reader = ThemeReader()

    def exclusively(self) -> AbstractContextManager[bool]:
        """Say whether nobody else is finding themes; see the port."""
        return self._postgres.exclusively(_LOCK)

    def space(self) -> ThemeSpace:
        """Return the themes in force."""
        with self._postgres.transaction() as connection:
            return self._reader.read(connection)

    def themes(self) -> list[Theme]:
        """Return the themes in force."""
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                "SELECT theme_id, name, named_by, terms, centroid, radius FROM theme ORDER BY theme_id"
            ).fetchall()
        return [
            Theme(row[0], row[1], NamedBy(row[2]), tuple(row[3]), _vector(row[4]), row[5])
            for row in rows
            if len(row[4]) == 4 * POINT_DIMENSIONS
        ]

    def publish(self, centre: Vector, themes: Sequence[Theme]) -> ThemeSpace:
        """Put themes in the place of those that were in force; see the port."""
        with self._postgres.transaction() as connection:
            # Waits for whoever is giving a video a theme of the old ones.
            connection.execute(
                "UPDATE theme_space SET version = version + 1, centre = %s, found_at = now()",
                (_bytes(centre),),
            )
            connection.execute(
                "DELETE FROM theme WHERE NOT theme_id = ANY(%s) AND (named_by <> 'editor'"
                " OR NOT EXISTS (SELECT FROM video WHERE video.theme_id = theme.theme_id))",
                ([each.theme_id for each in themes],),
            )
            connection.cursor().executemany(
                "INSERT INTO theme (theme_id, name, named_by, terms, centroid, radius)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (theme_id) DO UPDATE SET"
                " name = CASE WHEN theme.named_by = 'editor' THEN theme.name ELSE excluded.name END,"
                " named_by = CASE WHEN theme.named_by = 'editor' THEN 'editor' ELSE excluded.named_by END,"
                " terms = excluded.terms, centroid = excluded.centroid, radius = excluded.radius,"
                " updated_at = now()",
                [
                    (
                        each.theme_id,
                        each.name,
                        each.named_by,
                        list(each.terms),
                        _bytes(each.direction),
                        each.radius,
                    )
                    for each in themes
                ],
            )
        return self.space()

    @contextmanager
    def locked(self, video_ids: Sequence[UUID]) -> Iterator[_Locked]:
        """Lock videos."""
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                "SELECT video_id FROM video WHERE video_id = ANY(%s) AND generation > 0"
                " ORDER BY video_id FOR UPDATE",
                (list(video_ids),),
            ).fetchall()
            yield _Locked(connection, frozenset(row[0] for row in rows), self._reader)

    def assigned(self, video_ids: Sequence[UUID]) -> dict[UUID, UUID | None]:
        """Return which theme videos are listed in."""
        with self._postgres.transaction() as connection:
            return dict(
                connection.execute(
                    "SELECT video_id, theme_id FROM video WHERE video_id = ANY(%s)", (list(video_ids),)
                ).fetchall()
            )

    def texts(self, video_ids: Sequence[UUID]) -> dict[UUID, list[Said]]:
        """Return what is written and said in videos; see the port."""
        found: dict[UUID, list[Said]] = {}
        with self._postgres.transaction() as connection:
            for video_id, text, translation, language in connection.execute(
                "SELECT video_id, text, translation, language FROM moment"
                " WHERE video_id = ANY(%s) AND confidence >= %s AND text <> ''"
                " ORDER BY video_id, modality, position",
                (list(video_ids), _LEAST_CONFIDENCE),
            ):
                found.setdefault(video_id, []).append(Said(text, translation, language))
        return found

    def versions(self, video_ids: Sequence[UUID]) -> set[str]:
        """Return what the pictures of videos were embedded with."""
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                "SELECT DISTINCT coalesce(made_with, model_version) FROM extraction"
                " WHERE stage = 'visual' AND video_id = ANY(%s)",
                (list(video_ids),),
            ).fetchall()
        return {row[0] for row in rows}

    def listed(self, *, limit: int, offset: int = 0) -> tuple[list[ThemeRecord], int]:
        """Return a page of themes that have videos, the largest first; see the port."""
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                "WITH sizes AS (SELECT theme_id, count(*) AS videos FROM video"
                " WHERE theme_id IS NOT NULL AND searchable GROUP BY theme_id)"
                " SELECT theme_id, name, named_by, terms, videos, count(*) OVER ()"
                " FROM theme JOIN sizes USING (theme_id)"
                " ORDER BY videos DESC, name, theme_id LIMIT %s OFFSET %s",
                (limit, offset),
            ).fetchall()
            if rows:
                return [_record(row[:5]) for row in rows], int(rows[0][5])
            total = connection.execute(
                "SELECT count(*) FROM theme WHERE EXISTS"
                " (SELECT FROM video WHERE video.theme_id = theme.theme_id AND searchable)"
            ).fetchone()
        return [], 0 if total is None else int(total[0])

    def record(self, theme_id: UUID) -> ThemeRecord | None:
        """Return one theme."""
        with self._postgres.transaction() as connection:
            return _one(connection, theme_id)

    def members(self, theme_id: UUID, *, limit: int, offset: int = 0) -> list[Member]:
        """Return a page of a theme's videos, the most typical first."""
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                "SELECT video_id, bucket, key, duration, thumbnail_key FROM video"
                " WHERE theme_id = %s AND searchable ORDER BY theme_distance, video_id LIMIT %s OFFSET %s",
                (theme_id, limit, offset),
            ).fetchall()
        return [Member(*row) for row in rows]

    def thumbnails(self, theme_ids: Sequence[UUID], most: int) -> dict[UUID, list[str]]:
        """Return where up to ``most`` thumbnails of each theme lie."""
        found: dict[UUID, list[str]] = {}
        with self._postgres.transaction() as connection:
            for theme_id, key in connection.execute(
                "SELECT asked.theme_id, shown.thumbnail_key FROM unnest(%s::uuid[]) AS asked (theme_id)"
                " CROSS JOIN LATERAL (SELECT thumbnail_key, theme_distance, video_id FROM video"
                "  WHERE video.theme_id = asked.theme_id AND searchable AND thumbnail_key IS NOT NULL"
                "  ORDER BY theme_distance, video_id LIMIT %s) AS shown"
                " ORDER BY asked.theme_id, shown.theme_distance, shown.video_id",
                (list(theme_ids), most),
            ):
                found.setdefault(theme_id, []).append(key)
        return found

    def rename(self, theme_id: UUID, name: str) -> ThemeRecord | None:
        """Name a theme as an editor does; see the port."""
        with self._postgres.transaction() as connection:
            row = connection.execute(
                "SELECT terms FROM theme WHERE theme_id = %s FOR UPDATE", (theme_id,)
            ).fetchone()
            if row is None:
                return None
            named_by = NamedBy.EDITOR if name else NamedBy.TERMS if row[0] else NamedBy.NUMBER
            connection.execute(
                "UPDATE theme SET name = coalesce(nullif(%s, ''), name), named_by = %s, updated_at = now()"
                " WHERE theme_id = %s",
                (name or name_of(row[0]), named_by, theme_id),
            )
            return _one(connection, theme_id)

    def names(self) -> dict[UUID, str]:
        """Return the name of every theme."""
        with self._postgres.transaction() as connection:
            return dict(connection.execute("SELECT theme_id, name FROM theme").fetchall())


def _one(connection: psycopg.Connection[Any], theme_id: UUID) -> ThemeRecord | None:
    row = connection.execute(f"{_RECORD} WHERE theme_id = %s".encode(), (theme_id,)).fetchone()
    return None if row is None else _record(row)


def _record(row: Sequence[Any]) -> ThemeRecord:
    theme_id, name, named_by, terms, videos = row
    return ThemeRecord(theme_id, name, NamedBy(named_by), tuple(terms), int(videos))


def _space(connection: psycopg.Connection[Any], version: int) -> ThemeSpace:
    row = connection.execute("SELECT centre FROM theme_space").fetchone()
    if row is None or len(row[0]) != 4 * POINT_DIMENSIONS:
        return ThemeSpace.empty(version)
    rows = connection.execute(
        "SELECT theme_id, centroid, radius FROM theme WHERE length(centroid) = %s ORDER BY theme_id",
        (4 * POINT_DIMENSIONS,),
    ).fetchall()
    return ThemeSpace(
        version,
        _vector(row[0]),
        tuple(each[0] for each in rows),
        np.array([_vector(each[1]) for each in rows], np.float32).reshape(-1, POINT_DIMENSIONS),
        np.array([each[2] for each in rows], np.float32),
    )


def _vector(packed: bytes) -> Vector:
    return np.frombuffer(packed, dtype="<f4")


def _bytes(vector: Vector) -> bytes:
    return vector.astype("<f4").tobytes()
