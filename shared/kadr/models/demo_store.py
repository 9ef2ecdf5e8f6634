"""The demo weights of a checkout: installed where a role has nothing else, never in the way of anything else.

They lie in the checkout's ``models``, a store as ``kadr models publish`` fills it. What may be taken from it
is said by the package (:func:`kadr.models.catalogue.demo_entries`): files with other checksums are refused,
whatever the store's own manifest says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.models import convert, registry
from kadr.models.catalogue import CATALOGUE, Role, Weights
from kadr.models.layouts import MANIFEST
from kadr.models.registry import InstalledModel

STORE = "models"  # in the root of the checkout


@dataclass(frozen=True, slots=True)
class Installation:
    """What :func:`install` has done: ``installed`` now, and why others were refused, by role."""

    installed: tuple[InstalledModel, ...]
    refused: dict[Role, str]


def registered() -> tuple[Weights, ...]:
    """Return the catalogue's entries of demo weights."""
    return tuple(weights for weights in CATALOGUE if weights.demo)


def install(store: Path, models_dir: Path, entries: Sequence[Weights] | None = None) -> Installation:
    """Copy the demo weights (all that the catalogue has, unless told) of every role that has no others.

    Each file is verified. Those that are there as they should be are left alone; others of that name (of an
    older checkout) are replaced. A role that has any other weights, even refused ones, is not touched:
    somebody means to use those.
    """
    done: list[InstalledModel] = []
    refused: dict[Role, str] = {}
    for weights in registered() if entries is None else entries:
        others = set(registry.variants(weights.role, models_dir)) - {weights.variant}
        if others or not (store / weights.role / weights.variant / MANIFEST).is_file():
            continue
        try:
            if not _there(weights, models_dir):
                done.append(take(weights, store, models_dir))
        except (WeightsRefusedError, WeightsUnavailableError) as error:
            refused[weights.role] = str(error)
    return Installation(tuple(done), refused)


def take(weights: Weights, store: Path, models_dir: Path) -> InstalledModel:
    """Copy one entry's files from ``store``.

    Raises:
        WeightsUnavailableError: the store does not have them.
        WeightsRefusedError: a file is not the registered one.
    """
    source = store / weights.role / weights.variant
    if not (source / MANIFEST).is_file():
        raise WeightsUnavailableError(
            weights.role, f"{source} has no {MANIFEST}: the demo weights come with a clone of the project"
        )
    convert.check_sources(source, weights)
    manifest = registry.parse_manifest((source / MANIFEST).read_bytes(), str(source / MANIFEST))
    if manifest.files.keys() != weights.known.keys():
        raise WeightsRefusedError(f"{source / MANIFEST} names other files than those that were registered")
    return convert.take_published(weights.role, weights.variant, source, models_dir)


def _there(weights: Weights, models_dir: Path) -> bool:
    """Whether the registered files are installed, undamaged."""
    try:
        model = registry.open_directory(models_dir / weights.role / weights.variant)
        model.verified()
    except (WeightsUnavailableError, WeightsRefusedError):
        return False
    return {name: file.sha256 for name, file in model.files.items()} == weights.known
