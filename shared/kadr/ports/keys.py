"""Who may change things through the API."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Scope(StrEnum):
    """What a key may be good for."""

    UPLOAD = "upload"  # send videos
    EDIT = "edit"  # delete and retry videos, name and correct themes and people
    GLOSSARY = "glossary"  # read and change what was added to the glossary


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, without its secret. ``tenant`` is whom it may act for; ``None``: for everybody."""

    name: str
    scopes: frozenset[str]
    tenant: str | None
    created_at: datetime
    revoked_at: datetime | None = None

    def allows(self, scope: str, tenant: str) -> bool:
        """Return whether the key is valid for something done to a tenant."""
        return self.revoked_at is None and scope in self.scopes and self.tenant in (None, tenant)


class KeyStore(Protocol):
    """The keys of the API."""

    def create(self, name: str, scopes: Collection[str], *, tenant: str | None = None) -> str:
        """Return a new key: the only time that it is seen.

        Raises:
            KeyNameTakenError: a key that is not revoked has this name.
        """

    def find(self, key: str) -> ApiKey | None:
        """Return what is known of a key, revoked ones included; ``None`` if it was never one."""

    def keys(self) -> list[ApiKey]:
        """Return all keys, oldest first."""

    def revoke(self, name: str) -> bool:
        """Make a key invalid; return whether there was a valid one of that name."""
