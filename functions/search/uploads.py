"""Small files as the body of a request: read within limits, refused in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import ceil

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from functions.search import schemas
from kadr.core.throttle import TokenBuckets, client_of


class UploadError(Exception):
    """A file that is refused: HTTP status, code and message of the answer, and its headers."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class UploadRules:
    """What one kind of file may be; ``name`` and ``plural`` are what people call it."""

    name: str
    plural: str
    kinds: Collection[str]
    max_bytes: int
    not_one: UploadError  # what is said of anything else

    def too_large(self) -> UploadError:
        """Return what is said of a file with too many bytes."""
        return UploadError(
            413, "too_large", f"{self.name} has at most {self.max_bytes:,} bytes".replace(",", " ")
        )


async def read_upload(request: Request, rules: UploadRules, buckets: TokenBuckets) -> bytes:
    """Read the body, and no more of it than is allowed; what can be refused without reading it, is.

    Raises:
        UploadError: the client asks too often, or the body is empty, too large, or of another type.
    """
    wait = buckets.wait(client_of(request.client.host if request.client else ""))
    if wait:
        seconds = ceil(wait)
        raise UploadError(
            429,
            "too_many",
            f"that were many {rules.plural} in a short time: try again in {seconds} s",
            {"Retry-After": str(seconds)},
        )
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in rules.kinds:
        raise rules.not_one
    claimed = request.headers.get("content-length", "0")
    if not claimed.isdecimal() or int(claimed) > rules.max_bytes:
        raise rules.too_large()
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > rules.max_bytes:
            raise rules.too_large()
    if not body:
        raise UploadError(422, "empty", "the body is empty: send the file itself, not a form")
    return bytes(body)


def register(app: FastAPI) -> None:
    """Let the application answer an :class:`UploadError`."""
    app.add_exception_handler(UploadError, _refused)


def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, UploadError)  # noqa: S101 - registered for nothing else
    body = schemas.ErrorAnswer(error=schemas.ErrorBody(code=error.code, message=str(error)))
    return JSONResponse(body.model_dump(), status_code=error.status, headers=error.headers)
