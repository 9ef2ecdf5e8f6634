"""What a video is, measured without decoding more than its beginning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kadr.media import child
from kadr.media.limits import DEFAULT_LIMITS, MediaLimits


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """The facts of one video; width and height as it is shown, rotation applied."""

    duration: float  # seconds
    width: int  # pixels
    height: int  # pixels
    fps: float  # frames a second, on average; 0.0 where the file does not say
    has_audio: bool
    rotation: int  # degrees counter-clockwise that were applied: 0, 90, 180 or 270
    video_codec: str
    container: str
    audio_codec: str  # empty without sound


def probe(path: Path, limits: MediaLimits = DEFAULT_LIMITS) -> MediaInfo:
    """Open ``path``, decode its first frame, and return what it is.

    Raises:
        NotAVideoError: no video was recognised (text, an empty file, sound only).
        MediaLimitError: it is longer, larger or more complicated than ``limits`` allow.
        DamagedMediaError: not one frame can be decoded.
    """
    for facts, _ in child.run("probe", path, limits):
        return MediaInfo(**facts["info"])
    raise RuntimeError("the media worker ended without an answer")
