"""The databases of a stack, for commands that have to reach them: they must be reachable from here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kadr.cli.failure import CommandError

if TYPE_CHECKING:
    from kadr.adapters.postgres import Postgres
    from kadr.adapters.qdrant import Qdrant
    from kadr.cli.target import Target


@contextmanager
def database(target: Target, variables: Mapping[str, str] | None = None) -> Iterator[Postgres]:
    """Yield the PostgreSQL that a stack's functions were deployed with, by their environment ``variables``.

    Raises:
        CommandError: they were deployed without one.
    """
    from kadr.adapters.postgres import Postgres, PostgresAddress

    if variables is None:
        variables = target.function_environment("IngestFunction")
    try:
        address = PostgresAddress(
            host=variables["KADR_POSTGRES_HOST"],
            port=int(variables.get("KADR_POSTGRES_PORT", "5432")),
            database=variables.get("KADR_POSTGRES_DATABASE", "kadr"),
            sslmode=variables.get("KADR_POSTGRES_SSLMODE", "require"),
        )
        arn = variables["KADR_POSTGRES_SECRET_ARN"]
    except KeyError as error:
        raise lacking(target, error.args[0]) from error
    postgres = Postgres(address, credentials=lambda: secret(target, arn), long_statements=True)
    try:
        yield postgres
    finally:
        postgres.close()


def vector_database(target: Target, variables: Mapping[str, str], *, timeout: float = 30) -> Qdrant:
    """Return the Qdrant that a stack's functions were deployed with; ``timeout`` is in seconds.

    Raises:
        CommandError: they were deployed without one.
    """
    from kadr.adapters.qdrant import Qdrant

    if "KADR_QDRANT_URL" not in variables:
        raise lacking(target, "KADR_QDRANT_URL")
    arn = variables.get("KADR_QDRANT_SECRET_ARN", "")
    return Qdrant(
        variables["KADR_QDRANT_URL"],
        api_key=lambda: secret(target, arn)["api_key"] if arn else None,
        timeout=timeout,
    )


def lacking(target: Target, variable: str) -> CommandError:
    """Return the error of a stack whose functions lack a variable."""
    return CommandError(
        f"The functions of {target.name} were deployed without {variable}, so there is no database "
        "to reach. Deploy the stack again."
    )


def secret(target: Target, arn: str) -> dict[str, str]:
    """Return the JSON object kept in a secret of the target."""
    answer = target.client("secretsmanager").get_secret_value(SecretId=arn)
    content: dict[str, str] = json.loads(answer["SecretString"])
    return content
