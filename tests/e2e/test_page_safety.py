"""What the page must never do: take text for HTML, load from elsewhere, keep anybody out, weigh much."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import PATIENCE, Site, overflow, serious
from tests.e2e.conftest import PURGING, Stack, wait_for

pytestmark = [pytest.mark.local, pytest.mark.timeout(900)]

HOSTILE = "<img src=x onerror=alert(1)>"
VIEWS = {
    "home": "",
    "search": "?q=как варить борш",
    "similar": "?similar={video}",
    "video": "?video={video}&q=борщ",
    "themes": "?view=themes",
    "people": "?view=people",
    "upload": "?view=upload",
    "editor": "?view=editor&tab=videos&which=all",
    "glossary": "?view=editor&tab=glossary",
    "missing": "?view=nothing",
}

Indexed = Callable[..., dict[str, str]]


def test_text_of_videos_is_never_taken_for_html(
    site: Site, stack: Stack, indexed: Indexed, clips: Path
) -> None:
    """A file name, words on the screen, what somebody typed: all of it hostile, all of it shown as it is."""
    key = f"page/{HOSTILE} борщ.mp4"
    # another clip than other tests have: the same one would be shown as one result with theirs
    stack.put(key, (clips / "dressirovka.mp4").read_bytes())
    identity = stack.finished(key)["video_id"]
    write_on_screen(stack, identity, f"Учим собаку {HOSTILE}<script>alert(2)</script>")
    try:
        for address in ("?q=учим собаку", f"?video={identity}&q=учим собаку", f"?q=учим собаку {HOSTILE}"):
            with site.visit(address) as visit:
                page = visit.page
                shown = page.get_by_text(HOSTILE)
                expect(shown.first).to_be_attached()
                if "video=" not in address:
                    card = page.locator(f'article[data-video="{identity}"]')
                    expect(card.locator(".result-title")).to_have_text(f"{HOSTILE} борщ")
                    card.get_by_role("button", name="Почему").click()
                    expect(page.get_by_role("dialog")).to_contain_text(
                        f"Учим собаку {HOSTILE}<script>alert(2)</script>"
                    )
                assert page.locator('img[src="x"], [onerror], main script').count() == 0
    finally:
        stack.delete(key)
        # the first page of the next test would show it, without its picture
        wait_for(lambda: stack.video(key) is None, seconds=PURGING, what="the video to go")


def write_on_screen(stack: Stack, identity: str, text: str) -> None:
    """Put into the place of what was read on the video's screen something that no clip of ours shows."""
    where = stack.info.postgres
    secret = json.loads(
        stack.client("secretsmanager").get_secret_value(SecretId=where["secret_arn"])["SecretString"]
    )
    with psycopg.connect(
        host=where["host"],
        port=where["port"],
        dbname=where["database"],
        user=secret["username"],
        password=secret["password"],
    ) as connection:
        changed = connection.execute(
            "UPDATE moment SET text = %s WHERE video_id = %s AND modality = 'ocr'", (text, identity)
        )
        assert changed.rowcount > 0


def test_the_policy_forbids_inline_script_and_other_origins(site: Site, stack: Stack) -> None:
    policy = stack.api.get("/").headers["content-security-policy"]
    directives = dict(each.strip().split(" ", 1) for each in policy.split(";") if " " in each.strip())
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == "'self'"
    assert directives["style-src"] == "'self'"
    assert "unsafe" not in policy
    origins = {origin for each in directives.values() for origin in re.findall(r"https?://[^/ ]+", each)}
    assert origins == {stack.info.endpoint_url}
    with site.visit() as visit:
        page = visit.page
        visit.expect_error("Content Security Policy")
        page.evaluate(
            """() => {
              window.ran = [];
              const inline = document.createElement("script");
              inline.textContent = "window.ran.push('inline')";
              const foreign = document.createElement("script");
              foreign.src = "https://example.com/foreign.js";
              document.body.append(inline, foreign);
            }"""
        )
        refused = page.evaluate("fetch('https://example.com/').then(() => 'answered', () => 'refused')")
        assert refused == "refused"
        assert page.evaluate("window.ran") == []
        assert any("script-src" in error for error in visit.errors)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_view_is_for_everybody(site: Site, indexed: Indexed, scheme: str) -> None:
    """axe finds nothing serious in any view, nor is one wider than its window: a dark phone, a light desk."""
    video = indexed("borsch_recept.mp4")["borsch_recept.mp4"]
    problems: dict[str, list[str]] = {}
    wide: dict[str, int] = {}
    with site.visit(editor=True, color_scheme=scheme, phone=scheme == "dark") as visit:
        page = visit.page
        for view, address in VIEWS.items():
            page.goto(site.url + address.format(video=video))
            settled(page)
            assert page.get_by_role("heading", level=1).count() == 1, view
            problems[view] = serious(page)
            wide[view] = overflow(page)
        page.get_by_role("button", name="Настройки").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        problems["settings"] = serious(page)
        page.keyboard.press("Escape")
        page.goto(f"{site.url}?q=как варить борщ")
        page.get_by_role("button", name="Почему").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        problems["why"] = serious(page)
    assert {view: found for view, found in problems.items() if found} == {}
    assert {view: by for view, by in wide.items() if by > 0} == {}


def settled(page: Page) -> None:
    """Wait until nothing is being loaded any more."""
    expect(page.locator("main .view")).to_be_attached()
    expect(page.get_by_role("heading", level=1)).to_be_attached()

    def all_there() -> bool:
        # shelves are filled when somebody comes near them
        page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        return page.locator("main .skeleton").count() == 0

    wait_for(all_there, seconds=PATIENCE / 1000, what="everything on the page to be loaded")
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_load_state("networkidle")


def test_a_phone_is_enough(site: Site, indexed: Indexed) -> None:
    ids = indexed("borsch_recept.mp4")
    with site.visit(phone=True, reduced_motion="no-preference") as visit:
        page = visit.page
        page.get_by_role("combobox").tap()
        page.get_by_role("combobox").fill("как варить борщ")
        page.keyboard.press("Enter")
        card = page.locator("article.result").first
        expect(card).to_have_attribute("data-video", ids["borsch_recept.mp4"])
        assert overflow(page) == 0
        poster = card.locator("a.poster")
        poster.tap()  # the first one plays, here
        expect(poster).to_have_class(re.compile("is-playing"))
        assert "video=" not in page.url
        poster.tap()  # the second one opens
        page.wait_for_url(re.compile("video="))
        expect(page.locator("video.watch-video")).to_be_visible()
        settled(page)
        assert overflow(page) == 0
        small = page.evaluate(
            """[...document.querySelectorAll("main button, main a, nav a, header button")]
              .filter((each) => each.checkVisibility() && !each.closest("p"))
              .map((each) => [each.ariaLabel ?? each.textContent, each.getBoundingClientRect()])
              .filter(([, box]) => box.width > 0 && (box.height < 24 || box.width < 24))
              .map(([name]) => name)"""
        )
        assert small == []  # the least that WCAG 2.2 asks for


def test_the_first_load_weighs_at_most_200_kb(site: Site) -> None:
    """Everything that comes over the line before the first page is whole, but for pictures and videos."""
    with site.visit("?view=nothing") as visit:
        page = visit.page
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        kinds: dict[str, str] = {}
        sizes: dict[str, float] = {}
        session.on(
            "Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]})
        )
        session.on(
            "Network.loadingFinished",
            lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}),
        )
        page.goto(site.url)
        settled(page)
        loaded = {each: size for each, size in sizes.items() if kinds.get(each) not in {"Image", "Media"}}
        assert len(loaded) > 5
        assert sum(loaded.values()) <= 200_000


def test_only_what_belongs_to_the_page_is_served(stack: Stack) -> None:
    assert stack.api.get("/app/main.js").headers["content-type"].startswith("text/javascript")
    for path in (
        "/package.json",
        "/tests/uploads.test.js",
        "/node_modules/axe-core/axe.min.js",
        "/app/../package.json",
    ):
        assert stack.api.get(path).status_code == 404, path
    assert stack.api.get("/healthz").status_code == 200
