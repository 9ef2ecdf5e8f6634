"""What a lemmatiser promises, kept by the stand-in of the unit tests and by pymorphy's dictionary."""

from __future__ import annotations

import pytest

from kadr.adapters.glossary_translator import GlossaryTranslator
from kadr.adapters.pymorphy import Pymorphy
from kadr.core.glossary import Entry, Glossary
from kadr.core.query import Vocabulary, understand
from kadr.ports.embedding import Lemmatizer, Translator
from tests.lemmatizers import TableLemmatizer


@pytest.fixture(params=[TableLemmatizer, Pymorphy])
def lemmatizer(request: pytest.FixtureRequest) -> Lemmatizer:
    made: Lemmatizer = request.param()
    return made


@pytest.fixture(scope="module")
def glossary() -> Glossary:
    return Glossary.load(Pymorphy().lemmas, Pymorphy().known)


@pytest.mark.parametrize(
    ("form", "lemma"),
    [("котики", "котик"), ("борща", "борщ"), ("сварил", "сварить"), ("людей", "человек"), ("дня", "день")],
)
def test_the_likeliest_dictionary_form_comes_first(lemmatizer: Lemmatizer, form: str, lemma: str) -> None:
    assert lemmatizer.lemmas(form)[0] == lemma


def test_every_reading_of_an_ambiguous_form_is_given(lemmatizer: Lemmatizer) -> None:
    assert set(lemmatizer.lemmas("стали")) == {"стать", "сталь"}


def test_a_dictionary_form_is_among_its_own_lemmas(lemmatizer: Lemmatizer) -> None:
    assert "борщ" in lemmatizer.lemmas("борщ")


@pytest.mark.parametrize("word", ["roblox", "2024", "роблокс", "ъъъ"])
def test_unknown_words_have_a_lemma_too(lemmatizer: Lemmatizer, word: str) -> None:
    assert lemmatizer.lemmas(word)[0]


def test_lemmas_are_folded(lemmatizer: Lemmatizer) -> None:
    assert lemmatizer.lemmas("ежа")[0] == "еж"  # not ёж


def test_known_tells_words_from_misspelt_ones() -> None:
    pymorphy = Pymorphy()
    assert pymorphy.known("котиками")
    assert not pymorphy.known("котткими")


@pytest.mark.parametrize(
    ("russian", "english"),
    [
        ("как сварить борщ", "how to cook borscht"),
        ("смешных котиков в роблоксе", "funny cat in roblox"),
        ("домашними животными", "pets"),
        ("на дне рождения", "on birthday"),
        ("денег нет", "money no"),
        ("лайфхаками для мамы", "life hack for mom"),
        ("в Москве и в Питере", "in Moscow and in Saint Petersburg"),
    ],
)
def test_inflected_russian_is_translated(glossary: Glossary, russian: str, english: str) -> None:
    assert glossary.translate(russian).text == english


def test_names_in_any_case_come_out_the_same(glossary: Glossary) -> None:
    assert glossary.translate("Лолитой").text == glossary.translate("Лолита").text == "Lolita"


def test_the_translator_is_versioned_by_its_data(glossary: Glossary) -> None:
    translator: Translator = GlossaryTranslator(glossary)
    assert translator.translate("борщ") == "borscht"
    assert translator.translate("borscht 2024") == "borscht 2024"
    other = Glossary.load(Pymorphy().lemmas, extra=[Entry("борщ", ("beetroot soup",))])
    assert GlossaryTranslator(other).model_version != translator.model_version
    assert GlossaryTranslator(other).translate("борща") == "beetroot soup"


def test_real_words_outside_the_index_are_not_corrected(glossary: Glossary) -> None:
    def corrected(text: str) -> str:
        return understand(text, glossary, Vocabulary({"коняга": 1}), dictionary=Pymorphy().known).corrected

    assert corrected("коряга") == "коряга"  # is in the dictionary
    assert corrected("коняпа") == "коняга"


@pytest.mark.parametrize(
    ("form", "english"),
    [
        ("вайба", "vibe"),
        ("роналду", "Ronaldo"),
        ("влюблённые", "in love"),
        ("дотой", "dota"),
        ("смешариков", "smeshariki"),
    ],
)
def test_words_that_the_dictionary_bends_wrong_are_found(glossary: Glossary, form: str, english: str) -> None:
    assert glossary.translate(form).text == english


@pytest.mark.parametrize(
    ("russian", "english"),
    [
        ("так варят борщ", "so cook borscht"),
        ("надя танцует", "nadya dance"),
        ("сито и сити", "sieve and city"),
        ("пушков", "pushok"),  # no пушка
        ("раскопках", "excavations"),
        ("омской области", "Omsk region"),
        ("согласна", "agree"),
        ("постель", "bed"),
        ("постулат", "postulat"),
        ("постмодернизм", "postmodernizm"),
        ("рецепт бобов", "recipe bean"),
    ],
)
def test_words_that_the_dictionary_has_are_taken_for_no_others(
    glossary: Glossary, russian: str, english: str
) -> None:
    assert glossary.translate(russian).text == english


def test_everyday_sentences_are_covered(glossary: Glossary) -> None:
    sentences = [
        "Сегодня мы с мамой готовим вкусный ужин на всю семью",
        "Мой кот снова спит на клавиатуре и мешает мне работать",
        "Пять упражнений для спины, которые можно делать дома каждый день",
        "Почему самолёты летают так высоко и не падают?",
        "Лучшие места для отдыха с детьми этим летом",
    ]
    for sentence in sentences:
        translation = glossary.translate(sentence)
        assert translation.covered == 1.0, translation.pieces
        assert translation.text.isascii()
