"""Quoted phrases and exclusions, and everything that only looks like them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kadr.core.phrases import phrase
from kadr.core.search_syntax import MOST, parse_search
from kadr.core.text import clean


def parts(query: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    found = parse_search(query)
    return found.open, found.phrases, found.excluded


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"как варить" борщ', ("борщ", ("как варить",), ())),
        ("«как варить» борщ", ("борщ", ("как варить",), ())),
        ("“как варить” борщ", ("борщ", ("как варить",), ())),
        ("„как варить“ борщ", ("борщ", ("как варить",), ())),
        ("„как варить” борщ", ("борщ", ("как варить",), ())),
        ('рецепт "борща", быстро', ("рецепт , быстро", ("борща",), ())),
        ('("борщ")', ("( )", ("борщ",), ())),
        ('"один" "два"', ("", ("один", "два"), ())),
        ('"один""два"', ("", ("один", "два"), ())),
        ('"борщ" "Борщи"', ("", ("борщ",), ())),  # the same word in another form
        ("борщ -мясо", ("борщ", (), ("мясо",))),
        ("-мясо борщ", ("борщ", (), ("мясо",))),
        ("борщ −мясо", ("борщ", (), ("мясо",))),
        ('борщ -"с мясом"', ("борщ", (), ("с мясом",))),
        ("борщ -«с мясом»", ("борщ", (), ("с мясом",))),
        ("борщ -тик-ток -wi-fi", ("борщ", (), ("тик-ток", "wi-fi"))),
        ("борщ -#мясо", ("борщ", (), ("#мясо",))),
        ('матч -"2024"', ("матч", (), ("2024",))),
        ("-кот", ("", (), ("кот",))),
        ('"наполеон «торт»" крем', ("крем", ("наполеон «торт»",), ())),
    ],
)
def test_syntax_is_taken_out(query, expected):
    assert parts(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "как варить борщ",
        'кот "учёный',  # never closed
        'кот учёный"',
        '"njn abkmv',  # "Этот фильм" on the other layout
        '"kbnf "rhfyf',  # two capital Э
        'телевизор 55" lg',
        'трубы 1/2" и 3/4" цена',
        "тик-ток",
        "wi-fi роутер",
        "погода -30 градусов",
        "кот - собака",
        "кот -",
        "- кот",
        "--кот",
        "кот — собака",
        "кот —собака",
        "счёт 2-1",
        ":-) смешно",
        "-) смешно",
        "»кот«",
        "don't л'ореаль 'кот'",
    ],
)
def test_what_only_looks_like_syntax_is_text(query):
    assert parts(query) == (clean(query), (), ())
    assert parse_search(query).plain


def test_more_phrases_than_a_few_are_text_and_more_exclusions_are_left_out():
    words = [f"слово{number}" for number in range(MOST + 1)]
    kept, beyond = tuple(words[:MOST]), words[MOST]
    assert parts(" ".join(f'"{word}"' for word in words)) == (beyond, kept, ())
    assert parts(" ".join(f"-{word}" for word in words)) == ("", (), kept)


@pytest.mark.parametrize("query", ['""', '"" кот', "«» кот", '"!!!" кот', '-"…" кот', "-# кот"])
def test_quotes_around_nothing_ask_for_nothing(query):
    found = parse_search(query)
    assert not found.phrases
    assert not found.excluded


def test_the_query_is_written_again_around_its_repaired_words():
    found = parse_search('рицепт "Мамин борщ" -мясо -"без свёклы"')
    assert found.written("рецепт") == 'рецепт "Мамин борщ" -мясо -"без свёклы"'
    assert parse_search(found.written("рецепт")) == parse_search('рецепт "Мамин борщ" -мясо -"без свёклы"')


@settings(deadline=None)
@given(st.text(alphabet=" \"«»“”„-−кот1a#'", max_size=40))
def test_whatever_is_typed_no_word_is_lost_or_made_up(query):
    found = parse_search(query)
    assert found.typed == clean(query)
    everything = " ".join((found.open, *found.phrases, *found.excluded))
    if len(found.excluded) < MOST:
        assert set(phrase(everything).split()) == set(phrase(found.typed).split())
    assert all(phrase(each) for each in (*found.phrases, *found.excluded))
