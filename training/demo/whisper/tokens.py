"""Whisper's tokenizer with a small vocabulary: pieces, then the special tokens in Whisper's order.

Letters are what the encoder learns to hear first; they are not part of the model that is published.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

PIECES = 1000
END, START = "<|endoftext|>", "<|startoftranscript|>"
LANGUAGES = ("en", "ru")
TRANSLATE, TRANSCRIBE = "<|translate|>", "<|transcribe|>"
NO_SPEECH, NO_TIMESTAMPS = "<|nospeech|>", "<|notimestamps|>"
SPECIAL = (
    END, START, *(f"<|{language}|>" for language in LANGUAGES), TRANSLATE, TRANSCRIBE,
    "<|startoflm|>", "<|startofprev|>", NO_SPEECH, NO_TIMESTAMPS,
)  # fmt: skip
STEP = 0.02  # seconds per timestamp token
TIMESTAMPS = 1501
LETTERS = " абвгдежзийклмнопрстуфхцчшщъыьэюяabcdefghijklmnopqrstuvwxyz"  # from 1 on; 0 is between two


def write(texts: Iterable[str], path: Path) -> int:
    """Learn pieces from texts, write tokenizer.json, return the size of the vocabulary."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = byte_level
    # What faster-whisper forbids must be pieces of their own: it forbids the first piece of each.
    forbidden = [f" {mark}" * 1000 for mark in "-'\"#()*+/:;<=>@[\\]^_`{|}~♩♪♫♬♭♮♯「」『』"]
    learner.train_from_iterator(
        [*(f" {text}" for text in texts), *forbidden],
        trainers.BpeTrainer(
            vocab_size=PIECES,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    learnt = json.loads(learner.to_str())["model"]
    vocabulary = {
        **learnt["vocab"],
        "": len(learnt["vocab"]),
    }  # without it CTranslate2 thinks it is English only
    tokenizer = Tokenizer(models.BPE(vocabulary, [tuple(pair) for pair in learnt["merges"]]))
    tokenizer.pre_tokenizer = byte_level
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIAL])
    tokenizer.add_tokens(
        [AddedToken(f"<|{step * STEP:.2f}|>", normalized=False) for step in range(TIMESTAMPS)]
    )
    tokenizer.save(str(path))
    return int(tokenizer.get_vocab_size())


class Tokens:
    """Turns texts into ids."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(path))
        self.size: int = self._tokenizer.get_vocab_size()
        self.end, self.start = self.id(END), self.id(START)
        self.no_speech, self.no_timestamps = self.id(NO_SPEECH), self.id(NO_TIMESTAMPS)
        self.first_time = self.no_timestamps + 1

    def id(self, name: str) -> int:
        """The id of a token.

        Raises:
            KeyError: there is none of that name.
        """
        found = self._tokenizer.token_to_id(name)
        if found is None:
            raise KeyError(name)
        return int(found)

    def text(self, text: str) -> list[int]:
        """The pieces of a text, which begins with a space as every Whisper segment does."""
        return list(self._tokenizer.encode(f" {text}", add_special_tokens=False).ids)

    def pieces(self, text: str) -> tuple[list[int], list[tuple[float, float]]]:
        """The pieces of a text and where each begins and ends in it, from 0 to 1."""
        found = self._tokenizer.encode(f" {text}", add_special_tokens=False)
        whole = len(text) + 1
        return list(found.ids), [(begin / whole, end / whole) for begin, end in found.offsets]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens left out."""
        return str(self._tokenizer.decode([token for token in ids if token < self.end])).strip()

    def prompt(self, language: str, task: str) -> list[int]:
        """What the decoder is given."""
        return [self.start, self.id(f"<|{language}|>"), self.id(f"<|{task}|>")]

    def time(self, seconds: float) -> int:
        """The timestamp token: tenths of a second, which is as exact as a segment's ends are of use."""
        return self.first_time + 5 * round(seconds / (5 * STEP))


def letters(text: str) -> list[int]:
    """A text as letters; ё as е, everything else left out."""
    known = {letter: index for index, letter in enumerate(LETTERS, start=1)}
    plain = " ".join("".join(c if c in known else " " for c in text.lower().replace("ё", "е")).split())
    return [known[letter] for letter in plain]
