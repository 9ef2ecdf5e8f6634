"""The names of themes, for pages of results: there are a few hundred, and they change once an hour."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from uuid import UUID

from kadr.ports.themes import ThemeStore

# How old a name may be, in seconds.
FRESH_FOR = 5.0


class ThemeNames:
    """May be asked by several threads."""

    def __init__(self, store: ThemeStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` returns seconds."""
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._read = float("-inf")
        self._names: Mapping[UUID, str] = {}

    def of(self, theme_id: UUID) -> str | None:
        """Return the name of a theme, ``None`` where it is gone.

        Raises:
            DependencyError: PostgreSQL does not answer.
        """
        with self._lock:
            if self._clock() - self._read >= FRESH_FOR:
                self._names = self._store.names()
                self._read = self._clock()
            return self._names.get(theme_id)
