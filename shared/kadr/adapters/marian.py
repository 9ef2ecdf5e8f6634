"""Marian (opus-mt) under CTranslate2, with the model's own sentencepiece."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.models.registry import InstalledModel

# Somebody waits for a query. What beams and threads cost: docs/adr/0014-translator.md.
BEAM, QUERY_BEAM = 2, 1
END = "</s>"
_POSITIONS = 512  # of the encoder, the end of the sentence included
# Sentences of about the same length are translated together, up to so many; all of them may grow to the same
# length, so that what is said of one does not depend on the others.
_STEP, _TOGETHER = 8, 16
_GROWTH, _MORE = 2, 12


class Pieces:
    """The model's own sentencepiece: sentences into pieces, and pieces into a text.

    Raises:
        WeightsUnavailableError: a file is missing, or sentencepiece.
        WeightsRefusedError: a checksum is wrong, or sentencepiece does not understand a file.
    """

    def __init__(self, model: InstalledModel) -> None:
        files = [str(model.file(f"{side}.spm")) for side in ("source", "target")]
        try:
            from sentencepiece import SentencePieceProcessor
        except ImportError as error:
            raise not_installed(model, error) from error
        try:
            self._source, self._target = (SentencePieceProcessor(model_file=file) for file in files)
            config = json.loads(model.file("config.json").read_text(encoding="utf-8"))
        except (RuntimeError, ValueError, OSError) as error:
            raise WeightsRefusedError(f"{model.directory} is not a Marian model: {error}") from error
        # CTranslate2 may put the end behind the sentence itself, which it says in this file.
        self.ends_itself = bool(config.get("add_source_eos"))

    def of(self, sentences: Sequence[str]) -> list[list[str]]:
        """Return the pieces of each sentence with its end; of a long one, as many as the model takes."""
        rows = self._source.encode(list(sentences), out_type=str, num_threads=1)
        return [[*row[: _POSITIONS - 1], END] for row in rows]

    def text(self, pieces: Sequence[str]) -> str:
        """Return what pieces of an answer say."""
        return str(self._target.decode(list(pieces))).strip()


def longest_answer(pieces: int) -> int:
    """Return how many pieces an answer to so many may have.

    English takes about as many as Russian: who needs more than twice as many is in a loop.
    """
    return min(_GROWTH * _rounded(pieces) + _MORE, _POSITIONS)


def not_installed(model: InstalledModel, error: ImportError) -> WeightsUnavailableError:
    """Return the error that says which package translating lacks."""
    return WeightsUnavailableError(
        model.role, f"translating needs {error.name}: pip install 'kadr[translation]'"
    )


def _rounded(pieces: int) -> int:
    return -(-pieces // _STEP) * _STEP


class Marian:
    """One sentence in, one out: deterministic, thread-safe, loaded on first use.

    ``threads`` work on one sentence (one is quickest: a step is too short to be shared out), and ``workers``
    sentences are worked on at a time.

    Raises:
        WeightsUnavailableError, WeightsRefusedError: on first use, see :meth:`load`.
    """

    def __init__(
        self,
        model: InstalledModel,
        *,
        beam: int = BEAM,
        threads: int = 1,
        workers: int = 1,
        compute_type: str = "int8",
    ) -> None:
        if not 1 <= beam <= 4:
            raise ValueError(f"a beam of 1 to 4 is meant for translation, not {beam}")
        self._model = model
        self._beam = beam
        self.model_version = f"{model.version}-beam{beam}"
        self._threads = threads
        self._workers = workers
        self._compute_type = compute_type
        self._loaded: tuple[Any, Pieces] | None = None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Load the weights unless that has been done.

        Raises:
            WeightsUnavailableError: a file is missing, or the packages that read it.
            WeightsRefusedError: a checksum is wrong, or CTranslate2 or sentencepiece does not understand
                the file.
        """
        self._parts()

    def _parts(self) -> tuple[Any, Pieces]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> tuple[Any, Pieces]:
        directory, pieces = self._model.verified(), Pieces(self._model)
        try:
            from ctranslate2 import Translator
        except ImportError as error:
            raise not_installed(self._model, error) from error
        try:
            translator = Translator(
                str(directory),
                device="cpu",
                compute_type=self._compute_type,
                intra_threads=self._threads,
                inter_threads=self._workers,
            )
        except (RuntimeError, ValueError) as error:
            raise WeightsRefusedError(f"{directory} is not a Marian model: {error}") from error
        return translator, pieces

    def translate(self, sentences: Sequence[str]) -> list[str]:
        """Return the model's answers as they are, whatever they are worth.

        A sentence's answer does not depend on the others. Of one that is longer than the model's 512
        positions, the rest is not looked at.
        """
        translator, cut = self._parts()
        answers = [""] * len(sentences)
        rows = [row[:-1] if cut.ends_itself else row for row in cut.of(sentences)]
        by_length: dict[int, list[int]] = defaultdict(list)
        for index, row in enumerate(rows):
            by_length[_rounded(len(row))].append(index)
        for length, indices in by_length.items():
            results = translator.translate_batch(
                [rows[index] for index in indices],
                beam_size=self._beam,
                max_batch_size=_TOGETHER,
                min_decoding_length=0,  # its default of 1 makes up a piece where the model says nothing
                max_decoding_length=longest_answer(length),
            )
            for index, result in zip(indices, results, strict=True):
                answers[index] = cut.text(result.hypotheses[0])
        return answers
