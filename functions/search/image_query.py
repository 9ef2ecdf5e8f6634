"""A picture, a frame or a short clip as a query.

It is opened in the media sandbox, is not kept, and is never fetched from an address.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from functions.search import schemas
from functions.search.services import Injected
from functions.search.uploads import UploadError, UploadRules, read_upload
from kadr.core.errors import DamagedMediaError, MediaLimitError, NotAVideoError, WeightsUnavailableError
from kadr.core.extraction import Vector
from kadr.core.pooling import mean_direction
from kadr.core.throttle import TokenBuckets
from kadr.media.frames import FramePlan, sample_frames
from kadr.media.limits import MEBIBYTE, MediaLimits
from kadr.models.registry import InstalledModel, require
from kadr.runtime.settings import SearchSettings
from kadr.runtime.telemetry import logger

if TYPE_CHECKING:
    from kadr.adapters.clip import ClipVision

PATH = "/search/image"
PICTURES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp")
CLIPS = ("video/mp4", "video/quicktime", "video/webm", "video/x-matroska")
# Whoever crops a picture sends it again, two or three times.
_BURST = 5
# Of a clip, a frame a second is looked at as of a video in the index, and no more than these: 8 take CLIP
# five times as long as a single picture (docs/adr/0019-search-api.md).
_FRAMES = 8
# What a phone's largest camera makes. 50 million pixels take 150 MB as RGB and half of that as they are
# decoded; of a clip, a decoder may keep sixteen frames: they have no more than those of a video.
_PIXELS = 50_200_000  # 8160 × 6120, whose width decoders round up
_PICTURE = re.compile(rb"\xff\xd8\xff|\x89PNG|RIFF....WEBP|GIF8[79]a|BM", re.DOTALL)
# Of the 1.7 GB that the function has on Lambda; enough for such a picture, and for 4K in HEVC.
_MEMORY = 700 * MEBIBYTE
# Decoders at work at the same time, where one process serves many (on Lambda it serves one).
_AT_ONCE, _PATIENCE = 2, 3.0  # seconds


@dataclass(frozen=True, slots=True)
class Seen:
    """What a picture looks like: its vector (512,), unit length, and how long that took, in milliseconds."""

    vector: Vector
    took: dict[str, float]


class ImageQueries:
    """Turns pictures and clips into vectors, within limits. Weights load at the first one; thread-safe."""

    def __init__(self, settings: SearchSettings, *, buckets: TokenBuckets | None = None) -> None:
        self._settings = settings
        self.buckets = buckets or TokenBuckets(settings.image_query_per_minute, _BURST)
        self._longest = settings.image_query_max_seconds
        self.rules = UploadRules(
            name="a picture or clip",
            plural="pictures",
            kinds=(*PICTURES, *CLIPS),
            max_bytes=settings.image_query_max_bytes,
            not_one=_not_an_image(),
        )
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._limits = MediaLimits(
            max_bytes=settings.image_query_max_bytes,
            max_duration=self._longest,
            max_streams=4,
            max_cpu_seconds=10,
            max_memory=_MEMORY,
            wall_timeout=10.0,
        )

    def vector(self, body: bytes) -> Seen:
        """Return what a picture looks like, or on average a clip.

        Raises:
            UploadError: it is neither, is damaged, or is more than is allowed; too many ask at once.
            WeightsUnavailableError, WeightsRefusedError: as :func:`kadr.models.registry.require`.
        """
        try:
            encoder = _encoder(require("visual", self._settings.models_dir))
        except WeightsUnavailableError as error:
            raise UploadError(
                503, "unavailable", "pictures cannot be searched by here: weights not installed: visual"
            ) from error
        plan = FramePlan(every=1.0, max_side=None, short_side=encoder.side, max_frames=_FRAMES, pictures=True)
        with self._slot():
            begun = perf_counter()
            images = self._frames(body, plan)
            decoded = perf_counter()
            vector = mean_direction(encoder.embed(images))
            done = perf_counter()
        if vector is None:  # vectors of its frames that cancel out
            raise UploadError(
                422, "damaged", "the frames of the clip have nothing in common: show one of them"
            )
        return Seen(vector, {"decode": _ms(decoded - begun), "embed": _ms(done - decoded)})

    def _frames(self, body: bytes, plan: FramePlan) -> list[Any]:
        limits = replace(self._limits, max_pixels=_PIXELS) if _PICTURE.match(body) else self._limits
        pixels = f"{limits.max_pixels // 1_000_000} million pixels"
        try:
            with NamedTemporaryFile(prefix="image-query-") as file:
                file.write(body)
                file.flush()
                return [frame.image for frame in sample_frames(Path(file.name), plan, limits)]
        except NotAVideoError as error:
            raise _not_an_image() from error
        except DamagedMediaError as error:
            # FFmpeg does not say of a picture with too many pixels that this is what is wrong with it.
            raise UploadError(
                422,
                "damaged",
                "the picture or clip cannot be opened: it is cut off or damaged, is animated WebP, or has "
                f"more than {pixels}",
            ) from error
        except MediaLimitError as error:
            logger().info("an image query was refused", reason=str(error))
            raise UploadError(
                422,
                "too_much",
                f"it may have at most {pixels}, and a clip lasts at most {self._longest:g} s: "
                "make it smaller or shorter",
            ) from error

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=_PATIENCE):
            raise UploadError(
                503, "busy", "too many pictures at the same moment, try again", {"Retry-After": "3"}
            )
        try:
            yield
        finally:
            self._slots.release()


@cache
def _made(settings: SearchSettings) -> ImageQueries:
    return ImageQueries(settings)


def image_queries(here: Injected) -> ImageQueries:
    """Return the process's one; its buckets have to be the same ones for every request."""
    return _made(here.settings)


Queries = Annotated[ImageQueries, Depends(image_queries)]


async def uploaded(request: Request, queries: Queries) -> bytes:
    """Return the body, if it may be one."""
    return await read_upload(request, queries.rules, queries.buckets)


def seen(queries: Queries, body: Annotated[bytes, Depends(uploaded)]) -> Seen:
    """Return what the picture looks like that is the body."""
    return queries.vector(body)


SeenPicture = Annotated[Seen, Depends(seen)]

_ABOUT = {
    413: "The file has too many bytes.",
    415: "The body is neither a picture nor a clip.",
    422: "A parameter is not valid, or the file is empty, damaged, too long or has too many pixels.",
    429: "This client asked too often; `Retry-After` says when to come back.",
    503: "CLIP is not installed here, too many ask at once, or a service does not answer.",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": schemas.ErrorAnswer, "description": text} for status, text in _ABOUT.items()
}
BODY = {
    "requestBody": {
        "required": True,
        "description": "The file itself, not a form.",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in (*PICTURES, *CLIPS)},
    }
}


def _not_an_image() -> UploadError:
    return UploadError(
        415,
        "not_an_image",
        "this is neither a picture nor a clip: send JPEG, PNG, WebP, GIF, BMP, MP4, MOV or WebM as the body, "
        "and its type as Content-Type",
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


@cache
def _encoder(model: InstalledModel) -> ClipVision:
    from kadr.adapters.clip import ClipVision

    return ClipVision(model.directory, batch_size=_FRAMES)
