"""What the page makes of answers that are late or do not come, and of what it finds changed."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import Site, answer, overflow, requests_to
from tests.e2e.conftest import until, until_sent

pytestmark = [pytest.mark.local, pytest.mark.timeout(900)]

NOTHING: dict[str, Any] = {"results": [], "total": 0, "next_offset": None, "took_ms": {}}
STAGES = ("ingest", "visual", "ocr", "speech", "faces", "assemble")


def video(*, state: str = "searchable", stage: str = "done") -> dict[str, Any]:
    """A video as the API describes it."""
    return {
        "video_id": "1",
        "key": "clip.mp4",
        "duration": 5,
        "thumbnail_url": None,
        "video_url": "/clip.mp4",
        "state": state,
        "width": 9,
        "height": 16,
        "stages": [
            {"stage": name, "state": stage, "reason": "", "attempts": 1, "updated_at": None}
            for name in STAGES
        ],
    }


def result() -> dict[str, Any]:
    """The same video as a result."""
    return {
        **video(),
        "rank": 1,
        "score": 1,
        "evidence": [],
        "frame": None,
        "shares": {},
        "contributions": {},
        "matched": 1,
        "confidence": None,
        "duplicates": 0,
    }


def watch(page: Page, site: Site, shown: Any, path: str = "?video=1") -> None:
    """Open the page of a video that the API answers so."""
    answer(page, "/videos/1", shown)
    page.goto(site.url + path)
    expect(page.locator("video.watch-video")).to_be_visible()


def test_a_result_that_cannot_play_is_opened_by_a_tap(site: Site) -> None:
    with site.visit("?view=nothing", phone=True) as visit:
        page = visit.page
        visit.expect_error("/clip.mp4")
        answer(page, "/videos/9/similar", {**NOTHING, "results": [result()]})
        answer(page, "/videos/9", video())
        answer(page, "/videos/1", video())
        answer(page, "/videos/1/similar", NOTHING)
        page.goto(f"{site.url}?similar=9")
        poster = page.locator("article.result a.poster")
        poster.tap()
        expect(poster).not_to_have_class(re.compile("is-waiting"))
        poster.tap()
        page.wait_for_url(re.compile("video=1"))


def test_a_view_that_did_not_come_comes_with_the_next_try(site: Site) -> None:
    with site.visit("?view=nothing") as visit:
        page = visit.page
        visit.expect_error("themes.js")
        visit.expect_error("ERR_FAILED")
        page.route("**/app/views/themes.js", lambda route: route.abort())
        page.goto(site.url + "?view=themes")
        expect(page.get_by_role("alert")).to_contain_text("Обновите её")
        page.unroute("**/app/views/themes.js")
        page.get_by_role("button", name="Повторить").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Темы")


def test_a_connection_that_is_back_before_its_loss_is_told_is_noticed(site: Site) -> None:
    with site.visit("?view=nothing") as visit:
        page = visit.page
        # offline for the request that fails, and for the first who asks after it
        page.evaluate(
            """() => {
              let left = 0;
              Object.defineProperty(navigator, "onLine", {get: () => left-- <= 0});
              const ask = window.fetch;
              window.fetch = (...request) => {
                window.fetch = ask;
                left = 1;
                return Promise.reject(new TypeError("no connection"));
              };
            }"""
        )
        answer(page, "/themes", {"themes": [], "total": 0, "next_offset": None})
        page.get_by_role("link", name="Темы").click()
        expect(page.get_by_text("Тем пока нет")).to_be_visible()


def test_other_views_are_fetched_before_the_connection_is_lost(site: Site) -> None:
    with site.visit("?view=nothing") as visit:
        page = visit.page
        visit.expect_error("ERR_INTERNET_DISCONNECTED")
        until(
            page,
            """(() => {
              const there = performance.getEntriesByType("resource").map(({name}) => new URL(name).pathname);
              const names = ["views/themes", "views/people", "settings", "messages/manage"];
              return names.every((name) => there.includes(`/app/${name}.js`));
            })()""",
            what="the other views",
        )
        page.wait_for_load_state("networkidle")
        page.context.set_offline(True)
        page.get_by_role("link", name="Загрузка").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Загрузка")


def kept(*, arrived: float) -> str:
    """Return a script: an upload of this tab, from before a reload."""
    item = {"name": "clip.mp4", "size": 9, "videoId": "1", "key": "clip.mp4", "arrived": arrived}
    return f"sessionStorage.setItem('kadr.uploads', {json.dumps(json.dumps([item]))})"


def test_a_deletion_goes_on_when_its_view_is_left(site: Site) -> None:
    known = [video()]
    with site.visit("?view=nothing", editor=True) as visit:
        page = visit.page
        page.evaluate(kept(arrived=0))
        looks = answer(page, "/videos", lambda: {"videos": known, "total": len(known)})
        deleted = answer(page, "/videos/1", {"video_id": "1", "state": "deleting"}, method="DELETE")
        page.goto(f"{site.url}?view=upload")
        row = page.locator("li.upload")
        row.get_by_role("button", name="Удалить").click()
        page.get_by_role("dialog").get_by_role("button", name="Удалить").click()
        until_sent(page, deleted, 1)
        page.get_by_role("link", name="Темы").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Темы")
        page.get_by_role("link", name="Загрузка").click()
        expect(row).to_contain_text("Удаляется")
        expect(row.get_by_role("button", name="Удалить")).to_be_disabled()
        page.get_by_role("link", name="Темы").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Темы")
        known.clear()
        until_sent(page, looks, len(looks) + 1)
        expect(page.get_by_text("Видео удалено")).to_be_visible()
        page.get_by_role("link", name="Загрузка").click()
        expect(page.get_by_role("button", name="Выбрать файлы")).to_be_visible()
        expect(row).to_have_count(0)


def test_an_upload_that_is_not_there_any_more_is_not_removed_without_a_word(site: Site) -> None:
    known = [video()]
    with site.visit("?view=nothing", editor=True) as visit:
        page = visit.page
        looks = answer(page, "/videos", lambda: {"videos": known, "total": len(known)})
        page.evaluate(kept(arrived=0))
        page.goto(f"{site.url}?view=upload")
        row = page.locator("li.upload")
        expect(row).to_have_attribute("data-status", "searchable")
        page.get_by_role("link", name="Темы").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Темы")
        known.clear()  # by somebody else
        page.get_by_role("link", name="Загрузка").click()
        expect(row).to_contain_text("Этого видео больше нет")
        row.get_by_role("button", name="Убрать из списка").click()
        expect(row).to_have_count(0)

        # one that has just arrived is not registered yet
        page.evaluate(kept(arrived=time.time() * 1000))
        page.reload()
        expect(row).to_have_attribute("data-status", "arrived")
        until_sent(page, looks, len(looks) + 2)
        expect(row).to_have_attribute("data-status", "arrived")


def test_a_link_with_a_key_signs_in_where_the_page_is_open_already(site: Site) -> None:
    theme = {"theme_id": "1", "name": "Кухня", "terms": [], "videos": 0, "thumbnails": []}
    with site.visit("?view=nothing") as visit:
        page = visit.page
        answer(page, "/themes/1", {"theme": theme, "videos": [], "next_offset": None})
        page.goto(f"{site.url}?theme=1")
        field = page.get_by_role("searchbox", name="Кухня")
        field.fill("борщ")
        page.get_by_role("button", name="Настройки").focus()
        page.evaluate("(key) => { location.hash = `key=${key}`; }", site.key)
        expect(page.get_by_role("link", name="Правка")).to_be_visible()
        assert "kadr_" not in page.url
        # what was typed is still there, and so is the focus
        expect(page.get_by_role("button", name="Переименовать")).to_be_visible()
        expect(field).to_have_value("борщ")
        expect(page.get_by_role("button", name="Настройки")).to_be_focused()
        # a link with a key that is none costs nobody the one that works
        visit.expect_error("/session")
        page.evaluate("() => { location.hash = 'key=kadr_outdated'; }")
        expect(page.get_by_role("alert")).to_be_visible()
        assert "kadr_" not in page.url
        expect(page.get_by_role("link", name="Правка")).to_be_visible()
        assert page.evaluate("() => sessionStorage.getItem('kadr.key')") == site.key


def test_what_erasing_came_to_is_said_on_the_settings_themselves(site: Site) -> None:
    with site.visit("?view=nothing") as visit:
        page = visit.page
        answer(page, "/history", {"erased": 2}, method="DELETE")
        page.get_by_role("button", name="Настройки").click()
        page.get_by_role("switch").check()
        page.get_by_role("button", name="Стереть мои запросы").click()
        expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("Стёрто 2 запроса")


def test_the_last_queries_are_cleared_with_the_keyboard(site: Site) -> None:
    with site.visit("?view=nothing") as visit:
        page = visit.page
        answer(page, "/suggest", {"suggestions": [], "personal": False, "took_ms": 1})
        page.evaluate("sessionStorage.setItem('kadr.recent', '[\"борщ\"]')")
        page.get_by_role("combobox").focus()
        expect(page.get_by_role("option")).to_have_count(1)
        page.keyboard.press("Tab")
        for _ in range(5):  # past the buttons of the field
            if page.evaluate("document.activeElement.classList.contains('offers-forget')"):
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("listbox")).to_be_hidden()
        expect(page.get_by_role("combobox")).to_be_focused()


def test_pausing_before_it_plays_does_not_mute(site: Site) -> None:
    with site.visit("?view=nothing") as visit:
        page = visit.page
        # what a browser says when somebody pauses while it is still waiting for the first frames
        page.add_init_script(
            """HTMLMediaElement.prototype.play = function () {
              this.tried = (this.tried ?? 0) + 1;
              return Promise.reject(new DOMException("interrupted by pause()", "AbortError"));
            };"""
        )
        visit.expect_error("/clip.mp4")
        answer(page, "/videos/1/similar", NOTHING)
        watch(page, site, video())
        media = page.locator("video.watch-video")
        media.evaluate("(video) => video.dispatchEvent(new Event('loadedmetadata'))")
        assert media.evaluate("(video) => [video.tried, video.muted]") == [1, False]


def test_a_video_whose_link_has_run_out_plays_on(site: Site, clips: Path) -> None:
    with site.visit("?view=nothing") as visit:
        page = visit.page
        clip = (clips / "borsch_recept.mp4").read_bytes()
        page.route("**/clip.mp4", lambda route: route.fulfill(body=clip, content_type="video/mp4"))
        answer(page, "/videos/1/similar", NOTHING)
        watch(page, site, video())
        media = page.locator("video.watch-video")
        until(page, "document.querySelector('video.watch-video').currentTime > 0", what="it to play")
        asked = requests_to(page, "/videos/1")
        media.evaluate("(video) => { video.dispatchEvent(new Event('error')); }")
        until_sent(page, asked, 1)
        until(
            page,
            """(() => {
              const video = document.querySelector("video.watch-video");
              return video.src.includes("#t=") && !video.paused;
            })()""",
            what="it to play on",
        )
        # one that breaks again at once is broken for another reason
        media.evaluate("(video) => { video.dispatchEvent(new Event('error')); }")
        expect(page.locator(".watch-wrong")).to_be_visible()
        assert len(asked) == 1


def test_what_is_alike_is_asked_for_as_soon_as_there_can_be_an_answer(site: Site) -> None:
    with site.visit("?view=nothing") as visit:
        page = visit.page
        visit.expect_error("/clip.mp4")
        now = video(state="indexing", stage="queued")
        looks = answer(page, "/videos", lambda: {"videos": [now], "total": 1})
        alike = answer(page, "/videos/1/similar", NOTHING)
        watch(page, site, lambda: now)
        until_sent(page, looks, 1)
        assert alike == []
        now = video()
        until_sent(page, alike, 1)
        expect(page.locator(".stages summary")).to_have_text("Что разобрано")
        assert len(alike) == 1


def test_a_long_query_makes_no_page_wider_than_a_phone(site: Site) -> None:
    query = {"original": "", "corrected": "", "translated": "", "language": "ru", "phrases": []}
    query |= {"excluded": [], "words": [], "steps": []}
    with site.visit("?view=nothing", phone=True) as visit:
        page = visit.page
        visit.expect_error("/clip.mp4")
        answer(page, "/search", {**NOTHING, "query": query, "results": [result()], "nothing_good": False})
        answer(page, "/videos/1/similar", NOTHING)
        watch(page, site, video(), "?video=1&q=" + "как варить борщ " * 15)
        expect(page.get_by_role("heading", name="Почему найдено")).to_be_visible()
        assert overflow(page) == 0


def test_a_microphone_that_cannot_be_measured_is_let_go(site: Site) -> None:
    with site.visit(permissions=["microphone"]) as visit:
        page = visit.page
        page.add_init_script(
            """window.SpeechRecognition = window.webkitSpeechRecognition = undefined;
            window.AudioContext = class { constructor() { throw new Error("no sound here"); } };
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = async (wanted) => (window.given = await ask(wanted));"""
        )
        page.reload()
        page.get_by_role("button", name="Сказать голосом").click()
        ended = "window.given?.getTracks().every(({readyState}) => readyState === 'ended')"
        until(page, ended, what="the microphone to be let go")
        expect(page.get_by_role("alert")).to_be_visible()
