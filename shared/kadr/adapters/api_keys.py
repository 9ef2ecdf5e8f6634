"""The keys of the API in PostgreSQL: only their digests are kept."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from hashlib import sha256

from kadr.adapters.postgres import Postgres
from kadr.core.errors import KeyNameTakenError
from kadr.ports.keys import ApiKey

# Known by their beginning where they do not belong: in logs and repositories.
_PREFIX = "kadr_"
# 256 bits: nobody guesses them, so one round of SHA-256 is enough, and a digest can be looked up.
_BYTES = 32


class PostgresKeyStore:
    """Implements :class:`kadr.ports.keys.KeyStore`."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    def create(self, name: str, scopes: Collection[str], *, tenant: str | None = None) -> str:
        """Return a new key: the only time that it is seen; see the port."""
        import psycopg

        key = _PREFIX + secrets.token_urlsafe(_BYTES)
        try:
            with self._postgres.transaction() as connection:
                connection.execute(
                    "INSERT INTO api_key (key_sha256, name, scopes, tenant) VALUES (%s, %s, %s, %s)",
                    (_digest(key), name, sorted(scopes), tenant),
                )
        except psycopg.errors.UniqueViolation as error:
            raise KeyNameTakenError(
                f"there is a key called {name} already; revoke it, or choose another name"
            ) from error
        return key

    def find(self, key: str) -> ApiKey | None:
        """Return what is known of a key; see the port.

        Looked up by its digest: how long that takes says something about digests, and nothing about keys. The
        comparison takes the same time wherever they differ.
        """
        digest = _digest(key)
        with self._postgres.transaction() as connection:
            row = connection.execute(
                "SELECT key_sha256, name, scopes, tenant, created_at, revoked_at FROM api_key"
                " WHERE key_sha256 = %s",
                (digest,),
            ).fetchone()
        if row is None or not hmac.compare_digest(bytes(row[0]), digest):
            return None
        return ApiKey(row[1], frozenset(row[2]), *row[3:])

    def keys(self) -> list[ApiKey]:
        """Return all keys, oldest first."""
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                "SELECT name, scopes, tenant, created_at, revoked_at FROM api_key ORDER BY created_at, name"
            ).fetchall()
        return [ApiKey(name, frozenset(scopes), *rest) for name, scopes, *rest in rows]

    def revoke(self, name: str) -> bool:
        """Make a key invalid; return whether there was a valid one of that name."""
        with self._postgres.transaction() as connection:
            done = connection.execute(
                "UPDATE api_key SET revoked_at = now() WHERE name = %s AND revoked_at IS NULL", (name,)
            )
            return bool(done.rowcount)


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()
