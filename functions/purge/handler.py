"""Removes a deleted video everywhere: the Lambda entry point."""

from __future__ import annotations

from functools import cache
from urllib.parse import unquote_plus

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from functions.purge.purge import purge
from kadr.events import ObjectRemoved
from kadr.runtime import s3_events
from kadr.runtime.runner import LambdaContext, queue_handler
from kadr.runtime.settings import PurgeSettings
from kadr.runtime.telemetry import logger
from kadr.runtime.wiring import Wiring


@cache
def settings() -> PurgeSettings:
    """Return the function's settings."""
    return PurgeSettings()


@cache
def world() -> Wiring:
    """Return the adapters, made at the first message."""
    return Wiring(settings())


def process(record: SQSRecord, _context: LambdaContext) -> None:
    """Purge the videos that one message names."""
    for message in s3_events.parse(record.body):
        if isinstance(message, ObjectRemoved):
            # One emulator URL-encodes keys. The other reading of the name is safe to try: a video is
            # only ever purged if nothing lies at its place.
            for key in dict.fromkeys((message.key, unquote_plus(message.key))):
                named = message.model_copy(update={"key": key})
                erased = purge(named, world(), settings().derived_bucket)
                logger().info("purged" if erased else "the object is there", key=key)


handler = queue_handler(process, backoff=world)
