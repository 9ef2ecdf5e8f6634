"""From an exception to one sentence that says what happened and what to do next."""

from __future__ import annotations

import errno
import sys
from typing import Any

from kadr.core.errors import KadrError


class CommandError(KadrError):
    """A command cannot do what it was asked; the message is shown to the user as it is."""


class ApiError(CommandError):
    """The API answered that it cannot; ``code`` is its own, ``status`` that of HTTP."""

    def __init__(self, message: str, *, status: int, code: str) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


def explain(error: Exception) -> str:
    """Return the sentence for ``error``.

    Vendors' exceptions are looked up only where their library has been imported already: nothing is
    imported just to say that it was not the cause.
    """
    if isinstance(error, KadrError):
        return str(error)
    return (
        _explain_botocore(error)
        or _explain_httpx(error)
        or _explain_file(error)
        or f"{type(error).__name__}: {error}. This was not expected; run again with --debug to see where."
    )


def _explain_botocore(error: Exception) -> str | None:
    if "botocore" not in sys.modules:
        return None
    from botocore import exceptions as aws

    if isinstance(error, aws.ClientError):
        return _explain_refusal(error.response.get("Error", {}).get("Code", ""), error)
    sentences: tuple[tuple[Any, str], ...] = (
        (aws.NoCredentialsError, "No AWS credentials were found. Set AWS_PROFILE, or run `aws configure`."),
        (aws.PartialCredentialsError, "The AWS credentials are incomplete. Set AWS_PROFILE to better ones."),
        (aws.NoRegionError, "No AWS region is set. Set AWS_REGION and try again."),
        (aws.ProfileNotFound, "There is no such AWS profile. Correct AWS_PROFILE and try again."),
        ((aws.ConnectionError, aws.HTTPClientError), _unreachable(error)),
        (aws.BotoCoreError, f"The AWS library could not do it: {error}"),
    )
    for kind, sentence in sentences:
        if isinstance(error, kind):
            return sentence
    return None


def _unreachable(error: Exception) -> str:
    address = getattr(error, "kwargs", {}).get("endpoint_url", "the AWS endpoint")
    return f"Nothing answers at {address}. If it is the local stack, start it with `kadr up`."


def _explain_refusal(code: str, error: Exception) -> str:
    operation = getattr(error, "operation_name", "the call")
    if code in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"}:
        return f"AWS refused {operation}: your credentials lack the permission. Ask for it, or use others."
    if code in {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"}:
        return "Your AWS credentials have expired or are not valid. Renew them and try again."
    if code in {"NoSuchBucket", "404"}:
        return "The media bucket does not exist. If it is that of the local stack, run `kadr up`."
    return f"AWS answered {operation} with an error: {error}"


def _explain_httpx(error: Exception) -> str | None:
    if "httpx" not in sys.modules:
        return None
    import httpx

    if isinstance(error, httpx.TimeoutException):
        return "The API did not answer in time. See `kadr logs search`, then try again."
    if isinstance(error, httpx.HTTPError):
        return f"The API could not be reached: {error}. See `kadr status`."
    return None


def _explain_file(error: Exception) -> str | None:
    if isinstance(error, FileNotFoundError):
        return f"{error.filename or error} does not exist."
    if isinstance(error, PermissionError):
        return f"{error.filename or error} may not be read or written: check its permissions."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "There is no space left for what is to be written."
    return None
