"""How soon the search page can be used, in a real browser against a running stack.

``python -m bench.page [--url ADDRESS] [--visits N]`` opens the page that ``kadr status`` names, in a new and
empty browser each time, and prints medians: bytes without media; milliseconds until the document is there,
until the search field takes what is typed, until the first poster, and from a keystroke to its suggestions.
They are added to ``bench/results.json`` as ``page.*``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from bench import results
from bench.installed import ROOT
from bench.results import Result

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

VISITS = 9
PHONE: ViewportSize = {"width": 390, "height": 844}
_TYPED = "бор"
_PATIENCE = 20_000  # milliseconds
# Seconds in which what the page fetches ahead has come as well.
_AHEAD = 1.5
_MEDIA = {"Image", "Media"}
# The field is usable once the page's own code has put it there and its events are listened to, which
# happens in the same turn: what is typed into it earlier would be lost.
_READY = """new Promise(done => {
  const look = () => document.querySelector('[role="combobox"], input[type="search"]')
    ? done(performance.now()) : requestAnimationFrame(look);
  look();
})"""

UNITS = {
    "page.bytes": "KB",
    "page.document": "ms",
    "page.interactive": "ms",
    "page.first_poster": "ms",
    "page.suggestions": "ms",
}


def visit(browser: Browser, url: str) -> dict[str, float]:
    """Open the page as somebody who has never been there; return its figures by name."""
    context = browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True, locale="ru-RU")
    try:
        page = context.new_page()
        page.set_default_timeout(_PATIENCE)
        fetched = _bytes(context.new_cdp_session(page))
        page.goto(url, wait_until="commit")
        interactive = float(page.evaluate(_READY))
        document: float = page.evaluate(
            "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
        )
        poster = page.locator("a.poster img").first
        poster.wait_for(state="visible")
        page.wait_for_function(
            "image => image.complete && image.naturalWidth > 0", arg=poster.element_handle()
        )
        first_poster: float = page.evaluate("performance.now()")
        time.sleep(_AHEAD)
        loaded = sum(fetched.values())
        field = page.get_by_role("combobox").first
        field.click()
        field.press_sequentially(_TYPED[:-1])
        page.get_by_role("option").first.wait_for()
        with page.expect_response(lambda answer: "/suggest" in answer.url and answer.ok):
            begun = time.perf_counter()
            field.press_sequentially(_TYPED[-1])
        page.get_by_role("option").first.wait_for()
        return {
            "page.bytes": loaded / 1024,
            "page.document": document,
            "page.interactive": interactive,
            "page.first_poster": first_poster,
            "page.suggestions": (time.perf_counter() - begun) * 1000,
        }
    finally:
        context.close()


def _bytes(devtools: Any) -> dict[str, float]:
    """Return what a page has fetched by request, as it came over the wire, from now on; without media."""
    kinds: dict[str, str] = {}
    fetched: dict[str, float] = {}
    devtools.send("Network.enable")
    devtools.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))

    def finished(event: Any) -> None:
        if kinds.get(event["requestId"]) not in _MEDIA:
            fetched[event["requestId"]] = event["encodedDataLength"]

    devtools.on("Network.loadingFinished", finished)
    return fetched


def _address() -> str:
    status = subprocess.run(
        [str(Path(sys.executable).with_name("kadr")), "status", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(status.stdout or "{}")
    if not found.get("running"):
        raise RuntimeError(
            "the local stack is not running: start it with `kadr up`, or name a page with --url"
        )
    return str(found["page"])


def main() -> int:
    """Measure, print, and write."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(prog="python -m bench.page", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", help="the page (default: that of the running local stack)")
    parser.add_argument("--visits", type=int, default=VISITS, help=f"that are counted (default: {VISITS})")
    arguments = parser.parse_args()
    if arguments.visits < 1:
        parser.error("--visits begins at 1")
    try:
        url = arguments.url or _address()
        browser = subprocess.run(
            [str(ROOT / "scripts" / "browser.sh")], capture_output=True, text=True, check=False
        )
        if browser.returncode:
            raise RuntimeError(browser.stderr.strip())
    except (OSError, RuntimeError) as error:
        parser.exit(1, f"Error: {error}\n")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.stdout.strip(), args=["--no-sandbox"])
        visit(chromium, url)  # the browser's own start, and the server's first answers
        visits = [visit(chromium, url) for _ in range(arguments.visits)]
        chromium.close()
    table = Table("what", "median", "worst", title=f"{url}, {arguments.visits} visits with nothing cached")
    for name, unit in UNITS.items():
        values = [each[name] for each in visits]
        table.add_row(name, f"{statistics.median(values):.0f} {unit}", f"{max(values):.0f} {unit}")
    Console().print(table)
    results.write(
        Result(name, statistics.median(each[name] for each in visits), unit) for name, unit in UNITS.items()
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
