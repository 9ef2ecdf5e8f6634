"""What gets into the dictionary, and what never does."""

from __future__ import annotations

import pytest

from kadr.core.blocklist import blocked
from kadr.core.popularity import Content, phrases
from kadr.core.suggestions import Source
from kadr.core.terms import Text


def listed(content: Content) -> dict[str, Source]:
    return {each.text: each.source for each in phrases(content)}


def test_every_source_is_there_and_recorded() -> None:
    texts = [
        Text(1, "рецепт борща"),
        Text(2, "так вот о рыбалке"),
        Text(3, "и снова о рыбалке и не только о ней"),
    ]
    found = listed(
        Content({"как варить борщ": 3}, themes=["Зимние виды спорта"], people=["Райан Гослинг"], texts=texts)
    )
    assert found["как варить борщ"] is Source.QUERY
    assert found["Зимние виды спорта"] is Source.THEME
    assert found["Райан Гослинг"] is Source.PERSON
    assert found["рецепт борща"] is Source.CAPTION
    assert found["рыбалке"] is Source.TERM


def test_a_query_of_one_or_two_people_is_theirs() -> None:
    assert listed(Content({"алименты от иванова": 2, "рецепт борща": 3})) == {"рецепт борща": Source.QUERY}


@pytest.mark.parametrize(
    "private",
    [
        "anna@example.org",
        "позвони 89123456789",
        "звони 8 912 345 67 89",
        "8-912-345-67-89 кто",
        "https://a.b/c",
    ],
)
def test_addresses_and_numbers_are_never_suggested(private: str) -> None:
    assert listed(Content({private: 99})) == {}


def test_usual_numbers_are() -> None:
    assert set(listed(Content({"windows 11": 5, "итоги 2025 года": 5}))) == {"windows 11", "итоги 2025 года"}


def test_a_phrase_of_several_sources_is_listed_once_and_heavier() -> None:
    texts = [Text(1, "Рецепт борща"), Text(2, "рецепт блинов")]
    found = {each.text: each for each in phrases(Content({"рецепт борща": 4}, texts=texts))}
    alone = {each.text: each for each in phrases(Content({"рецепт борща": 4}))}
    assert found["рецепт борща"].source is Source.QUERY
    assert found["рецепт борща"].weight > alone["рецепт борща"].weight > found["рецепт блинов"].weight


def test_the_most_popular_are_kept_heaviest_first() -> None:
    found = phrases(
        Content({f"рецепт {word}": users for users, word in enumerate(("а", "б", "в", "г"), 3)}), most=2
    )
    assert [each.text for each in found] == ["рецепт г", "рецепт в"]


@pytest.mark.parametrize(
    "text", ["полная хуйня", "Пиздец", "fucking awesome", "PORN", "два пидора", "суки", "смотри-порнуху",
     "охуенно", "нихуя", "ахуел", "ебут", "сисек", "пёзды", "pidoras", "москалей", "coons"]
)  # fmt: skip
def test_offensive_phrases_are_not_suggested(text: str) -> None:
    assert blocked(text)
    assert phrases(Content({text: 99}, themes=[text], texts=[Text(1, text), Text(2, text)])) == []


@pytest.mark.parametrize(
    "text",
    ["потребление хлеба", "оскорблять", "хулиган", "ребёнок и небеса", "команда", "хохлома", "педикюр",
     "хачапури", "мандарин", "херсон", "сукно", "assembly class", "cocktail", "analysis", "essex",
     "dickens", "нигерия", "анализ", "скипидар", "учебник", "бас гитара bass", "Maine Coon", "Роберт Дауни",
     "maine-coon", "prickly pear", "москаленко", "хулио иглесиас", "e e cummings", "retardant"],
)  # fmt: skip
def test_words_that_only_look_like_it_are(text: str) -> None:
    assert not blocked(text)
