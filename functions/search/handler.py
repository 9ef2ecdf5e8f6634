"""Search, videos, status: the Lambda entry point."""

from __future__ import annotations

from mangum import Mangum

from functions.search.app import create_app

# "off": otherwise start-up and shut-down run on every request.
handler = Mangum(create_app(), lifespan="off")
