"""Only this machine is answered. The guard is called as a server calls it, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from kadr_local.guard import Guard

PORT = 4566


class Inner:
    """An application that, like MiniStack, lets everybody read its answers."""

    def __init__(self, *headers: tuple[bytes, bytes]) -> None:
        self.asked = 0
        self.headers = [(b"Content-Type", b"text/plain"), *headers]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": self.headers})
            await send({"type": "http.response.body", "body": b"secret"})
        else:
            await send({"type": "lifespan.startup.complete"})


EVERYBODY = (b"Access-Control-Allow-Origin", b"*")


def sent(
    inner: Inner, *headers: tuple[str, str], kind: str = "http", method: str = "GET"
) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect" if kind == "websocket" else "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(dict(message))

    encoded = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope: dict[str, Any] = {"type": kind}
    if kind != "lifespan":
        scope |= {"method": method, "path": "/", "headers": encoded}
    asyncio.run(Guard(inner)(scope, receive, send))
    return messages


def answer(*headers: tuple[str, str], inner: Inner | None = None, method: str = "GET") -> tuple[int, str]:
    start, body = sent(inner or Inner(), *headers, method=method)
    return start["status"], body["body"].decode()


HOST = ("Host", f"127.0.0.1:{PORT}")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:4566",
        "localhost:1",
        "LocalHost",
        "[::1]",
        "[::1]:65535",
        "media.s3.localhost:4566",
        "my.bucket_1.s3.us-east-1.localhost",
    ],
)
def test_names_of_this_machine_are_answered(host: str) -> None:
    assert answer(("Host", host)) == (200, "secret")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:4566",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "127.0.0.2",
        "0.0.0.0",
        "192.168.1.5:4566",
        "user@127.0.0.1",
        "127.0.0.1:4566:1",
        "127.0.0.1:",
        "[::2]",
        ".localhost/evil",
        "",
        "127.0.0.1\nevil.example",
    ],
)
def test_other_names_are_refused_in_words(host: str) -> None:
    inner = Inner()
    status, words = answer(("Host", host), inner=inner)
    assert status == 403
    assert "use 127.0.0.1 or localhost" in words
    assert inner.asked == 0


def test_a_request_without_a_host_or_with_two_is_refused() -> None:
    assert answer()[0] == 403
    assert answer(HOST, ("Host", "evil.example"))[0] == 403


@pytest.mark.parametrize("origin", ["http://127.0.0.1", "http://localhost:5173", "http://[::1]:8000"])
def test_a_page_of_this_machine_may_read_the_answer_and_no_other_page(origin: str) -> None:
    start, body = sent(Inner(EVERYBODY), HOST, ("Origin", origin))
    assert body["body"] == b"secret"
    headers = [(name.lower(), value) for name, value in start["headers"]]
    assert [value for name, value in headers if name == b"access-control-allow-origin"] == [origin.encode()]
    assert (b"vary", b"Origin") in headers
    assert (b"content-type", b"text/plain") in headers


def test_an_answer_that_nobody_else_asked_for_is_for_nobody_else() -> None:
    start, _ = sent(Inner(EVERYBODY), HOST)
    assert b"access-control-allow-origin" not in [name.lower() for name, _ in start["headers"]]


def test_what_the_application_allows_by_name_stays() -> None:
    named = (b"access-control-allow-origin", b"http://localhost:1")
    start, _ = sent(Inner(named), HOST, ("Origin", "http://localhost:2"))
    assert start["headers"] == Inner(named).headers


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example:80",
        "http://evil.example?http://127.0.0.1",
        "file://",
        "http://192.168.1.5",
        "http://127.0.0.1/",
    ],
)
def test_pages_of_other_sites_are_refused_in_words(origin: str, method: str) -> None:
    inner = Inner(EVERYBODY)
    start, body = sent(inner, HOST, ("Origin", origin), method=method)
    assert start["status"] == 403
    assert body["body"].decode().startswith("The local stack does not answer web pages of other sites")
    assert b"access-control-allow-origin" not in [name.lower() for name, _ in start["headers"]]
    assert inner.asked == 0


def test_one_good_origin_does_not_cover_a_bad_one() -> None:
    assert answer(HOST, ("Origin", "http://localhost"), ("Origin", "https://evil.example"))[0] == 403


CROSS = ("Sec-Fetch-Site", "cross-site")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([CROSS], 403),  # an image on a page that hides where it is
        ([CROSS, ("Referer", "https://evil.example/")], 403),
        ([CROSS, ("Referer", "http://127.0.0.1.evil.example/")], 403),
        ([CROSS, ("Referer", "http://localhost@evil.example/")], 403),
        ([CROSS, ("Referer", "http://localhost:5173/page?a=b")], 200),  # a video on a page of this machine
        ([CROSS, ("Origin", "http://localhost:5173")], 200),
        ([("Sec-Fetch-Site", "none")], 200),  # typed into the browser
        ([("Sec-Fetch-Site", "same-origin")], 200),
        ([("Referer", "https://evil.example/")], 200),  # says nothing by itself
    ],
)
def test_images_and_links_on_other_sites_are_refused(headers: list[tuple[str, str]], status: int) -> None:
    assert answer(HOST, *headers)[0] == status


def test_a_refusal_of_head_has_no_body_but_its_length() -> None:
    start, body = sent(Inner(), ("Host", "evil.example"), method="HEAD")
    assert body["body"] == b""
    assert int(dict(start["headers"])[b"content-length"]) > 0


def test_web_sockets_are_guarded_too() -> None:
    evil = ("Origin", "https://evil.example")
    assert sent(Inner(), HOST, evil, kind="websocket") == [{"type": "websocket.close", "code": 1008}]
    good = ("Origin", "http://localhost:1")
    assert sent(Inner(), HOST, good, kind="websocket") == [{"type": "websocket.accept"}]


def test_the_start_of_the_application_passes() -> None:
    assert sent(Inner(), kind="lifespan") == [{"type": "lifespan.startup.complete"}]
