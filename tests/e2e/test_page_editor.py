"""Editing on the page while answers are late, or fail: nothing is done twice, or to others."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.browser import Site, answer
from tests.e2e.conftest import until_sent

pytestmark = [pytest.mark.local, pytest.mark.timeout(900)]

WRONG = {"error": {"code": "failed", "message": "it failed"}}
FACES = ("first", "second", "third")


def person(name: str) -> dict[str, Any]:
    return {"person_id": name, "name": name, "videos": 1, "portrait_url": None}


def appearance(face: str) -> dict[str, Any]:
    return {"face_id": face, "portrait_url": None, "start": 0, **card(f"{face}.mp4")}


def card(key: str) -> dict[str, Any]:
    return {"video_id": key, "key": key, "duration": 5, "thumbnail_url": None, "video_url": "/none.mp4"}


def video(key: str, *, state: str = "failed", ingest: str = "failed", attempts: int = 1) -> dict[str, Any]:
    stage = {"stage": "ingest", "state": ingest, "reason": "", "attempts": attempts}
    return {**card(key), "state": state, "stages": [stage], "width": None, "height": None}


def test_faces_are_rejected_once_and_only_those_that_were_meant(site: Site) -> None:
    held: list[Route] = []
    with site.visit("?view=nothing", editor=True) as visit:
        page = visit.page
        visit.expect_error("/reject")
        faces = [appearance(face) for face in FACES]
        answer(page, "/people/1", {"person": person("1"), "appearances": faces, "next_offset": None})
        page.route("**/people/1/reject", lambda route: held.append(route))
        page.goto(f"{site.url}?view=editor&tab=people&id=1")
        boxes = page.get_by_role("checkbox")
        for face in FACES[:2]:
            page.get_by_role("checkbox", name=face).check()
        page.get_by_role("button", name="Не этот человек").click()
        until_sent(page, held, 1)
        boxes.last.focus()
        page.keyboard.press("Space")
        expect(boxes.last).not_to_be_checked()
        held[0].fulfill(json=person("1"))
        until_sent(page, held, 2)
        held[1].fulfill(status=500, json=WRONG)
        expect(page.get_by_role("alert")).to_be_visible()
        expect(boxes).to_have_count(2)

        page.get_by_role("button", name="Не этот человек").click()
        until_sent(page, held, 3)
        asked = [route.request.post_data_json["face_id"] for route in held]
        assert asked == ["first", "second", "second"]
        page.get_by_role("link", name="Kadr, на главную").click()
        expect(page.get_by_role("heading", name="Найдите тот самый кадр")).to_be_visible()
        with page.expect_response("**/people/1/reject"):
            held[2].fulfill(json=person("1"))
        page.wait_for_timeout(300)  # nothing calls anybody back
        expect(page.get_by_role("heading", name="Найдите тот самый кадр")).to_be_visible()


def test_people_who_are_merged_already_are_not_merged_again(site: Site) -> None:
    refused = True
    with site.visit("?view=nothing", editor=True) as visit:
        page = visit.page
        visit.expect_error("/merge")
        people = [person(name) for name in ("kept", "one", "two")]
        answer(page, "/people", {"people": people, "total": 3, "next_offset": None})
        first = answer(page, "/people/one/merge", person("kept"), method="POST")
        second = answer(
            page,
            "/people/two/merge",
            lambda: WRONG if refused else person("kept"),
            method="POST",
            status=lambda: 500 if refused else 200,
        )
        page.goto(f"{site.url}?view=editor&tab=people")
        expect(page.get_by_role("checkbox")).to_have_count(3)
        for box in page.get_by_role("checkbox").all():
            box.check()
        page.get_by_role("button", name="Объединить").click()
        merge = page.get_by_role("dialog").get_by_role("button", name="Объединить")
        merge.click()
        expect(page.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
        expect(page.get_by_role("dialog").get_by_role("radio")).to_have_count(2)
        refused = False
        merge.click()
        expect(page.get_by_text("Объединено: kept")).to_be_visible()
        assert (len(first), len(second)) == (1, 2)


def test_a_name_that_is_changed_while_it_is_saved_is_saved_too(site: Site) -> None:
    held: list[Route] = []
    with site.visit("?view=nothing", editor=True) as visit:
        page = visit.page
        answer(page, "/people", {"people": [person("somebody")], "total": 1, "next_offset": None})
        page.route("**/people/somebody", lambda route: held.append(route))
        page.goto(f"{site.url}?view=editor&tab=people")
        field = page.get_by_role("textbox", name="Имя: somebody")
        field.fill("Greta")
        field.press("Enter")
        until_sent(page, held, 1)
        field.fill("Grace")
        field.blur()
        held[0].fulfill(json=person("Greta"))
        until_sent(page, held, 2)
        held[1].fulfill(json=person("Grace"))
        expect(page.get_by_text("Сохранено: Grace")).to_be_visible()
        assert [route.request.post_data_json["name"] for route in held] == ["Greta", "Grace"]


def test_a_row_is_drawn_again_only_when_something_has_changed(site: Site) -> None:
    held: list[Route] = []
    with site.visit("?view=nothing", editor=True) as visit:
        page = visit.page
        now = video("broken.mp4")
        looks = answer(page, "/videos", lambda: {"videos": [now], "total": 1})
        page.route("**/videos/broken.mp4/retry", lambda route: held.append(route))
        page.goto(f"{site.url}?view=editor&tab=videos")
        again = page.get_by_role("button", name="Разобрать ещё раз")
        again.click()
        until_sent(page, held, 1)
        expect(again).to_be_disabled()
        now = video("broken.mp4", state="indexing", ingest="queued", attempts=2)
        held[0].fulfill(json={"video_id": "broken.mp4", "stages": ["ingest"]})
        delete = page.get_by_role("button", name="Удалить")
        expect(again).to_have_count(0)
        delete.focus()
        until_sent(page, looks, len(looks) + 2)
        expect(delete).to_be_focused()


def test_the_next_page_begins_behind_what_is_still_on_this_one(site: Site) -> None:
    known = [f"{number}.mp4" for number in range(60)]
    with site.visit("?view=nothing", editor=True) as visit:
        page = visit.page

        def listed(route: Route) -> None:
            asked = parse_qs(urlparse(route.request.url).query)
            prefix, at = asked.get("prefix", [""])[0], int(asked.get("offset", ["0"])[0])
            keys = [key for key in known if key.startswith(prefix)][at : at + 50]
            route.fulfill(json={"videos": [video(key) for key in keys], "total": len(known)})

        page.route(lambda url: urlparse(url).path == "/videos", listed)
        gone = answer(page, "/videos/0.mp4", {"video_id": "0.mp4", "state": "deleting"}, method="DELETE")
        page.goto(f"{site.url}?view=editor&tab=videos")
        rows = page.locator("li.upload")
        expect(rows).to_have_count(50)
        rows.first.get_by_role("button", name="Удалить").click()
        page.get_by_role("dialog").get_by_role("button", name="Удалить").click()
        until_sent(page, gone, 1)
        known.remove("0.mp4")
        expect(rows).to_have_count(49)
        rows.last.scroll_into_view_if_needed()  # the next page comes by itself
        expect(rows).to_have_count(59)
