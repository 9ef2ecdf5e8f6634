"""What is said, as the reference system does it: a torch Whisper for each slice of voice activity, twice."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kadr.adapters.silero import RATE, SileroVad
from kadr.media.audio import read_audio
from kadr.models.catalogue import Role
from kadr.models.registry import require

THREADS = 2
# A slice's text in tokens, by its length: 2.5 words a second, 1.4 tokens a word. Random weights never stop.
TOKENS_PER_SECOND = 3.5
# The published base model.
_BASE = {
    "vocab_size": 51865,
    "d_model": 512,
    "encoder_layers": 6,
    "decoder_layers": 6,
    "encoder_attention_heads": 8,
    "decoder_attention_heads": 8,
    "encoder_ffn_dim": 2048,
    "decoder_ffn_dim": 2048,
}
_PROMPTS = {"transcribe": [50258, 50263, 50359, 50363], "translate": [50258, 50263, 50358, 50363]}


def transcribe(clip: Path) -> float:
    """Return the seconds that it takes to transcribe and translate ``clip``; loading is not counted.

    The method as it is described: sound is read, silero finds the slices in which somebody speaks, and each
    is given to a float32 Whisper alone, filled up to 30 s: once for the original and once, encoded again,
    for the English. Reading and voice activity are Kadr's own, which is in the reference's favour.
    """
    vad, model, features = _models()
    begun = time.perf_counter()
    for audio in slices(clip, vad):
        for task in _PROMPTS:
            say(model, features, audio, task)
    return time.perf_counter() - begun


def slices(clip: Path, vad: SileroVad) -> list[np.ndarray]:
    """Return the samples at 16 kHz of each slice, as silero gives them."""
    audio = read_audio(clip)
    return [audio[span.start : span.end] for span in vad.spans(audio)]


def say(model: Any, features: Any, audio: np.ndarray, task: str) -> list[int]:
    """Return the tokens (greedy) for a slice, as many as its duration would have."""
    import torch

    heard = features(audio, sampling_rate=RATE, return_tensors="pt", padding="max_length").input_features
    tokens = max(1, round(TOKENS_PER_SECOND * len(audio) / RATE))
    prompt = torch.tensor([_PROMPTS[task]])
    with torch.inference_mode():
        said = model.generate(
            heard,
            decoder_input_ids=prompt,
            min_new_tokens=tokens,
            max_new_tokens=tokens,
            do_sample=False,
            num_beams=1,
        )
    return [int(token) for token in said[0]]


@cache
def _models() -> tuple[SileroVad, Any, Any]:
    import torch
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration, logging

    logging.set_verbosity_error()  # it warns of every limit that is given twice
    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    model = WhisperForConditionalGeneration(WhisperConfig(**_BASE)).eval()
    # Without published settings, generation has no languages to choose among: the prompt says it all.
    model.generation_config.forced_decoder_ids = None
    model.generation_config.suppress_tokens = None
    model.generation_config.begin_suppress_tokens = None
    vad = SileroVad(require(Role.VAD, Path()))
    vad.load()
    return vad, model, WhisperFeatureExtractor()
