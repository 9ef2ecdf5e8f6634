"""Which packets of a video have to be decoded when only some moments of it are wanted.

A keyframe can be decoded without what comes before it, and everything that is decoded before it is shown
before it. So a packet that is followed by a keyframe which is shown no later than the next wanted moment
shows nothing that is wanted, and nothing wanted depends on it. Packets are read ahead and held back until
that is known of them. Reading them costs a hundredth of decoding them, needs no index, and works in every
container.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

# Times are compared as they are chosen: what is due within a microsecond is due.
NEARLY = 1e-6
_MOST_BYTES = 32 << 20  # held back; a second of 4K has 6 MiB. What does not fit is decoded


class Packet(Protocol):
    """What is used of ``av.Packet``."""

    pts: int | None
    time_base: Any
    size: int
    is_keyframe: bool


class Wanted:
    """The next wanted moment; it moves forward only.

    ``due`` is in seconds from the start of the file, which lies at ``origin`` on the stream's own clock; that
    is known once a frame is decoded. Until then, everything is wanted.
    """

    def __init__(self, *, sparse: bool) -> None:
        self.sparse = sparse  # whether what lies between two wanted moments may be left out
        self.due = 0.0
        self.origin: float | None = None

    def at(self, packet: Packet) -> float | None:
        """Return when a packet is shown, in seconds from the start of the file, if it says so."""
        if packet.pts is None or packet.time_base is None or self.origin is None:
            return None
        return float(packet.pts * packet.time_base) - self.origin


class LookAhead:
    """Holds packets back until it is known whether they are needed.

    ``restart`` is called before the decoder gets a packet that does not follow the one before it.
    """

    def __init__(self, wanted: Wanted, restart: Callable[[], None]) -> None:
        self.skipped = 0  # packets that were never decoded
        self._wanted = wanted
        self._restart = restart
        self._held: deque[Packet] = deque()
        self._bytes = 0
        self._gap = False  # what is held does not follow what was decoded
        self._landing: float | None = None  # when the keyframe after a gap must be shown

    def offer(self, packet: Packet) -> Iterator[Packet]:
        """Take the next packet of the stream; yield those that are to be decoded now.

        The wanted moment may move on while this is iterated.
        """
        wanted = self._wanted
        time = wanted.at(packet)
        if wanted.origin is not None and time is None:
            wanted.sparse = False  # without times there is nothing to go by
        if (
            wanted.sparse
            and time is not None
            and packet.is_keyframe
            and time <= wanted.due + NEARLY
            and self._held
        ):
            self.skipped += len(self._held)
            self._held.clear()
            self._bytes = 0
            self._gap = True
        self._held.append(packet)
        self._bytes += packet.size
        while self._held and (
            not wanted.sparse or time is None or time >= wanted.due - NEARLY or self._bytes > _MOST_BYTES
        ):
            if self._gap:
                self._restart()
                self._gap, self._landing = False, wanted.at(self._held[0])
            first = self._held.popleft()
            self._bytes -= first.size
            yield first

    def decoded(self, time: float, *, whole: bool) -> None:
        """Take note of a decoded frame; ``whole`` says whether its decoder calls it a keyframe.

        What a container calls a keyframe is not always one: some streams renew the picture bit by bit, and
        the first whole picture comes later. A decoder that was restarted there does not show the keyframe
        itself. In such a stream, nothing more is skipped.
        """
        if self._landing is not None and time >= self._landing - NEARLY:
            if time > self._landing + NEARLY or not whole:
                self._wanted.sparse = False
            self._landing = None
