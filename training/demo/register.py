"""Put trained demo weights into the checkout, and tell the catalogue about them.

It copies the converted weights ``<role>/demo`` of a models directory to ``models/<role>/demo`` of the
checkout, with their card as README.md, and their manifest to ``shared/kadr/models/demo/<role>.json``, which
is all that the catalogue needs to know. Both are to be committed. ``python -m training.demo.register --help``
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from kadr.core.errors import KadrError, WeightsRefusedError
from kadr.models import demo_store, registry
from kadr.models.catalogue import DEMO, Role
from kadr.models.layouts import MANIFEST
from kadr.models.sources import LocalFolder, Quiet

ROOT = Path(__file__).resolve().parents[2]
CARD = "README.md"
LICENCE = "Apache-2.0"
MOST_BYTES = 40_000_000  # all demo weights together: everybody who clones the project carries them


def register(role: Role, models_dir: Path, card: Path, recipe: str, root: Path = ROOT) -> registry.Manifest:
    """Publish ``<models_dir>/<role>/demo`` to the checkout at ``root``; return its manifest.

    Raises:
        WeightsUnavailableError: there are no such weights.
        WeightsRefusedError: a file is damaged, a visual or text model is not calibrated, or all weights
            together are too large.
    """
    model = registry.open_directory(models_dir / role / DEMO)
    model.verified()
    if role in {Role.VISUAL, Role.TEXT} and (model.calibration is None or model.calibration.provisional):
        raise WeightsRefusedError(f"{role}/{DEMO} is not calibrated: kadr models calibrate {role}")
    store = root / demo_store.STORE
    others = sum(
        path.stat().st_size
        for path in store.rglob("*")
        if path.is_file() and path.parent != store / role / DEMO
    )
    if others + model.size > MOST_BYTES:
        raise WeightsRefusedError(
            f"with {role}/{DEMO} the demo weights have {(others + model.size) / 1e6:.1f} MB; "
            f"{MOST_BYTES / 1e6:.0f} are allowed"
        )
    text = card.read_text(encoding="utf-8")
    manifest = registry.read_manifest(model.directory).model_copy(
        update={"source": f"trained by Kadr: python -m {recipe}", "licence": LICENCE, "revision": ""}
    )
    content = manifest.model_dump_json(indent=2) + "\n"
    LocalFolder(store).put(f"{role}/{DEMO}", model.directory, sorted(model.files), Quiet())
    place = store / role / DEMO
    (place / CARD).write_text(text, encoding="utf-8")
    (place / MANIFEST).write_text(content, encoding="utf-8")
    known = root / _known(role)
    known.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(place / MANIFEST, known)
    return manifest


def _known(role: Role) -> Path:
    return Path("shared", "kadr", "models", DEMO, f"{role}.json")


def main(
    role: Annotated[Role, typer.Argument(help="visual, speech or translation.")],
    models: Annotated[Path, typer.Option(help="The models directory that they were converted to.")],
    card: Annotated[Path, typer.Option(help="The model card, Markdown.")],
    recipe: Annotated[str, typer.Option(help="The module that trained them.")],
) -> None:
    """Put trained demo weights into the checkout, and tell the catalogue about them."""
    try:
        manifest = register(role, models, card, recipe)
    except KadrError as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(1) from error
    size = sum(file.size for file in manifest.files.values())
    typer.echo(f"models/{role}/{DEMO}: {size / 1e6:.1f} MB. Commit it with {_known(role)}")


if __name__ == "__main__":
    typer.run(main)
