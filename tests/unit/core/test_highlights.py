"""Which words of a text are marked, and when they are said."""

from __future__ import annotations

import pytest

from kadr.core.extraction import Word
from kadr.core.highlights import Highlight, Sought
from kadr.core.text import clean, stems


def marked(text: str, *queries: str, phrases: tuple[str, ...] = ()) -> list[str]:
    sought = Sought([(query, 1.0) for query in queries], phrases)
    text = clean(text)
    return [text[each.offset : each.offset + each.length] for each in sought.highlights(text)]


def test_words_are_marked_in_every_inflection_and_language() -> None:
    assert marked("Как мы варили борщи: cooking BORSCHT!", "как варить борщ", "how to cook borscht") == [
        "варили",
        "борщи",
        "cooking",
        "BORSCHT",
    ]


def test_punctuation_hashtags_and_hyphens_do_not_hide_a_word() -> None:
    assert marked("«Борщ», #КакВаритьБорщ и борщ-хит", "борщ") == ["Борщ", "Борщ", "борщ-хит"]
    assert marked("раздаём wi-fi", "wifi") == ["wi-fi"]


def test_a_phrase_is_one_range_with_the_small_words_inside() -> None:
    text = "Я сказал: быть или не быть, вот вопрос. Не быть — не жить"
    assert marked(text, phrases=("быть или не быть",)) == ["быть или не быть"]
    assert marked("жить и быть", phrases=("быть или не быть",)) == []


def test_a_phrase_matches_in_another_inflection_but_not_in_another_order() -> None:
    assert marked("рецепты красного борща", phrases=("рецепт красный борщ",)) == ["рецепты красного борща"]
    assert marked("борща красного рецепты", phrases=("рецепт красный борщ",)) == []


def test_phrases_that_overlap_are_one_range() -> None:
    assert marked("очень вкусный красный борщ", phrases=("вкусный красный", "красный борщ")) == [
        "вкусный красный борщ"
    ]


def test_a_word_of_the_query_outside_the_phrase_is_marked_too() -> None:
    assert marked("борщ! вкусный красный борщ", "борщ", phrases=("красный борщ",)) == ["борщ", "красный борщ"]


def test_stop_words_are_marked_only_if_there_is_nothing_else() -> None:
    assert marked("как это было", "как варить борщ") == []
    assert marked("как это было", "как это") == ["как", "это"]


def test_a_highlight_has_the_times_of_its_words() -> None:
    said = (
        Word(" Варим", 1.0, 1.4),
        Word(" красный", 1.5, 2.0),
        Word(" борщ,", 2.0, 2.6),
        Word(" да", 3.0, 3.1),
    )
    sought = Sought([("борщ", 1.0)], ["варим красный"])
    assert sought.highlights("Варим красный борщ, да", said) == (
        Highlight(0, 13, 1.0, 2.0),
        Highlight(14, 4, 2.0, 2.6),
    )


def test_a_word_said_twice_has_its_own_time_each_time() -> None:
    said = (Word("борщ", 1.0, 1.5), Word("и", 1.5, 1.6), Word("борщ.", 4.0, 4.5))
    found = Sought([("борщ", 1.0)]).highlights("борщ и борщ.", said)
    assert [(each.start, each.end) for each in found] == [(1.0, 1.5), (4.0, 4.5)]


def test_words_whose_times_do_not_fit_the_text_give_none() -> None:
    assert Sought([("борщ", 1.0)]).highlights("Борщ", (Word("суп", 1.0, 1.5),)) == (Highlight(0, 4),)


@pytest.mark.parametrize(
    "text",
    [
        "Как мы варили борщи: cooking BORSCHT!",
        "«Ёлки», ЁЛКА́, ёлочка",
        "#КакВарить#Борщ/суп",
        "Сoсиска с латинской o, cocиска",  # letters of the other script
        "he was dying, lying and tying; skies, sky, cried",
        "caf\u00e9 cafe\u0301 CAFÉ naïve",
        "wi-fi WiFi тик-ток iPhone15 ﬁrst",
        "Бесплатный Wi-Fi в кафе",
        "танец из Тик-Тока",
        "Shaquille O’Neill",
        "слово\u200bневидимое 🍲борщ🍲",
        "",
    ],
)
@pytest.mark.parametrize(
    "query",
    [
        "борщ варить",
        "ёлка сосиска",
        "die lie tie sky cry",
        "cafe naive first",
        "wifi тикток iphone15 слово o'neill",
    ],
)
def test_the_quick_look_finds_what_reading_every_word_finds(text: str, query: str) -> None:
    assert Sought([(query, 1.0)]).among(text) == frozenset(stems(query)) & frozenset(stems(text))


def test_coverage_is_the_share_of_the_best_text() -> None:
    sought = Sought([("красный борщ", 1.0), ("red borscht", 0.7), ("это", 1.0)])
    assert sought.coverage(sought.among("Борщ!")) == 0.5
    assert sought.coverage(sought.among("red borscht and борщ")) == 0.7
    assert sought.coverage(sought.among("это суп")) == 0.0
    assert Sought([]).coverage(frozenset()) == 0.0


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_quick_look_finds_every_common_word_by_its_own_stem(language: str) -> None:
    wordfreq = pytest.importorskip("wordfreq")
    missed = [
        word
        for word in wordfreq.top_n_list(language, 3_000)
        if stems(word) and not Sought([(word, 1.0)]).among(word.capitalize())
    ]
    assert missed == []


def test_what_is_quoted_is_a_part_of_the_query_and_not_all_of_it() -> None:
    sought = Sought([("борщ рецепт", 1.0), ("красный суп", 1.0), ("borscht recipe", 0.7)], ["красный суп"])
    assert sought.coverage(sought.among("Красный суп")) == 0.5
    assert sought.coverage(sought.among("Красный суп, борщ: рецепт")) == 1.0
    only = Sought([("красный суп", 1.0)], ["красный суп"])
    assert only.coverage(only.among("красный суп")) == 1.0
