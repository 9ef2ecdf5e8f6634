"""Reading pairs, and holding some out without a leak."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lemmatizers import TableLemmatizer
from training.translator.pairs import Pair, PairsRefusedError, keys, read, split

LEMMAS = TableLemmatizer().lemmas


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_pairs_are_read_once_each(tmp_path: Path) -> None:
    path = write(
        tmp_path / "p.tsv", "\ufeff# slang\nкот\tcat|tomcat\n\nКот  \t cat \nкот\tcat\nборщ\tborscht\tnote\n"
    )
    assert read(path) == (Pair("кот", "cat"), Pair("Кот", "cat"), Pair("борщ", "borscht"))


@pytest.mark.parametrize("line", ["кот cat", "кот\t", "\tcat", "кот\t  "])
def test_a_line_that_is_no_pair_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(PairsRefusedError, match="line 2: expected russian<TAB>english"):
        read(write(tmp_path / "p.tsv", f"борщ\tborscht\n{line}\n"))


def test_an_empty_file_and_another_encoding_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PairsRefusedError, match="has no pairs"):
        read(write(tmp_path / "p.tsv", "# nothing\n"))
    (tmp_path / "q.tsv").write_bytes("кот\tcat".encode("cp1251"))
    with pytest.raises(PairsRefusedError, match="is not UTF-8"):
        read(tmp_path / "q.tsv")


def many() -> list[Pair]:
    words = ["кот", "кота", "Кот!", "ёж", "ежа", "борщ", "борща", "стали", "стать", "сталь", "день", "дня"]
    return [Pair(word, word) for word in words] + [Pair(f"слово{n}", f"word {n}") for n in range(60)]


@pytest.mark.parametrize("seed", range(8))
def test_no_source_that_is_held_out_is_learnt_in_another_form(seed: int) -> None:
    found = split(many(), LEMMAS, held_out=30, seed=seed)
    assert 25 <= len(found.held_out) <= 30
    assert len(found.learn) + len(found.held_out) == len(many())
    learnt = set().union(*(keys(pair.source, LEMMAS) for pair in found.learn))
    for pair in found.held_out:
        assert not keys(pair.source, LEMMAS) & learnt, pair


def test_every_reading_of_a_word_counts() -> None:
    assert {"стать", "сталь", "стали"} <= keys("Стали", LEMMAS)
    for seed in range(8):
        found = split(many(), LEMMAS, held_out=30, seed=seed)
        for side in (found.learn, found.held_out):
            assert len({"стать", "сталь", "стали"} & {pair.source for pair in side}) in {0, 3}


def test_what_is_taught_as_slang_is_not_held_out() -> None:
    for seed in range(8):
        found = split(
            many(), LEMMAS, held_out=60, seed=seed, taught=[Pair("котики", "kitties"), Pair("ежа", "x")]
        )
        assert not {"ёж", "ежа"} & {pair.source for pair in found.held_out}


def test_the_same_seed_is_the_same_split() -> None:
    one, same, other = (split(many(), LEMMAS, held_out=20, seed=seed, learn=30) for seed in (1, 1, 2))
    assert one == same != other
    assert len(one.learn) == 30
