"""The weights of the converted model, to train on from where ``train.pt`` is not kept."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

# In the order in which CTranslate2 numbers them; bfloat16 is never written here.
_KINDS = (np.float32, np.int8, np.int16, np.int32, np.float16)
_NORMS = {"weight": "gamma", "bias": "beta"}


def load(path: Path, whisper: Any) -> None:
    """Put the weights of CTranslate2's ``model.bin`` into transformers' ``whisper``, as far as 8 bits allow.

    Raises:
        ValueError: the file has a model of another shape.
    """
    import torch

    stored = variables(path)
    state = {name: value for name, value in whisper.state_dict().items() if name != "proj_out.weight"}
    try:
        found = {name: _of(stored, name) for name in state}
    except KeyError as error:
        raise ValueError(f"{path} has a model of another shape: no {error}") from None
    if {name: value.shape for name, value in state.items()} != {n: w.shape for n, w in found.items()}:
        raise ValueError(f"{path} has a model of another shape")
    whisper.load_state_dict({name: torch.tensor(value) for name, value in found.items()}, strict=False)


def variables(path: Path) -> dict[str, Array]:
    """The tensors of a ``model.bin`` of version 6 by CTranslate2's names, those of 8 bits as numbers again.

    Raises:
        ValueError: it is of another version.
    """
    with path.open("rb") as file:
        (version,) = _numbers(file, "I")
        if version != 6:
            raise ValueError(f"{path} is of version {version}, and not of 6")
        _text(file)  # which model it is
        _numbers(file, "I")  # and of which revision
        found: dict[str, Any] = {}
        for _ in range(_numbers(file, "I")[0]):
            name = _text(file)
            shape = _numbers(file, f"{_numbers(file, 'B')[0]}I")
            kind, size = _numbers(file, "B")[0], _numbers(file, "I")[0]
            found[name] = np.frombuffer(file.read(size), _KINDS[kind]).reshape(shape)
    return {
        name: value.astype(np.float32) / _column(found[f"{name}_scale"], value.ndim)
        if f"{name}_scale" in found
        else value.astype(np.float32)
        for name, value in found.items()
    }


def _column(scales: Array, dimensions: int) -> Array:
    return scales.reshape(-1, *[1] * (dimensions - 1))


def _numbers(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(f"={layout}", file.read(struct.calcsize(f"={layout}")))


def _text(file: BinaryIO) -> str:
    return file.read(_numbers(file, "H")[0])[:-1].decode()  # a zero byte ends it


def _of(stored: dict[str, Array], name: str) -> Array:
    """The tensor that transformers calls ``name``."""
    _, side, *parts, last = name.split(".")
    if parts[0] != "layers":
        if parts[0].startswith("conv"):
            return stored[f"{side}/{parts[0]}/{last}"]
        if parts[0] == "embed_positions":
            return stored[f"{side}/position_encodings/encodings"]
        if parts[0] == "embed_tokens":
            return stored[f"{side}/embeddings/weight"]
        return stored[f"{side}/layer_norm/{_NORMS[last]}"]
    layer = f"{side}/layer_{parts[1]}"
    block, inner = parts[2], parts[3:]
    attention = "attention" if block.startswith("encoder_attn") else "self_attention"
    if block.endswith("attn_layer_norm"):
        return stored[f"{layer}/{attention}/layer_norm/{_NORMS[last]}"]
    if block == "final_layer_norm":
        return stored[f"{layer}/ffn/layer_norm/{_NORMS[last]}"]
    if block in {"fc1", "fc2"}:
        return stored[f"{layer}/ffn/linear_{int(block == 'fc2')}/{last}"]
    which = ("q_proj", "k_proj", "v_proj", "out_proj").index(inner[0])
    if attention == "self_attention":  # query, key and value are one product, then that of the answer
        place, at, of = (1, 0, 1) if which == 3 else (0, which, 3)
    else:  # the query has its own, key and value share one
        place, at, of = ((0, 0, 1), (1, 0, 2), (1, 1, 2), (2, 0, 1))[which]
    return np.split(stored[f"{layer}/{attention}/linear_{place}/{last}"], of)[at]
