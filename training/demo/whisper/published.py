"""The weights of the converted model, to train on from where ``train.pt`` is not kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kadr.models.ctranslate2_file import Array, floats, variables


def load(path: Path, whisper: Any) -> None:
    """Put the weights of CTranslate2's ``model.bin`` into transformers' ``whisper``, as far as 8 bits allow.

    Raises:
        ValueError: the file has a model of another shape, or none.
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


def _of(stored: dict[str, Array], name: str) -> npt.NDArray[np.float32]:
    """The tensor that transformers calls ``name``: ``model.encoder.layers.0.self_attn.q_proj.weight``."""
    _, place, *parts, last = name.split(".")
    if parts[0] == "layers":
        place, parts = f"{place}/layer_{parts[1]}", parts[2:]
    part = ".".join(parts)
    if part in _NORMS:
        return floats(stored, f"{place}/{_NORMS[part]}/{_OF_A_NORM[last]}")
    if part in _TABLES:
        return floats(stored, f"{place}/{_TABLES[part]}")
    product, at, of = _PRODUCTS.get(part, (part, 0, 1))  # convolutions are called the same
    return np.split(floats(stored, f"{place}/{product}/{last}"), of)[at]
