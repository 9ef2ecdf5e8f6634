from __future__ import annotations

from kadr.core.terms import Text, captions, terms


def said(*texts: str) -> list[Text]:
    return [Text(number, text) for number, text in enumerate(texts)]


def listed(*texts: str) -> dict[str, float]:
    return {found.text: found.worth for found in terms(said(*texts)).values()}


def test_what_one_video_says_is_no_term() -> None:
    assert listed("варить борщ долго") == {}
    assert terms([Text(1, "варить борщ"), Text(1, "варить борщ")]) == {}


def test_what_occurs_within_longer_terms_only_is_no_term_of_its_own() -> None:
    found = listed("вот домашний борщ", "а домашний борщ там")
    assert set(found) == {"домашний борщ"}


def test_a_part_that_also_stands_alone_is_one() -> None:
    found = listed("домашний борщ", "домашний борщ", "любимый борщ", "этот борщ", "красный борщ")
    assert set(found) == {"домашний борщ", "борщ"}
    assert found["борщ"] == 5 - 2  # log2(1 + 1) times what is not in "домашний борщ"


def test_terms_have_no_loose_ends() -> None:
    found = listed("как варить борщ и потом", "как варить борщ и потом")
    assert "как варить борщ" in found
    assert not any(text.endswith((" и", " как")) or text.startswith("и ") for text in found)


def test_frequent_words_and_numbers_alone_are_no_terms() -> None:
    assert listed("и что 100", "и что 100") == {}


def test_words_that_everything_is_full_of_are_no_terms() -> None:
    zipf = {"первый": 5.6, "борщ": 3.3, "новый": 5.6, "год": 5.8}

    def usual(word: str) -> float:
        return zipf.get(word, 6.0)

    texts = said("первый там", "первый тут", "борщ там", "борщ тут", "новый год", "новый год")
    found = {each.text: each.worth for each in terms(texts, usual=usual).values()}
    assert set(found) == {"борщ", "новый год"}  # together, usual words say something
    assert found["борщ"] > found["новый год"]
    assert [each.text for each in captions(said("Первый", "Борщ!"), usual=usual).values()] == ["борщ"]


def test_a_term_is_written_as_it_usually_is() -> None:
    assert set(listed("Ёжик", "ежик", "ёжик")) == {"ёжик"}
    assert set(listed("Wi-Fi дома", "wi-fi дома")) == {"wi-fi дома"}


def test_captions_are_short_texts_counted_in_videos() -> None:
    texts = said("Рецепт борща", "РЕЦЕПТ БОРЩА!", "и", "5", "очень длинный текст о том как варить этот борщ")
    found = {each.text: each.worth for each in captions([*texts, Text(0, "рецепт борща")]).values()}
    assert found == {"рецепт борща": 2}
