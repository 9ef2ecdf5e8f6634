"""Joins a video's modalities into the search vector: the Lambda entry point."""

from __future__ import annotations

from functools import cache

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import ValidationError

from functions.assemble.assemble import assemble
from kadr.core.errors import InvalidMessageError
from kadr.events import ModalityExtracted
from kadr.runtime.runner import LambdaContext, queue_handler
from kadr.runtime.settings import AssembleSettings
from kadr.runtime.telemetry import logger
from kadr.runtime.wiring import Wiring


@cache
def world() -> Wiring:
    """Return the adapters, made at the first message."""
    return Wiring(AssembleSettings())


def process(record: SQSRecord, _context: LambdaContext) -> None:
    """Assemble the video that one message names."""
    try:
        message = ModalityExtracted.model_validate_json(record.body)
    except ValidationError as error:
        raise InvalidMessageError(f"not a ModalityExtracted message: {error}") from error
    current = assemble(message, world())
    logger().info("assembled" if current else "superseded", video_id=str(message.video_id))


handler = queue_handler(process, backoff=world)
