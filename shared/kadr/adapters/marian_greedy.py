"""Marian (opus-mt) under ONNX Runtime: without a beam, so that who searches waits as little as possible."""

from __future__ import annotations

import json
import logging
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kadr.adapters.marian import END, Marian, Pieces, longest_answer
from kadr.adapters.onnx import Session, cores, open_session
from kadr.core.errors import WeightsRefusedError
from kadr.models.ctranslate2_file import variables
from kadr.models.marian_graph import MarianGraphs, Table
from kadr.models.registry import InstalledModel

# Each product is shared out among two at most: more would wait for each other longer than they work.
_THREADS = 2
_UNKNOWN = "<unk>"


class GreedyMarian:
    """One sentence in, one out: deterministic, thread-safe, loaded on first use.

    It reads the same files as :class:`kadr.adapters.marian.Marian` and says what that says with a beam of 1,
    but for roundings, in half the time or less (docs/adr/0014-translator.md). A model that CTranslate2 alone
    understands is left to it.
    """

    def __init__(self, model: InstalledModel, *, threads: int = 0) -> None:
        self._model = model
        self._threads = threads or min(_THREADS, cores())
        self.model_version = f"{model.version}-greedy"
        self._loaded: _Loaded | Marian | None = None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Load the weights unless that has been done.

        Raises:
            WeightsUnavailableError: a file is missing, or the packages that read it.
            WeightsRefusedError: a checksum is wrong, or no engine understands the file.
        """
        self._parts()

    def translate(self, sentences: Sequence[str]) -> list[str]:
        """Return the model's answers as they are, whatever they are worth; see
        :meth:`kadr.adapters.marian.Marian.translate`.
        """
        loaded = self._parts()
        if isinstance(loaded, Marian):
            return loaded.translate(sentences)
        return [loaded.pieces.text(loaded.answer(row)) for row in loaded.pieces.of(sentences)]

    def _parts(self) -> _Loaded | Marian:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> _Loaded | Marian:
        directory, pieces = self._model.verified(), Pieces(self._model)
        try:
            source, target = (
                json.loads((directory / f"{side}_vocabulary.json").read_text(encoding="utf-8"))
                for side in ("source", "target")
            )
            graphs = MarianGraphs(variables(directory / "model.bin"))
            if (len(source), len(target)) != (len(graphs.source.levels), len(graphs.target.levels)):
                raise ValueError("it has other pieces than vectors")
            unknown = source.index(_UNKNOWN)
            encoder, decoder = self._sessions(graphs, target.index(END))
        except (OSError, ValueError, ImportError, WeightsRefusedError) as error:
            other = Marian(self._model, beam=1)
            other.load()  # and says what is wrong, if anything is
            logging.getLogger(__name__).warning(
                "%s is run by CTranslate2, which takes twice as long: %s", self._model.version, error
            )
            return other
        return _Loaded(
            pieces,
            {piece: number for number, piece in enumerate(source)},
            unknown,
            target,
            graphs.source,
            [f"{kind}_{layer}" for layer in range(graphs.layers) for kind in ("key", "value")],
            encoder,
            decoder,
        )

    def _sessions(self, graphs: MarianGraphs, end: int) -> tuple[Session, Session]:
        # From files: of a model that is handed over in memory, ONNX Runtime keeps a copy.
        with tempfile.TemporaryDirectory(prefix="kadr-marian-") as folder:
            path = Path(folder) / "part.onnx"
            graphs.write_encoder(path)
            encoder = open_session(path, threads=self._threads)
            graphs.write_decoder(path, end)
            return encoder, open_session(path, threads=self._threads)


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    pieces: Pieces
    asked: dict[str, int]  # numbers of the pieces of a question
    unknown: int  # the number of every other one
    said: list[str]  # pieces of an answer
    table: Table  # of a question's pieces
    names: list[str]  # of what the encoder tells the decoder
    encoder: Session
    decoder: Session

    def answer(self, row: Sequence[str]) -> list[str]:
        """Return the pieces of the answer to the pieces of a sentence: the likeliest, one after the other."""
        numbers = np.array([self.asked.get(piece, self.unknown) for piece in row])
        heard = self.encoder.run(self.names, {"x": self.table.vectors(numbers)})
        most = np.array(longest_answer(len(row)))
        (numbers,) = self.decoder.run(["answer"], {"most": most, **dict(zip(self.names, heard, strict=True))})
        answer = [self.said[number] for number in numbers]
        return answer[:-1] if answer[-1] == END else answer
