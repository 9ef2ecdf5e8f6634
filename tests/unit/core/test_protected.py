"""Terms in a sentence: marked for a translator, looked for in its answer, put back where it lost them."""

from __future__ import annotations

import pytest

from kadr.core.glossary import Glossary, parse
from kadr.core.protected import protect
from tests.lemmatizers import TableLemmatizer


@pytest.fixture
def glossary() -> Glossary:
    lines = ["роблокс\troblox", "бравл старс\tBrawl Stars", "старс\tstars", "кринж\tcringe", "как\t"]
    return Glossary(parse("\n".join(lines)), TableLemmatizer().lemmas)


def test_the_english_of_a_term_stands_in_its_place(glossary: Glossary) -> None:
    sentence = protect("как играть в  роблоксе, бравл старс и Кринж!", glossary)
    assert sentence.marked == "как играть в roblox, Brawl Stars и Cringe!"
    assert sentence.terms == ("roblox", "Brawl Stars", "Cringe")
    assert not sentence.complete


def test_latin_words_are_terms_as_they_are(glossary: Glossary) -> None:
    sentence = protect("обзор iPhone 15 и роблокса", glossary)
    assert sentence.terms == ("iPhone", "roblox")
    assert sentence.marked == "обзор iPhone 15 и roblox"


def test_nothing_is_left_to_translate_where_everything_is_a_term(glossary: Glossary) -> None:
    sentence = protect("роблокс vs бравл старс", glossary)
    assert sentence.complete
    assert sentence.marked == "roblox vs Brawl Stars"


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("How to play Roblox and brawl stars", True),
        ("play brawl stars, then ROBLOX", True),
        ("how to play robloxes and Brawl Star", True),
        ("how to play roblox and brawl", False),
        ("how to play brawl and stars in roblox", False),
        ("how to play", False),
    ],
)
def test_an_answer_is_searched_for_the_terms(glossary: Glossary, answer: str, kept: bool) -> None:
    assert protect("как играть в роблокс и бравл старс", glossary).kept_in(answer) is kept


def test_a_term_that_occurs_twice_must_come_back_twice(glossary: Glossary) -> None:
    sentence = protect("роблокс лучше чем старый роблокс", glossary)
    assert not sentence.kept_in("roblox is better than before")
    assert sentence.kept_in("roblox is better than old roblox")


def test_terms_are_put_between_the_translated_gaps(glossary: Glossary) -> None:
    sentence = protect("играть в роблокс с мамой", glossary)
    assert sentence.gaps == ("играть в ", " с мамой")
    assert sentence.joined(["to play in", "with mum"]) == "to play in roblox with mum"


def test_a_text_without_terms_is_one_gap(glossary: Glossary) -> None:
    sentence = protect("мама мыла раму", glossary)
    assert sentence.gaps == ("мама мыла раму",)
    assert sentence.marked == "мама мыла раму"
    assert sentence.kept_in("anything")
