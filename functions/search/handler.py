"""Search, videos, status: the Lambda entry point. On schedule, it builds the suggestions anew."""

from __future__ import annotations

from typing import Any

from mangum import Mangum

from functions.search.app import create_app
from functions.search.services import this_process
from kadr.runtime.suggestions import rebuild
from kadr.runtime.telemetry import logger

# "off": otherwise start-up and shut-down run on every request.
_api = Mangum(create_app(), lifespan="off")
# As template.yaml's schedule sends it; nothing that comes through the API looks like it.
SCHEDULED = {"kadr": "suggestions"}
# Of the 29 that the function has; reading and counting take the rest. New phrases that are left over get
# their vectors a quarter of an hour later.
_EMBEDDING_SECONDS = 8.0


def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer a request of the API, or build the suggestions."""
    if event != SCHEDULED:
        return _api(event, context)
    here = this_process()
    built = rebuild(
        here.world.postgres,
        here.world.objects,
        here.settings.derived_bucket,
        here.settings.models_dir,
        seconds=_EMBEDDING_SECONDS,
    )
    logger().info("suggestions built", phrases=built.phrases, embedded=built.embedded, waiting=built.waiting)
    return {"phrases": built.phrases, "embedded": built.embedded, "waiting": built.waiting}
