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


# Query, key and value of a layer's own words are one product; of what is heard, key and value are.
_PRODUCTS = {
    "fc1": ("ffn/linear_0", 0, 1),
    "fc2": ("ffn/linear_1", 0, 1),
    "self_attn.q_proj": ("self_attention/linear_0", 0, 3),
    "self_attn.k_proj": ("self_attention/linear_0", 1, 3),
    "self_attn.v_proj": ("self_attention/linear_0", 2, 3),
    "self_attn.out_proj": ("self_attention/linear_1", 0, 1),
    "encoder_attn.q_proj": ("attention/linear_0", 0, 1),
    "encoder_attn.k_proj": ("attention/linear_1", 0, 2),
    "encoder_attn.v_proj": ("attention/linear_1", 1, 2),
    "encoder_attn.out_proj": ("attention/linear_2", 0, 1),
}
_TABLES = {"embed_positions": "position_encodings/encodings", "embed_tokens": "embeddings/weight"}
_NORMS = {
    "layer_norm": "layer_norm",
    "self_attn_layer_norm": "self_attention/layer_norm",
    "encoder_attn_layer_norm": "attention/layer_norm",
    "final_layer_norm": "ffn/layer_norm",
}
_OF_A_NORM = {"weight": "gamma", "bias": "beta"}


def _of(stored: dict[str, Array], name: str) -> Array:
    """The tensor that transformers calls ``name``: ``model.encoder.layers.0.self_attn.q_proj.weight``."""
    _, place, *parts, last = name.split(".")
    if parts[0] == "layers":
        place, parts = f"{place}/layer_{parts[1]}", parts[2:]
    part = ".".join(parts)
    if part in _NORMS:
        return stored[f"{place}/{_NORMS[part]}/{_OF_A_NORM[last]}"]
    if part in _TABLES:
        return stored[f"{place}/{_TABLES[part]}"]
    product, at, of = _PRODUCTS.get(part, (part, 0, 1))  # convolutions are called the same
    return np.split(stored[f"{place}/{product}/{last}"], of)[at]
