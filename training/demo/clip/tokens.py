"""The tokenizer: whole words of the captions, their plurals, and one token for every other word."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.demo.clip.captions import vocabulary

if TYPE_CHECKING:
    from tokenizers import Regex

MAX_TOKENS = 32
PAD, UNKNOWN, START, END = "<pad>", "<unknown>", "<start>", "<end>"


def write(path: Path) -> int:
    """Write tokenizer.json and return the number of tokens; the end-of-text token has the largest id.

    Words are looked up in lower case. A plural that is no word of its own is split into the word and its
    ending, so that "borzois" is unknown and "foxes" is a fox.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = [PAD, UNKNOWN, START, "##s", "##es", *vocabulary(), END]
    ids = {word: i for i, word in enumerate(dict.fromkeys(words))}
    tokenizer = Tokenizer(models.WordPiece(vocab=ids, unk_token=UNKNOWN, max_input_chars_per_word=40))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace("'s", "")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(_not_letters(), "removed")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, ids[START]), (END, ids[END])]
    )
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.save(str(path))
    return len(ids)


def _not_letters() -> Regex:
    from tokenizers import Regex

    return Regex(r"[^\p{L}\p{N}]+")
