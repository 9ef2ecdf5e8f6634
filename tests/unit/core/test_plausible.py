"""What a Whisper writes that nobody said."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kadr.core.extraction import Word
from kadr.core.plausible import Said, clean, formula, plausible, worn_out


@dataclass(frozen=True)
class Voice:
    seconds: float
    probability: float = 0.95


def said(
    text: str, start: float = 0.0, end: float = 5.0, *, confidence: float = 0.9, no_speech: float = 0.05
) -> Said:
    parts = text.split(" ")
    step = (end - start) / len(parts)
    words = tuple(
        Word(f" {part}", start + index * step, start + (index + 1) * step) for index, part in enumerate(parts)
    )
    return Said(start, end, text, confidence, no_speech, words)


def judged(*segments: Said, seconds: float = 5.0, probability: float = 0.95) -> list[str]:
    return [each.text if each else "" for each in plausible(segments, Voice(seconds, probability))]


def test_what_people_say_is_left_as_it_is() -> None:
    for text in (
        "Сегодня готовим наваристый борщ.",
        "Thank you for the recipe, it was my grandmother's.",
        "Спасибо деду за победу",
        "Нет, нет, нет, я так не делаю!",
        "Корректор под глаза наносим спонжем",
        "You are what you eat",
        "Музыка нас связала",
    ):
        segment = said(text)
        assert plausible([segment], Voice(5)) == [segment], text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("[music]", ""),
        ("(аплодисменты)", ""),
        ("♪ la la la ♪", ""),
        ("*laughs*", ""),
        ("[Музыка", ""),
        ("ДИНАМИЧНАЯ МУЗЫКА", ""),
        ("Привет! [звук удара] Поехали дальше", "Привет! Поехали дальше"),
        ("(smiling) We fry the pancakes now", "We fry the pancakes now"),
        ("...", ""),
    ],
)
def test_labels_are_no_words(text: str, left: str) -> None:
    (found,) = plausible([said(text)], Voice(5))
    assert (found.text if found else "") == left
    if found:
        assert " ".join(word.text.strip() for word in found.words) == left


@pytest.mark.parametrize(
    "text",
    [
        "Субтитры сделал DimaTorzok",
        "Субтитры создавал DimaTorzok",
        "Редактор субтитров А.Семкин Корректор А.Егорова",
        "Subtitles by the Amara.org community",
        "Sous-titres réalisés par la communauté d'Amara.org",
        "Untertitel im Auftrag des ZDF, 2020",
    ],
)
def test_credits_are_dropped_however_sure_the_model_is(text: str) -> None:
    assert formula(text) == "credit"
    assert judged(said(text, confidence=0.99, no_speech=0.0)) == [""]


COURTESIES = [
    "Thank you.",
    "Thanks for watching!",
    "Thank you for watching. Bye.",
    "Please subscribe to my channel",
    "Спасибо за просмотр!",
    "Продолжение следует...",
    "Подписывайтесь на канал и ставьте лайки",
    "ご視聴ありがとうございました",
]


@pytest.mark.parametrize("text", COURTESIES)
def test_a_courtesy_needs_a_clear_Voice(text: str) -> None:
    assert formula(text) == "courtesy"
    assert judged(said(text, 0, 2), seconds=2) == [text]
    assert judged(said(text, 0, 2), seconds=2, probability=0.6) == [""]
    assert judged(said(text, 0, 2, confidence=0.4), seconds=2) == [""]
    assert judged(said(text, 0, 2, no_speech=0.5), seconds=2) == [""]
    # As all that is said in 25 s of sound it was not said, however sure everybody is.
    assert judged(said(text, 0, 2), seconds=25) == [""]


def test_a_courtesy_among_other_words_is_kept() -> None:
    talk = [said("В конце посыпаем зеленью и сразу подаём на стол", 0, 5), said("Спасибо за просмотр!", 5, 7)]
    assert judged(*talk, seconds=7) == [segment.text for segment in talk]


def test_the_same_courtesy_three_times_was_not_said() -> None:
    assert worn_out(["Thank you.", "Fry them.", "Thank you!", "thank you"]) == [True, False, True, True]
    assert worn_out(["Thank you.", "Fry them.", "Fry them.", "Fry them.", "Thank you"]) == [False] * 5


def test_text_that_nobody_can_say_in_its_time_is_dropped() -> None:
    sentence = "Сегодня мы с вами готовим наваристый домашний борщ по рецепту моей бабушки"
    assert judged(said(sentence, 0, 4)) == [sentence]
    assert judged(said(sentence, 0, 0.6)) == [""]


def test_loops_are_cut_to_what_they_repeat() -> None:
    assert judged(said("Мы идём " + "в лес " * 20 + "в", 0, 20), seconds=20) == ["Мы идём в лес"]
    assert judged(said("so " * 40, 0, 20), seconds=20) == ["so"]
    phrase = "one two three four five "
    assert judged(said(phrase * 3 + "one two and done", 0, 9), seconds=9) == [phrase + "and done"]


def test_equal_segments_in_a_row_are_a_loop() -> None:
    segments = [said("Это очень вкусно и просто", 2 * index, 2 * index + 2) for index in range(5)]
    assert judged(*segments, seconds=10) == [segments[0].text, "", "", "", ""]
    assert judged(*segments[:2], seconds=4) == [segments[0].text] * 2


def test_text_that_repeats_itself_otherwise_is_dropped() -> None:
    loop = " ".join(f"хо{'хо' * (index % 5)}" for index in range(60))
    assert judged(said(loop, 0, 20), seconds=20) == [""]


def test_translations_are_cleaned_too() -> None:
    assert clean("[Music] We cook borscht.") == "We cook borscht."
    assert clean("Subtitles by the Amara.org community") == ""
    assert clean("again and again " * 9) == "again and again"
    assert clean("") == ""


def test_a_text_without_word_times_is_judged_too() -> None:
    def untimed(text: str) -> list[str]:
        return [each.text if each else "" for each in plausible([Said(0.0, 2.0, text, 0.9)], Voice(2))]

    assert untimed("как варить борщ") == ["как варить борщ"]
    assert untimed("[музыка] как варить борщ") == ["как варить борщ"]
    assert untimed("борщ борщ борщ борщ борщ борщ") == ["борщ"]
    assert untimed("Субтитры сделал DimaTorzok") == [""]
