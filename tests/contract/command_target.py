"""A stack for commands that reach a database themselves: its variables, and the secret that they name."""

from __future__ import annotations

import json
from typing import Any

from kadr.adapters.postgres import Postgres


class CommandTarget:
    """Takes the place of :class:`kadr.cli.target.Target`; ``more`` are further variables of its functions."""

    name = "kadr-test"

    def __init__(self, postgres: Postgres, **more: str) -> None:
        address = postgres._address
        self._variables = {
            "KADR_POSTGRES_HOST": address.host,
            "KADR_POSTGRES_DATABASE": address.database,
            "KADR_POSTGRES_SSLMODE": address.sslmode,
            "KADR_POSTGRES_SECRET_ARN": "arn",
            **more,
        }

    def function_environment(self, function: str) -> dict[str, str]:
        """The environment variables of any function."""
        return self._variables

    def client(self, service: str) -> Any:
        """A client of Secrets Manager."""
        return self

    def get_secret_value(self, SecretId: str) -> dict[str, str]:
        """The login of the tests' PostgreSQL."""
        return {"SecretString": json.dumps({"username": "postgres", "password": ""})}
