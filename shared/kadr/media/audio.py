"""The sound of a file as one array."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from kadr.core.errors import MediaLimitError
from kadr.media import child
from kadr.media.limits import DEFAULT_LIMITS, MediaLimits

_SAMPLE = 4  # bytes: float32


def read_audio(
    path: Path, limits: MediaLimits = DEFAULT_LIMITS, rate: int = 16_000
) -> npt.NDArray[np.float32]:
    """Return the first sound track as (n,) float32 mono in −1…1 at ``rate`` Hz; (0,) if there is none.

    Sample 0 is the beginning of the file, so an index divided by ``rate`` is a time in the video. Files
    with sound only are read too. Half an hour takes 110 MiB.

    Raises:
        NotAVideoError: no container was recognised.
        MediaLimitError: it is longer than ``limits`` allow.
    """
    sound = bytearray()  # grows in place: pieces that are joined at the end would need twice the memory
    allowed = int(limits.max_duration * rate) + rate  # the child counts too; this one does not trust it
    for facts, payload in child.run("audio", path, limits, rate=rate):
        if facts["kind"] != "audio":
            continue
        sound += payload
        if len(sound) > allowed * _SAMPLE:
            raise MediaLimitError(f"its sound is longer than the {limits.max_duration:g} s allowed")
    return np.frombuffer(sound, np.float32)
