"""Caps Lock."""

from __future__ import annotations

import pytest

from kadr.core.casing import calm_capitals


@pytest.mark.parametrize(
    ("typed", "calm"),
    [
        ("КАК ВАРИТЬ БОРЩ", "как варить борщ"),
        ("кАК ВАРИТЬ", "как варить"),
        ("рЕЦЕПТЫ", "рецепты"),
        ("HOW TO COOK!", "how to cook!"),
        ("ДОСТОПРИМЕЧАТЕЛЬНОСТИ", "достопримечательности"),
    ],
)
def test_capitals_that_say_nothing_go(typed: str, calm: str) -> None:
    assert calm_capitals(typed) == calm


@pytest.mark.parametrize(
    "typed", ["НАСА", "США 2024", "ЮНЕСКО", "iPhone 15", "новости НАСА", "Как Варить", "2024", "", "я", "iOS"]
)
def test_capitals_that_say_something_stay(typed: str) -> None:
    assert calm_capitals(typed) == typed
