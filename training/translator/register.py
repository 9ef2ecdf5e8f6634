"""Handing a fine-tuned translator over to whoever translates, and taking it back."""

from __future__ import annotations

import shutil
from pathlib import Path

from kadr.core.errors import WeightsRefusedError
from kadr.models import active, catalogue, registry
from kadr.models.catalogue import Role
from kadr.models.folders import replacing
from kadr.models.registry import InstalledModel, Origin

RECIPE = "training.translator 1"


def register(
    model: InstalledModel, models_dir: Path, *, source: str, revision: str, checks: dict[str, float]
) -> InstalledModel:
    """Copy a converted model into the models directory, with where it comes from and how good it is.

    Raises:
        WeightsRefusedError: another model has that name: what is in use is never overwritten.
    """
    place = models_dir / Role.TRANSLATION / model.variant
    if (place / registry.MANIFEST).is_file():
        there = registry.open_directory(place)
        if there.version != model.version:
            raise WeightsRefusedError(
                f"{place} holds another model ({there.version}); give this one a --variant of its own"
            )
        return there
    with replacing(place) as part:
        for name in model.files:
            shutil.copyfile(model.file(name), part / name)
        registry.write_manifest(
            part,
            catalogue.entries(Role.TRANSLATION)[0],
            variant=model.variant,
            files=model.files,
            converted_by=RECIPE,
            checks=checks,
            origin=Origin(source=source, revision=revision, licence="that of the model it was tuned from"),
        )
    return registry.open_directory(place)


def use(variant: str, models_dir: Path) -> None:
    """Translate with this variant from now on; errors as :func:`kadr.models.active.choose`."""
    active.choose(
        Role.TRANSLATION, variant, models_dir, there=registry.variants(Role.TRANSLATION, models_dir)
    )
