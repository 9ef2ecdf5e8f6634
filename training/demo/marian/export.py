"""The trained translator in the form that is loaded, in 8 bits, with a card that says what it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from kadr.models import catalogue, convert
from kadr.models.catalogue import Role
from kadr.models.registry import InstalledModel
from training.demo.marian.evaluate import Figures
from training.translator import model as marian
from training.translator.register import register

MODELS, CARD = "models", "card.md"  # in the working folder


def restored(folder: Path, to: Path) -> Path:
    """Write the model of ``train.pt`` in transformers' layout.

    Raises:
        SystemExit: nothing has been trained yet.
    """
    import torch

    path = folder / "train.pt"
    if not path.is_file():
        raise SystemExit(f"{path} is not there: run python -m training.demo.marian train first")
    net = marian.load(folder / "base")
    net.load_state_dict(torch.load(path, weights_only=True)["net"])
    to.mkdir(parents=True, exist_ok=True)
    marian.save(net, folder / "base", to)
    return to


def converted(source: Path, variant: str, models_dir: Path) -> InstalledModel:
    """Return a model in transformers' layout as it is loaded, in 8 bits."""
    weights = next(each for each in catalogue.entries(Role.TRANSLATION) if not each.demo)
    return convert.convert(weights, variant, source, models_dir)


def registered(model: InstalledModel, models_dir: Path, figures: Mapping[str, Figures]) -> InstalledModel:
    """Copy the converted model to ``models_dir`` with what was measured in its manifest."""
    checks = {
        f"{what} of {name}": round(value, 4)
        for name, found in figures.items()
        for what, value in (("exact", found.exact), ("chrf", found.chrf), ("degenerate", found.degenerate))
    }
    return register(
        model,
        models_dir,
        source="trained by Kadr: python -m training.demo.marian",
        revision="",
        checks=checks,
    )


def card(to: Path, figures: Mapping[str, Mapping[str, Figures]], facts: Mapping[str, Any]) -> None:
    """Write the card: ``figures`` by set and translator."""
    rows = [
        f"| {name} | {way} | {' | '.join(found.row())} |"
        for name, ways in figures.items()
        for way, found in ways.items()
    ]
    text = Template(Path(__file__).with_name("card.md").read_text(encoding="utf-8"))
    to.write_text(text.substitute(figures="\n".join(rows), **facts), encoding="utf-8")
