"""Queries and what videos contain, in PostgreSQL."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kadr.adapters.postgres import Postgres
from kadr.core.popularity import LEAST_USERS, Content
from kadr.core.terms import Text

# Texts that a dictionary is made of, those of the newest videos: 8.5 s of counting and 130 MB, while the
# search function has half a minute.
_MOST_TEXTS = 50_000
# Recognised text that is less certain than that is as likely noise as words.
_LEAST_CONFIDENCE = 0.5
_MOST_QUERIES = 100_000


class PostgresSuggestionContent:
    """Implements :class:`kadr.ports.suggestions.SuggestionContent`."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    def content(self) -> Content:
        """Return queries, names and texts; see the port."""
        with self._postgres.transaction() as connection:
            queries = connection.execute(
                "SELECT query, count(DISTINCT user_id) AS users FROM query_log"
                " GROUP BY query HAVING count(DISTINCT user_id) >= %s ORDER BY users DESC, query LIMIT %s",
                (LEAST_USERS, _MOST_QUERIES),
            ).fetchall()
            themes = connection.execute(
                "SELECT name FROM theme WHERE name <> '' AND named_by <> 'number' ORDER BY name"
            ).fetchall()
            people = connection.execute("SELECT name FROM person WHERE name <> '' ORDER BY name").fetchall()
            texts = connection.execute(
                "SELECT video_id, text FROM moment JOIN video USING (video_id)"
                " WHERE confidence >= %s AND text <> ''"
                " ORDER BY video.created_at DESC, video_id, modality, position LIMIT %s",
                (_LEAST_CONFIDENCE, _MOST_TEXTS),
            ).fetchall()
        return Content(
            queries=dict(queries),
            themes=[name for (name,) in themes],
            people=[name for (name,) in people],
            texts=[Text(video, text) for video, text in texts],
        )


class PostgresQueryHistory:
    """Implements :class:`kadr.ports.suggestions.QueryHistory`."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    def remember(self, user: str, query: str, vector: npt.NDArray[np.float32] | None) -> None:
        """Keep a query; see the port."""
        packed = None if vector is None else np.rint(vector * 127).astype(np.int8).tobytes()
        with self._postgres.transaction() as connection:
            connection.execute(
                "INSERT INTO query_log (user_id, query, vector) VALUES (%s, %s, %s)", (user, query, packed)
            )

    def recent(self, user: str, limit: int) -> list[npt.NDArray[np.float32]]:
        """Return vectors, the newest first; see the port."""
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                "SELECT vector FROM query_log WHERE user_id = %s AND vector IS NOT NULL"
                " ORDER BY asked_at DESC, query_id DESC LIMIT %s",
                (user, limit),
            ).fetchall()
        return [np.frombuffer(packed, dtype=np.int8) * np.float32(1 / 127) for (packed,) in rows]

    def erase(self, user: str) -> int:
        """Forget a user's queries; see the port."""
        with self._postgres.transaction() as connection:
            return connection.execute("DELETE FROM query_log WHERE user_id = %s", (user,)).rowcount

    def forget(self, days: int) -> int:
        """Forget old queries; see the port."""
        with self._postgres.transaction() as connection:
            return connection.execute(
                "DELETE FROM query_log WHERE asked_at < now() - make_interval(days => %s)", (days,)
            ).rowcount
