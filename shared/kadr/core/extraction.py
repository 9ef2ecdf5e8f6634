"""What an extractor finds in a video."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from kadr.core.modality import StageState

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word, punctuation included, and when it is said in the video, in seconds."""

    text: str
    start: float
    end: float  # ≥ start


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of a video in which something is written or said."""

    start: float  # seconds from the beginning of the video
    end: float  # seconds, ≥ start
    text: str
    language: str = "und"  # ISO 639-1, or "und" where it cannot be told
    confidence: float = 1.0  # 0…1, as the recogniser gives it
    translation: str = ""  # English; empty where the text is English already
    words: tuple[Word, ...] = ()  # of ``text``, in order; empty where their times are not known


@dataclass(frozen=True, slots=True)
class FrameEmbeddings:
    """The embedded frames of a video: ``times`` (n,) in seconds, ``vectors`` (n, d), unit length."""

    times: Vector
    vectors: Vector


@dataclass(frozen=True, slots=True)
class StoredFrames:
    """Embedded frames as they are kept: ``times`` (n,) in seconds, ``vectors`` (n, d) in eight bits."""

    SCALE: ClassVar[float] = 127.0  # stands for 1.0: a component lies in −1…1, and the sign stays symmetric

    times: Vector
    vectors: npt.NDArray[np.int8]

    @classmethod
    def of(cls, frames: FrameEmbeddings) -> StoredFrames:
        """Round to eight bits."""
        rounded = np.rint(frames.vectors * cls.SCALE).astype(np.int8)
        return cls(frames.times.astype(np.float32), rounded)


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """One person within one video."""

    encoding: Vector  # (128,), the mean of the person's encodings, as dlib gives them (not unit length)
    count: int  # sampled frames in which the person was seen
    first_seen: float  # seconds
    last_seen: float  # seconds
    crop: bytes  # JPEG of the best view
    quality: float  # 0…1 of that view: size, sharpness, pose
    times: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What is known of a video before anything is extracted from it."""

    duration: float  # seconds
    width: int  # pixels, as displayed (rotation applied)
    height: int
    has_audio: bool


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one extractor returns for one video.

    ``vector`` is the modality's named vector, unit length; ``None`` where there is nothing to embed.
    ``details`` are small facts for people (frames looked at, language, seconds of speech …); they are
    stored as JSON and shown by the API.
    """

    moments: tuple[Moment, ...] = ()
    vector: Vector | None = None
    frames: FrameEmbeddings | None = None
    faces: tuple[FaceTrack, ...] = ()
    media: MediaFacts | None = None  # only ingest measures it
    thumbnail: bytes | None = None  # JPEG; only ingest makes one
    reason: str = ""  # why there is nothing: "no sound", "no text" …
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> StageState:
        """``done``, or ``empty`` where the video has none of it."""
        return StageState.EMPTY if self.reason else StageState.DONE
