"""How good the translators are on a sample, as ``python -m bench.translation`` measures it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.translation import SAMPLE, Quality, evaluate, measure, read
from kadr.adapters.wordfreq import language_words
from kadr.core.errors import DependencyError
from tests.lemmatizers import TableLemmatizer
from tests.needs import lacking


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Quality]:
    try:
        language = language_words()
    except DependencyError as error:
        lacking(str(error))
    return measure(read(SAMPLE), language, tmp_path_factory.mktemp("no weights"))


def test_the_glossary_alone(found: dict[str, Quality]) -> None:
    quality = found["glossary"]
    assert quality.exact >= 0.45
    assert quality.untranslated <= 0.35


def test_what_a_query_gets_without_a_model(found: dict[str, Quality]) -> None:
    quality = found["dictionary"]
    assert quality.exact >= 0.65
    assert quality.chrf >= 75
    assert quality.untranslated <= 0.05


def test_without_weights_nothing_is_called_neural(found: dict[str, Quality]) -> None:
    assert set(found) == {"glossary", "dictionary"}


def test_measures() -> None:
    lemmas = TableLemmatizer().lemmas
    pairs = [("Кот", "cat"), ("щукарь", "Angler!"), ("щукарь", "shchukar")]
    assert evaluate(lambda text: text, pairs, lemmas) == Quality(3, 0.0, 0.0, 1.0)
    perfect = evaluate(lambda text: dict(pairs[:2])[text], pairs[:2], lemmas)
    assert perfect == Quality(2, 1.0, 100.0, 0.0)
    letters = evaluate(lambda _: "Shchukar", pairs[1:], lemmas)
    assert (letters.exact, letters.untranslated) == (0.5, 0.5)  # right where the reference has it so


def test_a_file_of_pairs(tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text("# comment\nкот\tcat\n\nпёс\n", encoding="utf-8")
    assert read(file) == [("кот", "cat")]
