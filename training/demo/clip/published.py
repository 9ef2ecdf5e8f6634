"""The weights of the converted model, to train on from where ``train.pt`` is not kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.demo.clip.model import Shape

Array = npt.NDArray[np.float32]
_PER_HEAD = Shape().per_head
_PLACES = "vision_model.embeddings.position_embedding.weight"


def load(directory: Path, clip: Any) -> None:
    """Put the weights of ``model.onnx`` and ``text.onnx`` in ``directory`` into ``clip``.

    That may have more layers for pictures, and texts twice as wide: the vectors are the same before training.
    It may look at larger pictures, too. What a conversion joins or multiplies in stays so, all as exact as
    8 bits allow. The scale of the logits is not in the graphs; it becomes that of a model which has learnt
    something.

    Raises:
        ValueError: the graphs are not of a model of this shape, nor of one that this could have grown from.
    """
    import torch

    pictures = _tower(directory / "model.onnx", "vision_model")
    texts = _tower(directory / "text.onnx", "text_model")
    vision, text = clip.config.vision_config, clip.config.text_config
    pictures = deepened(pictures, "vision_model", vision.num_hidden_layers)
    pictures[_PLACES] = spread(pictures[_PLACES], vision.image_size // vision.patch_size)
    if texts["text_projection.weight"].shape[1] * 2 == text.hidden_size:
        texts = doubled(texts, np.random.default_rng(0))
    weights = {**pictures, **texts, "logit_scale": np.array(np.log(30), np.float32)}
    state = {name: value for name, value in clip.state_dict().items() if value.is_floating_point()}
    if {name: value.shape for name, value in state.items()} != {n: w.shape for n, w in weights.items()}:
        raise ValueError(f"{directory} has a model of another shape")
    clip.load_state_dict({name: torch.tensor(value) for name, value in weights.items()}, strict=False)


def spread(places: Array, grid: int) -> Array:
    """Positions (1 + patches, width) of a picture of ``grid`` patches a side, between those that were learnt.

    What is small is seen better so without any training: of the clips that are watched a model found 0.64 on
    112 pixels, and 0.61 on the 80 that it had been trained on.
    """
    import torch

    old = round((len(places) - 1) ** 0.5)
    squares = torch.tensor(places[1:].T.reshape(1, -1, old, old))
    new = torch.nn.functional.interpolate(squares, size=(grid, grid), mode="bicubic")
    return np.concatenate([places[:1], new.numpy().reshape(places.shape[1], -1).T])


def deepened(weights: dict[str, Array], tower: str, layers: int) -> dict[str, Array]:
    """As many layers, the new ones before the last: they add nothing until they have learnt something."""
    prefix = f"{tower}.encoder.layers."
    count = 1 + max(int(name[len(prefix) :].split(".")[0]) for name in weights if name.startswith(prefix))
    found = {}
    rng = np.random.default_rng(1)
    for name, weight in weights.items():
        number, _, rest = name[len(prefix) :].partition(".") if name.startswith(prefix) else ("", "", "")
        if not rest or int(number) < count - 1:
            found[name] = weight
            continue
        found[f"{prefix}{layers - 1}.{rest}"] = weight
        for new in range(count - 1, layers - 1):
            if rest.startswith(("self_attn.out_proj", "mlp.fc2")) or rest.endswith("bias"):
                fresh = np.zeros_like(weight)
            elif "norm" in rest:
                fresh = np.ones_like(weight)
            else:
                fresh = rng.normal(0, weight.shape[1] ** -0.5, weight.shape).astype(np.float32)
            found[f"{prefix}{new}.{rest}"] = fresh
    return found


def doubled(weights: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """Twice as wide with the same result: everything is there twice, and read half from each of the two.

    Not quite half, and another share for every weight, so that the two come to differ as they learn.
    (Chen and others, "Net2Net", 2016.)
    """
    found = {}
    for name, weight in weights.items():
        if "embedding" in name:
            found[name] = np.concatenate([weight, weight], 1)
        elif weight.ndim == 1:
            found[name] = np.concatenate([weight, weight])
        else:
            rows = [weight] if "projection" in name else [weight, weight]
            halves = [(row / 2, rng.normal(0, weight.std() / 2, row.shape)) for row in rows]
            found[name] = np.concatenate(
                [np.concatenate([half + noise, half - noise], 1) for half, noise in halves]
            ).astype(np.float32)
    return found


def _tower(path: Path, tower: str) -> dict[str, Array]:
    """One graph's tensors by their names in the model: the order of the nodes tells which is which."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}

    def of(*kinds: str) -> Iterator[list[Array]]:
        for node in graph.node:
            given = [constants[name] for name in node.input if name in constants]
            if node.op_type in kinds and given:
                yield given

    products = (_matrix(given) for given in of("MatMulIntegerToFloat", "MatMulNBits"))
    norms = of("LayerNormalization")
    biases = (shift for (shift,) in of("Add") if shift.ndim == 1)
    found: dict[str, Array] = {}

    def norm(name: str) -> None:
        found[f"{name}.weight"], found[f"{name}.bias"] = next(norms)

    tables = f"{tower}.embeddings"
    if tower == "vision_model":
        found[f"{tables}.patch_embedding.weight"] = next(of("Conv"))[0]
        found[f"{tables}.class_embedding"] = next(of("Expand"))[0].reshape(-1)
        found[f"{tables}.position_embedding.weight"] = next(
            table for (table,) in of("Add") if table.ndim == 2
        )
        norm(f"{tower}.pre_layrnorm")
    else:
        found[f"{tables}.token_embedding.weight"] = next(
            given[0].astype(np.float32) for given in of("Gather") if given[0].ndim == 2
        )
        found[f"{tables}.position_embedding.weight"] = next(
            given[0] for given in of("Slice") if given[0].ndim == 2
        )
    # Each layer has two norms; pictures have one before the layers and one after, texts one after.
    count = sum(1 for _ in of("LayerNormalization")) // 2 - int(tower == "vision_model")
    for number in range(count):
        layer = f"{tower}.encoder.layers.{number}"
        norm(f"{layer}.layer_norm1")
        root = np.float32(_PER_HEAD**0.5)
        parts = zip("qkv", np.split(next(products), 3), np.split(next(biases), 3), strict=True)
        for name, weight, shift in parts:
            scale = root if name == "q" else np.float32(1)  # the scores' scale is in the query
            found[f"{layer}.self_attn.{name}_proj.weight"] = weight * scale
            found[f"{layer}.self_attn.{name}_proj.bias"] = shift * scale
        norm(f"{layer}.layer_norm2")
        for name in ("self_attn.out_proj", "mlp.fc1", "mlp.fc2"):
            found[f"{layer}.{name}.weight"], found[f"{layer}.{name}.bias"] = next(products), next(biases)
    norm(f"{tower}.post_layernorm" if tower == "vision_model" else f"{tower}.final_layer_norm")
    projection = "visual_projection" if tower == "vision_model" else "text_projection"
    found[f"{projection}.weight"] = next(products)
    return found


def _matrix(given: list[Array]) -> Array:
    """(out, in) of a product in 8 bits: scaled by row, or in blocks (out, blocks, block) about 128."""
    if given[0].ndim == 2:
        levels, scales = given[0].T, next(each for each in given[1:] if each.ndim == 1)
        return (levels * scales[:, None]).astype(np.float32)
    levels, scales = given
    blocks = (levels.astype(np.float32) - 128) * scales.reshape(*levels.shape[:2], 1)
    return blocks.reshape(len(levels), -1)
