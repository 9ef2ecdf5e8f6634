"""What themes are called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from kadr.core.blocklist import blocked
from kadr.core.theme_concepts import concepts, subjects
from kadr.core.theme_names import (
    LONGEST_NAME,
    Said,
    editors_name,
    name_of,
    numbered,
    still_fits,
    theme_terms,
    tongue,
)


def ru(*texts: str) -> list[Said]:
    return [Said(text, "", "ru") for text in texts]


def en(*texts: str) -> list[Said]:
    return [Said(text, "", "en") for text in texts]


COOKING = [ru("Как варить борщ"), ru("борщ со сметаной, рецепт"), ru("рецепт борща", "всем привет")]
SPORT = [ru("тренировка дома, всем привет"), ru("тренировка пресса"), ru("Тренировка за 5 минут")]


def test_a_theme_is_called_by_what_its_videos_have_and_others_have_not() -> None:
    cooking, sport = theme_terms([COOKING, SPORT], [ru("всем привет")])
    assert cooking[0] == "борщ"
    assert "рецепт" in cooking
    assert sport[0] == "тренировка"
    assert "привет" not in cooking + sport


def test_one_video_that_talks_a_lot_is_one_voice() -> None:
    talk = ru(*["ипотека"] * 50)
    (found,) = theme_terms([[talk, *COOKING]])
    assert "ипотека" not in found


def test_words_are_shown_in_their_dictionary_form_where_there_is_a_dictionary() -> None:
    forms = {"собаки": "собака", "собаку": "собака"}
    videos = [ru("Как приучить собаку"), ru("дрессировка: собаку учат")]
    (found,) = theme_terms([videos], lemma=lambda word: forms.get(word, word))
    assert found == ["собака"]


def test_a_theme_speaks_the_language_of_most_of_its_videos_and_english_with_translations() -> None:
    videos = [en("borscht recipe"), en("beetroot borscht"), [Said("варим борщ", "cooking borscht", "ru")]]
    (found,) = theme_terms([videos])
    assert found[0] == "borscht"
    assert not any("а" <= letter <= "я" for word in found for letter in word)
    assert tongue(videos) == "en"
    assert tongue([]) == "ru"


def test_usual_words_do_not_name_a_theme() -> None:
    zipf = {"новый": 6.0, "сырник": 2.0}
    videos = [ru("новый сырник"), ru("новый вкусный сырник")]
    (found,) = theme_terms([videos], usual=lambda word: zipf.get(word, 3.0))
    assert found[0] == "сырник"
    assert "новый" not in found


@pytest.mark.parametrize("word", ["хуй", "fuck"])
def test_an_offensive_word_names_nothing(word: str) -> None:
    assert blocked(word)
    videos: list[Sequence[Said]] = [[Said(word, "", "ru")]] * 5
    assert theme_terms([videos]) == [[]]
    with pytest.raises(ValueError, match="not shown"):
        editors_name(f"про {word}")


def test_without_common_words_there_are_no_terms() -> None:
    assert theme_terms([[[], []], [ru("раз"), ru("два"), ru("три")]]) == [[], []]
    assert theme_terms([]) == []


def test_a_name_is_the_first_terms_and_no_other_themes() -> None:
    terms = ["борщ", "рецепт", "свёкла", "сметана"]
    assert name_of(terms) == "Борщ, рецепт, свёкла"
    assert name_of(terms, {"Борщ, рецепт, свёкла"}) == "Борщ, рецепт, свёкла, сметана"
    assert name_of([]) == ""
    assert name_of(["борщ"], {"Борщ"}) == ""
    assert len(name_of(["слово" * 10, "дело" * 10, "тело" * 10])) <= LONGEST_NAME


def test_a_name_stays_while_its_words_are_still_the_themes() -> None:
    assert still_fits("Борщ, рецепт", ["рецепт", "свёкла", "борщ"])
    assert not still_fits("Борщ, рецепт", ["рецепт", "свёкла"])
    assert not still_fits("", [])


def test_a_theme_without_words_has_the_first_free_number() -> None:
    assert numbered("ru", set()) == "Тема 1"
    assert numbered("en", {"Theme 1", "Theme 2"}) == "Theme 3"


def test_an_editors_name_is_cleaned_and_has_to_say_something() -> None:
    assert editors_name("  Супы \n и  борщи ") == "Супы и борщи"
    with pytest.raises(ValueError, match="letter"):
        editors_name(" 🎉 ")
    with pytest.raises(ValueError, match="at most"):
        editors_name("я" * 81)


def test_the_list_of_subjects_has_both_languages_and_nothing_twice() -> None:
    known = concepts()
    assert len(known) > 100
    assert all(english and russian for english, russian in known.items())
    assert len(set(known.values())) == len(known)
    assert not any(blocked(text) for pair in known.items() for text in pair)


def test_a_subject_names_a_theme_only_if_most_of_its_videos_are_about_it() -> None:
    names = list(concepts())
    encoded = np.eye(len(names), dtype=np.float32)
    common = np.zeros(len(names), np.float32)
    yoga = encoded[names.index("yoga")]
    others = encoded[names.index("soup")] * 0.2 + encoded[names.index("cats")] * 0.2
    assert subjects(np.stack([yoga, yoga, yoga]), common, encoded, "ru") == ("йога",)
    assert subjects(np.stack([yoga, others, others, others]), common, encoded, "en") != ("yoga",)
    assert subjects(np.zeros((3, len(names)), np.float32), common, encoded, "ru") == ()
