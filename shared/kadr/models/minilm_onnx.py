"""all-MiniLM-L6-v2 from safetensors to ONNX, with pooling and normalisation inside the graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kadr.core.extraction import Vector
from kadr.models.graph import Graph

LAYERS, WIDTH, HEADS, EPSILON = 6, 384, 12, 1e-12
# What is added to the score of a padded token: after the softmax nothing of it is left.
_MASKED = -10_000.0

Tensors = dict[str, npt.NDArray[Any]]


def build(tensors: Tensors, to: Path, *, int8: bool) -> None:
    """Write the graph ``input_ids, attention_mask (batch, tokens) int64 → embedding (batch, 384)``.

    Rows are unit length. There is no input for token types: sentences come alone, so type 0 is added to
    the positions once and for all.
    """
    graph = Graph("all-minilm-l6-v2", int8=int8)
    words = tensors["embeddings.word_embeddings.weight"]
    positions = (
        tensors["embeddings.position_embeddings.weight"]
        + tensors["embeddings.token_type_embeddings.weight"][0]
    )
    word = graph.lookup(words, "input_ids")
    length = graph.op("Gather", graph.op("Shape", "input_ids"), graph.constant([1]))
    position = graph.op("Slice", graph.constant(positions), graph.constant([0]), length, graph.constant([0]))
    x = graph.op("Add", word, position)
    x = graph.layer_norm(
        x, tensors["embeddings.LayerNorm.weight"], tensors["embeddings.LayerNorm.bias"], EPSILON
    )
    present = graph.float32("attention_mask")
    absent = graph.op("Sub", graph.constant(1.0), present)
    mask = graph.op("Unsqueeze", graph.op("Mul", absent, graph.constant(_MASKED)), graph.constant([1, 2]))
    for layer in range(LAYERS):
        x = _layer(graph, x, mask, tensors, f"encoder.layer.{layer}")

    weight = graph.op("Unsqueeze", present, graph.constant([2]))
    total = graph.op("ReduceSum", graph.op("Mul", x, weight), graph.constant([1]), keepdims=0)
    # The mean over the tokens; its length does not matter, so the sum is as good as the mean.
    graph.unit(total, to="embedding")
    graph.save(
        to,
        {"input_ids": (np.int64, ["batch", "tokens"]), "attention_mask": (np.int64, ["batch", "tokens"])},
        {"embedding": ["batch", WIDTH]},
    )


def embed(model: Path, tokenizer: Path, texts: Sequence[str]) -> Vector:
    """Return (len(texts), 384) from a model file, for checking a conversion.

    What searches and indexes is :class:`kadr.adapters.minilm.MiniLM`.
    """
    import onnxruntime
    from tokenizers import Tokenizer

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    encoder = Tokenizer.from_file(str(tokenizer))
    encoder.no_padding()
    rows = []
    for text in texts:
        ids = np.array([encoder.encode(text).ids], dtype=np.int64)
        rows.append(session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0])
    return np.asarray(rows, dtype=np.float32)


def _layer(graph: Graph, x: str, mask: str, tensors: Tensors, prefix: str) -> str:
    def pair(name: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return tensors[f"{prefix}.{name}.weight"], tensors[f"{prefix}.{name}.bias"]

    attended = graph.attention(
        x,
        {
            "query": pair("attention.self.query"),
            "key": pair("attention.self.key"),
            "value": pair("attention.self.value"),
            "output": pair("attention.output.dense"),
        },
        HEADS,
        mask,
    )
    x = graph.layer_norm(graph.op("Add", attended, x), *pair("attention.output.LayerNorm"), EPSILON)
    inner = graph.op("Gelu", graph.linear(x, *pair("intermediate.dense")))
    outer = graph.linear(inner, *pair("output.dense"))
    return graph.layer_norm(graph.op("Add", outer, x), *pair("output.LayerNorm"), EPSILON)
