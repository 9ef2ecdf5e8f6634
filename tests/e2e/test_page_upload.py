"""Uploading, following and deleting on the page, and what an editor does with what failed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.browser import Site, requests_to
from tests.e2e.conftest import PURGING, Stack, until_sent, wait_for

pytestmark = [pytest.mark.local, pytest.mark.timeout(900)]

INDEXING = 120_000  # milliseconds


def choose(page: Page, *files: str | Path | dict[str, Any]) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Выбрать файлы").click()
    chooser.value.set_files(list(files))  # type: ignore[arg-type]


def row(page: Page, name: str) -> Locator:
    return page.locator(f'li.upload[data-name="{name}"]')


def test_an_upload_becomes_searchable_and_is_deleted_again(site: Site, stack: Stack, clips: Path) -> None:
    name = "latte_art.mp4"  # no other test indexes it: of two copies either may stand for both
    with site.visit("?view=upload", editor=True) as visit:
        page = visit.page
        assert "kadr_" not in page.url  # the key is out of the address at once
        choose(page, clips / name)
        expect(row(page, name)).to_have_attribute(
            "data-status", re.compile("searchable|more"), timeout=INDEXING
        )
        expect(row(page, name)).to_have_attribute("data-status", "searchable", timeout=INDEXING)
        stages = row(page, name).get_by_role("list", name=f"Этапы: {name}").get_by_role("listitem")
        expect(stages.filter(has_text="Написано")).to_have_text(re.compile("готово"))
        row(page, name).get_by_role("link", name="Смотреть").click()
        page.wait_for_url(re.compile("video="))
        identity = page.url.partition("video=")[2].partition("&")[0]
        expect(page.locator("video.watch-video")).to_be_visible()

        page.get_by_role("combobox").fill("latte art")
        page.keyboard.press("Enter")
        expect(page.locator("article.result").first).to_have_attribute("data-video", identity)

        page.get_by_role("link", name="Загрузка").click()
        expect(row(page, name)).to_be_visible()
        row(page, name).get_by_role("button", name="Удалить").click()
        page.get_by_role("dialog").get_by_role("button", name="Отмена").last.click()
        expect(row(page, name)).to_have_attribute("data-status", "searchable")
        row(page, name).get_by_role("button", name="Удалить").click()
        page.get_by_role("dialog").get_by_role("button", name="Удалить").click()
        expect(row(page, name)).to_have_count(0, timeout=PURGING * 1000)
        assert stack.api.get(f"/videos/{identity}").status_code == 404
        page.get_by_role("combobox").fill("latte art")
        with page.expect_response(re.compile(r"/search\?")):
            page.keyboard.press("Enter")
        expect(page.locator(".results-body")).to_be_visible()
        expect(page.locator(".results-body .skeleton")).to_have_count(0)
        expect(page.locator(f'[data-video="{identity}"]')).to_have_count(0)


def test_what_cannot_be_indexed_says_why_and_is_tried_again(site: Site) -> None:
    broken = {"name": "broken.mp4", "mimeType": "video/mp4", "buffer": b"this is no video\n" * 50}
    with site.visit("?view=upload", editor=True, locale="en-GB") as visit:
        page = visit.page
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose files").click()
        chooser.value.set_files([broken])  # type: ignore[list-item]
        expect(row(page, "broken.mp4")).to_have_attribute("data-status", "unusable", timeout=INDEXING)
        expect(row(page, "broken.mp4").locator(".stage-reasons")).to_have_text(re.compile(r"\w{3,} \w+"))

        page.get_by_role("link", name="Edit", exact=True).click()
        failed = page.locator("li.upload", has_text="broken")
        expect(failed.locator(".stage-reasons")).to_have_text(re.compile(r"\w{3,} \w+"))
        failed.get_by_role("button", name="Try again").click()
        expect(page.get_by_text(re.compile("Queued again: "))).to_be_visible()
        # it is looked at again, and is still no video
        expect(failed.locator(".stage-reasons")).to_contain_text("2 attempts", timeout=INDEXING)
        expect(failed).to_have_attribute("data-status", "unusable", timeout=INDEXING)
        # once more, and deleted while the page follows it: what is gone is not asked for again
        page.clock.install()
        with page.expect_response(re.compile("/retry")):
            failed.get_by_role("button", name="Try again").click()
        failed.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(failed).to_have_count(0, timeout=PURGING * 1000)
        looks = requests_to(page, "/videos")
        page.clock.fast_forward(30_000)  # longer than between two looks
        page.evaluate("fetch('/healthz').then(({status}) => status)")  # what was asked before is known here
        assert looks == []


def test_an_upload_is_cancelled_and_another_one_survives_the_way_to_search(
    site: Site, stack: Stack, clips: Path
) -> None:
    held: list[Route] = []
    with site.visit("?view=upload", editor=True) as visit:
        page = visit.page
        visit.expect_error("ERR_FAILED")
        storage = re.compile(re.escape(stack.info.endpoint_url))
        page.route(
            storage, lambda route: held.append(route) if route.request.method == "POST" else route.continue_()
        )
        choose(page, clips / "pancakes.mp4", clips / "bicycle.mp4")
        for name in ("pancakes.mp4", "bicycle.mp4"):
            expect(row(page, name)).to_have_attribute("data-status", "sending")
        until_sent(page, held, 2)
        row(page, "pancakes.mp4").get_by_role("button", name="Отменить загрузку").click()
        expect(row(page, "pancakes.mp4")).to_have_count(0)

        # the other one goes on while its owner looks at something else
        page.get_by_role("link", name="Kadr, на главную").click()
        expect(page.get_by_role("heading", name="Найдите тот самый кадр")).to_be_visible()
        bicycle = next(route for route in held if b"bicycle" in (route.request.post_data_buffer or b""))
        bicycle.abort()
        page.get_by_role("link", name="Загрузка").click()
        expect(row(page, "bicycle.mp4")).to_have_attribute("data-status", "error")
        expect(row(page, "bicycle.mp4")).to_contain_text("Сервер не отвечает")
        expect(row(page, "bicycle.mp4").get_by_role("button", name="Загрузить ещё раз")).to_be_visible()


def test_dropped_files_are_taken_and_others_refused_in_words(site: Site) -> None:
    drop = """([name, type]) => {
      const files = new DataTransfer();
      files.items.add(new File(["no video"], name, {type}));
      for (const kind of ["dragenter", "dragover", "drop"])
        document.querySelector("main").dispatchEvent(
          new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: files}));
    }"""
    with site.visit("?view=upload", editor=True) as visit:
        page = visit.page
        expect(page.get_by_role("button", name="Выбрать файлы")).to_be_visible()
        page.evaluate(drop, ["letter.pdf", "application/pdf"])
        expect(page.get_by_role("alert")).to_have_text(re.compile("Это не видео: letter.pdf"))
        expect(page.locator("li.upload")).to_have_count(0)
        visit.expect_error("/uploads")
        page.evaluate(drop, ["letter.pdf", "application/octet-stream"])
        expect(row(page, "letter.pdf")).to_have_attribute("data-status", "error")
        expect(row(page, "letter.pdf")).to_contain_text("Это не видео")


def test_without_a_key_the_page_asks_for_one(site: Site) -> None:
    with site.visit("?view=upload") as visit:
        page = visit.page
        visit.expect_error("/session")  # the browser notes the refusal
        form = page.locator("form.sign-in-form")
        expect(page.get_by_text("Для загрузки нужен ключ")).to_be_visible()
        form.get_by_label("Ключ редактора").fill("kadr_wrong")
        form.get_by_role("button", name="Войти").click()
        expect(page.get_by_role("alert").filter(has_text="Этот ключ не подходит")).to_be_visible()
        form.get_by_label("Ключ редактора").fill(site.key)
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Выбрать файлы")).to_be_visible()
        page.reload()  # as long as the tab is open
        expect(page.get_by_role("button", name="Выбрать файлы")).to_be_visible()


def test_words_of_the_glossary_are_added_and_taken_away(site: Site, stack: Stack) -> None:
    with site.visit("?view=editor&tab=glossary", editor=True) as visit:
        page = visit.page
        page.get_by_label("По-русски").fill("кракозябрик")
        page.get_by_label("По-английски").fill("mojibake, garbled text")
        page.get_by_role("button", name="Добавить").click()
        entry = page.locator("li.glossary-entry", has_text="кракозябрик")
        expect(entry).to_contain_text("mojibake, garbled text")

        def translated() -> bool:
            query = stack.api.get("/search", params={"q": "кракозябрик"}).json()["query"]
            return "mojibake" in query["translated"]

        wait_for(translated, seconds=60, what="search to know the word")
        entry.get_by_role("button", name="Убрать").click()
        page.get_by_role("button", name="Вернуть").hover()  # keeps it there
        expect(entry).to_have_count(0)
        page.get_by_role("button", name="Вернуть").click()
        expect(entry).to_be_visible()
        entry.get_by_role("button", name="Убрать").click()
        expect(entry).to_have_count(0)
