"""The dictionary of suggestions in this process: read on first use, and again in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from kadr.core.errors import KadrError
from kadr.core.suggestions import HISTORY, Dictionary, Suggestion, SuggestionIndex
from kadr.ports.suggestions import QueryHistory
from kadr.runtime.telemetry import logger

# How often it is asked whether another dictionary is published.
FRESH_SECONDS = 30.0
_FIRST_SECONDS = 3.0  # as long as there is none: somebody who has just built the first one wants to see it
# For how long PostgreSQL is left alone after it did not answer: suggestions are there without a history, too.
_PATIENCE = 30.0


class Published(Protocol):
    """Where the dictionary comes from; :class:`kadr.adapters.published_suggestions.PublishedSuggestions`."""

    def tag(self) -> str | None:
        """Return what changes whenever something else is published."""

    def load(self) -> Dictionary | None:
        """Return the latest dictionary."""


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="suggestions", daemon=True).start()


class Suggester:
    """Answers keystrokes. Whatever is missing makes answers poorer, and none of it makes them fail."""

    def __init__(
        self,
        published: Published,
        history: QueryHistory,
        *,
        clock: Callable[[], float] = time.monotonic,
        in_background: Callable[[Callable[[], None]], None] = _in_background,
    ) -> None:
        self._published = published
        self._history = history
        self._clock = clock
        self._in_background = in_background
        self._lock = threading.Lock()
        self._looked: float | None = None
        self._tag: str | None = None
        self._index: SuggestionIndex | None = None
        self._history_from = float("-inf")

    def suggest(self, typed: str, *, limit: int, user: str | None = None) -> tuple[list[Suggestion], bool]:
        """Return suggestions, the best first, and whether ``user``'s queries have changed their order."""
        index = self._ready()
        if index is None:
            return [], False
        recent = None if user is None else self._recent(user)
        return index.suggest(typed, limit=limit, history=recent), recent is not None

    def remember(self, user: str, query: str, meaning: Callable[[], npt.NDArray[np.float32] | None]) -> None:
        """Keep a query of a user, if that is possible now."""
        if self._clock() < self._history_from:
            return
        try:
            self._history.remember(user, query, meaning())
        except KadrError as error:
            logger().warning("a query was not remembered", reason=str(error))
            self._history_from = self._clock() + _PATIENCE

    def _recent(self, user: str) -> npt.NDArray[np.float32] | None:
        if self._clock() < self._history_from:
            return None
        try:
            vectors = self._history.recent(user, HISTORY)
        except KadrError as error:
            logger().warning("suggestions are the same for everybody", reason=str(error))
            self._history_from = self._clock() + _PATIENCE
            return None
        return np.stack(vectors) if vectors else None

    def _ready(self) -> SuggestionIndex | None:
        """Return the index; at first it is waited for, later the old one serves while a new one is read."""
        if self._looked is None:
            with self._lock:
                if self._looked is None:
                    self._read()
        elif self._clock() - self._looked >= self._patience and self._lock.acquire(blocking=False):
            try:
                self._in_background(self._read_and_release)
            except RuntimeError:  # no thread can be started: another time
                self._lock.release()
        return self._index

    @property
    def _patience(self) -> float:
        return _FIRST_SECONDS if self._index is None else FRESH_SECONDS

    def _read_and_release(self) -> None:
        try:
            self._read()
        finally:
            self._lock.release()

    def _read(self) -> None:
        try:
            tag = self._published.tag()
            if tag != self._tag:
                dictionary = self._published.load()
                self._index = None if dictionary is None else SuggestionIndex(dictionary)
                self._tag = tag
                logger().info("suggestions read", phrases=0 if self._index is None else len(self._index))
        except (KadrError, OSError, MemoryError) as error:
            logger().warning("the suggestions could not be read", reason=str(error))
        finally:
            self._looked = self._clock()  # also if it fails: it is not tried again by every keystroke
