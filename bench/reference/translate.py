"""Translating a query as the reference system does: transformers' Marian in float32, beam 4."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

THREADS = 2


def translate(queries: Sequence[str]) -> float:
    """Return the mean seconds of a query, one at a time; loading the model is not counted.

    The method as it is described: the package's tokenizer and ``generate`` with the model's own settings,
    which for opus-mt are a beam of 4 and at most 512 pieces.
    """
    _model()
    begun = time.perf_counter()
    for query in queries:
        translated(query)
    return (time.perf_counter() - begun) / len(queries)


def translated(query: str) -> str:
    """Return the translation of one query."""
    import torch

    tokenizer, model = _model()
    with torch.inference_mode():
        answer = model.generate(**tokenizer([query], return_tensors="pt", padding=True))
    text: str = tokenizer.batch_decode(answer, skip_special_tokens=True)[0]
    return text


@cache
def _model() -> tuple[Any, Any]:
    import torch
    from transformers import MarianMTModel, MarianTokenizer, logging

    from bench.weights import marian

    torch.set_num_threads(THREADS)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it recommends a package for punctuation
        tokenizer = MarianTokenizer.from_pretrained(marian.source())
    return tokenizer, MarianMTModel.from_pretrained(marian.source()).eval()
