"""A sign of life while a job is being worked on.

A worker that is killed cannot say so. With a heartbeat, a message is invisible and a job is leased only for a
short while, prolonged as long as the worker lives: what a dead one held is free again a minute later, not
when the longest video would have been done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from kadr.runtime.telemetry import logger

# How long a message and a lease are held. A worker that is merely slow must not lose them: two beats in a row
# have to fail.
HELD_SECONDS = 60
BEAT_SECONDS = 20.0


class Heartbeat:
    """Calls ``beat`` at once and then every ``every`` seconds, until the ``with`` block ends."""

    def __init__(self, beat: Callable[[], None], *, every: float = BEAT_SECONDS) -> None:
        self._beat = beat
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        # A beat that is under way may prolong what is about to be released: wait for it.
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                self._beat()
            except Exception as error:  # the work matters more than its pulse
                logger().warning("missed a heartbeat", reason=str(error))
            if self._stop.wait(self._every):
                return
