"""Putting installed weights where others can pull them from: <store>/<role>/<variant>/, manifest last."""

from __future__ import annotations

from kadr.core.errors import WeightsRefusedError
from kadr.models.layouts import MANIFEST
from kadr.models.registry import InstalledModel
from kadr.models.sources import Progress, Quiet, Store


def is_there(model: InstalledModel, store: Store) -> bool:
    """Whether the store has this model, with this manifest, already."""
    return store.manifest(folder(model)) == (model.directory / MANIFEST).read_bytes()


def publish(model: InstalledModel, store: Store, progress: Progress | None = None) -> None:
    """Write an installed model to a store, every checksum verified before.

    Raises:
        WeightsRefusedError: a file is damaged, or the weights are those of a Python package.
        WeightsUnavailableError: a file is missing.
        DependencyError: the store does not answer.
    """
    if model.bundled:
        raise WeightsRefusedError(
            f"{folder(model)} comes with a Python package; whoever installs that has it: there is nothing to "
            "publish"
        )
    model.verified()
    store.put(folder(model), model.directory, [*sorted(model.files), MANIFEST], progress or Quiet())


def folder(model: InstalledModel) -> str:
    """Return where in a store a model lies."""
    return f"{model.role}/{model.variant}"
