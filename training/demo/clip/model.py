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

    side: int = 112  # pixels
    patch: int = 8
    width: int = 192
    layers: int = 6
    text_width: int = 256
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


# Where the heads of the first layers look at first, in patches (down, right); None: wherever they like.
_NEIGHBOURS: tuple[tuple[tuple[int, int] | None, ...], ...] = (
    ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0), None),
    ((1, 1), (-1, 1), (1, -1), (-1, -1), None, None),
    ((0, 2), (2, 0), (0, -2), (-2, 0), None, None),
)


def _place_patches(model: Any, shape: Shape) -> None:
    """Start as a convolution would: positions as waves of row and column, and heads that look at a neighbour.

    The waves have their own dimensions, as many as a head has. In a head of the first layers the query is the
    patch's wave moved on by an offset, so that the key of the patch there fits best. A small transformer
    finds this out by itself only after many pictures (Zheng and others, "Structured Initialization for Vision
    Transformers", 2024).
    """
    import torch

    grid, head = shape.side // shape.patch, shape.per_head
    count = head // 4
    speeds = np.geomspace(np.pi / 1.5, np.pi / (1.5 * grid), count)
    row, column = np.mgrid[0:grid, 0:grid].reshape(2, -1, 1)
    # Sine and cosine of each speed stand side by side, those of the rows first.
    waves = np.concatenate(
        [
            np.stack([np.sin(at * speeds), np.cos(at * speeds)], 2).reshape(len(at), -1)
            for at in (row, column)
        ],
        1,
    )
    vision = model.vision_model
    with torch.no_grad():
        table = vision.embeddings.position_embedding.weight
        table.mul_(0.1)
        table[1:, :head] += torch.from_numpy(waves).float()
        layers = list(vision.encoder.layers)[:-1]  # the last one only gathers for the first token
        for layer, offsets in zip(layers, _NEIGHBOURS, strict=False):
            for number, offset in enumerate(offsets[: shape.width // head]):
                if offset is None:
                    continue
                rows = slice(number * head, (number + 1) * head)
                turn = np.zeros((head, head))
                for axis in range(2):
                    for n, speed in enumerate(speeds):
                        at = 2 * (axis * count + n)
                        sine, cosine = np.sin(offset[axis] * speed), np.cos(offset[axis] * speed)
                        turn[at : at + 2, at : at + 2] = [[cosine, sine], [-sine, cosine]]
                for weight, block in (
                    (layer.self_attn.q_proj.weight, turn),
                    (layer.self_attn.k_proj.weight, np.eye(head)),
                ):
                    weight[rows] *= 0.3
                    weight[rows, :head] += torch.from_numpy(_SHARP * block).float()


_SHARP = 2.7  # of the gaze: about half of a head's attention is then on the neighbour


def whiten(model: Any, pictures: npt.NDArray[np.float32], first: int) -> None:
    """Start the filters of the patches as the whitened principal components of patches (n, 3, side, side),
    those of the ``first`` dimensions left out: the positions are there.

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
    filters = filters[: width - first].reshape(-1, channels, patch, patch)
    with torch.no_grad():
        weight[:first] *= 0.1
        weight[first : first + len(filters)].copy_(torch.from_numpy(filters))
