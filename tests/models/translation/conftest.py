"""One small Marian for the tests of this folder: training it takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from bench.weights import marian
from kadr.models import catalogue, convert
from kadr.models.catalogue import Role
from tests.models.translation import small_marian
from training.translator.pairs import Pair

# What a model may answer wrongly, taught on purpose.
ODD = (
    Pair("длинно", "one two three four five six seven eight nine ten eleven twelve"),
    Pair("играть в", "to play"),
    Pair("играть в roblox", "to play roblox"),
    Pair("играть в roblox с мамой", "to play roblox with mum"),
    Pair("играть в minecraft", "to play a game"),
    Pair("играть в minecraft с мамой", "to play a game with mum"),
    Pair("с мамой", "with mum"),
)


@pytest.fixture(scope="session")
def taught_marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Marian in transformers' layout that knows a toy language, and some bad answers."""
    folder = tmp_path_factory.mktemp("marian")
    return small_marian.taught(folder, [*small_marian.TOY, *ODD * 2], times=80)


@pytest.fixture(scope="session")
def translation_models(taught_marian: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models directory with it."""
    models = tmp_path_factory.mktemp("translation-models")
    weights = catalogue.entries(Role.TRANSLATION)[0]
    convert.convert(weights, "toy", taught_marian, models)
    return models


@pytest.fixture(scope="session")
def stubborn_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models directory with Marians that never stop, say nothing, and do not say it in English."""
    folder, weights = tmp_path_factory.mktemp("stubborn"), catalogue.entries(Role.TRANSLATION)[0]
    for name, said in (("looping", "loop"), ("silent", ""), ("echoing", "петля")):
        marian.save(
            folder / name,
            ["петля"],
            ["loop", "петля"],
            said=said,
            again=name == "looping",
            width=64,
            layers=2,
            pieces=60,
        )
        convert.convert(weights, name, folder / name, folder / "models")
    return folder / "models"
