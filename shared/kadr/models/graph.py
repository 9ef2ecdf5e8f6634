"""Writing graphs in ONNX straight from their weights: no torch, no tracing.

The architectures that Kadr converts share these few building blocks. Tensors are (batch, tokens, width)
unless said otherwise; linear weights come as PyTorch keeps them, (out, in).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# Gelu is an operator of its own since 20; every ONNX Runtime from 1.17 on has it.
OPSET = 20
# Weights per quantisation step. With 32, 64 and 128 the worst cosine of all-MiniLM-L6-v2 to its unquantised
# self over 128 short texts is 0.9987, 0.9982, 0.9961; a text of 8 tokens takes 3.6, 3.0, 3.0 ms.
BLOCK = 64
Array = npt.NDArray[Any]
Tensor = tuple[type, Sequence[str | int]]  # dtype and shape; named axes are free


class Graph:
    """A graph under construction. Every method adds nodes and returns the name of its result.

    With ``int8``, linear layers keep their weights in 8 bits with one scale per 64 of them, and ONNX
    Runtime quantises activations per row and block while it multiplies (``MatMulNBits``). The usual
    dynamic quantisation, one scale for the whole activation tensor, was tried: its worst cosine was 0.986
    instead of 0.998 at the same speed, and a text's vector depended on the other texts of its batch.

    With ``int8`` and ``by_row``, there is one scale per row of the weights and one per token of the
    activations (``MatMulIntegerToFloat``): a little less exact, and twice as fast where hundreds of
    tokens are multiplied at once. Activations should have no outliers; see :func:`smoothed`.

    One that is ``inner`` is the body of a loop in another, whose constants have other names.
    """

    def __init__(self, name: str, *, int8: bool = False, by_row: bool = False, inner: bool = False) -> None:
        self._name = name
        self._prefix = f"{name}_" if inner else ""
        self._int8 = int8
        self._by_row = by_row
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, value: Array | Sequence[int] | float) -> str:
        """Add a constant; Python numbers become float32, sequences of int become int64."""
        from onnx import numpy_helper

        array = np.asarray(value)
        if not isinstance(value, np.ndarray):
            array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        name = f"{self._prefix}constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def op(self, kind: str, *inputs: str, to: str = "", **attributes: object) -> str:
        """Add a node with one output."""
        return self.split(kind, *inputs, to=(to or f"{kind.lower()}_{len(self._nodes)}",), **attributes)[0]

    def split(self, kind: str, *inputs: str, to: Sequence[str], **attributes: object) -> tuple[str, ...]:
        """Add a node with the outputs ``to``."""
        from onnx import helper

        self._nodes.append(helper.make_node(kind, list(inputs), list(to), name=to[0], **attributes))
        return tuple(to)

    def float32(self, x: str) -> str:
        """Cast to float32."""
        from onnx import TensorProto, helper

        # "to" is an attribute here and the result's name in op(), so the node is made by hand.

        name = f"float32_{len(self._nodes)}"
        self._nodes.append(helper.make_node("Cast", [x], [name], name=name, to=TensorProto.FLOAT))
        return name

    def lookup(self, table: Array, ids: str) -> str:
        """Rows of an embedding table (words, width) for ``ids`` (batch, tokens).

        The table is kept in half precision: it is the largest tensor of a text model, and only rows that
        were looked up are widened.
        """
        return self.float32(self.op("Gather", self.constant(table.astype(np.float16)), ids, axis=0))

    def linear(self, x: str, weight: Array, bias: Array | None = None) -> str:
        """``x Wᵀ + b``."""
        if self._int8 and self._by_row:
            product = self._int8_product_by_row(x, weight)
        elif self._int8 and weight.shape[1] % BLOCK == 0:
            product = self._int8_product(x, weight)
        else:
            product = self.op("MatMul", x, self.constant(np.ascontiguousarray(weight.T)))
        return product if bias is None else self.op("Add", product, self.constant(bias))

    def _int8_product(self, x: str, weight: Array) -> str:
        width_out, width_in = weight.shape
        blocks = weight.astype(np.float32).reshape(width_out, width_in // BLOCK, BLOCK)
        # Symmetric about 128, the zero point that the operator takes where none is given.
        scales = np.maximum(np.abs(blocks).max(axis=-1), np.finfo(np.float32).tiny) / 127
        levels = np.round(blocks / scales[..., None]).astype(np.int16) + 128
        return self.op(
            "MatMulNBits",
            x,
            self.constant(levels.astype(np.uint8)),
            self.constant(scales.astype(np.float32).reshape(-1)),
            domain="com.microsoft",
            K=width_in,
            N=width_out,
            bits=8,
            block_size=BLOCK,
            accuracy_level=4,  # activations in 8 bits as well
        )

    def _int8_product_by_row(self, x: str, weight: Array) -> str:
        from onnx import TensorProto, helper

        width_out, width_in = weight.shape
        rows = weight.astype(np.float32)
        # Processors with AVX2 alone add the products of two neighbours in 16 bits, and cut off what does not
        # fit: 255 times the sum of two weights has to.
        sizes = np.pad(np.abs(rows), ((0, 0), (0, width_in % 2))).reshape(width_out, -1, 2)
        scales = np.maximum(sizes.sum(axis=2).max(axis=1), np.finfo(np.float32).tiny) / 127
        levels = np.round(rows / scales[:, None]).astype(np.int8)
        # (tokens, width): the quantised product knows no batches
        flat = self.op("Reshape", x, self.constant([-1, width_in]))
        peaks = self.op("ReduceMax", self.op("Abs", flat), self.constant([1]), keepdims=0)
        steps = self.op(
            "Mul",
            self.op("Max", peaks, self.constant(np.array([np.finfo(np.float32).tiny * 1024], np.float32))),
            self.constant(np.array([1 / 127], np.float32)),
        )
        # Unsigned with a zero of 128: ONNX Runtime's signed product takes six times as long.
        zeros = self.op(
            "ConstantOfShape",
            self.op("Shape", steps),
            value=helper.make_tensor("zero", TensorProto.UINT8, [1], [128]),
        )
        product = self.op(
            "MatMulIntegerToFloat",
            self.op("QuantizeLinear", flat, steps, zeros, axis=0),
            self.constant(np.ascontiguousarray(levels.T)),
            self.constant(np.array(1, np.float32)),  # it takes one step for all tokens; theirs follow below
            self.constant(scales),
            self.constant(np.array(128, np.uint8)),
            domain="com.microsoft",
        )
        scaled = self.op("Mul", product, self.op("Unsqueeze", steps, self.constant([1])))
        leading = self.op("Slice", self.op("Shape", x), self.constant([0]), self.constant([-1]))
        return self.op("Reshape", scaled, self.op("Concat", leading, self.constant([width_out]), axis=0))

    def quantised(self, x: str, levels: Array, scales: Array, bias: Array) -> str:
        """``x Wᵀ + b``, the weights being 8-bit numbers (out, in) times a scale per row (out,).

        ``x`` (tokens, width) gets one scale for all its tokens: for one token, that is its own.
        """
        return self.op(
            "DynamicQuantizeMatMul",
            x,
            self.constant(np.ascontiguousarray(levels.T)),
            self.constant(scales),
            "",  # no zero points: the weights are symmetric
            self.constant(bias),
            domain="com.microsoft",
        )

    def rough_product(self, x: str, weight: Array) -> str:
        """``x Wᵀ`` with four bits a weight: enough to tell what may be the largest, in half the memory."""
        width_out, width_in = weight.shape
        size = math.gcd(width_in, BLOCK)
        blocks = weight.astype(np.float32).reshape(width_out, -1, size)
        scales = np.maximum(np.abs(blocks).max(axis=-1), np.finfo(np.float32).tiny) / 7
        levels = (np.rint(blocks / scales[..., None]) + 8).astype(np.uint8)
        return self.op(
            "MatMulNBits",
            x,
            self.constant(levels[..., ::2] | levels[..., 1::2] << 4),  # two to a byte
            self.constant(scales.reshape(-1)),
            domain="com.microsoft",
            K=width_in,
            N=width_out,
            bits=4,
            block_size=size,
            accuracy_level=4,
        )

    def layer_norm(self, x: str, weight: Array, bias: Array, epsilon: float) -> str:
        """Normalise the last axis."""
        return self.op(
            "LayerNormalization", x, self.constant(weight), self.constant(bias), axis=-1, epsilon=epsilon
        )

    def attention(
        self,
        x: str,
        weights: Mapping[str, tuple[Array, Array]],  # "query", "key", "value", "output"
        heads: int,
        mask: str = "",
    ) -> str:
        """Multi-head self-attention; ``mask`` is added to the scores, (batch, heads, tokens, tokens)."""
        width = weights["query"][0].shape[0]
        size = width // heads
        # The scores' scale goes into the query; the three projections into one product.
        scale = np.float32(size**-0.5)
        (query_weight, query_bias), key, value = weights["query"], weights["key"], weights["value"]
        projected = self.linear(
            x,
            np.concatenate([query_weight * scale, key[0], value[0]]),
            np.concatenate([query_bias * scale, key[1], value[1]]),
        )
        position = len(self._nodes)
        parts = self.split(
            "Split", projected, to=[f"{part}_{position}" for part in "qkv"], axis=-1, num_outputs=3
        )
        shape = self.constant([0, 0, heads, size])
        q, k, v = (self.op("Reshape", part, shape) for part in parts)
        scores = self.op(
            "MatMul",
            self.op("Transpose", q, perm=[0, 2, 1, 3]),
            self.op("Transpose", k, perm=[0, 2, 3, 1]),
        )
        if mask:
            scores = self.op("Add", scores, mask)
        mixed = self.op(
            "MatMul",
            self.op("Softmax", scores, axis=-1),
            self.op("Transpose", v, perm=[0, 2, 1, 3]),
        )
        joined = self.op(
            "Reshape", self.op("Transpose", mixed, perm=[0, 2, 1, 3]), self.constant([0, 0, width])
        )
        return self.linear(joined, *weights["output"])

    def quick_gelu(self, x: str) -> str:
        """``x · σ(1.702 x)``, the activation that OpenAI's CLIP was trained with."""
        return self.op("Mul", x, self.op("Sigmoid", self.op("Mul", x, self.constant(1.702))))

    def unit(self, x: str, *, to: str) -> str:
        """Scale the rows of (batch, width) to unit length."""
        return self.op("LpNormalization", x, to=to, axis=-1, p=2)

    def loop(
        self,
        body: Graph,
        state: Sequence[str],
        asked: Mapping[str, Tensor],
        given: Mapping[str, Tensor],
        *,
        most: str,
        to: Sequence[str],
    ) -> None:
        """Do ``body`` again and again, ``most`` times at most; ``state`` is what it starts with.

        ``asked`` are the round (), whether it goes on (), and the state; ``given`` whether to go on, the
        state after the round, and what is kept of each. ``to`` are the last state, and what was kept.
        """
        from onnx import helper

        # Its constants are the outer graph's: within the node, they would be copied several times over.
        self._constants += body._constants
        proto = helper.make_graph(body._nodes, body._name, _described(asked), _described(given))
        inputs = [most, self.constant(np.array(True)), *state]
        self._nodes.append(helper.make_node("Loop", inputs, list(to), name=body._name, body=proto))

    def save(
        self,
        path: Path,
        inputs: Mapping[str, Tensor],
        outputs: Mapping[str, Sequence[str | int]],
        *,
        kind: type = np.float32,
    ) -> None:
        """Check the graph and write it; ``inputs`` give dtype and shape, named axes being free.

        ``outputs`` give the shapes of the results, which are all of one ``kind``.
        """
        import onnx
        from onnx import helper

        results = _described({name: (kind, shape) for name, shape in outputs.items()})
        graph = helper.make_graph(self._nodes, self._name, _described(inputs), results, self._constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=helper.find_min_ir_version_for(opsets[:1]),
            producer_name="kadr",
        )
        onnx.save(model, path)
        onnx.checker.check_model(path)


def _described(tensors: Mapping[str, Tensor]) -> list[Any]:
    from onnx import helper

    return [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), list(shape))
        for name, (kind, shape) in tensors.items()
    ]


def smoothed(weight: Array, bias: Array, following: Sequence[Array]) -> tuple[Array, Array, list[Array]]:
    """Share outliers out between a layer norm and the linear layers that follow it.

    Returns the norm's weight and bias divided by a factor per channel, and the linear weights multiplied by
    it: the same function, with channels of more equal size, of which 8 bits with one scale lose less. The
    factor is √(activation / weight), as in SmoothQuant (Xiao et al., 2023); a norm's output is of the size
    of its own weight and bias, so no pictures are needed to measure it.
    """
    tiny = np.float32(1e-6)
    activation = np.maximum(np.abs(weight) + np.abs(bias), tiny)
    largest = np.maximum(np.max([np.abs(linear).max(axis=0) for linear in following], axis=0), tiny)
    factor = np.sqrt(activation / largest)
    factor = (factor / np.exp(np.log(factor).mean())).astype(np.float32)
    return weight / factor, bias / factor, [linear * factor for linear in following]
