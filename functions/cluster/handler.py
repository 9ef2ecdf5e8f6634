"""Finds themes and people across videos, and stages that were killed, on schedule: the Lambda entry point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from typing import Any

from functions.cluster import killed, people, themes
from kadr.core.errors import KadrError
from kadr.runtime.settings import ClusterSettings
from kadr.runtime.telemetry import logger
from kadr.runtime.wiring import Wiring

# Each finds something of its own: `run(world, settings)` returns a dataclass of small facts for the log.
TASKS: dict[str, Callable[[Wiring, ClusterSettings], Any]] = {
    "killed": killed.run,
    "themes": themes.run,
    "people": people.run,
}


@cache
def settings() -> ClusterSettings:
    """Return the function's settings."""
    return ClusterSettings()


@cache
def world() -> Wiring:
    """Return the adapters, made at the first run."""
    return Wiring(settings(), connections=3, long_statements=True)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do every task, or those that ``{"tasks": […]}`` names.

    One that fails does not keep the others from being done; the first failure is raised at the end, for the
    alarm.
    """
    logger().append_keys(request_id=getattr(context, "aws_request_id", ""))
    done: dict[str, Any] = {}
    failures: list[Exception] = []
    for name in event.get("tasks") or TASKS:
        run = TASKS[name]
        try:
            done[name] = asdict(run(world(), settings()))
            logger().info(f"{name} found", **done[name])
        except KadrError as error:
            logger().error(f"no {name} this time", reason=str(error))
            failures.append(error)
        except Exception as error:
            logger().exception(f"no {name} this time")
            failures.append(error)
    if failures:
        raise failures[0]
    return done
