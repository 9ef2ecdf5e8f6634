"""The part of the API that lets a page send videos straight to the bucket: with a key only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from math import ceil
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, FastAPI

from functions.search import schemas
from functions.search.authorisation import REFUSALS, Uploader
from functions.search.services import Injected
from functions.search.uploads import UploadError
from kadr.core.identity import video_id
from kadr.core.throttle import TokenBuckets
from kadr.core.upload_names import upload_key, video_type
from kadr.runtime.telemetry import logger

# A folder is dropped in one go, and each of its files asks for a form of its own.
BURST = 60


def register(app: FastAPI) -> None:
    """Add the route."""
    app.add_api_route(
        "/uploads",
        upload,
        methods=["POST"],
        status_code=201,
        tags=["videos"],
        responses={
            **REFUSALS,
            413: {"model": schemas.ErrorAnswer, "description": "The file is too large."},
            415: {"model": schemas.ErrorAnswer, "description": "The file is not a video's."},
            429: {"model": schemas.ErrorAnswer, "description": "That were many uploads in a short time."},
        },
    )


def buckets(here: Injected) -> TokenBuckets:
    """Return how often each key may ask; one for the process."""
    return _buckets(here.settings.uploads_per_minute)


@cache
def _buckets(per_minute: int) -> TokenBuckets:
    return TokenBuckets(per_minute, BURST)


def upload(
    here: Injected,
    key: Uploader,
    limits: Annotated[TokenBuckets, Depends(buckets)],
    file: schemas.UploadRequest,
) -> schemas.UploadAnswer:
    """Return a form that a browser sends one video with, straight to the bucket.

    Send `multipart/form-data` to `url`: all `fields` as they are, then the file as `file`, last. The storage
    refuses anything that is larger, of another type, or late. What arrives is indexed like every video:
    `GET /videos/{video_id}` says where it stands, and knows nothing of it until then.
    """
    # Counted by key and not by address: behind a content delivery network, everybody has the same one.
    wait = limits.wait(key.name)
    if wait:
        seconds = ceil(wait)
        raise UploadError(
            429,
            "too_many",
            f"that were many uploads in a short time: try again in {seconds} s",
            {"Retry-After": str(seconds)},
        )
    kind = video_type(file.name, file.content_type)
    if kind is None:
        raise UploadError(
            415,
            "not_a_video",
            "not a video that is understood here: send MP4, MOV, WebM, MKV, AVI, MPEG, TS, 3GP, FLV or WMV",
        )
    settings = here.settings
    if file.size > settings.media_max_bytes:
        # The storage would refuse it, but after it has been sent.
        most = f"{settings.media_max_bytes:,}".replace(",", " ")
        raise UploadError(413, "too_large", f"a video has at most {most} bytes")
    place = upload_key(uuid4(), file.name, kind)
    lifetime = settings.upload_seconds
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=lifetime)
    form = here.world.objects.presigned_post(
        settings.media_bucket,
        place,
        content_type=kind,
        max_bytes=settings.media_max_bytes,
        expires=lifetime,
    )
    logger().info("upload admitted", key=place, size=file.size, by=key.name)
    return schemas.UploadAnswer(
        video_id=video_id(settings.media_bucket, place),
        bucket=settings.media_bucket,
        key=place,
        url=form.url,
        fields=dict(form.fields),
        max_bytes=settings.media_max_bytes,
        expires_at=expires_at,
    )
