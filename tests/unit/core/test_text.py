"""Cleaning, folding, cutting into words, telling languages apart, stems."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadr.core.text import STOP_WORDS, clean, fold, language, script, stem, stems, tokens, unmix, words


def test_clean_keeps_what_people_read() -> None:
    assert clean("  Как\tварить\n борщ 🍲🔥 ") == "Как варить борщ"
    assert clean("при\u200bвет\ufeff") == "привет"
    assert clean("👨‍👩‍👧 семья ❤️ 1️⃣") == "семья 1"
    assert clean("ﬁlm №5") == "film 5"
    assert clean("\u202eтекст\u202c\x00") == "текст"


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("ЁЖИК", "ежик"),
        ("е\u0308жик", "ежик"),  # the two dots as a character of their own
        ("за\u0301мок", "замок"),  # a stress mark
        ("Йогурт", "йогурт"),
        ("и\u0306огурт", "йогурт"),
        ("Café", "cafe"),
        ("STRASSE ＡＢＣ", "strasse abc"),
    ],
)
def test_fold_makes_spellings_equal(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(st.text(max_size=80))
def test_cleaning_and_folding_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=80))
def test_words_say_where_they_stand(text: str) -> None:
    cleaned = clean(text)
    for word in words(text):
        assert cleaned[word.start : word.end] == word.source


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Как варить борщ?", ("как", "варить", "борщ")),
        ("iPhone15 за 50% цены", ("iphone15", "за", "50", "цены")),
        ("#Как_варить #КакВарить", ("как", "варить", "как", "варить")),
        ("#YouTube", ("youtube",)),
        ("Don’t — stop", ("don't", "stop")),
        ("тик-ток, wi-fi -", ("тик-ток", "wi-fi")),
        ("— «!»", ()),
    ],
)
def test_tokens(text: str, expected: tuple[str, ...]) -> None:
    assert tokens(text) == expected


def test_words_of_two_scripts_become_one() -> None:
    assert unmix("кoт") == "кот"  # a Latin o
    assert unmix("сat") == "cat"  # a Cyrillic с
    assert unmix("iтунс") == "iтунс"  # no look-alike: left alone
    assert tokens("БOPЩ") == ("борщ",)  # O and P are Latin


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("как варить борщ", "ru"),
        ("как обновить windows 11 home edition", "ru"),
        ("how to cook borscht", "en"),
        ("how do you say привет in this language of theirs", "en"),
        ("як приготувати їжу", "und"),
        ("schöne Mädchen über Köln", "und"),
        ("如何做汤", "und"),
        ("2024 🍲", "und"),
        ("", "und"),
    ],
)
def test_language(text: str, expected: str) -> None:
    assert language(text) == expected


def test_script() -> None:
    assert [script(text) for text in ("кот", "cat", "15", "кот cat", "!", "猫")] == [
        "cyrillic", "latin", "digit", "mixed", "other", "other",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "forms",
    [
        ("кот", "кота", "коты", "котами"),
        ("рецепт", "рецепты", "рецептов"),
        ("ёлка", "елки", "Ёлкой"),
        ("recipe", "recipes"),
        ("dance", "dancing", "danced"),
    ],
)
def test_inflections_share_a_stem(forms: tuple[str, ...]) -> None:
    assert len({stems(form) for form in forms}) == 1


def test_different_words_do_not_share_a_stem() -> None:
    assert len({stem(word) for word in ("кот", "код", "кит", "cat", "cut", "iphone15")}) == 6


def test_a_hyphenated_word_finds_its_other_spellings() -> None:
    assert set(stems("wi-fi")) >= {*stems("wifi"), *stems("wi"), *stems("fi")}


def test_stop_words_go_unless_nothing_else_is_there() -> None:
    assert stems("как варить и печь", drop_stop_words=True) == stems("варить печь")
    assert stems("кто ты", drop_stop_words=True) == stems("кто ты")
    assert all(fold(word) == word for word in STOP_WORDS)


def test_stemming_from_many_threads_is_the_same_as_from_one() -> None:
    forms = [
        f"{root}{ending}" for root in ("пельмен", "котлет", "рецепт") for ending in ("ами", "ы", "ов", "ах")
    ]
    forms += [f"{root}{ending}" for root in ("cook", "danc", "paint") for ending in ("ing", "ed", "es")]
    expected = [stem.__wrapped__(form) for form in forms]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(stem.__wrapped__, forms * 50))
    assert found == expected * 50
