"""Joins a video's modalities into the search vector: the Lambda entry point."""

from __future__ import annotations

from functools import cache

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import ValidationError

from functions.assemble.assemble import assemble
from kadr.core.errors import InvalidMessageError, KadrError
from kadr.core.modality import Stage
from kadr.events import ModalityExtracted
from kadr.runtime.runner import LambdaContext, gave_up, queue_handler, receive_count, without_places
from kadr.runtime.settings import AssembleSettings
from kadr.runtime.telemetry import logger
from kadr.runtime.wiring import Wiring


@cache
def settings() -> AssembleSettings:
    """Return the function's settings."""
    return AssembleSettings()


@cache
def world() -> Wiring:
    """Return the adapters, made at the first message."""
    return Wiring(settings())


def process(record: SQSRecord, _context: LambdaContext) -> None:
    """Assemble the video that one message names."""
    try:
        message = ModalityExtracted.model_validate_json(record.body)
    except ValidationError as error:
        raise InvalidMessageError(f"not a ModalityExtracted message: {error}") from error
    try:
        current = assemble(message, world())
    except Exception as error:
        attempt = receive_count(record)
        if attempt >= settings().max_receive_count:
            reason = str(error) if isinstance(error, KadrError) else f"unexpected error: {error!r}"
            world().ledger.abandon(
                message.video_id, message.generation, Stage.ASSEMBLE, gave_up(attempt, without_places(reason))
            )
        raise
    logger().info("assembled" if current else "superseded", video_id=str(message.video_id))


handler = queue_handler(process, backoff=world)
