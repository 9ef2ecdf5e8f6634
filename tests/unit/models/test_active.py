"""Choosing which installed variant of a role is used, and taking it back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.models import active, catalogue, registry
from kadr.models.catalogue import Role

KNOWN = catalogue.entries(Role.TRANSLATION)[0].variant


def install(models: Path, variant: str) -> None:
    directory = models / Role.TRANSLATION / variant
    directory.mkdir(parents=True)
    (directory / "model.bin").write_bytes(variant.encode())
    registry.write_manifest(
        directory,
        catalogue.entries(Role.TRANSLATION)[0],
        variant=variant,
        files=["model.bin"],
        converted_by="a test",
    )


def use(models: Path, variant: str) -> None:
    active.choose("translation", variant, models, there=registry.variants("translation", models))


def used(models: Path) -> str:
    return registry.require("translation", models).variant


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for variant in ("ours-1", "ours-2", KNOWN):
        install(tmp_path, variant)
    return tmp_path


def test_the_catalogue_decides_until_somebody_chooses(models: Path) -> None:
    assert used(models) == KNOWN
    use(models, "ours-1")
    assert used(models) == "ours-1"


def test_choices_are_taken_back_one_by_one(models: Path) -> None:
    use(models, "ours-1")
    use(models, "ours-2")
    assert used(models) == "ours-2"
    assert active.take_back("translation", models) == "ours-1"
    assert used(models) == "ours-1"
    assert active.take_back("translation", models) == ""
    assert used(models) == KNOWN
    with pytest.raises(WeightsUnavailableError, match="nothing to take back"):
        active.take_back("translation", models)


def test_choosing_twice_is_one_choice(models: Path) -> None:
    use(models, "ours-1")
    use(models, "ours-1")
    active.take_back("translation", models)
    assert used(models) == KNOWN


def test_what_was_chosen_and_is_gone_is_passed_over(models: Path) -> None:
    use(models, "ours-1")
    use(models, "ours-2")
    (models / "translation" / "ours-2" / "manifest.json").unlink()
    assert used(models) == "ours-1"


def test_what_is_not_installed_cannot_be_chosen(models: Path) -> None:
    with pytest.raises(WeightsUnavailableError, match="not installed; installed are: ours-1, ours-2"):
        use(models, "theirs")
    assert used(models) == KNOWN


@pytest.mark.parametrize("text", ["", "{", "[]", '{"chosen": "ours-1"}', '{"chosen": [1]}'])
def test_a_damaged_choice_is_said_and_not_guessed(models: Path, text: str) -> None:
    (models / "translation" / active.ACTIVE).write_text(text)
    with pytest.raises(WeightsRefusedError, match=r"active\.json is damaged"):
        registry.installed("translation", models)


def test_the_choices_are_a_file_that_people_can_read(models: Path) -> None:
    use(models, "ours-1")
    use(models, "ours-2")
    folder = models / "translation"
    assert json.loads((folder / active.ACTIVE).read_text()) == {"chosen": ["ours-1", "ours-2"]}
    assert not list(folder.glob(".*"))
