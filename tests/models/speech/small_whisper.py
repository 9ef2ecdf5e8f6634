"""A Whisper in CTranslate2's format that says what it was built to say.

The architecture, the vocabulary's layout and the file format are the real ones; the weights are chosen so
that everything around them can be tested: loading, language, timestamps, word times, the second pass for
English, the thresholds. The next token depends on the last one only, but a model that was built with two
speakers takes low sound for the first and high sound for the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

WIDTH = 128
LOW, HIGH = 120, 121  # dimensions that say what is heard; those from 1 on stand for tokens with a successor
HEAD = WIDTH // 2  # the first head looks at a moment, the second hears everything
BIN = 24  # positions of the encoder, 0.02 s each, that one dimension of the first head stands for
END, START = 50257, 50258
LANGUAGES = {"en": 50259, "ru": 50263}  # places of the real vocabulary, which has 99 languages from 50259 on
TRANSLATE, TRANSCRIBE, NO_SPEECH, NO_TIMESTAMPS = 50358, 50359, 50362, 50363
SIZE = 51865
FIRST_TIME = NO_TIMESTAMPS + 1  # <|0.00|>; then one token per 0.02 s
_CERTAINLY = 400.0  # a logit beside which the others are nothing

Follows = dict[int, dict[int, float]]  # the logits of what may follow a token; those of the others are 0


@dataclass(frozen=True)
class Speaker:
    """Says ``said`` from 0 to ``seconds``, which is ``english`` in English, word *i* until ``until[i]``.

    One who ``breaks_off`` begins another segment at the end, and does not go on with it.
    """

    language: str
    said: Sequence[str]
    seconds: float
    english: Sequence[str] = ()
    until: Sequence[float] = ()
    breaks_off: bool = False


def write(folder: Path, *speakers: Speaker, probability: float = 1.0, no_speech: float = 0.0) -> Path:
    """Write a model that hears the speaker in any sound; of two, the first in low and the second in high.

    ``probability`` is that of each word, ``no_speech`` that of nobody speaking; two speakers are sure.
    """
    texts = [word for speaker in speakers for word in (*speaker.said, *speaker.english)]
    words = {word: index for index, word in enumerate(dict.fromkeys(texts), start=300)}
    follows: Follows = {}
    voices: dict[int, int] = {}
    looks: dict[int, float] = {}
    for speaker, dimension in zip(speakers, (LOW, HIGH), strict=False):
        language, said = LANGUAGES[speaker.language], [words[word] for word in speaker.said]
        last = FIRST_TIME + round(speaker.seconds / 0.02)
        follows.setdefault(START, {})[language] = _CERTAINLY
        _chain(follows, [TRANSCRIBE, FIRST_TIME])
        _chain(follows, [FIRST_TIME, *said], probability)
        _chain(follows, [NO_TIMESTAMPS, said[0]], probability)
        _chain(follows, [said[-1], last, END])
        if speaker.breaks_off:
            # After a second timestamp only text or the end may follow, so this is said once.
            follows[last][last] = 1.5 * _CERTAINLY
        if speaker.english:
            _chain(follows, [TRANSLATE, FIRST_TIME + 1, *(words[word] for word in speaker.english), last])
        if len(speakers) > 1:
            voices |= {language: dimension, said[0]: dimension}
        if speaker.until:
            # The alignment asks what is looked at when a word is about to be said.
            looks |= dict(zip([NO_TIMESTAMPS, *said], [*speaker.until, speaker.seconds], strict=True))
    if no_speech:
        (language,) = follows[START]
        follows[START] = _logits({NO_SPEECH: no_speech, language: (1 - no_speech) / 2})
    tokens = _vocabulary(words)
    folder.mkdir(parents=True)
    _save_weights(folder, tokens, follows, voices, looks)
    _save_tokenizer(folder, tokens)
    return folder


def _chain(follows: Follows, chain: Sequence[int], probability: float = 1.0) -> None:
    for token, successor in pairwise(chain):
        follows.setdefault(token, {}).update(_logits({successor: probability}))


def _logits(probabilities: Mapping[int, float]) -> dict[int, float]:
    """Return the logits for which, the others' being 0, a softmax gives these probabilities."""
    rest = 1 - sum(probabilities.values())
    if rest <= 0:
        return dict.fromkeys(probabilities, _CERTAINLY)
    return {token: float(np.log(each / rest * SIZE)) for token, each in probabilities.items()}


def _vocabulary(words: Mapping[str, int]) -> list[str]:
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


def _save_weights(
    folder: Path,
    tokens: list[str],
    follows: Follows,
    voices: Mapping[int, int],
    looks: Mapping[int, float],
) -> None:
    from ctranslate2.specs import whisper_spec

    from kadr.models.ctranslate2_convert import leave_headroom

    spec = whisper_spec.WhisperSpec(1, 2, 1, 2)
    places = {token: place for place, token in enumerate(dict.fromkeys([*follows, *looks]), start=1)}
    assert len(places) < LOW
    # What a 1 in one dimension is after the layer norm.
    unit = (1 - 1 / WIDTH) / np.sqrt(1 / WIDTH - 1 / WIDTH**2 + 1e-5)
    embeddings, projection = _zeros(SIZE, WIDTH), _zeros(SIZE, WIDTH)
    query, key_value, out = _zeros(WIDTH, WIDTH), _zeros(2 * WIDTH, WIDTH), _zeros(WIDTH, WIDTH)
    for token, place in places.items():
        embeddings[token, place] = 1
        for successor, logit in follows.get(token, {}).items():
            projection[successor, place] = logit / unit
    embeddings[:, 0] = np.where(embeddings.any(axis=1), 0, 1)  # the layer norm wants no zero rows
    for token, seconds in looks.items():
        query[int(seconds / 0.02) // BIN, places[token]] = 3
    key_value[:HEAD, :HEAD] = np.eye(HEAD)
    if voices:
        for position, dimension in enumerate((LOW, HIGH)):
            key_value[WIDTH + HEAD + position, dimension] = 1
            out[dimension, HEAD + position] = 0.1
        for token, dimension in voices.items():
            projection[token, dimension] = 20

    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = _zeros(WIDTH, 80, 3), _zeros(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = _zeros(WIDTH, WIDTH, 3), _zeros(WIDTH)
    for dimension, sign in ((LOW, 1), (HIGH, -1)):
        # Below and above about 1 kHz; equal in silence.
        encoder.conv1.weight[dimension, :25, 1], encoder.conv1.weight[dimension, 25:50, 1] = (
            sign / 8,
            -sign / 8,
        )
        encoder.conv2.weight[dimension, dimension, 1] = 1
    encoder.position_encodings.encodings = np.eye(WIDTH, dtype=np.float32)[np.arange(1500) // BIN]
    decoder.position_encodings.encodings = _zeros(448, WIDTH)
    decoder.embeddings.weight, decoder.projection.weight = embeddings, projection
    for stack in (encoder, decoder):
        _norm(stack.layer_norm)
        for layer in stack.layer:
            _norm(layer.self_attention.layer_norm)
            _linear(layer.self_attention.linear[0], _zeros(3 * WIDTH, WIDTH))
            _linear(layer.self_attention.linear[1], _zeros(WIDTH, WIDTH))
            _norm(layer.ffn.layer_norm)
            _linear(layer.ffn.linear_0, _zeros(4 * WIDTH, WIDTH))
            _linear(layer.ffn.linear_1, _zeros(WIDTH, 4 * WIDTH))
            if stack is decoder:
                _norm(layer.attention.layer_norm)
                for linear, weight in zip(layer.attention.linear, (query, key_value, out), strict=True):
                    _linear(linear, weight)
    spec.config.lang_ids = list(LANGUAGES.values())
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.alignment_heads = [[0, 0]]
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.optimize(quantization="int8")
    leave_headroom(spec)
    spec.save(str(folder))


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def _norm(layer: object) -> None:
    layer.gamma, layer.beta = np.ones(WIDTH, np.float32), _zeros(WIDTH)  # type: ignore[attr-defined]


def _linear(layer: object, weight: np.ndarray) -> None:
    layer.weight, layer.bias = weight, _zeros(len(weight))  # type: ignore[attr-defined]


def _save_tokenizer(folder: Path, tokens: list[str]) -> None:
    from tokenizers import Tokenizer, decoders, models

    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=tokens[0]))
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(folder / "tokenizer.json"))
