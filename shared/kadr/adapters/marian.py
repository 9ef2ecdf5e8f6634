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
_END = "</s>"
_POSITIONS = 512  # of the encoder, the end of the sentence included
# Sentences of about the same length are translated together, up to so many; all of them may grow to the same
# length, so that what is said of one does not depend on the others.
_STEP, _TOGETHER = 8, 16
# English takes about as many pieces as Russian. Who needs more than twice as many is in a loop.
_GROWTH, _MORE = 2, 12


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
        self._loaded: tuple[Any, Any, Any, bool] | None = None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Load the weights unless that has been done.

        Raises:
            WeightsUnavailableError: a file is missing, or the packages that read it.
            WeightsRefusedError: a checksum is wrong, or CTranslate2 or sentencepiece does not understand
                the file.
        """
        self._parts()

    def _parts(self) -> tuple[Any, Any, Any, bool]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> tuple[Any, Any, Any, bool]:
        directory = self._model.verified()
        source, target = self._model.file("source.spm"), self._model.file("target.spm")
        try:
            from ctranslate2 import Translator
            from sentencepiece import SentencePieceProcessor
        except ImportError as error:
            raise WeightsUnavailableError(
                self._model.role, f"translating needs {error.name}: pip install 'kadr[translation]'"
            ) from error
        try:
            config = json.loads(self._model.file("config.json").read_text(encoding="utf-8"))
            translator = Translator(
                str(directory),
                device="cpu",
                compute_type=self._compute_type,
                intra_threads=self._threads,
                inter_threads=self._workers,
            )
            return (
                translator,
                SentencePieceProcessor(model_file=str(source)),
                SentencePieceProcessor(model_file=str(target)),
                bool(config.get("add_source_eos")),
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise WeightsRefusedError(f"{directory} is not a Marian model: {error}") from error

    def translate(self, sentences: Sequence[str]) -> list[str]:
        """Return the model's answers as they are, whatever they are worth.

        A sentence's answer does not depend on the others. Of one that is longer than the model's 512
        positions, the rest is not looked at.
        """
        translator, source, target, ends_itself = self._parts()
        answers = [""] * len(sentences)
        end = [] if ends_itself else [_END]
        pieces = [
            [*row[: _POSITIONS - 1], *end]
            for row in source.encode(list(sentences), out_type=str, num_threads=1)
        ]
        by_length: dict[int, list[int]] = defaultdict(list)
        for index, row in enumerate(pieces):
            by_length[-(-len(row) // _STEP) * _STEP].append(index)
        for length, indices in by_length.items():
            results = translator.translate_batch(
                [pieces[index] for index in indices],
                beam_size=self._beam,
                max_batch_size=_TOGETHER,
                min_decoding_length=0,  # its default of 1 makes up a piece where the model says nothing
                max_decoding_length=min(_GROWTH * length + _MORE, _POSITIONS),
            )
            for index, result in zip(indices, results, strict=True):
                answers[index] = target.decode(result.hypotheses[0]).strip()
        return answers
