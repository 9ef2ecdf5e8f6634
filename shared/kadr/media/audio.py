"""The sound of a file: as one array, or in a file of its own where it may be long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np
import numpy.typing as npt

from kadr.core.errors import MediaLimitError
from kadr.media import child
from kadr.media.limits import DEFAULT_LIMITS, MediaLimits

_SAMPLE = 4  # bytes: float32


class Sound:
    """(n,) float32 mono in −1…1, of which only the slices that are asked for are in memory.

    Half an hour takes 110 MiB of disk. ``unopened`` names the codecs of sound that is not opened.
    """

    def __init__(self, file: IO[bytes], samples: int, unopened: str = "") -> None:
        self._file, self._samples = file, samples
        self.unopened = unopened

    def __len__(self) -> int:
        return self._samples

    def __getitem__(self, span: slice) -> npt.NDArray[np.float32]:
        start, stop, step = span.indices(self._samples)
        if step != 1:
            raise ValueError("sound is read in one piece, without steps")
        self._file.seek(start * _SAMPLE)
        return np.frombuffer(self._file.read(max(0, stop - start) * _SAMPLE), np.float32)


@contextmanager
def open_audio(path: Path, limits: MediaLimits = DEFAULT_LIMITS, rate: int = 16_000) -> Iterator[Sound]:
    """Yield the first sound track at ``rate`` Hz; of length 0 if there is none. One thread may read it.

    Sample 0 is the beginning of the file, so an index divided by ``rate`` is a time in the video. Files
    with sound only are read too.

    Raises:
        NotAVideoError: no container was recognised.
        MediaLimitError: it is longer than ``limits`` allow.
    """
    allowed = int(limits.max_duration * rate) + rate  # the child counts too; this one does not trust it
    written, unopened = 0, ""
    with TemporaryFile(prefix="sound-") as file:
        for facts, payload in child.run("audio", path, limits, rate=rate):
            if facts["kind"] == "unopened":
                unopened = facts["codecs"]
            if facts["kind"] != "audio":
                continue
            written += len(payload)
            if written > allowed * _SAMPLE:
                raise MediaLimitError(f"its sound is longer than the {limits.max_duration:g} s allowed")
            file.write(payload)
        yield Sound(file, written // _SAMPLE, unopened)


def read_audio(
    path: Path, limits: MediaLimits = DEFAULT_LIMITS, rate: int = 16_000
) -> npt.NDArray[np.float32]:
    """Return all of it as (n,), for sound that is known to be short; else as :func:`open_audio`."""
    with open_audio(path, limits, rate) as sound:
        return sound[:]
