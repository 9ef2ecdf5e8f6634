"""The architecture, untrained, in transformers' layout: two sentencepiece models of its own, one table."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.translator.pairs import Pair


@dataclass(frozen=True, slots=True)
class Shape:
    """Small enough for 8 MB in 8 bits; pieces are most of it."""

    source_pieces: int = 6000
    target_pieces: int = 5000
    width: int = 256
    heads: int = 4
    encoder_layers: int = 3
    decoder_layers: int = 2
    feed_forward: int = 1024


def write(folder: Path, pairs: Sequence[Pair], shape: Shape, *, seed: int = 1) -> Path:
    """Write an untrained Marian whose sentencepiece models are trained on the pairs.

    Both fold case, as search does. The target's pieces stand first in the table, so that those of the source
    alone need not be told apart when a piece is predicted.
    """
    import torch
    from transformers import MarianConfig, MarianMTModel, logging

    logging.disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    target = _sentencepiece(folder / "target.spm", (pair.target for pair in pairs), shape.target_pieces)
    source = _sentencepiece(folder / "source.spm", (pair.source for pair in pairs), shape.source_pieces)
    special = {"</s>", "<unk>", "<s>"}
    known = ["</s>", "<unk>", *(piece for piece in dict.fromkeys([*target, *source]) if piece not in special)]
    vocabulary = {token: index for index, token in enumerate([*known, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    config = {"tokenizer_class": "MarianTokenizer", "source_lang": "ru", "target_lang": "en"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config) + "\n", encoding="utf-8")
    torch.manual_seed(seed)
    last = len(vocabulary) - 1
    MarianMTModel(
        MarianConfig(
            vocab_size=len(vocabulary),
            d_model=shape.width,
            encoder_layers=shape.encoder_layers,
            decoder_layers=shape.decoder_layers,
            encoder_attention_heads=shape.heads,
            decoder_attention_heads=shape.heads,
            encoder_ffn_dim=shape.feed_forward,
            decoder_ffn_dim=shape.feed_forward,
            max_position_embeddings=512,
            activation_function="swish",
            scale_embedding=True,
            static_position_embeddings=True,
            dropout=0.0,  # no pair is seen twice in the same form and company
            init_std=0.05,  # transformers' 0.02 is for widths of 512 and more
            pad_token_id=last,
            decoder_start_token_id=last,
            eos_token_id=0,
            forced_eos_token_id=0,
        )
    ).save_pretrained(folder)
    return folder


def said(folder: Path) -> int:
    """How many pieces of the table the model may say: they stand first."""
    from sentencepiece import SentencePieceProcessor

    vocabulary: dict[str, int] = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    target = SentencePieceProcessor(model_file=str(folder / "target.spm"))
    pieces = (target.id_to_piece(index) for index in range(target.get_piece_size()))
    return 1 + max(vocabulary[piece] for piece in pieces if piece in vocabulary)


def _sentencepiece(path: Path, texts: Iterable[str], size: int) -> list[str]:
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

    written = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=written,
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="nmt_nfkc_cf",
        split_digits=True,
        bos_id=-1,
        num_threads=2,
        minloglevel=2,
    )
    path.write_bytes(written.getvalue())
    processor: Any = SentencePieceProcessor(model_proto=written.getvalue())
    return [processor.id_to_piece(index) for index in range(processor.get_piece_size())]
