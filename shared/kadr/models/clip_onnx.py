"""CLIP's two towers from safetensors (Hugging Face's names) to ONNX, projections and unit length inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kadr.core.errors import WeightsRefusedError
from kadr.models.graph import Graph, smoothed

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]
Config = Mapping[str, Any]


def build_vision(tensors: Tensors, config: Config, to: Path, *, int8: bool) -> None:
    """Write ``pixels (batch, 3, side, side) float32 → embedding (batch, d)``, unit rows.

    ``config`` is the ``vision_config`` of the model's config.json; what it leaves out has the value of
    ViT-B/32, as in transformers.
    """
    tensors = _float32(tensors)
    width, patch = int(config.get("hidden_size", 768)), int(config.get("patch_size", 32))
    side, epsilon = int(config.get("image_size", 224)), float(config.get("layer_norm_eps", 1e-5))
    # 50 tokens a picture and 8 pictures at a time: what the product by rows is for.
    graph = Graph("clip-vision", int8=int8, by_row=True)
    prefix = "vision_model"
    patches = graph.op(
        "Conv",
        "pixels",
        graph.constant(tensors[f"{prefix}.embeddings.patch_embedding.weight"]),
        kernel_shape=[patch, patch],
        strides=[patch, patch],
    )
    rows = graph.op("Reshape", patches, graph.constant([0, width, (side // patch) ** 2]))
    tokens = graph.op("Transpose", rows, perm=[0, 2, 1])
    batch = graph.op("Gather", graph.op("Shape", "pixels"), graph.constant([0]))
    shape = graph.op("Concat", batch, graph.constant([1, width]), axis=0)
    first = graph.op(
        "Expand",
        graph.constant(tensors[f"{prefix}.embeddings.class_embedding"].reshape(1, 1, width)),
        shape,
    )
    x = graph.op("Concat", first, tokens, axis=1)
    x = graph.op("Add", x, graph.constant(tensors[f"{prefix}.embeddings.position_embedding.weight"]))
    # The misspelling is the published name of the tensor.
    x = _norm(graph, x, tensors, f"{prefix}.pre_layrnorm", epsilon)
    x = _layers(graph, x, tensors, prefix, config, heads=int(config.get("num_attention_heads", 12)))
    pooled = graph.op("Gather", x, graph.constant(np.array(0, np.int64)), axis=1)
    pooled = _norm(graph, pooled, tensors, f"{prefix}.post_layernorm", epsilon)
    projection = tensors["visual_projection.weight"]
    graph.unit(graph.linear(pooled, projection), to="embedding")
    graph.save(
        to, {"pixels": (np.float32, ["batch", 3, side, side])}, {"embedding": ["batch", projection.shape[0]]}
    )


def build_text(tensors: Tensors, config: Config, to: Path, *, int8: bool, by_row: bool = False) -> None:
    """Write ``input_ids (batch, tokens) int64 → embedding (batch, d)``, unit rows.

    ``by_row`` takes two thirds of the time for a query of eight tokens, and is less exact: see
    :class:`kadr.models.graph.Graph`.
    ``config`` is the ``text_config``. Every text ends with the end-of-text token, which has the largest
    id and whose state is the text's: what comes after it cannot be seen by it and may be anything.
    """
    tensors = _float32(tensors)
    epsilon = float(config.get("layer_norm_eps", 1e-5))
    length = int(config.get("max_position_embeddings", 77))
    graph = Graph("clip-text", int8=int8, by_row=by_row)
    prefix = "text_model"
    tokens = graph.op("Gather", graph.op("Shape", "input_ids"), graph.constant([1]))
    zero = graph.constant([0])
    words = graph.lookup(tensors[f"{prefix}.embeddings.token_embedding.weight"], "input_ids")
    positions = graph.op(
        "Slice",
        graph.constant(tensors[f"{prefix}.embeddings.position_embedding.weight"]),
        zero,
        tokens,
        zero,
    )
    # Nobody sees what comes later.
    later = np.triu(np.full((length, length), -1e4, np.float32), k=1)
    mask = graph.op(
        "Slice",
        graph.constant(later),
        graph.constant([0, 0]),
        graph.op("Concat", tokens, tokens, axis=0),
        graph.constant([0, 1]),
    )
    x = graph.op("Add", words, positions)
    x = _layers(graph, x, tensors, prefix, config, heads=int(config.get("num_attention_heads", 8)), mask=mask)
    x = _norm(graph, x, tensors, f"{prefix}.final_layer_norm", epsilon)
    end = graph.op("ArgMax", "input_ids", axis=1, keepdims=1)
    pooled = graph.op("GatherND", x, end, batch_dims=1)  # one token per text
    projection = tensors["text_projection.weight"]
    graph.unit(graph.linear(pooled, projection), to="embedding")
    graph.save(
        to, {"input_ids": (np.int64, ["batch", "tokens"])}, {"embedding": ["batch", projection.shape[0]]}
    )


def _float32(tensors: Tensors) -> Tensors:
    """The tensors as float32: many are published in half precision, and a graph must not mix the two."""
    return {name: tensor.astype(np.float32, copy=False) for name, tensor in tensors.items()}


def _layers(
    graph: Graph, x: str, tensors: Tensors, prefix: str, config: Config, *, heads: int, mask: str = ""
) -> str:
    epsilon = float(config.get("layer_norm_eps", 1e-5))
    activation = str(config.get("hidden_act", "quick_gelu"))
    if activation not in {"quick_gelu", "gelu"}:
        raise WeightsRefusedError(f"a CLIP with the activation {activation!r} cannot be converted")
    for layer in range(int(config.get("num_hidden_layers", 12))):
        block = f"{prefix}.encoder.layers.{layer}"

        def pair(name: str, block: str = block) -> tuple[Array, Array]:
            return tensors[f"{block}.{name}.weight"], tensors[f"{block}.{name}.bias"]

        names = {"query": "q_proj", "key": "k_proj", "value": "v_proj"}
        projections = {part: pair(f"self_attn.{name}") for part, name in names.items()}
        scale, shift, weights = smoothed(*pair("layer_norm1"), [weight for weight, _ in projections.values()])
        attended = graph.attention(
            graph.layer_norm(x, scale, shift, epsilon),
            {
                **{
                    part: (weight, bias)
                    for (part, (_, bias)), weight in zip(projections.items(), weights, strict=True)
                },
                "output": pair("self_attn.out_proj"),
            },
            heads,
            mask,
        )
        x = graph.op("Add", x, attended)
        weight, bias = pair("mlp.fc1")
        scale, shift, (weight,) = smoothed(*pair("layer_norm2"), [weight])
        inner = graph.linear(graph.layer_norm(x, scale, shift, epsilon), weight, bias)
        inner = graph.quick_gelu(inner) if activation == "quick_gelu" else graph.op("Gelu", inner)
        x = graph.op("Add", x, graph.linear(inner, *pair("mlp.fc2")))
    return x


def _norm(graph: Graph, x: str, tensors: Tensors, name: str, epsilon: float) -> str:
    return graph.layer_norm(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"], epsilon)
