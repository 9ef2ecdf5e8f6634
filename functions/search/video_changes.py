"""The part of the API that deletes videos and has them tried again: with a key only."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, HTTPException, Path

from functions.search import schemas
from functions.search.authorisation import REFUSALS, Editor
from functions.search.services import Injected
from kadr.runtime.retrying import retry
from kadr.runtime.telemetry import logger

WhichVideo = Annotated[
    UUID, Path(description="Which video.", examples=["5b2c1c5e-0f5f-5d0a-8a53-9d9a2f9b7c11"])
]


def register(app: FastAPI) -> None:
    """Add the routes."""
    refusals = {
        **REFUSALS,
        404: {"model": schemas.ErrorAnswer, "description": "There is no such video (any more)."},
    }
    app.add_api_route(
        "/videos/{video_id}",
        delete,
        methods=["DELETE"],
        status_code=202,
        tags=["videos"],
        responses=refusals,
    )
    app.add_api_route(
        "/videos/{video_id}/retry",
        try_again,
        methods=["POST"],
        status_code=202,
        tags=["videos"],
        responses=refusals,
    )


def delete(here: Injected, key: Editor, video_id: WhichVideo) -> schemas.VideoDeleted:
    """Delete a video from the bucket, and with that everything that was made from it.

    It is not found by search any more when this answers. The rest goes within seconds; then
    `GET /videos/{video_id}` is 404, and so is this.
    """
    record = here.world.ledger.video(video_id)
    if record is None:
        raise _missing(video_id)
    here.world.objects.delete(record.bucket, record.key)
    # The bucket's event has all of it erased. That takes a second or two, in which nobody shall find the
    # video; a version that was uploaded since has a higher number and stays.
    here.world.index.forget(video_id, below=record.generation + 1)
    logger().info("video deleted", video_id=str(video_id), key=record.key, by=key.name)
    return schemas.VideoDeleted(video_id=video_id)


def try_again(here: Injected, key: Editor, video_id: WhichVideo) -> schemas.VideoRetried:
    """Put the stages of a video that failed, or whose weights were not installed, into their queues again."""
    record = here.world.ledger.video(video_id)
    stages = None if record is None else retry(record, here.world.ledger, here.world.stage_queues)
    if stages is None:
        raise _missing(video_id)
    logger().info("tried again", video_id=str(video_id), stages=stages, by=key.name)
    return schemas.VideoRetried(video_id=video_id, stages=stages)


def _missing(video_id: UUID) -> HTTPException:
    return HTTPException(404, f"there is no video {video_id}")
