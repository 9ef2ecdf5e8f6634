"""Words typed in the wrong keyboard layout."""

from __future__ import annotations

import pytest

from kadr.core.layout import switch_layout

WORDS = {
    "кот": 4.6, "котик": 3.3, "ложки": 3.9, "губ": 3.9, "блеск": 3.7, "для": 6.9, "не": 7.2, "yt": 3.2,
    "что": 7.0, "понимаю": 5.2, "why": 6.0, "verb": 4.0, "kj": 2.8, "rb": 2.9, "вмф": 3.7, "борщ": 3.3,
}  # fmt: skip


def switched(query: str) -> str:
    return switch_layout(
        query, WORDS.__contains__, common=WORDS.__contains__, plausible=lambda word: WORDS.get(word, 0.0)
    )


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("rjn", "кот"),
        ("Rjnbr!", "котик!"),
        ("kj;rb", "ложки"),  # both halves exist in English
        (",ktcr lkz ue,", "блеск для губ"),  # commas are letters
        ("yt gjybvf.", "не понимаю"),
        ("xnj&", "что?"),  # the signs of the other layout
        ("црн?", "why&"),
        ("<jho", "борщ"),  # Shift
    ],
)
def test_what_was_meant(typed: str, meant: str) -> None:
    assert switched(typed) == meant


@pytest.mark.parametrize("typed", ["yt", "verb", "кот", "c", "", "a.b", "rjn5z", "ёё"])
def test_what_stays(typed: str) -> None:
    assert switched(typed) == typed


def test_three_letters_must_be_a_common_word() -> None:
    assert switch_layout("rjn", {"кот"}.__contains__, common=lambda _: False) == "rjn"
    assert switch_layout("rjn", lambda _: False, common={"кот"}.__contains__) == "кот"
    assert switch_layout("rjnbr", {"котик"}.__contains__, common=lambda _: False) == "котик"


def test_a_likelier_reading_that_needs_no_other_keys_is_left_to_others() -> None:
    known = {"вмф"}.__contains__
    assert switch_layout("dva", known, common=known, plausible=lambda _: 3.7, rival=lambda _: 6.0) == "dva"
    assert switch_layout("dva", known, common=known, plausible=lambda _: 3.7, rival=lambda _: 1.0) == "вмф"
