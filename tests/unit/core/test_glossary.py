"""The glossary: its data, translation into English, and the way back."""

from __future__ import annotations

import re
import time
from importlib.resources import files

import pytest

from kadr.core.glossary import Entry, Glossary, parse
from kadr.core.text import clean, fold, script
from tests.lemmatizers import TableLemmatizer


@pytest.fixture(scope="module")
def glossary() -> Glossary:
    return Glossary.load(TableLemmatizer().lemmas)


@pytest.fixture(scope="module")
def entries() -> tuple[Entry, ...]:
    return parse(files("kadr.core").joinpath("data/glossary_ru_en.tsv").read_text(encoding="utf-8"))


def small(*lines: str) -> Glossary:
    return Glossary(parse("\n".join(lines)), TableLemmatizer().lemmas)


def test_the_data_is_large_and_well_formed(entries: tuple[Entry, ...]) -> None:
    assert len(entries) > 9000  # parse() has refused repeated ones
    phrases = [entry for entry in entries if " " in entry.source]
    assert len(phrases) > 1200
    for entry in entries:
        assert script(entry.source) == "cyrillic" or re.search("[0-9]", entry.source), entry
        assert all(script(target) in {"latin", "digit"} for target in entry.targets), entry
        assert len(set(map(fold, entry.targets))) == len(entry.targets), entry


def test_every_entry_can_be_reached(glossary: Glossary, entries: tuple[Entry, ...]) -> None:
    for entry in entries:
        if entry.source.endswith("-"):
            continue
        translation = glossary.translate(entry.source)
        assert translation.text == (entry.targets[0] if entry.targets else ""), entry
        assert translation.covered == 1.0


def test_the_longest_phrase_wins(glossary: Glossary) -> None:
    assert glossary.translate("с днём рождения").text == "happy birthday"
    assert glossary.translate("день рождения").text == "birthday"
    assert glossary.translate("день").text == "day"
    assert glossary.translate("1 сентября").text == "September 1"


def test_phrases_match_in_any_inflection_and_across_hashtags(glossary: Glossary) -> None:
    assert glossary.translate("дня рождения").text == "birthday"
    assert glossary.translate("домашних животных").text == "pets"
    assert glossary.translate("#день_рождения").text.strip("#") == "birthday"


def test_words_of_a_hashtag_come_apart(glossary: Glossary) -> None:
    assert glossary.translate("#КакВаритьБорщ").text == "#How to cook Borscht"


def test_at_the_end_of_a_text_nothing_is_about_anything(glossary: Glossary) -> None:
    assert glossary.translate("айфон 15 про").text == "iphone 15 pro"
    assert glossary.translate("айфон про").text == "iphone pro"
    assert glossary.translate("видео про кота").text == "video about cat"
    assert glossary.translate("видео про").text == "video about"  # somebody is typing still
    assert glossary.translate("про").text == "about"


def test_the_number_of_a_game_is_kept(glossary: Glossary) -> None:
    assert glossary.translate("стандофф 2").text == "standoff 2"


def test_words_of_a_dictionary_are_taken_for_no_others() -> None:
    entries = parse("тако\ttaco\nпост-\tpost\nель\tspruce")
    glossary = Glossary(entries, TableLemmatizer().lemmas, {"так", "постель"}.__contains__)
    assert glossary.translate("так таку постель").text == "tak taco postel"


def test_a_phrase_does_not_cross_punctuation(glossary: Glossary) -> None:
    assert "birthday" not in glossary.translate("день. рождения").text


def test_everything_that_is_not_russian_stays(glossary: Glossary) -> None:
    text = "iPhone 15 Pro — 99,5% (new!)"
    translation = glossary.translate(text)
    assert translation.text == text
    assert translation.covered == 1.0
    assert glossary.translate("Кот и iPhone 15!").text == "Cat and iPhone 15!"


def test_names_survive_as_latin_letters(glossary: Glossary) -> None:
    translation = glossary.translate("Щукарь Бузовой")
    assert translation.text == "Shchukar Buzova"
    assert translation.pieces[0].kind == "transliterated"


def test_coverage_is_the_share_of_known_words(glossary: Glossary) -> None:
    assert glossary.translate("борщ").covered == 1.0
    assert glossary.translate("борщ щукарь").covered == 0.5
    assert glossary.translate("щукарь").covered == 0.0


def test_words_made_of_known_words_are_understood(glossary: Glossary) -> None:
    diminutive = glossary.translate("гномика")
    assert diminutive.text == "gnome"
    assert diminutive.covered == 0.5
    assert glossary.translate("перечитать").text == "read"
    assert glossary.translate("видеорецепт").text == "video recipe"
    assert glossary.translate("непопулярный").text == "not popular"
    assert glossary.translate("кот-рыбак").text == "cat fisherman"
    for numeral, english in (("90-е", "90"), ("5й", "5"), ("2х", "2"), ("10ти", "10"), ("3-го", "3")):
        assert glossary.translate(numeral).text == english
    for amount in ("5кг", "128гб", "4к", "100руб"):  # units are a part of what is asked for
        assert not glossary.translate(amount).text.isdigit()


def test_a_reading_that_the_glossary_has_is_preferred() -> None:
    assert small("сталь\tsteel").translate("стали").text == "steel"
    assert small("сталь\tsteel", "стать\tbecome").translate("стали").text == "become"


def test_words_that_english_leaves_out_leave_no_gap() -> None:
    assert small("ли\t", "кот\tcat").translate("кот ли кот").text == "cat cat"


def test_capitals_survive(glossary: Glossary) -> None:
    assert glossary.translate("Борщ в москве").text == "Borscht in Moscow"


def test_empty_text(glossary: Glossary) -> None:
    assert glossary.translate(" 🍲 ").text == ""
    assert glossary.reverse("") == ()


def test_english_finds_its_russian_words(glossary: Glossary) -> None:
    found = glossary.reverse("How to cook borscht with cats")
    assert {"как варить", "борщ", "кот"} <= set(found)
    assert "варить" not in found  # the phrase was taken as a whole
    assert "с" not in found  # a stop word


def test_main_translations_come_before_alternatives() -> None:
    way_back = small("лук\tonion|bow", "бант\tbow", "узел\tknot")
    assert way_back.reverse("bows") == ("бант", "лук")
    assert way_back.reverse("bows", limit=1) == ("бант",)


def test_a_team_can_add_its_own_words() -> None:
    own = Glossary.load(
        TableLemmatizer().lemmas, extra=[Entry("щукарь", ("Shchukar the Angler",)), Entry("борщ", ("soup",))]
    )
    assert own.translate("борща Щукарь").text == "soup Shchukar the Angler"
    assert own.version != Glossary.load(TableLemmatizer().lemmas).version


@pytest.mark.parametrize("line", ["борщ borscht", "\tborscht", "борщ\tborscht\nБорщ\tsoup"])
def test_a_damaged_file_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(ValueError, match=r"line \d"):
        parse("кот\tcat\n" + line)


def test_it_knows_its_words(glossary: Glossary) -> None:
    assert all(map(glossary.knows, ("борщ", "борща", "roblox", "cats")))
    assert not any(map(glossary.knows, ("щукарь", "rjn")))


def test_translation_is_fast(glossary: Glossary) -> None:
    text = "сегодня я расскажу вам как приготовить вкусный борщ для всей семьи " * 9  # 99 words

    def seconds() -> float:
        start = time.perf_counter()
        glossary.translate(text)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.03


def test_terms_are_found_in_any_inflection_with_their_places(glossary: Glossary) -> None:
    text = "как играть в  роблоксе с мамой"
    (term,) = glossary.terms(text)
    assert clean(text)[term.start : term.end] == "роблоксе"
    assert term.target == "roblox"


def test_the_ordinary_dictionary_has_no_terms(glossary: Glossary) -> None:
    assert glossary.translate("кот сварил борщ").covered == 1.0
    assert glossary.terms("кот сварил борщ") == ()


def test_the_longest_phrase_of_terms_wins() -> None:
    glossary = small("бравл\tbrawl", "бравл старс\tBrawl Stars", "старс\tstars")
    assert [term.target for term in glossary.terms("бравл старс, бравл; старс")] == [
        "Brawl Stars",
        "brawl",
        "stars",
    ]


def test_an_added_word_is_a_term_even_within_a_phrase_of_the_dictionary() -> None:
    extra = [Entry("рождения", ("Rozhdenia (a band)",))]
    glossary = Glossary.load(TableLemmatizer().lemmas, extra=extra)
    assert glossary.translate("день рождения").text == "birthday"
    assert [term.target for term in glossary.terms("день рождения")] == ["Rozhdenia (a band)"]


def test_a_term_is_written_as_the_text_writes_it(glossary: Glossary) -> None:
    assert [term.target for term in glossary.terms("Роблокс")] == ["Roblox"]


def test_whether_an_entry_is_a_term_is_part_of_the_version() -> None:
    lemmas = TableLemmatizer().lemmas
    versions = {Glossary([Entry("кот", ("cat",), term)], lemmas).version for term in (True, False)}
    assert len(versions) == 2
