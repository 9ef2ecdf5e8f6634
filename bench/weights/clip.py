"""A CLIP ViT-B/32 of real size with random weights: it takes the time and the memory of the real one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from kadr.core.errors import KadrError
from kadr.models import registry

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".kadr" / "bench"
VARIANT = "clip-vit-b32-random"
_SEED = 32


def source() -> Path:
    """Return a folder in Hugging Face's layout: model.safetensors, config.json, tokenizer.json.

    Both towers have transformers' defaults, which are those of ViT-B/32 (151 M parameters, projection 512).
    Made once, in about 20 s; the folder appears when it is complete.
    """
    folder = CACHE / "clip-vit-b32"
    if folder.is_dir():
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
    except (OSError, ValueError, KadrError):
        model = convert.clip(models_dir, source(), variant=VARIANT)
    return model.directory


def _tokenizer(folder: Path) -> None:
    """Write a tokenizer of single bytes between CLIP's own start and end tokens."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    start, end = "<|startoftext|>", "<|endoftext|>"
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: index for index, letter in enumerate(alphabet)}
    vocabulary |= {start: 49406, end: 49407}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(start, 49406), (end, 49407)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
