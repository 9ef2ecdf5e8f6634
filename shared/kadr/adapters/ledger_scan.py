"""The ledger page by page, and which index was made with which constants of ranking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from kadr.adapters.ledger import facts_of, moments_of
from kadr.adapters.postgres import Postgres
from kadr.core.ranking import Ranking, parse_ranking, ranking_json
from kadr.ports.reindexing import Landed, Run, Standing

if TYPE_CHECKING:
    import psycopg

_LOCK = 0x72656675736564  # "refused" in ASCII: fused again
_RUN = "number, collection, version, constants"


class _Scan:
    """Implements :class:`kadr.ports.reindexing.LedgerScan` on whatever connection it is given."""

    def __init__(self, connect: Callable[[], AbstractContextManager[psycopg.Connection[Any]]]) -> None:
        self._connect = connect

    def now(self) -> datetime:
        """Return the time by the database's clock."""
        with self._connect() as connection:
            found: datetime = _only(connection, "SELECT clock_timestamp()")
        return found

    def count(self) -> int:
        """Return how many videos there are."""
        with self._connect() as connection:
            found: int = _only(connection, "SELECT count(*) FROM video WHERE generation > 0")
        return found

    def pages(self, size: int, since: datetime | None = None) -> Iterator[list[Standing]]:
        """Yield all videos, or those that were changed since; by id."""
        last = UUID(int=0)
        while True:
            with self._connect() as connection:
                rows = connection.execute(
                    "SELECT video_id, generation, updated_at FROM video WHERE generation > 0"
                    " AND video_id > %s AND (%s::timestamptz IS NULL OR updated_at >= %s)"
                    " ORDER BY video_id LIMIT %s",
                    (last, since, since, size),
                ).fetchall()
            if not rows:
                return
            yield [_standing(*row) for row in rows]
            last = rows[-1][0]

    @contextmanager
    def locked(self, video_ids: Sequence[UUID]) -> Iterator[list[Landed]]:
        """Yield videos that nobody changes meanwhile; those that are gone are left out."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT video_id, generation, updated_at FROM video"
                " WHERE video_id = ANY(%s) AND generation > 0 ORDER BY video_id FOR UPDATE",
                (list(video_ids),),
            ).fetchall()
            found = [row[0] for row in rows]
            facts, moments = facts_of(connection, found), moments_of(connection, found)
            yield [Landed(_standing(*row), facts[row[0]], moments.get(row[0], {})) for row in rows]

    def missing(self, video_ids: Sequence[UUID]) -> list[UUID]:
        """Return those that there is no video of (any more)."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT video_id FROM unnest(%s::uuid[]) AS asked (video_id)"
                " WHERE NOT EXISTS (SELECT FROM video WHERE video.video_id = asked.video_id)",
                (list(video_ids),),
            ).fetchall()
        return [row[0] for row in rows]

    def deleted(self, since: datetime) -> list[UUID]:
        """Return what was deleted since then and is not there again."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT DISTINCT video_id FROM deletion WHERE erased_at >= %s"
                " AND NOT EXISTS (SELECT FROM video WHERE video.video_id = deletion.video_id)",
                (since,),
            ).fetchall()
        return [row[0] for row in rows]


class _StillScan(_Scan):
    """Implements :class:`kadr.ports.reindexing.StillLedger`."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__(lambda: nullcontext(connection))

    def put_in_force(self, run: Run) -> None:
        """Let the constants of a run be those that are read."""
        with self._connect() as connection:
            connection.execute(
                "UPDATE ranking SET in_force_at = clock_timestamp() WHERE number = %s", (run.number,)
            )


class PostgresRuns(_Scan):
    """Implements :class:`kadr.ports.reindexing.Runs`."""

    def __init__(self, postgres: Postgres) -> None:
        super().__init__(postgres.transaction)
        self._postgres = postgres

    def exclusively(self) -> AbstractContextManager[bool]:
        """Say whether nobody else is making an index; see the port."""
        return self._postgres.exclusively(_LOCK)

    @contextmanager
    def still(self) -> Iterator[_StillScan]:
        """Wait for whoever is changing a video, and keep everybody else waiting; reading goes on."""
        with self._connect() as connection:
            # Whoever changes a video locks its row first, and so the table, in a mode that this one excludes.
            connection.execute("LOCK TABLE video IN EXCLUSIVE MODE")
            yield _StillScan(connection)

    def in_force(self) -> Run | None:
        """Return the run whose constants are read."""
        return self._run("in_force_at IS NOT NULL ORDER BY in_force_at DESC, number DESC")

    def unfinished(self) -> Run | None:
        """Return the run that was begun and not brought to its end."""
        return self._run("in_force_at IS NULL ORDER BY number DESC")

    def begin(self, collection: str, version: str, constants: Ranking | None) -> Run:
        """Note that a collection is going to be made."""
        from psycopg.types.json import Jsonb

        with self._connect() as connection:
            number = connection.execute(
                "INSERT INTO ranking (collection, version, constants) VALUES (%s, %s, %s) RETURNING number",
                (collection, version, None if constants is None else Jsonb(ranking_json(constants))),
            ).fetchone()
        assert number is not None  # noqa: S101 - RETURNING has a row for each that was inserted
        return Run(number[0], collection, version, constants)

    def revise(self, run: Run, constants: Ranking | None) -> Run:
        """Change what only queries read of an unfinished run's constants."""
        from psycopg.types.json import Jsonb

        with self._connect() as connection:
            connection.execute(
                "UPDATE ranking SET constants = %s WHERE number = %s",
                (None if constants is None else Jsonb(ranking_json(constants)), run.number),
            )
        return replace(run, constants=constants)

    def discard(self, run: Run) -> None:
        """Forget an unfinished run."""
        with self._connect() as connection:
            connection.execute("DELETE FROM ranking WHERE number = %s AND in_force_at IS NULL", (run.number,))

    def _run(self, where: str) -> Run | None:
        with self._connect() as connection:
            row = connection.execute(f"SELECT {_RUN} FROM ranking WHERE {where} LIMIT 1").fetchone()  # noqa: S608
        if row is None:
            return None
        number, collection, version, constants = row
        return Run(number, collection, version, None if constants is None else parse_ranking(constants))


def _standing(video_id: UUID, generation: int, updated_at: datetime) -> Standing:
    return Standing(video_id, generation, f"{generation}@{updated_at.timestamp():.6f}")


def _only(connection: psycopg.Connection[Any], statement: str) -> Any:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None  # noqa: S101 - a SELECT of an aggregate or a function always has a row
    return row[0]
