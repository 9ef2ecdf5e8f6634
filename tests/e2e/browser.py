"""The search page in a real browser: opened as somebody would, and listened to for errors."""

from __future__ import annotations

import io
import math
import subprocess
import wave
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    Route,
    expect,
)

CHECKOUT = Path(__file__).resolve().parents[2]
DESKTOP = {"width": 1280, "height": 800}
PATIENCE = 30_000  # milliseconds
PHONE = {"width": 390, "height": 844}
AXE = CHECKOUT / "web" / "node_modules" / "axe-core" / "axe.min.js"


def chromium() -> str:
    """Return the path of a Chromium; one is fetched where there is none."""
    found = subprocess.run(
        [str(CHECKOUT / "scripts" / "browser.sh")], capture_output=True, text=True, timeout=300, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


def launch(playwright: Playwright, *arguments: str) -> Browser:
    """Start the browser."""
    # The first search loads models, and a machine that runs tests has other things to do.
    expect.set_options(timeout=PATIENCE)
    # Chromium's own sandbox wants rights that containers, and root, do not have; only our page is opened.
    return playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", *arguments])


def tone(seconds: float, *, silence: float) -> bytes:
    """Return a WAV file: a tone as loud as somebody who speaks, and a rest after it."""
    rate = 48_000
    loud = (round(12_000 * math.sin(2 * math.pi * 220 * n / rate)) for n in range(round(seconds * rate)))
    samples = array("h", loud)
    samples.extend([0] * round(silence * rate))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.tobytes())
    return file.getvalue()


@dataclass
class Visit:
    """One person's browser: its page, and what went wrong in it."""

    page: Page
    errors: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect_error(self, part: str) -> None:
        """Let errors pass that contain ``part``: the test provokes them."""
        self.expected.append(part)

    def unexpected(self) -> list[str]:
        return [error for error in self.errors if not any(part in error for part in self.expected)]


@dataclass
class Site:
    """The page of a running stack."""

    browser: Browser
    url: str  # ends in a slash
    key: str  # of an editor

    @contextmanager
    def visit(self, path: str = "", *, editor: bool = False, **options: Any) -> Iterator[Visit]:
        """Open an address of the page in a new, empty browser; fail if anything is complained about in it."""
        phone = options.pop("phone", False)
        device = {"viewport": PHONE, "has_touch": True, "is_mobile": True} if phone else {"viewport": DESKTOP}
        settings = {
            "locale": "ru-RU",
            "color_scheme": "dark",
            "reduced_motion": "reduce",
            **device,
            **options,
        }
        context = self.browser.new_context(**settings)
        context.set_default_timeout(PATIENCE)
        try:
            visit = Visit(context.new_page())
            _listen(context, visit)
            visit.page.goto(self.url + path + (f"#key={self.key}" if editor else ""))
            yield visit
            if visit.unexpected():
                pytest.fail("the browser complained:\n" + "\n".join(visit.unexpected()))
        finally:
            context.close()


def _listen(context: BrowserContext, visit: Visit) -> None:
    page = visit.page

    def said(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            visit.errors.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    page.on("console", said)
    page.on("pageerror", lambda error: visit.errors.append(f"exception: {error}"))
    page.on("crash", lambda _: visit.errors.append("the page crashed"))
    # The page has dialogs of its own; an alert would be somebody else's.
    page.on("dialog", lambda dialog: (visit.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    context.on("page", lambda other: visit.errors.append(f"a window opened: {other.url}"))


def requests_to(page: Page, part: str) -> list[Request]:
    """Return a list that every request whose address contains ``part`` is added to from now on."""
    seen: list[Request] = []
    page.on("request", lambda request: seen.append(request) if part in request.url else None)
    return seen


def answer(
    page: Page, path: str, body: Any, *, method: str = "GET", status: int | Callable[[], int] = 200
) -> list[Request]:
    """Answer such requests in the API's place from now on; return a list that each of them is added to.

    ``body`` and ``status`` may be functions: what they return at the time is the answer.
    """
    seen: list[Request] = []

    def answered(route: Route) -> None:
        if route.request.method != method:
            route.fallback()
            return
        seen.append(route.request)
        code = status() if callable(status) else status
        route.fulfill(status=code, json=body() if callable(body) else body)

    page.route(lambda url: urlparse(url).path == path, answered)
    return seen


def serious(page: Page) -> list[str]:
    """Return what axe finds on the page, if it is serious: rule, what it says, where."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {violation['help']}: {[node['target'] for node in violation['nodes']]}"
        for violation in found["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide
