"""A CLIP ViT-B/32 of real size with random weights: it takes the time and the memory of the real one."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from kadr.core.errors import KadrError
from kadr.models import registry

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".kadr" / "bench"
VARIANT = "clip-vit-b32-random"
_SEED = 32
PIECES = 49_408


def source() -> Path:
    """Return a folder in Hugging Face's layout: model.safetensors, config.json, tokenizer.json.

    Both towers have transformers' defaults, which are those of ViT-B/32 (151 M parameters, projection 512).
    Made once, in about 20 s; the folder appears when it is complete.
    """
    folder = CACHE / "clip-vit-b32"
    if folder.is_dir():
        if not _has_words(folder):
            _tokenizer(folder)
        return folder
    import torch
    from transformers import CLIPConfig, CLIPModel, logging

    logging.disable_progress_bar()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        part = Path(temporary) / "clip"
        torch.manual_seed(_SEED)
        CLIPModel(CLIPConfig(projection_dim=512)).save_pretrained(part, safe_serialization=True)
        _tokenizer(part)
        try:
            part.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was faster
                raise
    return folder


def write(models_dir: Path) -> Path:
    """Install it as the ``visual`` role's variant of ``models_dir``; return the variant's folder.

    Converted once by :func:`kadr.models.convert.clip`, as production weights are.
    """
    from kadr.models import convert

    directory = models_dir / "visual" / VARIANT
    try:
        model = registry.open_directory(directory)
        model.verified()
        if not _has_words(directory):
            raise ValueError("made with the tokenizer of single bytes")
    except (OSError, ValueError, KadrError):
        model = convert.clip(models_dir, source(), variant=VARIANT)
    return model.directory


def _has_words(folder: Path) -> bool:
    """Whether the tokenizer knows words: an earlier one knew bytes, four times as many as CLIP's pieces."""
    return bool(json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["merges"])


def _tokenizer(folder: Path) -> None:
    """Write a tokenizer of as many pieces as CLIP's, a word or part of one each, between its start and end.

    Time depends on how many pieces a query has: here, as there, about one for each frequent word.
    """
    from itertools import islice

    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from wordfreq import iter_wordlist

    start, end = "<|startoftext|>", "<|endoftext|>"
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Lowercase()
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES - 2,
        min_frequency=1,
        end_of_word_suffix="</w>",
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words = [word for word in islice(iter_wordlist("en"), 40_000) if word.isalpha()]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.train_from_iterator(words, trainer)
    tokenizer.add_special_tokens([start, end])
    known = {start: tokenizer.token_to_id(start), end: tokenizer.token_to_id(end)}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=list(known.items())
    )
    tokenizer.save(str(folder / "tokenizer.json"))
