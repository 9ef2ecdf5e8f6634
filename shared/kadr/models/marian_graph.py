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
from kadr.models.graph import Graph, Tensor

_EPSILON = 1e-5  # of its layer norms, where the model does not say
_LARGEST = 63  # see kadr.models.ctranslate2_convert.leave_headroom
_SWISH = 2  # as CTranslate2 numbers activations; every Marian's is one of these
_ACTIVATIONS = {0: "Relu", _SWISH: ""}
_NOTHING = 0  # stands before an answer; what it is does not matter
# The likeliest of 5,000 pieces was among the best 5 by four bits in each of 2,075 steps of the demo's Marian.
_CANDIDATES = 64


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Vectors of the pieces of one side, and of positions (positions, width)."""

    levels: Array  # (pieces, width), as they are stored
    factors: Array  # (pieces, 1)
    positions: Array

    def vectors(self, pieces: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(n, width) of the pieces (n,) of a sentence."""
        own = self.levels[pieces] * self.factors[pieces]
        return np.asarray(own + self.positions[: len(pieces)], np.float32)


class MarianGraphs:
    """Both halves of a model, each a graph as ONNX Runtime loads it, and the tables of its pieces.

    ``layers`` are those of the decoder.
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
            self._heads = int(stored["decoder/num_heads"])
            self._width = stored["decoder/embeddings/weight"].shape[1]
            self.source, self.target = (
                self._table("encoder", "embeddings_0"),
                self._table("decoder", "embeddings"),
            )
        except KeyError as error:
            raise ValueError(f"it is not a Marian: it has no {error}") from error
        self._size = self._width // self._heads
        self.layers = self._layers("decoder")

    def write_encoder(self, to: Path) -> None:
        """Write the graph ``x`` (pieces, width) → for each layer of the decoder ``key_i`` and ``value_i``
        (1, heads, pieces, size) of what was asked.
        """
        graph = Graph("marian-encoder")
        x = graph.op("Unsqueeze", "x", graph.constant([0]))
        for number in range(self._layers("encoder")):
            layer = f"encoder/layer_{number}"
            q, k, v = self._split(graph, self._product(graph, x, f"{layer}/self_attention/linear_0"), 3)
            x = self._added(graph, x, self._mixed(graph, q, k, v), f"{layer}/self_attention", "linear_1")
            x = self._inner(graph, x, layer)
        apart = graph.constant([0, 0, self._heads, self._size])
        for number in range(self.layers):
            both = self._product(graph, x, f"decoder/layer_{number}/attention/linear_1")
            for kind, part in zip(("key", "value"), self._split(graph, both, 2), strict=True):
                graph.op(
                    "Transpose", graph.op("Reshape", part, apart), to=f"{kind}_{number}", perm=[0, 2, 1, 3]
                )
        graph.save(to, {"x": (np.float32, ["pieces", self._width])}, self._memories("", "pieces"))

    def write_decoder(self, to: Path, end: int) -> None:
        """Write the graph ``most`` () and the encoder's keys and values → ``answer`` (said,), the numbers of
        the likeliest pieces, one after the other: ``most`` at most, and none behind the ``end``.
        """
        body = Graph("marian-decoder", inner=True)
        x = self._looked_up(body, "last", "place")
        for n in range(self.layers):
            layer = f"decoder/layer_{n}"
            q, k, v = self._split(body, self._product(body, x, f"{layer}/self_attention/linear_0"), 3)
            said = self._mixed(body, q, k, v, "", "", "", f"own_key_{n}", f"own_value_{n}", number=n)
            x = self._added(body, x, said, f"{layer}/self_attention", "linear_1")
            q = self._product(body, x, f"{layer}/attention/linear_0")
            heard = self._mixed(body, q, f"key_{n}", f"value_{n}")
            x = self._added(body, x, heard, f"{layer}/attention", "linear_2")
            x = self._inner(body, x, layer)
        self._likeliest(body, x, to="next")
        body.op("Identity", "next", to="said")
        ended = body.op("Equal", "next", body.constant([end]))
        body.op("Not", body.op("Squeeze", ended), to="onwards")
        before, after = self._memories("own_", "said"), self._memories("next_", "longer")
        graph = Graph("marian-answers")
        empty = graph.constant(np.zeros((1, self._heads, 0, self._size), np.float32))
        graph.loop(
            body,
            [graph.constant([_NOTHING]), *(empty for _ in before)],
            {"place": (np.int64, []), "going": (np.bool_, []), "last": (np.int64, [1]), **_floats(before)},
            {"onwards": (np.bool_, []), "next": (np.int64, [1]), **_floats(after), "said": (np.int64, [1])},
            most="most",
            to=["last_said", *(f"last_{name}" for name in after), "rows"],
        )
        graph.op("Reshape", "rows", graph.constant([-1]), to="answer")
        asked: dict[str, Tensor] = {"most": (np.int64, []), **_floats(self._memories("", "pieces"))}
        graph.save(to, asked, {"answer": ["said"]}, kind=np.int64)

    def _memories(self, prefix: str, length: str) -> dict[str, list[str | int]]:
        shape = [1, self._heads, length, self._size]
        return {f"{prefix}{kind}_{n}": list(shape) for n in range(self.layers) for kind in ("key", "value")}

    def _layers(self, side: str) -> int:
        return sum(
            name.startswith(f"{side}/layer_") and name.endswith("/ffn/linear_0/weight")
            for name in self._stored
        )

    def _table(self, side: str, name: str) -> Table:
        levels, scales = self._quantised(f"{side}/{name}/weight")
        factors = scales[:, None] * np.float32(self._stored[f"{side}/scale_embeddings"])
        return Table(levels, factors, floats(self._stored, f"{side}/position_encodings/encodings"))

    def _looked_up(self, graph: Graph, piece: str, place: str) -> str:
        """(1, 1, width) of the ``piece`` (1,) at a ``place`` (); at the first there is none."""
        table = self.target
        row = graph.float32(graph.op("Gather", graph.constant(table.levels), piece))
        row = graph.op("Mul", row, graph.op("Gather", graph.constant(table.factors), piece))
        first = graph.op("Equal", place, graph.constant(np.array(0)))
        row = graph.op("Where", first, graph.constant(0.0), row)
        where = graph.op("Gather", graph.constant(table.positions), place)
        return graph.op("Reshape", graph.op("Add", row, where), graph.constant([1, 1, self._width]))

    def _likeliest(self, graph: Graph, x: str, *, to: str) -> None:
        """The number (1,) of the piece that ``x`` (1, 1, width) says.

        Reading the whole table takes a third of a piece's time. So it is read in few bits, and of the best
        by these the likeliest by all bits is taken (docs/adr/0014-translator.md).
        """
        levels, scales = self._quantised("decoder/projection/weight")
        bias = self._bias("decoder/projection", len(levels))
        x = graph.op("Reshape", x, graph.constant([1, self._width]))
        rough = graph.op("Add", graph.rough_product(x, levels * scales[:, None]), graph.constant(bias))
        _, best = graph.split(
            "TopK",
            rough,
            graph.constant([min(_CANDIDATES, len(levels))]),
            to=["best_rough", "best"],
            axis=-1,
            sorted=0,
        )
        best = graph.op("Reshape", best, graph.constant([-1]))
        rows = graph.float32(graph.op("Gather", graph.constant(levels), best))
        exact = graph.op("Gemm", x, rows, transB=1)
        exact = graph.op("Mul", exact, graph.op("Gather", graph.constant(scales), best))
        exact = graph.op("Add", exact, graph.op("Gather", graph.constant(bias), best))
        graph.op("Gather", best, graph.op("ArgMax", exact, axis=1, keepdims=0), to=to)

    def _inner(self, graph: Graph, x: str, layer: str) -> str:
        inner = self._product(graph, x, f"{layer}/ffn/linear_0")
        if self._activation:
            inner = graph.op(self._activation, inner)
        else:
            inner = graph.op("Mul", inner, graph.op("Sigmoid", inner))
        return self._added(graph, x, inner, f"{layer}/ffn", "linear_1")

    def _added(self, graph: Graph, x: str, more: str, part: str, last: str) -> str:
        """What comes out of a part by its last product is added to what went in, and normalised."""
        weight, bias = (
            graph.constant(floats(self._stored, f"{part}/layer_norm/{name}")) for name in ("gamma", "beta")
        )
        more = self._product(graph, more, f"{part}/{last}")
        return graph.op(
            "SkipLayerNormalization", more, x, weight, bias, domain="com.microsoft", epsilon=_EPSILON
        )

    def _mixed(self, graph: Graph, *inputs: str, number: int = -1) -> str:
        """Attention: queries, keys and values, each (1, n, width) or (1, heads, n, size), and what came
        before; keys and values with these are kept under a layer's ``number``.
        """
        to = [f"mixed_{inputs[0]}"]
        if number >= 0:
            to += [f"next_key_{number}", f"next_value_{number}"]
        return graph.split(
            "MultiHeadAttention", *inputs, to=to, domain="com.microsoft", num_heads=self._heads
        )[0]

    def _split(self, graph: Graph, x: str, parts: int) -> tuple[str, ...]:
        return graph.split("Split", x, to=[f"{x}_{n}" for n in range(parts)], axis=-1, num_outputs=parts)

    def _product(self, graph: Graph, x: str, name: str) -> str:
        """``x Wᵀ + b``."""
        levels, scales = self._quantised(f"{name}/weight")
        return graph.quantised(x, levels, scales, self._bias(name, len(levels)))

    def _bias(self, name: str, size: int) -> npt.NDArray[np.float32]:
        if f"{name}/bias" in self._stored:
            return floats(self._stored, f"{name}/bias")
        return np.zeros(size, np.float32)

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


def _floats(shapes: dict[str, list[str | int]]) -> dict[str, Tensor]:
    return {name: (np.float32, shape) for name, shape in shapes.items()}
