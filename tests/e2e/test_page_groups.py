"""Themes and people on the page: shelves, searching inside them, and what an editor says of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import Site
from tests.e2e.conftest import Stack, kadr

pytestmark = [pytest.mark.local, pytest.mark.timeout(900)]

HOPPER = ("grace_hopper.mp4", "kto_pridumal_cobol.mp4")
COLLINS = ("shuttle_commander.mp4", "mechtai_smelee.mp4")
COOKING = ("borsch_recept.mp4", "grandma_borscht.mp4", "pancakes.mp4")
NAME = "Грейс Хоппер"

Indexed = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def ids(stack: Stack, indexed: Indexed) -> dict[str, str]:
    """Clips of two women and some recipes, with themes and people found among them."""
    known = indexed(*HOPPER, *COLLINS, *COOKING)
    kadr(stack, "cluster", "--json")
    return known


def test_a_person_is_shown_named_and_searched_for(site: Site, stack: Stack, ids: dict[str, str]) -> None:
    with site.visit("?view=people", editor=True) as visit:
        page = visit.page
        cards = page.locator("a.person-card")
        expect(cards).to_have_count(2)
        expect(cards.locator(".person-name")).to_have_text(["Без имени", "Без имени"])
        people = {
            each["person_id"]: {
                appearance["video_id"]
                for appearance in stack.api.get(f"/people/{each['person_id']}").json()["appearances"]
            }
            for each in stack.api.get("/people").json()["people"]
        }
        (hopper,) = (who for who, videos in people.items() if videos >= {ids[name] for name in HOPPER})
        assert not people[hopper] & {ids[name] for name in COLLINS}

        page.locator(f'a.person-card[href*="{hopper}"]').click()
        page.wait_for_url(re.compile("person="))
        expect(page.locator("main li a.poster")).to_have_count(len(people[hopper]))

        page.goto(f"{site.url}?view=editor&tab=people")
        field = page.locator(f'li[data-person="{hopper}"]').get_by_role("textbox")
        field.fill(NAME)
        field.press("Enter")
        expect(page.get_by_text(f"Сохранено: {NAME}")).to_be_visible()

        page.goto(f"{site.url}?person={hopper}")
        expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
        page.get_by_role("searchbox", name="Искать среди видео с этим человеком").fill("космос")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("q="))
        assert parse_qs(urlparse(page.url).query)["person"] == [hopper]
        results = page.locator("article.result")
        expect(results.first).to_be_visible()
        found = {each.get_attribute("data-video") for each in results.all()}
        assert found <= people[hopper]


def test_two_people_are_merged_and_separated_again(site: Site, stack: Stack, ids: dict[str, str]) -> None:
    """What an editor says stays when faces are compared the next time."""
    with site.visit("?view=editor&tab=people", editor=True) as visit:
        page = visit.page
        expect(page.locator("li.person-card")).to_have_count(2)
        for box in page.locator("li.person-card .pick").all():
            box.check()
        page.get_by_role("button", name="Объединить").click()
        page.get_by_role("dialog").get_by_role("button", name="Объединить").click()
        expect(page.locator("li.person-card")).to_have_count(1)
        kadr(stack, "cluster", "--json")
        page.reload()
        expect(page.locator("li.person-card")).to_have_count(1)

        page.locator("li.person-card a").first.click()
        for name in ("shuttle commander", "mechtai smelee"):
            page.get_by_role("checkbox", name=re.compile(name, re.IGNORECASE)).check()
        page.get_by_role("button", name="Это другой человек").click()
        expect(page.get_by_text("Отделено в нового человека")).to_be_visible()
        kadr(stack, "cluster", "--json")
        parts = [
            {appearance["video_id"] for appearance in each["appearances"]}
            for each in (
                stack.api.get(f"/people/{one['person_id']}").json()
                for one in stack.api.get("/people").json()["people"]
            )
        ]
        collins = {ids[name] for name in COLLINS}
        assert any(part >= collins for part in parts), parts
        assert not any(part & collins and part & {ids[name] for name in HOPPER} for part in parts), parts


def test_a_theme_is_a_shelf_with_a_page_and_a_name(site: Site, stack: Stack, ids: dict[str, str]) -> None:
    themes = stack.api.get("/themes").json()["themes"]
    assert themes
    with site.visit("?view=themes", editor=True) as visit:
        page = visit.page
        shelf = page.locator("h2.shelf-title a").first
        expect(shelf).to_be_visible()
        shelf.click()
        page.wait_for_url(re.compile("theme="))
        theme = parse_qs(urlparse(page.url).query)["theme"][0]
        videos = {each["video_id"] for each in stack.api.get(f"/themes/{theme}").json()["videos"]}
        expect(page.locator("main li a.poster")).to_have_count(len(videos))

        page.get_by_role("button", name="Переименовать").click()
        page.get_by_role("dialog").get_by_role("textbox").fill("Первая полка")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Первая полка")
        kadr(stack, "cluster", "--json")
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("Первая полка")

        page.get_by_role("searchbox").last.fill("что-нибудь")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("q="))
        expect(page.locator("article.result").first).to_be_visible()
        found = {each.get_attribute("data-video") for each in page.locator("article.result").all()}
        assert found <= videos
