"""The constants of ranking in PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kadr.adapters.postgres import Postgres
from kadr.core.ranking import Ranking, default_ranking, parse_ranking

if TYPE_CHECKING:
    import psycopg

# A query costs a few milliseconds and a look into the table one; nobody waits for new constants.
FRESH_FOR = 30.0  # seconds


class PostgresRankingStore:
    """Implements :class:`kadr.ports.ranking.RankingStore`; may be asked by several threads."""

    def __init__(self, postgres: Postgres, *, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` returns seconds."""
        self._postgres = postgres
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[float, Ranking] | None = None

    def active(self) -> Ranking:
        """Return the constants in force, which may be half a minute old.

        Raises:
            DependencyError: PostgreSQL does not answer.
            RankingError: what is stored there are no constants.
        """
        with self._lock:
            if self._known is None or self._clock() - self._known[0] >= FRESH_FOR:
                with self._postgres.transaction() as connection:
                    self._known = self._clock(), ranking_in_force(connection)
            return self._known[1]


def ranking_in_force(connection: psycopg.Connection[Any]) -> Ranking:
    """Return the constants in force, as the connection's transaction sees them."""
    row = connection.execute(
        "SELECT constants FROM ranking WHERE in_force_at IS NOT NULL"
        " ORDER BY in_force_at DESC, number DESC LIMIT 1"
    ).fetchone()
    return default_ranking() if row is None or row[0] is None else parse_ranking(row[0])
