"""Which glossary a tenant's queries are read with: the one that comes with Kadr, and what was added to it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kadr.core.errors import DependencyError
from kadr.core.glossary import Entry, Glossary, Known, Lemmas
from kadr.core.neighbours import Neighbours
from kadr.core.text import tokens
from kadr.core.vocabulary import LISTED, WordIndex
from kadr.ports.glossary import EVERYBODY, GlossaryStore
from kadr.runtime.telemetry import logger

# How long an added entry may take to be known.
FRESH_SECONDS = 3.0
# Glossaries that are kept ready, some 15 MB each.
_READY = 8


@dataclass(frozen=True, slots=True)
class Tenancy:
    """A tenant's glossary.

    ``added`` are the words of its own entries, in both languages, and ``neighbours`` those side by side in
    them, in Russian.
    """

    glossary: Glossary
    added: WordIndex = field(default_factory=lambda: WordIndex({}))
    neighbours: Neighbours = field(default_factory=Neighbours)


class Glossaries:
    """Glossaries by tenant, read again within seconds of a change.

    A tenant without entries of its own shares everybody's, whatever its name: names that somebody makes up
    cost nothing.
    """

    def __init__(
        self,
        store: GlossaryStore,
        base: Glossary,
        lemmas: Lemmas,
        known: Known = lambda _: False,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._base = Tenancy(base)
        self._lemmas = lemmas
        self._known = known
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._versions: Mapping[str, int] = {}
        self._ready: OrderedDict[tuple[tuple[str, int], ...], Tenancy] = OrderedDict()

    def of(self, tenant: str = EVERYBODY) -> Tenancy:
        """Return a tenant's glossary; the last known one where PostgreSQL does not answer."""
        with self._lock:
            self._look()
            whose = dict.fromkeys((EVERYBODY, tenant))
            wanted = tuple((name, self._versions[name]) for name in whose if name in self._versions)
            if not wanted:
                return self._base
            if wanted not in self._ready:
                try:
                    self._ready[wanted] = self._load([name for name, _ in wanted])
                except DependencyError as error:
                    logger().warning("the added glossary entries could not be read", reason=str(error))
                    return self._base
                while len(self._ready) > _READY:
                    self._ready.popitem(last=False)
            self._ready.move_to_end(wanted)
            return self._ready[wanted]

    def _look(self) -> None:
        if self._clock() - self._looked < FRESH_SECONDS:
            return
        self._looked = self._clock()  # also if it fails: it is not asked again by every query
        try:
            self._versions = self._store.versions()
        except DependencyError as error:
            logger().warning("whether the glossary has changed is not known", reason=str(error))

    def _load(self, tenants: list[str]) -> Tenancy:
        # one after the other: a tenant's own entries win over everybody's
        entries: dict[str, Entry] = {
            entry.source: entry for tenant in tenants for entry in self._store.entries(tenant)
        }
        texts = (text for entry in entries.values() for text in (entry.source, *entry.targets))
        return Tenancy(
            Glossary.load(self._lemmas, self._known, extra=entries.values()),
            WordIndex(dict.fromkeys((token for text in texts for token in tokens(text)), LISTED)),
            Neighbours(map(tokens, entries)),
        )
