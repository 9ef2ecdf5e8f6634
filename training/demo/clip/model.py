"""The demo CLIP: transformers' ``CLIPModel``, small enough to be trained on two cores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.demo.clip.tokens import MAX_TOKENS


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the two towers; 512 dimensions is what Kadr's visual vectors have."""

    side: int = 64  # pixels
    patch: int = 8
    width: int = 160
    layers: int = 4
    text_width: int = 128
    text_layers: int = 2
    per_head: int = 32
    dimensions: int = 512


def build(shape: Shape, tokens: int) -> Any:
    """A new model, ready to be trained. ``tokens`` is the tokenizer's size; the last one ends a text."""
    from transformers import CLIPConfig, CLIPModel

    config = CLIPConfig(
        vision_config={
            "hidden_size": shape.width,
            "intermediate_size": 4 * shape.width,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.width // shape.per_head,
            "image_size": shape.side,
            "patch_size": shape.patch,
            "hidden_act": "gelu",
            "projection_dim": shape.dimensions,
        },
        text_config={
            "hidden_size": shape.text_width,
            "intermediate_size": 4 * shape.text_width,
            "num_hidden_layers": shape.text_layers,
            "num_attention_heads": shape.text_width // shape.per_head,
            "max_position_embeddings": MAX_TOKENS,
            "vocab_size": tokens,
            "hidden_act": "gelu",
            "projection_dim": shape.dimensions,
            "pad_token_id": 0,
            "bos_token_id": 2,
            "eos_token_id": tokens - 1,
        },
        projection_dim=shape.dimensions,
    )
    # Attention as plain products: the fused kernel's backward pass took 40 % of a step on a processor.
    model = CLIPModel._from_config(config, attn_implementation="eager")
    _place_patches(model, shape)
    return model


def _place_patches(model: Any, shape: Shape) -> None:
    """Start the positions of the patches as sines of row and column: neighbours are then alike from the start
    (Beyer and others, "Better plain ViT baselines for ImageNet-1k", 2022)."""
    import torch

    grid = shape.side // shape.patch
    quarter = shape.width // 4
    speed = 1.0 / (100.0 ** (np.arange(quarter) / quarter))
    row, column = np.mgrid[0:grid, 0:grid].reshape(2, -1, 1)
    waves = [np.sin(row * speed), np.cos(row * speed), np.sin(column * speed), np.cos(column * speed)]
    table = np.concatenate(waves, axis=1) * 0.2
    with torch.no_grad():
        weight = model.vision_model.embeddings.position_embedding.weight
        weight[1:].copy_(torch.from_numpy(table))


def whiten(model: Any, pictures: npt.NDArray[np.float32]) -> None:
    """Start the filters of the patches as the whitened principal components of patches (n, 3, side, side).

    Natural patches differ mostly in brightness; whitened, all details are seen from the first step on.
    """
    import torch

    weight = model.vision_model.embeddings.patch_embedding.weight
    width, channels, patch, _ = weight.shape
    n, _, side, _ = pictures.shape
    grid = side // patch
    cut = pictures.reshape(n, channels, grid, patch, grid, patch).transpose(0, 2, 4, 1, 3, 5)
    flat = cut.reshape(-1, channels * patch * patch).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    order = np.argsort(values)[::-1][:width]
    filters = (vectors[:, order] / np.sqrt(values[order] + 0.02 * values.mean())).T
    with torch.no_grad():
        weight[: len(filters)].copy_(torch.from_numpy(0.5 * filters.reshape(-1, channels, patch, patch)))
