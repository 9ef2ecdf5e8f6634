"""A team's glossary entries in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable

from kadr.adapters.postgres import Postgres
from kadr.core.glossary import Entry
from kadr.core.glossary_file import KINDS, kind_of
from kadr.ports.glossary import EVERYBODY


class PostgresGlossaryStore:
    """Implements :class:`kadr.ports.glossary.GlossaryStore`."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    def entries(self, tenant: str = EVERYBODY) -> tuple[Entry, ...]:
        """Return the entries of a tenant, by their Russian."""
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                'SELECT source, target, kind FROM glossary WHERE tenant = %s ORDER BY source COLLATE "C"',
                (tenant,),
            ).fetchall()
        return tuple(
            Entry(source, tuple(filter(None, target.split("|"))), term=KINDS[kind])
            for source, target, kind in rows
        )

    def versions(self) -> dict[str, int]:
        """Return a number for each tenant, which rises with every change."""
        with self._postgres.transaction() as connection:
            return dict(connection.execute("SELECT tenant, version FROM glossary_version").fetchall())

    def change(
        self, tenant: str = EVERYBODY, *, put: Iterable[Entry] = (), remove: Iterable[str] = ()
    ) -> int:
        """Add, replace and remove entries, all or nothing; see the port."""
        new = [(tenant, each.source, "|".join(each.targets), kind_of(each)) for each in put]
        with self._postgres.transaction() as connection, connection.cursor() as cursor:
            # One change of a tenant at a time: versions are counted in the order in which they can be seen.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('glossary'), hashtext(%s))", (tenant,))
            cursor.execute(
                "DELETE FROM glossary WHERE tenant = %s AND source = ANY(%s)", (tenant, list(remove))
            )
            removed = changed = cursor.rowcount
            if new:
                cursor.executemany(
                    "INSERT INTO glossary (tenant, source, target, kind) VALUES (%s, %s, %s, %s)"
                    " ON CONFLICT (tenant, source) DO UPDATE"
                    " SET target = excluded.target, kind = excluded.kind, updated_at = now()"
                    " WHERE (glossary.target, glossary.kind) <> (excluded.target, excluded.kind)",
                    new,
                )
                changed += cursor.rowcount
            if changed:
                cursor.execute(
                    "INSERT INTO glossary_version (tenant, version) VALUES (%s, 1)"
                    " ON CONFLICT (tenant) DO UPDATE SET version = glossary_version.version + 1",
                    (tenant,),
                )
        return removed
