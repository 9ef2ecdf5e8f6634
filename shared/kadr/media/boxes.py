"""What an MP4's headers claim about its length.

FFmpeg corrects these claims from the tables of samples, silently. A header that claims hours is refused
all the same: whatever else reads the file will believe it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_CONTAINERS = {b"moov", b"trak", b"mdia"}
_HEADERS = {b"mvhd", b"mdhd"}
_MAX_BOXES = 1000  # looked at in one file; a phone writes about thirty
_MAX_DEPTH = 3  # movie, track, media
_UNKNOWN = {0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF}


def claimed_duration(path: Path) -> float | None:
    """Return the longest duration in seconds that the movie's and the tracks' headers claim, if any."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        return max(_durations(file, 0, size, [_MAX_BOXES], _MAX_DEPTH), default=None)


def _durations(file: BinaryIO, start: int, end: int, budget: list[int], depth: int) -> Iterator[float]:
    while start + 8 <= end and budget[0] > 0:
        budget[0] -= 1
        file.seek(start)
        head = file.read(16)
        size, kind, body = int.from_bytes(head[:4], "big"), head[4:8], 8
        if size == 1:  # a 64-bit size follows
            size, body = int.from_bytes(head[8:16], "big"), 16
        elif size == 0:  # up to the end of the file
            size = end - start
        if size < body:
            return
        if kind in _CONTAINERS and depth:
            yield from _durations(file, start + body, min(start + size, end), budget, depth - 1)
        elif kind in _HEADERS:
            file.seek(start + body)
            duration = _duration(file.read(32))
            if duration is not None:
                yield duration
        start += size


def _duration(header: bytes) -> float | None:
    """Return the seconds of a ``mvhd`` or ``mdhd`` box, without its size and name."""
    if len(header) < 32:
        return None
    # version 1 has 64-bit times: version and flags, created, modified, time scale, duration
    at, width = (20, 8) if header[0] == 1 else (12, 4)
    scale = int.from_bytes(header[at : at + 4], "big")
    units = int.from_bytes(header[at + 4 : at + 4 + width], "big")
    return units / scale if scale and units not in _UNKNOWN else None
