"""A Marian in transformers' layout: config.json, model.safetensors, source.spm, target.spm, vocab.json."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError

# Beside config.json and the weights; what else a folder has (Python files above all) is not copied.
TEXTS = ("source.spm", "target.spm", "vocab.json")
_OPTIONAL = ("tokenizer_config.json", "generation_config.json", "special_tokens_map.json")


def check(folder: Path) -> None:
    """Raise unless the folder holds a Marian.

    Raises:
        WeightsUnavailableError: a file is missing.
        WeightsRefusedError: it is a model of another kind.
    """
    missing = [name for name in ("config.json", "model.safetensors", *TEXTS) if not (folder / name).is_file()]
    if missing:
        raise WeightsUnavailableError(
            "translation",
            f"{folder} lacks {', '.join(missing)}; a Marian in transformers' layout is needed, "
            "with safetensors (a pytorch_model.bin is a pickle and is not opened)",
        )
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError) as error:
        raise WeightsRefusedError(f"{folder / 'config.json'} cannot be read: {error}") from error
    if kind != "marian":
        raise WeightsRefusedError(f"{folder} is a model of type {kind}, not marian")


class Pieces:
    """Texts as numbers, the way Marian was trained: two sentencepiece models, one vocabulary."""

    def __init__(self, folder: Path, *, most: int) -> None:
        from sentencepiece import SentencePieceProcessor

        self._source = SentencePieceProcessor(model_file=str(folder / "source.spm"))
        self._target = SentencePieceProcessor(model_file=str(folder / "target.spm"))
        self._ids: dict[str, int] = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        self._tokens = {index: token for token, index in self._ids.items()}
        self._unknown, self.end = self._ids["<unk>"], self._ids["</s>"]
        self._most = most

    def source(self, texts: Sequence[str]) -> list[list[int]]:
        """Return Russian texts as ids, the end included."""
        return self._encode(self._source, texts)

    def target(self, texts: Sequence[str]) -> list[list[int]]:
        """Return English texts as ids, the end included."""
        return self._encode(self._target, texts)

    def text(self, ids: Sequence[int]) -> str:
        """Return the English of ids, up to the first end."""
        tokens = []
        for index in ids:
            if index == self.end:
                break
            tokens.append(self._tokens[index])
        return str(self._target.decode(tokens)).strip()

    def _encode(self, model: Any, texts: Sequence[str]) -> list[list[int]]:
        return [
            [*(self._ids.get(piece, self._unknown) for piece in pieces[: self._most - 1]), self.end]
            for pieces in model.encode(list(texts), out_type=str)
        ]


def load(folder: Path) -> Any:
    """Return the ``MarianMTModel`` of a folder, from safetensors and nothing else, in float32.

    Its positions are sines that are computed anew whenever it is loaded. Transformers would train them all
    the same, and forget what they have become: they are held fast.
    """
    import torch
    from transformers import MarianMTModel, logging

    logging.disable_progress_bar()
    model = MarianMTModel.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
    )
    for side in (model.model.encoder, model.model.decoder):
        side.embed_positions.weight.requires_grad_(False)
    return model


def save(model: Any, texts: Path, to: Path) -> None:
    """Write a model with the sentencepiece models and the vocabulary of the folder ``texts``."""
    model.save_pretrained(to)
    for name in (*TEXTS, *_OPTIONAL):
        if (texts / name).is_file() and not (to / name).is_file():
            shutil.copyfile(texts / name, to / name)
