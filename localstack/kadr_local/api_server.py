"""The project's HTTP API as the local stack serves it: behind the guard.

``python -m uvicorn --factory kadr_local.api_server:create_app``, in the folder of the template.
"""

from __future__ import annotations

from importlib import import_module

from kadr_local.guard import Guard

APPLICATION = "functions.search.app"


def create_app() -> Guard:
    """Return the ASGI application."""
    # By its name: this package deploys functions, whichever the checkout has, and does not depend on them.
    return Guard(import_module(APPLICATION).create_app())
