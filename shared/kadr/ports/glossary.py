"""Where a team's own glossary entries are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from kadr.core.glossary import Entry

EVERYBODY = ""
"""The tenant whose entries all tenants have; those of a tenant itself win over them."""


class GlossaryStore(Protocol):
    """Glossary entries by tenant."""

    def entries(self, tenant: str = EVERYBODY) -> tuple[Entry, ...]:
        """Return the entries of a tenant, by their Russian."""

    def versions(self) -> Mapping[str, int]:
        """Return a number for each tenant that has or had entries, which rises with every change of them."""

    def change(
        self, tenant: str = EVERYBODY, *, put: Iterable[Entry] = (), remove: Iterable[str] = ()
    ) -> int:
        """Add or replace entries and remove others by their folded Russian, all or nothing.

        Return how many were there to be removed. What changes nothing raises no version.
        """
