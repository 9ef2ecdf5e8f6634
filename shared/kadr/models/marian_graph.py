"""A Marian that CTranslate2 keeps in 8 bits, as graphs of ONNX: the same weights, for another engine.

CTranslate2 packs a matrix anew for each product, which for one sentence takes longer than the product;
ONNX Runtime packs it once. What is built here answers greedily, one sentence at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kadr.models.ctranslate2_file import Array, floats
from kadr.models.graph import Graph

_EPSILON = 1e-5  # of its layer norms, where the model does not say
_LARGEST = 63  # see kadr.models.ctranslate2_convert.leave_headroom
_SWISH = 2  # as CTranslate2 numbers activations; every Marian's is one of these
_ACTIVATIONS = {0: "Relu", _SWISH: ""}


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Vectors of the pieces of one side, and of positions (positions, width)."""

    levels: Array  # (pieces, width), as they are stored
    factors: Array  # (pieces, 1)
    positions: Array

    def vectors(self, pieces: npt.NDArray[np.int64], first: int = 0) -> npt.NDArray[np.float32]:
        """(n, width) of pieces (n,), of which the first stands at position ``first``; -1 has none of its
        own."""
        own = np.where(pieces[:, None] >= 0, self.levels[pieces] * self.factors[pieces], np.float32(0))
        return np.asarray(own + self.positions[first : first + len(pieces)], np.float32)


class MarianGraphs:
    """Both halves of a model, each a graph as ONNX Runtime loads it, and the tables of its pieces.

    ``layers`` are those of the decoder, each with ``heads`` of ``size``.
    """

    def __init__(self, stored: dict[str, Array]) -> None:
        """``stored`` is what :func:`kadr.models.ctranslate2_file.variables` gives.

        Raises:
            ValueError: it is not a Marian.
        """
        self._stored = stored
        try:
            activation = int(stored["decoder/activation"])
            plain = not (stored["decoder/pre_norm"] or stored["encoder/pre_norm"])
            if activation not in _ACTIVATIONS or not plain or not stored["decoder/start_from_zero_embedding"]:
                raise ValueError("it is not a Marian: its layers are others")
            self._activation = _ACTIVATIONS[activation]
            self.heads = int(stored["decoder/num_heads"])
            self._width = stored["decoder/embeddings/weight"].shape[1]
            self.source, self.target = (
                self._table("encoder", "embeddings_0"),
                self._table("decoder", "embeddings"),
            )
        except KeyError as error:
            raise ValueError(f"it is not a Marian: it has no {error}") from error
        self.size = self._width // self.heads
        self.layers = self._layers("decoder")

    def write_encoder(self, to: Path) -> None:
        """Write the graph ``x`` (pieces, width) → for each layer of the decoder ``key_i`` (heads, size,
        pieces) and ``value_i`` (heads, pieces, size) of what was asked.
        """
        graph = Graph("marian-encoder")
        x = "x"
        for number in range(self._layers("encoder")):
            layer = f"encoder/layer_{number}"
            own = self._product(graph, x, f"{layer}/self_attention/linear_0", queries=3)
            q, k, v = self._split(graph, own, 3)
            mixed = _mixed(
                graph, self._turned(graph, q), self._turned(graph, k, keys=True), self._turned(graph, v)
            )
            together = graph.op("Transpose", mixed, perm=[1, 0, 2])
            joined = graph.op("Reshape", together, graph.constant([0, self._width]))
            x = self._added(graph, x, joined, f"{layer}/self_attention", "linear_1")
            x = self._inner(graph, x, layer)
        given = {}
        for number in range(self.layers):
            both = self._product(graph, x, f"decoder/layer_{number}/attention/linear_1")
            k, v = self._split(graph, both, 2)
            self._turned(graph, k, keys=True, to=f"key_{number}")
            self._turned(graph, v, to=f"value_{number}")
            given[f"key_{number}"] = (self.heads, self.size, "pieces")
            given[f"value_{number}"] = (self.heads, "pieces", self.size)
        graph.save(to, {"x": (np.float32, ["pieces", self._width])}, given)

    def write_decoder(self, to: Path) -> None:
        """Write the graph ``x`` (1, width), the encoder's keys and values, and ``own_key_i`` (heads, size,
        said) and ``own_value_i`` (heads, said, size) of what has been said → ``logits`` (1, vocabulary), and
        ``next_key_i`` and ``next_value_i``, longer by one.
        """
        graph = Graph("marian-decoder")
        heads, size = self.heads, self.size
        asked: dict[str, tuple[type, list[str | int]]] = {"x": (np.float32, [1, self._width])}
        given: dict[str, list[str | int]] = {"logits": [1, "vocabulary"]}
        x = "x"
        query, key, row = (
            graph.constant(shape) for shape in ([heads, 1, size], [heads, size, 1], [1, self._width])
        )
        for n in range(self.layers):
            layer = f"decoder/layer_{n}"
            asked |= {
                f"key_{n}": (np.float32, [heads, size, "pieces"]),
                f"value_{n}": (np.float32, [heads, "pieces", size]),
                f"own_key_{n}": (np.float32, [heads, size, "said"]),
                f"own_value_{n}": (np.float32, [heads, "said", size]),
            }
            given |= {f"next_key_{n}": [heads, size, "longer"], f"next_value_{n}": [heads, "longer", size]}
            own = self._product(graph, x, f"{layer}/self_attention/linear_0", queries=3)
            q, k, v = self._split(graph, own, 3)
            graph.op("Concat", f"own_key_{n}", graph.op("Reshape", k, key), to=f"next_key_{n}", axis=2)
            graph.op("Concat", f"own_value_{n}", graph.op("Reshape", v, query), to=f"next_value_{n}", axis=1)
            said = _mixed(graph, graph.op("Reshape", q, query), f"next_key_{n}", f"next_value_{n}")
            x = self._added(graph, x, graph.op("Reshape", said, row), f"{layer}/self_attention", "linear_1")
            q = self._product(graph, x, f"{layer}/attention/linear_0", queries=1)
            heard = _mixed(graph, graph.op("Reshape", q, query), f"key_{n}", f"value_{n}")
            x = self._added(graph, x, graph.op("Reshape", heard, row), f"{layer}/attention", "linear_2")
            x = self._inner(graph, x, layer)
        self._product(graph, x, "decoder/projection", to="logits")
        graph.save(to, asked, given)

    def _layers(self, side: str) -> int:
        return sum(
            name.startswith(f"{side}/layer_") and name.endswith("/ffn/linear_0/weight")
            for name in self._stored
        )

    def _table(self, side: str, name: str) -> Table:
        levels, scales = self._quantised(f"{side}/{name}/weight")
        factors = scales[:, None] * np.float32(self._stored[f"{side}/scale_embeddings"])
        return Table(levels, factors, floats(self._stored, f"{side}/position_encodings/encodings"))

    def _inner(self, graph: Graph, x: str, layer: str) -> str:
        inner = self._product(graph, x, f"{layer}/ffn/linear_0")
        if self._activation:
            inner = graph.op(self._activation, inner)
        else:
            inner = graph.op("Mul", inner, graph.op("Sigmoid", inner))
        return self._added(graph, x, inner, f"{layer}/ffn", "linear_1")

    def _added(self, graph: Graph, x: str, more: str, part: str, last: str) -> str:
        """What comes out of a part by its last product is added to what went in, and normalised."""
        both = graph.op("Add", x, self._product(graph, more, f"{part}/{last}"))
        weight, bias = (floats(self._stored, f"{part}/layer_norm/{name}") for name in ("gamma", "beta"))
        return graph.layer_norm(both, weight, bias, _EPSILON)

    def _turned(self, graph: Graph, x: str, *, keys: bool = False, to: str = "") -> str:
        """(heads, n, size) of (n, width); keys are (heads, size, n)."""
        apart = graph.op("Reshape", x, graph.constant([0, self.heads, self.size]))
        return graph.op("Transpose", apart, to=to, perm=[1, 2, 0] if keys else [1, 0, 2])

    def _split(self, graph: Graph, x: str, parts: int) -> tuple[str, ...]:
        return graph.split("Split", x, to=[f"{x}_{n}" for n in range(parts)], axis=-1, num_outputs=parts)

    def _product(self, graph: Graph, x: str, name: str, *, queries: int = 0, to: str = "") -> str:
        """``x Wᵀ + b``; the first of so many parts are ``queries``, which take the scale of the scores."""
        levels, scales = self._quantised(f"{name}/weight")
        bias = np.zeros(len(levels), np.float32)
        if f"{name}/bias" in self._stored:
            bias = floats(self._stored, f"{name}/bias")
        if queries:
            factor = np.ones(len(levels), np.float32)
            factor[: len(levels) // queries] = self.size**-0.5
            scales, bias = scales * factor, bias * factor
        return graph.quantised(x, levels, scales, bias, to=to)

    def _quantised(self, name: str) -> tuple[Array, npt.NDArray[np.float32]]:
        """8-bit numbers (out, in), and what those of a row have to be multiplied with (out,)."""
        weight = self._stored[name]
        if weight.dtype == np.int8:
            scales = (1 / self._stored[f"{name}_scale"]).astype(np.float32)
        else:
            weight = weight.astype(np.float32)
            scales = np.ones(len(weight), np.float32)
        largest = np.abs(weight.astype(np.float32)).max(axis=1)
        if largest.max() <= _LARGEST and weight.dtype == np.int8:
            return weight, scales
        steps = np.maximum(largest, np.finfo(np.float32).tiny) / np.float32(_LARGEST)
        return np.rint(weight / steps[:, None]).astype(np.int8), scales * steps


def _mixed(graph: Graph, queries: str, keys: str, values: str) -> str:
    """(heads, n, size) of queries (heads, n, size), keys (heads, size, m) and values (heads, m, size)."""
    return graph.op("MatMul", graph.op("Softmax", graph.op("MatMul", queries, keys), axis=-1), values)
