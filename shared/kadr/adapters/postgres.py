"""PostgreSQL: connections and migrations. The ledger's own statements are in ``ledger.py``."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary

from kadr.core.errors import DependencyError, UnstorableError

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import ConnectionPool

# Only one process migrates at a time; the number is arbitrary and ours ("kadr" in ASCII).
_MIGRATION_LOCK = 0x6B616472
_MIGRATION_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


# Seconds after an answer in which a connection is not asked again: one that breaks meanwhile fails its user.
_TRUSTED = 1.0


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """Where the database is."""

    host: str
    port: int
    database: str
    sslmode: str


class Postgres:
    """A lazily opened pool of at most ``max_size`` connections.

    ``credentials`` returns ``username`` and ``password``; it is asked for every new connection. ``renewed``
    returns them as they are now, and is asked where the others do not let in: they may have been rotated.

    ``prepare_threshold`` is None so that RDS Proxy can share connections between clients.

    With ``long_statements`` the role's ``statement_timeout`` is lifted: for what works on whole collections.
    """

    def __init__(
        self,
        address: PostgresAddress,
        *,
        credentials: Callable[[], Mapping[str, str]],
        renewed: Callable[[], Mapping[str, str]] | None = None,
        max_size: int = 2,
        connect_timeout: float = 10.0,
        long_statements: bool = False,
    ) -> None:
        self._address = address
        self._credentials = credentials
        self._renewed = renewed
        self._max_size = max_size
        self._connect_timeout = connect_timeout
        self._long_statements = long_statements
        self._pool: ConnectionPool[psycopg.Connection[Any]] | None = None
        self._answered: WeakKeyDictionary[psycopg.Connection[Any], float] = WeakKeyDictionary()

    def _opened(self) -> ConnectionPool[psycopg.Connection[Any]]:
        if self._pool is None:
            from psycopg_pool import ConnectionPool

            self._pool = ConnectionPool(
                connection_class=_connection_class(self._renewed),
                kwargs=self._arguments,
                min_size=0,
                max_size=self._max_size,
                max_idle=60,
                timeout=self._connect_timeout,
                reconnect_timeout=self._connect_timeout,
                check=self._checked,
                configure=_without_statement_timeout if self._long_statements else None,
                open=True,
                name="kadr",
            )
        return self._pool

    def _checked(self, connection: psycopg.Connection[Any]) -> None:
        """Ask a connection whether it is still there, unless it has just answered: it is a round trip."""
        from psycopg_pool import ConnectionPool

        if time.time() - self._answered.get(connection, 0.0) > _TRUSTED:
            ConnectionPool.check_connection(connection)

    def _arguments(self) -> dict[str, Any]:
        # Called for every new connection, so a rotated password is taken up without a restart.
        secret = self._credentials()
        return {
            "host": self._address.host,
            "port": self._address.port,
            "dbname": self._address.database,
            "sslmode": self._address.sslmode,
            **_login(secret),
            "connect_timeout": 5,
            # A host that is gone sends nothing, and without these TCP waits a quarter of an hour for it.
            "keepalives_idle": 10,  # seconds
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,  # milliseconds
            "prepare_threshold": None,
            "application_name": "kadr",  # and no "options", which RDS Proxy refuses: migration 0008 has them
        }

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection in a transaction: committed at the end, rolled back on an exception.

        Raises:
            DependencyError: the database cannot be reached, or broke off.
            UnstorableError: a text has a NUL, a number is too large.
        """
        import psycopg
        from psycopg_pool import PoolTimeout

        try:
            with self._opened().connection() as connection:
                yield connection
                self._answered[connection] = time.time()
        except (
            psycopg.OperationalError,
            psycopg.InterfaceError,
            psycopg.InternalError,  # a standby that took over, a session that was ended for its idling
            PoolTimeout,
        ) as error:
            where = f"{self._address.host}:{self._address.port}"
            raise DependencyError(f"PostgreSQL at {where} did not answer: {error}") from error
        except psycopg.DataError as error:
            raise UnstorableError(f"there can be no such text or number: {error}") from error

    def ping(self) -> None:
        """Ask the database for an answer.

        Raises:
            DependencyError: there is none.
        """
        with self.transaction() as connection:
            connection.execute("SELECT")

    @contextmanager
    def exclusively(self, number: int) -> Iterator[bool]:
        """Yield whether nobody else is in a block of this number, and keep others out until it ends.

        Whoever dies lets go. A connection of the pool is taken up meanwhile, not in a transaction, so the
        block may take its time.

        Raises:
            DependencyError: the database cannot be reached, or broke off.
        """
        import psycopg

        with self.transaction() as connection:
            connection.commit()
            connection.autocommit = True
            try:
                row = connection.execute("SELECT pg_try_advisory_lock(%s)", (number,)).fetchone()
                alone = bool(row and row[0])
                try:
                    yield alone
                finally:
                    if alone and not connection.closed:
                        # A session that was ended meanwhile (RDS Proxy does that to idle ones) holds no lock.
                        with suppress(psycopg.OperationalError):
                            connection.execute("SELECT pg_advisory_unlock(%s)", (number,))
            finally:
                if not connection.closed:
                    connection.autocommit = False

    def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None


def _login(secret: Mapping[str, str]) -> dict[str, str]:
    return {"user": secret["username"], "password": secret["password"]}


def _connection_class(renewed: Callable[[], Mapping[str, str]] | None) -> type[psycopg.Connection[Any]]:
    import psycopg

    class Connection(psycopg.Connection[Any]):
        @classmethod
        def connect(cls, conninfo: str = "", **arguments: Any) -> Self:
            try:
                return super().connect(conninfo, **arguments)
            except psycopg.OperationalError:  # which does not say whether it was a login that was refused
                login = {} if renewed is None else _login(renewed())
                if login.items() <= arguments.items():
                    raise
                return super().connect(conninfo, **arguments | login)

    return Connection


def _without_statement_timeout(connection: psycopg.Connection[Any]) -> None:
    # RDS Proxy no longer shares such a connection: there are few of them.
    connection.execute("SET statement_timeout = 0")
    connection.commit()


def migrations() -> list[tuple[int, str, str]]:
    """Return every migration as (number, file name, SQL), in order."""
    found = []
    for file in files("kadr.adapters").joinpath("migrations").iterdir():
        match = _MIGRATION_NAME.fullmatch(file.name)
        if match:
            found.append((int(match[1]), file.name, file.read_text(encoding="utf-8")))
    return sorted(found)


def migrate(postgres: Postgres, *, dry_run: bool = False) -> list[str]:
    """Apply what has not been applied, each file in its own transaction; return the files' names.

    With ``dry_run`` only names them.
    """
    applied: list[str] = []
    with postgres.transaction() as connection:
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migration "
            "(number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {row[0] for row in connection.execute("SELECT number FROM migration")}
        for number, name, sql in migrations():
            if number in done:
                continue
            if not dry_run:
                with connection.transaction():
                    connection.execute(sql.encode())
                    connection.execute("INSERT INTO migration (number, name) VALUES (%s, %s)", (number, name))
            applied.append(name)
    return applied
