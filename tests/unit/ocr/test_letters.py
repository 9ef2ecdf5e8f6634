"""Letters that look the same in two scripts."""

from __future__ import annotations

import pytest

from functions.ocr.spelling import scripts, tidy


@pytest.mark.parametrize(
    ("read", "written"),
    [
        ("3a 30 минут", "за 30 минут"),
        ("ТОР 5 LIFEHACKS", "TOP 5 LIFEHACKS"),
        ("МОЙ KOT СНОВА", "МОЙ КОТ СНОВА"),
        ("Обзор нового iPhone 15", "Обзор нового iPhone 15"),
        ("ROBLOX: секретный уровень", "ROBLOX: секретный уровень"),
        ("| Маникюр дома ]", "Маникюр дома"),
        ("_Скидка 50% на всё!", "Скидка 50% на всё!"),
        ("«Сидеть»", "«Сидеть»"),
        ("#как_варить @user", "#как_варить @user"),
        ("3 шага", "3 шага"),
        ("— © |", ""),
        ("", ""),
    ],
)
def test_a_line_is_put_right(read: str, written: str) -> None:
    assert tidy(read.split()) == written


def test_tidying_twice_changes_nothing() -> None:
    for line in ("3a 30 минут", "ТОР 5 LIFEHACKS", "«Сидеть» — _команда_"):
        assert tidy(tidy(line.split()).split()) == tidy(line.split())


def test_scripts_of_a_line() -> None:
    assert scripts(["Кот", "15"]) == {"cyrillic"}
    assert scripts(["iPhone", "в", "Москве"]) == {"cyrillic", "latin"}
    assert scripts(["mpе&с"]) == {"cyrillic", "latin"}
    assert scripts(["50%", "!"]) == set()
