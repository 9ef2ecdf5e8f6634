"""A Whisper in CTranslate2's format that says what it was built to say.

The architecture, the vocabulary's layout and the file format are the real ones; the weights are chosen so
that the next token depends on the last one only. So everything around the weights can be tested: loading,
language, timestamps, the second pass for English, the thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

WIDTH = 64  # one dimension per token that has a successor
END, START = 50257, 50258
LANGUAGES = {"en": 50259, "ru": 50263}  # places of the real vocabulary, which has 99 languages from 50259 on
TRANSLATE, TRANSCRIBE, NO_SPEECH, NO_TIMESTAMPS = 50358, 50359, 50362, 50363
SIZE = 51865
FIRST_TIME = NO_TIMESTAMPS + 1  # <|0.00|>; then one token per 0.02 s


def write(
    folder: Path,
    *,
    language: str,
    said: Sequence[str],
    seconds: float,
    english: Sequence[str] = (),
    certain: bool = True,
) -> Path:
    """Write a model that hears ``said`` from 0 to ``seconds`` in any sound.

    ``english`` is what it translates that to. One that is not ``certain`` believes that nobody speaks and
    gives every token the same probability.
    """
    words = {word: index for index, word in enumerate(dict.fromkeys([*said, *english]), start=300)}
    last = FIRST_TIME + round(seconds / 0.02)
    chains = [
        [START, LANGUAGES[language]],
        [TRANSCRIBE, FIRST_TIME, *(words[word] for word in said), last],
        [TRANSLATE, FIRST_TIME + 1, *(words[word] for word in english), last],
        [last, END],
    ]
    follows = {one: other for chain in chains for one, other in pairwise(chain)}
    if not certain:
        follows = {START: NO_SPEECH}
    tokens = _vocabulary(words)
    folder.mkdir(parents=True)
    _save_weights(folder, tokens, follows)
    _save_tokenizer(folder, tokens)
    return folder


def _vocabulary(words: dict[str, int]) -> list[str]:
    tokens = [f"<filler{index}>" for index in range(SIZE)]
    for word, index in words.items():
        tokens[index] = word
    tokens[END - 1] = ""  # CTranslate2 takes a vocabulary without the empty token for English only
    tokens[END], tokens[START] = "<|endoftext|>", "<|startoftranscript|>"
    for code, index in LANGUAGES.items():
        tokens[index] = f"<|{code}|>"
    tokens[TRANSLATE], tokens[TRANSCRIBE] = "<|translate|>", "<|transcribe|>"
    tokens[50360], tokens[50361] = "<|startoflm|>", "<|startofprev|>"
    tokens[NO_SPEECH], tokens[NO_TIMESTAMPS] = "<|nospeech|>", "<|notimestamps|>"
    for index in range(FIRST_TIME, SIZE):
        tokens[index] = f"<|{(index - FIRST_TIME) * 0.02:.2f}|>"
    return tokens


def _save_weights(folder: Path, tokens: list[str], follows: dict[int, int]) -> None:
    from ctranslate2.specs import whisper_spec

    spec = whisper_spec.WhisperSpec(1, 1, 1, 1)
    embeddings = np.zeros((SIZE, WIDTH), np.float32)
    projection = np.zeros((SIZE, WIDTH), np.float32)
    for place, (token, successor) in enumerate(follows.items(), start=1):
        embeddings[token, place] = 1
        projection[successor, place] = 4
    embeddings[:, 0] = np.where(embeddings.any(axis=1), 0, 1)  # the layer norm wants no zero rows

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, np.float32)

    def norm(layer: object) -> None:
        layer.gamma, layer.beta = np.ones(WIDTH, np.float32), zeros(WIDTH)  # type: ignore[attr-defined]

    def linear(layer: object, out: int, into: int) -> None:
        layer.weight, layer.bias = zeros(out, into), zeros(out)  # type: ignore[attr-defined]

    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = zeros(WIDTH, 80, 3), zeros(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = zeros(WIDTH, WIDTH, 3), zeros(WIDTH)
    encoder.position_encodings.encodings = zeros(1500, WIDTH)
    decoder.position_encodings.encodings = zeros(448, WIDTH)
    decoder.embeddings.weight = embeddings
    decoder.projection.weight = projection
    for stack in (encoder, decoder):
        norm(stack.layer_norm)
        for layer in stack.layer:
            norm(layer.self_attention.layer_norm)
            linear(layer.self_attention.linear[0], 3 * WIDTH, WIDTH)
            linear(layer.self_attention.linear[1], WIDTH, WIDTH)
            norm(layer.ffn.layer_norm)
            linear(layer.ffn.linear_0, 4 * WIDTH, WIDTH)
            linear(layer.ffn.linear_1, WIDTH, 4 * WIDTH)
            if stack is decoder:
                norm(layer.attention.layer_norm)
                linear(layer.attention.linear[0], WIDTH, WIDTH)
                linear(layer.attention.linear[1], 2 * WIDTH, WIDTH)
                linear(layer.attention.linear[2], WIDTH, WIDTH)
    spec.config.lang_ids = list(LANGUAGES.values())
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.optimize()
    spec.save(str(folder))


def _save_tokenizer(folder: Path, tokens: list[str]) -> None:
    from tokenizers import Tokenizer, decoders, models

    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=tokens[0]))
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(folder / "tokenizer.json"))
