"""Searching on the page, in a real browser: typing, completing, speaking, watching."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.browser import PATIENCE, Site, requests_to
from tests.e2e.conftest import Stack, kadr, until, until_sent, wait_for

pytestmark = [pytest.mark.local, pytest.mark.timeout(900)]

Indexed = Callable[..., dict[str, str]]


def search(page: Page, words: str) -> None:
    page.get_by_role("combobox").fill(words)
    page.keyboard.press("Enter")


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlparse(page.url).query)


def first_result(page: Page) -> Any:
    return page.locator("article.result").first


def test_words_are_typed_and_the_clip_is_there_with_its_reason(site: Site, indexed: Indexed) -> None:
    ids = indexed("borsch_recept.mp4")
    with site.visit() as visit:
        page = visit.page
        search(page, "как варить борщ")
        expect(first_result(page)).to_have_attribute("data-video", ids["borsch_recept.mp4"])
        expect(first_result(page).locator("mark").first).to_have_text("варить")
        assert asked(page) == {"q": ["как варить борщ"]}
        expect(page).to_have_title(re.compile("как варить борщ"))

        first_result(page).get_by_role("button", name="Почему").click()
        why = page.get_by_role("dialog")
        expect(why).to_contain_text("Как варить борщ")
        expect(why).to_contain_text("Уверенность")
        page.keyboard.press("Escape")
        expect(why).to_have_count(0)


def test_a_suggestion_is_chosen_with_the_keyboard(site: Site, stack: Stack, indexed: Indexed) -> None:
    indexed("borsch_recept.mp4")
    kadr(stack, "suggestions", "build", "--json")
    wait_for(
        lambda: stack.api.get("/suggest", params={"q": "как ва"}).json()["suggestions"],
        seconds=40,
        what="the suggestions to be read",
    )
    with site.visit() as visit:
        page = visit.page
        field = page.get_by_role("combobox")
        field.press_sequentially("как ва")
        option = page.get_by_role("option", name=re.compile("как варить борщ"))
        expect(option).to_be_visible()
        expect(field).to_have_attribute("aria-expanded", "true")
        while option.get_attribute("aria-selected") != "true":
            page.keyboard.press("ArrowDown")
        expect(field).to_have_value("как варить борщ")
        page.keyboard.press("Escape")
        expect(field).to_have_value("как ва")
        expect(page.get_by_role("listbox")).to_be_hidden()

        page.keyboard.press("ArrowDown")
        expect(option).to_be_visible()
        while option.get_attribute("aria-selected") != "true":
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(first_result(page)).to_be_visible()
        assert asked(page)["q"] == ["как варить борщ"]


def test_typing_on_gives_up_what_was_asked_before(site: Site) -> None:
    """The answer to an older question is never shown, however late it comes."""
    held: list[Route] = []

    def answer(route: Route) -> None:
        typed = parse_qs(urlparse(route.request.url).query).get("q", [""])[0]
        if typed == "бор":
            held.append(route)
            return
        offers = [{"text": f"{typed} первый", "source": "query", "group": 0}]
        body = {"suggestions": offers if typed else [], "personal": False, "took_ms": 1}
        route.fulfill(status=200, content_type="application/json", body=json.dumps(body))

    with site.visit() as visit:
        page = visit.page
        given_up = []
        page.on("requestfailed", lambda request: given_up.append(request.url))
        page.route("**/suggest?*", answer)
        field = page.get_by_role("combobox")
        field.press_sequentially("бор")
        until_sent(page, held, 1)
        field.press_sequentially("щ")
        expect(page.get_by_role("option")).to_have_text(re.compile("борщ первый"))
        assert any("q=%D0%B1%D0%BE%D1%80&" in url or url.endswith("q=%D0%B1%D0%BE%D1%80") for url in given_up)
        expect(field).to_have_value("борщ")


def test_a_typo_is_repaired_said_and_taken_back(site: Site, indexed: Indexed) -> None:
    ids = indexed("borsch_recept.mp4")
    with site.visit("?q=" + "как варить борш") as visit:
        page = visit.page
        expect(first_result(page)).to_have_attribute("data-video", ids["borsch_recept.mp4"])
        expect(page.get_by_text("Показаны результаты по запросу")).to_be_visible()
        page.get_by_role("link", name=re.compile("Искать точно|Не исправлять|Отменить")).first.click()
        page.wait_for_url(re.compile("skip="))
        assert "spelling" in asked(page)["skip"]
        expect(page.get_by_text("Показаны результаты по запросу")).to_be_hidden()
        expect(page.get_by_role("combobox")).to_have_value("как варить борш")
        page.go_back()
        expect(page.get_by_text("Показаны результаты по запросу")).to_be_visible()


def test_a_clip_plays_from_the_moment_that_matches(site: Site, stack: Stack, indexed: Indexed) -> None:
    ids = indexed("roblox_secret.mp4")
    found = stack.api.get("/search", params={"q": "секретный уровень"}).json()["results"][0]
    moment = found["evidence"][0]["start"]
    assert found["video_id"] == ids["roblox_secret.mp4"]
    with site.visit("?q=секретный уровень") as visit:
        page = visit.page
        # it goes on playing: where it was when it began, the page itself has to note
        page.evaluate(
            """() => {
              const play = HTMLMediaElement.prototype.play;
              HTMLMediaElement.prototype.play = function () {
                if (this.matches(".watch-video"))
                  for (const event of ["seeked", "playing"])
                    this.addEventListener(event, () => (window.began ??= this.currentTime));
                return play.call(this);
              };
            }"""
        )
        began = "window.began === undefined ? null : [window.began]"
        first_result(page).locator("a.poster").click()
        page.wait_for_url(re.compile("video="))
        assert asked(page)["video"] == [found["video_id"]]
        # the position in the address has a tenth of a second
        assert float(asked(page).get("t", ["0"])[0]) == pytest.approx(moment, abs=0.06)
        at = until(page, began, what="it to play")[0]
        assert moment - 0.2 <= at <= moment + 2
        until(page, "!document.querySelector('video.watch-video').paused", what="it to play")
        # the moments are on the page, too: each of them jumps there
        page.evaluate("window.began = undefined")
        page.get_by_role("button", name=re.compile(r"^С 0:0\d: написано")).first.click()
        assert abs(until(page, began, what="it to play")[0] - moment) < 2

        page.go_back()
        expect(first_result(page)).to_have_attribute("data-video", found["video_id"])


def test_a_result_plays_in_its_place_under_the_mouse(site: Site, indexed: Indexed) -> None:
    indexed("borsch_recept.mp4")
    with site.visit("?q=как варить борщ", reduced_motion="no-preference") as visit:
        poster = first_result(visit.page).locator("a.poster")
        poster.hover()
        expect(poster).to_have_class(re.compile("is-playing"))
        assert poster.locator("video").evaluate("(video) => video.muted && video.currentTime > 0")
        visit.page.get_by_role("combobox").hover()
        expect(poster.locator("video")).to_have_count(0)


def test_back_is_where_one_was(site: Site, indexed: Indexed) -> None:
    indexed("borsch_recept.mp4", "pancakes.mp4", "roblox_secret.mp4")
    with site.visit("?q=как варить борщ", viewport={"width": 1000, "height": 420}) as visit:
        page = visit.page
        expect(first_result(page)).to_be_visible()
        page.evaluate("window.scrollTo(0, 150)")
        left = page.evaluate("window.scrollY")
        assert left > 0
        searches = requests_to(page, "/search?")
        # as a finger does it: without moving the page to where the link is whole
        first_result(page).get_by_role("link").first.evaluate("(link) => link.click()")
        page.wait_for_url(re.compile("video="))
        expect(page.locator("video.watch-video")).to_be_visible()
        before = len(searches)
        page.go_back()
        expect(first_result(page)).to_be_visible()
        until(page, f"window.scrollY === {left}", what="the old place")
        assert len(searches) == before  # it was not asked for again


def test_what_is_spoken_is_searched_for_or_said_to_be_impossible(site: Site, stack: Stack) -> None:
    roles = {model["role"]: model["installed"] for model in stack.api.get("/status").json()["models"]}
    with site.visit(permissions=["microphone"]) as visit:
        page = visit.page
        visit.expect_error("/speech-query")  # the browser notes that the answer is a refusal
        page.get_by_role("button", name="Сказать голосом").click()
        with page.expect_response(re.compile("/speech-query"), timeout=30_000) as answered:
            pass
        if roles["speech"]:
            assert answered.value.ok or answered.value.status == 422  # a tone is no speech
        else:
            assert answered.value.status == 503
            expect(page.get_by_role("alert")).to_have_text(
                re.compile("Распознавание речи здесь не установлено")
            )
        recorded = answered.value.request
        assert recorded.headers["content-type"].startswith("audio/")
        assert int(recorded.all_headers()["content-length"]) > 2000


def test_words_appear_while_they_are_spoken(site: Site, indexed: Indexed) -> None:
    """Where the browser has a recogniser; this one stands for that of Chrome, out of reach here."""
    indexed("borsch_recept.mp4")
    recogniser = """window.SpeechRecognition = window.webkitSpeechRecognition = class extends EventTarget {
      start() {
        window.say = (words, isFinal) => this.dispatchEvent(Object.assign(new Event("result"),
          {results: [Object.assign([{transcript: words}], {isFinal})]}));
        window.rest = () => this.dispatchEvent(new Event("end"));
        window.language = this.lang;
        this.dispatchEvent(new Event("audiostart"));
      }
      stop() { window.rest(); }
      abort() {}
    }"""
    with site.visit(permissions=["microphone"]) as visit:
        page = visit.page
        page.add_init_script(recogniser)
        page.reload()
        page.get_by_role("button", name="Сказать голосом").click()
        field = page.get_by_role("combobox")
        expect(field).to_have_attribute("placeholder", "Говорите…")
        page.evaluate("say('как варить', false)")
        expect(field).to_have_value("как варить")
        page.evaluate("say('Как варить борщ.', true); rest()")
        page.wait_for_url(re.compile("q="))
        assert asked(page)["q"] == ["Как варить борщ"]
        assert page.evaluate("language") == "ru-RU"
        expect(first_result(page)).to_be_visible()


def test_nothing_is_lost_without_a_connection(site: Site, indexed: Indexed) -> None:
    ids = indexed("borsch_recept.mp4")
    with site.visit() as visit:
        page = visit.page
        visit.expect_error("ERR_INTERNET_DISCONNECTED")
        expect(page.locator(".poster").first).to_be_visible()
        # the view that is going to be needed is there before
        with page.expect_response(re.compile(r"/search\?")):
            search(page, "пингвин")
        expect(page.locator(".results-body")).to_be_visible()
        expect(page.locator(".results-body .skeleton")).to_have_count(0)
        page.context.set_offline(True)
        expect(page.get_by_text("Нет связи. Показано то, что уже загружено.")).to_be_visible()
        search(page, "как варить борщ")
        wait_for(lambda: asked(page)["q"] == ["как варить борщ"], seconds=PATIENCE / 1000, what="its address")
        expect(page.get_by_role("alert")).to_contain_text("Нет связи с интернетом")
        page.context.set_offline(False)  # it is asked again by itself
        expect(first_result(page)).to_have_attribute("data-video", ids["borsch_recept.mp4"])


def test_where_nothing_fits_the_page_says_so(site: Site, indexed: Indexed) -> None:
    indexed("borsch_recept.mp4")
    with site.visit("?q=ядерный реактор") as visit:
        expect(visit.page.get_by_text(re.compile("Точного ответа нет|Ничего не нашлось"))).to_be_visible()


def test_the_page_is_there_in_english(site: Site) -> None:
    with site.visit(locale="en-GB") as visit:
        page = visit.page
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.get_by_role("heading", level=1)).to_have_text("Find that one frame")
        page.get_by_role("button", name="Settings").click()
        page.get_by_role("radio", name="Русский").check()
        expect(page.locator("html")).to_have_attribute("lang", "ru")
        page.keyboard.press("Escape")
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("Найдите тот самый кадр")
