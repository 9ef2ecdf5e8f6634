"""all-MiniLM-L6-v2 under ONNX Runtime, as :mod:`kadr.models.convert` writes it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kadr.adapters.onnx import Session, open_session
from kadr.core.extraction import Vector
from kadr.models.registry import open_directory

# What the network computes with grows with the batch, some 25 MB for each text of 200 tokens, and such texts
# side by side take no less time than one after another. Short ones do: dozens of phrases are one batch.
_TOGETHER = 256  # tokens, as many as the longest text has


class MiniLM:
    """Implements :class:`kadr.ports.embedding.TextEmbedder` for English; 384 dimensions.

    Making one reads the manifest and nothing else; the weights are verified and loaded on first use.
    Thread-safe. Text beyond ``max_tokens`` (256 word pieces, about 190 words) is not looked at: cut long
    texts into parts and take :func:`kadr.core.pooling.mean_direction`. One thread is the default: a query
    takes 2.4 ms with it, and a second one helps only on processors that have nothing else to do.

    Example::

        MiniLM(require("text", models_dir).directory).embed(["a cat on a sofa"])

    Raises:
        WeightsUnavailableError, WeightsRefusedError: as :func:`kadr.models.registry.open_directory`.
    """

    def __init__(
        self,
        model_dir: Path,
        *,
        threads: int = 1,
        batch_tokens: int = _TOGETHER,
        session: Session | None = None,
    ) -> None:
        self._model = open_directory(model_dir)
        self.model_version = self._model.version
        self.dimensions = self._model.dimensions or 384
        self._threads = threads
        self._batch_tokens = batch_tokens
        self._session = session
        self._tokenizer: Any = None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Load weights and tokenizer unless that has been done."""
        with self._lock:
            if self._tokenizer is not None:
                return
            if self._session is None:
                self._session = open_session(self._model.file("model.onnx"), threads=self._threads)
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_file(str(self._model.file("tokenizer.json")))
            tokenizer.enable_truncation(int(self._model.preprocessing.get("max_tokens", 256)))
            tokenizer.no_padding()
            self._tokenizer = tokenizer

    def embed(self, texts: Sequence[str]) -> Vector:
        """Return (len(texts), 384), unit rows, in the order of ``texts``.

        A text's vector does not depend on the others. An empty text has a vector too, of no meaning.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        if not texts:
            return vectors
        self.load()
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        for batch in self._batches([len(sequence) for sequence in ids]):
            vectors[batch] = self._embed([ids[index] for index in batch])
        return vectors

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Yield the places of texts of like length together: a batch is as wide as its longest text.

        The longest come first, so that what is allocated for them is enough for the others.
        """
        batch: list[int] = []
        for index in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
            if batch and (len(batch) + 1) * lengths[batch[0]] > self._batch_tokens:
                yield batch
                batch = []
            batch.append(index)
        yield batch

    def _embed(self, ids: Sequence[Sequence[int]]) -> Vector:
        width = max(map(len, ids))
        tokens = np.zeros((len(ids), width), dtype=np.int64)  # 0 is [PAD]
        present = np.zeros_like(tokens)
        for row, sequence in enumerate(ids):
            tokens[row, : len(sequence)] = sequence
            present[row, : len(sequence)] = 1
        if self._session is None:
            raise RuntimeError("load() comes first")
        embedded: Vector = self._session.run(None, {"input_ids": tokens, "attention_mask": present})[0]
        return embedded
