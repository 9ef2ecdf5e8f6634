"""What somebody sees who types."""

from __future__ import annotations

import numpy as np
import pytest

from kadr.core.suggestions import Dictionary, Phrase, Source, SuggestionIndex, group

PHRASES = {
    "как варить борщ": 5.0,
    "борщ с пампушками": 4.0,
    "рецепт борща": 3.0,
    "как завязать галстук": 6.0,
    "утренняя зарядка": 5.0,
    "зарядка для спины": 4.5,
    "кот играет с клубком": 7.0,
    "roblox обзор": 4.0,
    "minecraft дом": 3.0,
    "тик-ток тренды": 2.0,
}


def index(phrases: dict[str, float], vectors: dict[str, list[float]] | None = None) -> SuggestionIndex:
    listed = [Phrase(text, Source.QUERY, weight) for text, weight in phrases.items()]
    packed = None
    if vectors is not None:
        rows = np.array([vectors[text] for text in phrases], dtype=np.float32)
        packed = np.rint(127 * rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.int8)
    return SuggestionIndex(Dictionary.of(listed, packed))


@pytest.fixture(scope="module")
def usual() -> SuggestionIndex:
    return index(PHRASES)


def texts(found: SuggestionIndex, typed: str, limit: int = 10) -> list[str]:
    return [each.text for each in found.suggest(typed, limit=limit)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("ко", "кот играет с клубком"),
        ("как ва", "как варить борщ"),
        ("борщ как", "как варить борщ"),  # the order of words is free
        ("галстук завяз", "как завязать галстук"),
        ("ЗАРЯДКА Д", "зарядка для спины"),
        ("зарядкой для", "зарядка для спины"),  # another ending
        ("как варить очень борщ", "как варить борщ"),  # a frequent word too many
        ("тик", "тик-ток тренды"),
        ("rjn", "кот играет с клубком"),  # the wrong layout
        ("rj", "кот играет с клубком"),
        (",jho c", "борщ с пампушками"),
        ("кщидщч", "roblox обзор"),
        ("борщь с п", "борщ с пампушками"),
        ("зарятка", "зарядка для спины"),
        ("утреняя", "утренняя зарядка"),
        ("утерн", "утренняя зарядка"),
        ("rpblox", "roblox обзор"),
        ("mincraft", "minecraft дом"),
        ("pfhzlrf lkz", "зарядка для спины"),
        ("pfhzmrf lkz", "зарядка для спины"),  # a typo in the wrong layout
    ],
)
def test_what_was_meant_comes_first(usual: SuggestionIndex, typed: str, first: str) -> None:
    assert texts(usual, typed)[0] == first


@pytest.mark.parametrize(
    "typed", ["ъъъъъъъ", "qqqq", "кот борщ", "💥", "?!", "\u0000", "a" * 500, "кот борщ " * 300]
)
def test_nothing_fitting_is_an_empty_list(usual: SuggestionIndex, typed: str) -> None:
    assert texts(usual, typed) == []


@pytest.mark.parametrize("typed", ["", "   ", "\t\n"])
def test_nothing_typed_gives_what_is_popular(usual: SuggestionIndex, typed: str) -> None:
    found = texts(usual, typed, 9)
    assert [PHRASES[text] for text in found] == sorted(PHRASES.values(), reverse=True)[:9]
    # no digits before letters, and no Latin before Cyrillic, where nothing else tells them apart
    equal = texts(index(dict.fromkeys(PHRASES, 1.0)), typed, 9)
    assert equal not in (sorted(equal), sorted(equal, reverse=True))


def test_an_empty_dictionary_suggests_nothing() -> None:
    nothing = index({})
    assert texts(nothing, "") == texts(nothing, "кот") == []


def test_popular_phrases_come_first_and_those_that_begin_so_before_those_that_have_it() -> None:
    found = index({"белый кот": 5.0, "кот спит": 4.0, "кот ест": 4.5, "большой кот": 9.0})
    assert texts(found, "кот") == ["большой кот", "кот ест", "кот спит", "белый кот"]


def test_what_was_typed_to_the_end_is_first() -> None:
    assert texts(index({"кот спит": 6.0, "кот": 3.0}), "кот") == ["кот", "кот спит"]


def test_exact_matches_are_not_mixed_with_guesses() -> None:
    many = {f"зарядка {word}": 3.0 for word in ("утром", "днем", "вечером")}
    assert "зарятка телефона" not in texts(index(many | {"зарятка телефона": 9.0}), "зарядка")


def test_each_phrase_once_and_no_more_than_asked_for(usual: SuggestionIndex) -> None:
    found = texts(usual, "к", 2)
    assert len(found) == len(set(found)) == 2


COOKING, SPORT, CATS = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]
MEANINGS = {
    "зима и снег": SPORT,
    "зимний салат": COOKING,
    "зимний борщ": [1.0, 0.2, 0.0],
    "зимнее варенье": [1.0, 0.0, 0.3],
    "зимний кот": CATS,
}


def test_the_largest_group_of_one_meaning_is_first() -> None:
    equal = index(dict.fromkeys(MEANINGS, 3.0), MEANINGS)
    found = equal.suggest("зим")
    assert {each.text for each in found[:3]} == {"зимний салат", "зимний борщ", "зимнее варенье"}
    assert [each.group for each in found] == [0, 0, 0, 1, 2]


def test_a_group_that_nobody_asks_for_does_not_outweigh_what_everybody_does() -> None:
    weights = dict.fromkeys(MEANINGS, 1.0) | {"зимний кот": 16.0}
    assert index(weights, MEANINGS).suggest("зим")[0].text == "зимний кот"


def test_what_is_close_to_recent_queries_comes_first() -> None:
    equal = index(dict.fromkeys(MEANINGS, 3.0), MEANINGS)
    cats, sport = (np.array([meaning], dtype=np.float32) for meaning in (CATS, SPORT))
    assert equal.suggest("зим", history=cats)[0].text == "зимний кот"
    assert equal.suggest("зим", history=sport)[0].text == "зима и снег"
    # the newest query counts most
    assert equal.suggest("зим", history=np.vstack([sport, cats]))[0].text == "зима и снег"


def test_history_reaches_phrases_that_are_not_popular_enough_otherwise() -> None:
    many = {f"зал {number}а": 3.0 for number in range(150)}
    meanings = dict.fromkeys(many, SPORT) | {"зал для котов": CATS}
    found = index(many | {"зал для котов": 1.5}, meanings)
    assert "зал для котов" not in [each.text for each in found.suggest("зал")]
    assert found.suggest("зал", history=np.array([CATS], dtype=np.float32))[0].text == "зал для котов"


def test_a_history_of_another_model_or_without_vectors_changes_nothing(usual: SuggestionIndex) -> None:
    other = np.ones((2, 7), dtype=np.float32)
    assert usual.suggest("к", history=other) == usual.suggest("к")
    with_vectors = index(dict.fromkeys(MEANINGS, 3.0), MEANINGS)
    assert with_vectors.suggest("зим", history=other) == with_vectors.suggest("зим")


def test_grouping_keeps_everybody_once() -> None:
    chance = np.random.default_rng(3)
    for count in (1, 2, 7, 50):
        vectors = chance.standard_normal((count, 384), dtype=np.float32)
        vectors[::2] = vectors[0]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        groups = group(np.ones(count, dtype=np.float32), vectors)
        assert sorted(place for members in groups for place in members) == list(range(count))
        assert groups[0] == list(range(0, count, 2))
