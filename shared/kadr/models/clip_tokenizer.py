"""CLIP's tokenizer as tokenizer.json, also where its author kept the older pair of files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.models.catalogue import Role

_START, _END = "<|startoftext|>", "<|endoftext|>"
# Words, contractions, single digits, runs of signs: what OpenAI's CLIP cuts a text into.
_PIECES = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"


def keep_tokenizer(folder: Path, to: Path) -> None:
    """Copy tokenizer.json of a folder, or write what vocab.json and merges.txt mean.

    Raises:
        WeightsUnavailableError: there is neither.
        WeightsRefusedError: the files do not belong to a CLIP.
    """
    if (folder / "tokenizer.json").is_file():
        shutil.copyfile(folder / "tokenizer.json", to)
        return
    if not ((folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()):
        raise WeightsUnavailableError(
            Role.VISUAL, f"{folder} lacks a tokenizer: tokenizer.json, or vocab.json and merges.txt"
        )
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
    merges = [
        (line.split()[0], line.split()[-1]) for line in lines if line and not line.startswith("#version")
    ]
    try:
        start, end = vocabulary[_START], vocabulary[_END]
        tokenizer = Tokenizer(
            models.BPE(
                vocabulary,
                merges,
                unk_token=_END,
                continuing_subword_prefix="",
                end_of_word_suffix="</w>",
            )
        )
    except Exception as error:  # tokenizers raises nothing more exact
        raise WeightsRefusedError(f"vocab.json and merges.txt are not those of a CLIP: {error}") from error
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_START} $A {_END}", special_tokens=[(_START, start), (_END, end)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([_START, _END])
    tokenizer.save(str(to))
