"""Marians of a few thousand weights: the real architecture, sentencepiece models and files, made in seconds.

:func:`write` makes an untrained one in transformers' layout; :func:`taught` one that has learnt a toy
language by heart, with the training that a real one is tuned with.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

from training.translator.pairs import Pair
from training.translator.recipe import Recipe
from training.translator.train import train

VERBS = {
    "варить": "cook",
    "рисовать": "draw",
    "купить": "buy",
    "найти": "find",
}
NOUNS = {
    "борщ": "borscht",
    "кота": "a cat",
    "машину": "a car",
    "дом": "a house",
    "яблоко": "an apple",
    "рыбу": "a fish",
    "велосипед": "a bicycle",
    "телефон": "a phone",
}
TOY = tuple(
    Pair(f"как {verb} {noun}", f"how to {english} {thing}")
    for (verb, english), (noun, thing) in product(VERBS.items(), NOUNS.items())
)


def write(folder: Path, pairs: Sequence[Pair], *, width: int = 64, layers: int = 2) -> Path:
    """Write an untrained Marian whose sentencepiece models are trained on the pairs."""
    import torch
    from transformers import MarianConfig, MarianMTModel, logging

    logging.disable_progress_bar()
    folder.mkdir(parents=True)
    pieces: dict[str, None] = {}
    for name, texts in (
        ("source.spm", [pair.source for pair in pairs]),
        ("target.spm", [pair.target for pair in pairs]),
    ):
        pieces |= dict.fromkeys(_sentencepiece(folder / name, texts))
    special = {"</s>", "<unk>", "<s>"}
    tokens = ["</s>", "<unk>", *(piece for piece in pieces if piece not in special), "<pad>"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"source_lang": "ru", "target_lang": "en"}))
    last = len(tokens) - 1
    torch.set_num_threads(1)  # such small products only lose time when they are shared out
    torch.manual_seed(7)
    config = MarianConfig(
        vocab_size=len(tokens),
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=2 * width,
        decoder_ffn_dim=2 * width,
        max_position_embeddings=512,
        activation_function="swish",
        scale_embedding=True,
        static_position_embeddings=True,
        dropout=0.0,
        init_std=0.1,  # transformers' 0.02 is for widths of 512 and more: attention would learn late
        pad_token_id=last,
        decoder_start_token_id=last,
        eos_token_id=0,
        forced_eos_token_id=0,
    )
    MarianMTModel(config).save_pretrained(folder)
    return folder


def taught(folder: Path, pairs: Sequence[Pair], *, times: int = 60) -> Path:
    """Return a Marian, in transformers' layout, that has learnt the pairs by heart."""
    base = write(folder / "base", pairs)
    recipe = Recipe(epochs=1, learning_rate=3e-3, batch=16, weight_decay=0.0)
    return train(base, [*pairs] * times, recipe, folder / "checkpoints", fingerprint="taught")[0]


def at_once(translate: Callable[[Sequence[str]], list[str]], sentences: Sequence[str]) -> list[list[str]]:
    """Return what four threads are answered that ask at the same time."""
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda: found.append(translate(sentences))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _sentencepiece(path: Path, texts: Sequence[str]) -> list[str]:
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter([*texts, *(word for text in texts for word in text.split())]),
        model_writer=model,
        vocab_size=200,
        hard_vocab_limit=False,
        character_coverage=1.0,
        bos_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    path.write_bytes(model.getvalue())
    processor = SentencePieceProcessor(model_proto=model.getvalue())
    return [processor.id_to_piece(index) for index in range(processor.get_piece_size())]
