"""Logs, metrics and traces, by Powertools: one of each per process.

Names come from Powertools' own variables (``POWERTOOLS_SERVICE_NAME``, ``POWERTOOLS_LOG_LEVEL``), which
``template.yaml`` sets.
"""

from __future__ import annotations

from functools import cache

from aws_lambda_powertools import Logger, Metrics, Tracer


@cache
def logger() -> Logger:
    """Return the structured logger."""
    return Logger()


@cache
def metrics() -> Metrics:
    """Return the embedded-metrics writer."""
    return Metrics(namespace="Kadr")


@cache
def tracer() -> Tracer:
    """Return the tracer; it does nothing outside Lambda. boto3 and psycopg are patched by it."""
    return Tracer(auto_patch=False)
