"""AWS Secrets Manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from kadr.core.errors import DependencyError


def read_secret(arn: str, *, max_age: int = 300, anew: bool = False) -> Mapping[str, str]:
    """Return the JSON object kept in a secret, cached for ``max_age`` seconds.

    Rotation is noticed within ``max_age``; callers whose login is refused read it ``anew``.

    Raises:
        DependencyError: Secrets Manager did not answer, or refused.
    """
    from aws_lambda_powertools.utilities.parameters import get_secret
    from aws_lambda_powertools.utilities.parameters.exceptions import (
        GetParameterError,
        TransformParameterError,
    )

    try:
        secret = get_secret(arn, transform="json", max_age=max_age, force_fetch=anew)
    except (GetParameterError, TransformParameterError) as error:
        raise DependencyError(f"cannot read the secret {arn}: {error}") from error
    return cast("Mapping[str, str]", secret)
