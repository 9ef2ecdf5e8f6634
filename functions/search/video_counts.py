"""How many videos stand where: counting them reads whole tables, and anybody may ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from kadr.core.modality import Stage, StageState, VideoState
from kadr.ports.ledger import Ledger

# Numbers are kept a hundred times as long as counting took, and no longer than so many seconds: those of a
# small collection are new, and those of a large one do not keep the database from its work.
_TIMES, OLDEST = 100, 60.0

Counts = tuple[Mapping[VideoState, int], Mapping[Stage, Mapping[StageState, int]]]


class VideoCounts:
    """May be asked by several threads, of which one counts."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` returns seconds."""
        self._ledger = ledger
        self._clock = clock
        self._lock = threading.Lock()
        self._fresh_until = float("-inf")
        self._counts: Counts = ({}, {})

    def read(self) -> Counts:
        """Return how many videos stand in which state, and the same per stage.

        Raises:
            DependencyError: PostgreSQL does not answer.
        """
        with self._lock:
            begun = self._clock()
            if begun >= self._fresh_until:
                self._counts = self._ledger.video_counts(), self._ledger.counts()
                done = self._clock()
                self._fresh_until = done + min(OLDEST, _TIMES * (done - begun))
            return self._counts
