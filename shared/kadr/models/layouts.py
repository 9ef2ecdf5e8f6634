"""Telling by their names what kind of weights lie somewhere, and which of the files are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.models.catalogue import Engine, Role, Weights
from kadr.models.pickles import named_like_a_pickle

MANIFEST = "manifest.json"


class Layout(StrEnum):
    """What has to be done with the files."""

    PUBLISHED = "published"  # converted, with a manifest: taken as it is
    READY = "ready"  # in a format that is loaded at run time: described
    ORIGINAL = "original"  # as their authors publish them: converted


@dataclass(frozen=True, slots=True)
class Contents:
    """What was recognised. ``pickles`` are those of ``names`` that have to be read as pickles first."""

    layout: Layout
    names: tuple[str, ...]
    pickles: tuple[str, ...] = ()


# What belongs to a CTranslate2 model beside the files that the catalogue names: vocabularies above all.
_READY_EXTRAS = ("*.json", "*vocabulary.txt")
# Transformers' layout. Python files and everything that is not named here stay where they are.
_TRANSFORMERS_EXTRAS = ("*.json", "vocab.txt", "merges.txt", "*.spm")
SHARDS = "model-?????-of-?????.safetensors"
# What an original must have, and the pickle that stands in for a file of tensors.
_ORIGINALS: Mapping[Role, tuple[tuple[str, ...], Mapping[str, str]]] = {
    Role.TEXT: (("model.safetensors", "tokenizer.json"), {}),
    Role.VISUAL: (("model.safetensors", "config.json"), {"model.safetensors": "pytorch_model.bin"}),
    Role.SPEECH: (("model.safetensors", "config.json"), {"model.safetensors": "pytorch_model.bin"}),
    Role.TRANSLATION: (
        ("model.safetensors", "config.json", "source.spm", "target.spm"),
        {"model.safetensors": "pytorch_model.bin"},
    ),
    Role.OCR: (
        ("craft_mlt_25k.safetensors", "cyrillic_g2.safetensors"),
        {
            "craft_mlt_25k.safetensors": "craft_mlt_25k.pth",
            "cyrillic_g2.safetensors": "cyrillic_g2.pth",
        },
    ),
}


def recognise(weights: Weights, names: Iterable[str], where: str, *, unpickle: bool = False) -> Contents:
    """Say what the files called ``names`` are to the entry ``weights``; ``where`` is for messages.

    Weights that are in a loadable format already are preferred where the engine's format is unmistakable
    (CTranslate2); an ONNX graph might have any inputs, so there the original is.

    Raises:
        WeightsUnavailableError: they are not such weights.
        WeightsRefusedError: they exist as a pickle only, and ``unpickle`` was not asked for.
    """
    there = {name for name in names if "/" not in name}
    if MANIFEST in there:
        return Contents(Layout.PUBLISHED, (MANIFEST,))
    ready = all(name in there for name in weights.files)
    if ready and weights.engine is Engine.CTRANSLATE2:
        return Contents(Layout.READY, _with(weights.files, there, _READY_EXTRAS))
    if weights.role in _ORIGINALS:
        original = _original(weights.role, there, where, unpickle=unpickle)
        if original is not None:
            return original
    if ready:
        return Contents(Layout.READY, _with(weights.files, there, ("*.json",)))
    raise WeightsUnavailableError(weights.role, _missing(weights, there, where))


def _original(role: Role, there: set[str], where: str, *, unpickle: bool) -> Contents | None:
    needed, stand_ins = _ORIGINALS[role]
    extras = () if role is Role.OCR else _TRANSFORMERS_EXTRAS
    found: list[str] = []
    pickles: list[str] = []
    for name in needed:
        if name in there:
            found.append(name)
        elif name == "model.safetensors" and role is not Role.TEXT and (shards := _matching(there, SHARDS)):
            found += shards
        elif stand_ins.get(name) in there:
            pickles.append(stand_ins[name])
        else:
            return None
    if pickles and not unpickle:
        raise WeightsRefusedError(
            f"{where} has the weights only as a pickle ({', '.join(pickles)}), which can run code when it is "
            "opened. Where its author also publishes safetensors, take those; else --unpickle reads it with "
            "an unpickler that admits nothing but tensors, in a process of its own"
        )
    return Contents(Layout.ORIGINAL, _with((*found, *pickles), there, extras), tuple(pickles))


def _with(names: Iterable[str], there: set[str], patterns: Iterable[str]) -> tuple[str, ...]:
    extra = {name for pattern in patterns for name in _matching(there, pattern)} - {MANIFEST}
    return tuple(sorted({*names, *extra}))


def _matching(names: Iterable[str], pattern: str) -> list[str]:
    return [name for name in names if fnmatchcase(name, pattern) and not name.startswith(".")]


def _missing(weights: Weights, there: set[str], where: str) -> str:
    wanted = [f"converted weights ({', '.join(weights.files)})"]
    if weights.role in _ORIGINALS:
        wanted.insert(0, f"published ones ({', '.join(_ORIGINALS[weights.role][0])})")
    wanted.append(f"a folder with {MANIFEST}")
    others = [name for name in there if named_like_a_pickle(name)]
    pickled = f"; a pickle like {sorted(others)[0]} is not opened" if others else ""
    return f"{where} lacks weights for {weights.role}: it should have {', or '.join(wanted)}{pickled}"
