"""What stands in front of every HTTP service of the local stack: only this machine is answered.

A port on 127.0.0.1 is closed to other machines, not to the web pages that somebody on this one opens. A page
may send requests to it from the browser, and with a name of its own that resolves to 127.0.0.1 (DNS
rebinding) even read the answers. What gives it away are headers that a page cannot choose: ``Host``,
``Origin``, ``Sec-Fetch-Site`` and, as far as it can be trusted to be there, ``Referer``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# Browsers and resolvers never ask the network for *.localhost; S3 clients put the bucket there.
_HOST = re.compile(rb"(127\.0\.0\.1|\[::1\]|([a-z0-9_.-]+\.)?localhost)(:[0-9]{1,5})?", re.IGNORECASE)
_ORIGIN = re.compile(rb"http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_ALLOW_ORIGIN = b"access-control-allow-origin"

OTHER_HOST = (
    "The local stack answers only requests to this machine: use 127.0.0.1 or localhost as the host name.\n"
)
OTHER_PAGE = (
    "The local stack does not answer web pages of other sites: open its address yourself, or use a page that "
    "is served from http://127.0.0.1 or http://localhost.\n"
)


class Guard:
    """An ASGI application around another one that refuses with 403 what does not come from this machine.

    Refused are requests to a host, or from the page of an origin, that is not a loopback one. Where the
    inner application lets every origin read its answers (``*``), only the one that asked may.
    """

    def __init__(self, inner: Any) -> None:
        self._inner: Application = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._inner(scope, receive, send)
            return
        refusal = reason_to_refuse(scope["headers"])
        if refusal is not None:
            await _refuse(scope, receive, send, refusal)
            return
        origin = next(iter(_values(scope["headers"], b"origin")), None)

        async def send_to_origin(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _for_origin(message.get("headers", ()), origin)}
            await send(message)

        await self._inner(scope, receive, send_to_origin)


def reason_to_refuse(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return why a request with these headers (names in small letters) is not answered; ``None``: it is."""
    headers = list(headers)
    hosts, origins = _values(headers, b"host"), _values(headers, b"origin")
    if not hosts or not all(map(_HOST.fullmatch, hosts)):
        return OTHER_HOST
    if not all(map(_ORIGIN.fullmatch, origins)):
        return OTHER_PAGE
    # An image or a link brings no Origin, and AWS's query protocol deletes by GET. A page of this machine
    # (localhost and 127.0.0.1 are two sites) may show videos so; it is known by its Referer, which other
    # pages can leave out but not forge.
    if b"cross-site" in _values(headers, b"sec-fetch-site") and not origins:
        referers = [b"/".join(each.split(b"/", 3)[:3]) for each in _values(headers, b"referer")]
        if not referers or not all(map(_ORIGIN.fullmatch, referers)):
            return OTHER_PAGE
    return None


def _values(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> list[bytes]:
    return [value.strip() for name, value in headers if name.lower() == wanted]


def _for_origin(headers: Iterable[tuple[bytes, bytes]], origin: bytes | None) -> Headers:
    """Return the headers of an answer with ``*`` narrowed to the origin that asked (no origin: to none)."""
    given = list(headers)
    if b"*" not in _values(given, _ALLOW_ORIGIN):
        return given
    kept = [each for each in given if each[0].lower() != _ALLOW_ORIGIN]
    if origin is not None:
        kept.append((_ALLOW_ORIGIN, origin))
    return [*kept, (b"vary", b"Origin")]


async def _refuse(scope: Scope, receive: Receive, send: Send, why: str) -> None:
    if scope["type"] == "websocket":
        await receive()  # the request to connect; closed before it is accepted, it is answered with 403
        await send({"type": "websocket.close", "code": 1008})
        return
    body = why.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"vary", b"Origin"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
