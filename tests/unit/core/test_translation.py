"""When a neural translation is not to be believed, and how long texts are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadr.core.translation import Translated, TranslatedPart, refusal, sentences


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("как варить борщ", "how to cook borscht"),
        ("доброеутро", "good morning"),
        ("врачсоветыдавление", "doctor's advice on blood pressure"),
        ("лайфхак", "life hack"),
        ("да да да да", "yes yes yes yes"),
        ("ха-ха-ха-ха-ха-ха", "ha-ha-ha-ha-ha-ha"),
        ("топ 10 мест", "top 10 places"),
        ("очень очень вкусно", "very, very tasty"),
        ("Как я провёл лето", "How I spent my summer"),
    ],
)
def test_an_ordinary_translation_is_taken(source: str, answer: str) -> None:
    assert refusal(source, answer) is None


@pytest.mark.parametrize(
    ("source", "answer", "reason"),
    [
        ("как варить борщ", "", "empty"),
        ("как варить борщ", " ... — ", "empty"),
        ("как варить борщ", "how how how", "repetition"),
        ("как варить борщ", "the soup, the soup, the soup", "repetition"),
        ("как варить борщ", "cook the red soup cook the red soup cook the red soup", "repetition"),
        ("смешно", "hahahahahahahaha", "repetition"),
        ("как варить борщ", "как варить борщ", "not English"),
        ("как варить борщ", "how to cook борщ", "not English"),
        ("кот", "a cat is a small domesticated carnivorous mammal", None),
        ("кот", "a cat is a small domesticated carnivorous mammal with soft fur", "too long"),
        ("кот", "c" * 40, "repetition"),
        ("кот", "Donaudampfschifffahrtsgesellschaftskapitänsmützenknopflochreparatur", "too long"),
        (
            "мы пошли гулять в парк и потом долго сидели на лавочке",
            "we went to the park and the park went to we and the we to park went and the the park",
            "repetition",
        ),
    ],
)
def test_a_degenerate_answer_is_refused(source: str, answer: str, reason: str | None) -> None:
    assert refusal(source, answer) == reason


def test_text_is_cut_where_a_sentence_ends() -> None:
    text = "Привет, друзья! Сегодня варим борщ. «Вкусно?» Конечно... Сколько стоит 1.5 кг?\nподписывайтесь"
    assert sentences(text) == (
        "Привет, друзья!",
        "Сегодня варим борщ.",
        "«Вкусно?»",
        "Конечно...",
        "Сколько стоит 1.5 кг?",
        "подписывайтесь",
    )


@pytest.mark.parametrize(
    "text", ["стихи А. С. Пушкина", "смотри ролик на kadr.tv и ставь лайк", "ну... ладно"]
)
def test_a_dot_within_a_sentence_does_not_cut_it(text: str) -> None:
    assert sentences(text) == (text,)


def test_a_sentence_without_end_is_cut_at_a_comma() -> None:
    text = " ".join(["слово"] * 49 + ["запятая,"] + ["слово"] * 49)
    first, second = sentences(text)
    assert first.endswith("запятая,")
    assert len(second.split()) == 49


@given(st.text(alphabet="аБ .!?,«»\n", max_size=400))
def test_nothing_is_lost(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


def test_a_long_stretch_without_a_comma_is_cut_too() -> None:
    assert [len(part.split()) for part in sentences("слово " * 130)] == [60, 60, 10]
    assert max(map(len, sentences("длинноеслово " * 130))) <= 480
    assert sentences("ы" * 600) == ("ы" * 600,)


def test_a_translation_says_which_way_it_came() -> None:
    kept = TranslatedPart("hello", "hello", "kept")
    neural = TranslatedPart("кот", "cat", "neural")
    refused = TranslatedPart("кит", "whale", "dictionary", refused="empty")
    assert Translated("", (kept,)).kind == "kept"
    assert Translated("", (kept, neural)).kind == "neural"
    assert Translated("", (neural, refused)).kind == "mixed"
    assert Translated("", (neural, refused)).refused == ("empty",)
