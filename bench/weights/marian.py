"""An opus-mt-ru-en of real size with random weights: it takes the time and the memory of the real one.

Random weights alone would never end a sentence, and time depends on how many pieces are said. So a few of the
weights are chosen, among 76 million: whatever is asked, six pieces are said, and then the end.
"""

from __future__ import annotations

import io
import json
import math
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kadr.core.errors import KadrError
from kadr.models import registry

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".kadr" / "bench"
VARIANT = "opus-mt-ru-en-random"
PIECES = 32_000  # of each side of opus-mt-ru-en
SAID = "how to cook tasty red fish"  # six pieces: what an answer to four words looks like
_SYNONYMS = (0.92, 0.9, 0.88, 0.86)
_SEED = 62


def source() -> Path:
    """Return a folder in transformers' layout: model.safetensors, config.json, two .spm, vocab.json.

    6 + 6 layers, width 512, feed-forward 2048, 8 heads, one table of pieces for both sides and the output, as
    in opus-mt. Made once, in about 20 s; the folder appears when it is complete.
    """
    folder = CACHE / "opus-mt-ru-en"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        part = Path(temporary) / "marian"
        russian, english = _corpus()
        save(part, russian, english, said=SAID, width=512, layers=6, pieces=PIECES)
        try:
            part.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was faster
                raise
    return folder


def write(models_dir: Path) -> Path:
    """Install it as the ``translation`` role's variant of ``models_dir``; return the variant's folder."""
    from kadr.models import catalogue, convert

    directory = models_dir / "translation" / VARIANT
    try:
        model = registry.open_directory(directory)
        model.verified()
    except (OSError, ValueError, KadrError):
        weights = catalogue.entries("translation")[0]
        model = convert.convert(weights, VARIANT, source(), models_dir)
    return model.directory


def save(
    folder: Path,
    russian: Sequence[str],
    english: Sequence[str],
    *,
    said: str,
    width: int,
    layers: int,
    pieces: int,
    again: bool = False,
) -> Path:
    """Write a Marian that says ``said`` to everything; with ``again``, it never stops saying its last piece.

    The sentencepiece models are trained on the texts, and filled up to ``pieces`` with some that no text is
    made of.
    """
    import torch
    from transformers import MarianConfig, MarianMTModel, logging

    logging.disable_progress_bar()
    folder.mkdir(parents=True)
    known: dict[str, None] = {"</s>": None, "<unk>": None}
    for name, texts in (("source.spm", russian), ("target.spm", english)):
        known |= dict.fromkeys(_sentencepiece(folder / name, texts, pieces))
    tokens = [*known, "<pad>"]
    (folder / "vocab.json").write_text(
        json.dumps({token: index for index, token in enumerate(tokens)}, ensure_ascii=False), encoding="utf-8"
    )
    (folder / "tokenizer_config.json").write_text(json.dumps({"source_lang": "ru", "target_lang": "en"}))
    torch.manual_seed(_SEED)
    last = len(tokens) - 1
    model = MarianMTModel(
        MarianConfig(
            vocab_size=len(tokens),
            d_model=width,
            encoder_layers=layers,
            decoder_layers=layers,
            encoder_attention_heads=8,
            decoder_attention_heads=8,
            encoder_ffn_dim=4 * width,
            decoder_ffn_dim=4 * width,
            max_position_embeddings=512,
            activation_function="swish",
            scale_embedding=True,
            static_position_embeddings=True,
            init_std=0.01,
            num_beams=4,
            max_length=512,
            pad_token_id=last,
            decoder_start_token_id=last,
            eos_token_id=0,
            forced_eos_token_id=0,
            bad_words_ids=[[last]],
        )
    )
    _say(model, [tokens.index(piece) for piece in _pieces(folder / "target.spm", said)], again=again)
    model.generation_config.num_beams = 4
    model.generation_config.max_length = 512
    model.generation_config.bad_words_ids = [[last]]
    model.save_pretrained(folder)
    return folder


def _say(model: Any, said: Sequence[int], *, again: bool) -> None:
    """Make the last feed-forward layer turn each piece into the next.

    One of its neurons looks for one piece in the state (whose length is √width after the normalisation), and
    pushes the state into the direction of the next piece; one looks for the first position without a piece.
    Where none of them finds anything, a constant push goes towards the end.
    """
    import torch

    end = 0
    width = model.config.d_model
    length = math.sqrt(width)
    layer = model.model.decoder.layers[-1]
    table = model.model.shared.weight
    chain = list(dict.fromkeys([*said, end]))
    with torch.no_grad():
        directions = torch.linalg.qr(torch.randn(width, len(chain)))[0].T
        towards = dict(zip(chain, directions, strict=True))
        for piece, direction in towards.items():
            table[piece] = 1.2 * direction  # times √width: louder than the position
        # What else a beam may follow: pieces that mean nearly the same, so that all of it ends together, as
        # where sentences differ in a word.
        spare = (place for place in range(len(table) - 2, 1, -1) if place not in towards)
        for piece in said:
            for likeness in _SYNONYMS:
                table[next(spare)] = likeness * table[piece]
        first = model.model.decoder.embed_positions.weight[0].clone()
        first = (first - first.mean()) / (first - first.mean()).norm()
        seen = [(first, 0.7, said[0] if said else end)]
        ends = list(zip(said, [*said[1:], said[-1] if again else end], strict=True)) if said else []
        seen += [(towards[piece], 0.4, following) for piece, following in ends]
        for neuron, (direction, threshold, following) in enumerate(seen):
            layer.fc1.weight[neuron] = direction
            layer.fc1.bias[neuron] = -threshold * length
            layer.fc2.weight[:, neuron] = 40 * towards[following]
        layer.fc2.bias += 2 * length * towards[end]


def _corpus() -> tuple[list[str], list[str]]:
    from importlib.resources import files

    from kadr.core.glossary import parse

    entries = parse(files("kadr.core").joinpath("data/glossary_ru_en.tsv").read_text(encoding="utf-8"))
    return [entry.source for entry in entries], [target for entry in entries for target in entry.targets]


def _sentencepiece(path: Path, texts: Sequence[str], pieces: int) -> list[str]:
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        vocab_size=min(pieces, 8_000),
        hard_vocab_limit=False,
        character_coverage=1.0,
        bos_id=-1,
        minloglevel=2,
    )
    there = SentencePieceProcessor(model_proto=model.getvalue()).get_piece_size()
    for number in range(there, pieces):
        model.write(_unused(f"<{path.stem}{number}>"))
    path.write_bytes(model.getvalue())
    processor = SentencePieceProcessor(model_proto=model.getvalue())
    return [processor.id_to_piece(index) for index in range(processor.get_piece_size())]


def _unused(piece: str) -> bytes:
    """Return a piece that sentencepiece never uses, as its protocol buffer has it: field 1 of the model.

    Fields that repeat may be written behind everything else.
    """
    name = piece.encode()
    entry = bytes((0x0A, len(name))) + name + b"\x15" + struct.pack("<f", -100.0) + b"\x18\x05"
    return bytes((0x0A, len(entry))) + entry


def _pieces(path: Path, text: str) -> list[str]:
    from sentencepiece import SentencePieceProcessor

    pieces: list[str] = SentencePieceProcessor(model_file=str(path)).encode(text, out_type=str)
    return pieces
