"""Searching as the reference system does it: translate, encode twice, ask three flat indexes, re-score."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from bench.collection import Collection, collection
from bench.reference import translate
from kadr.core.modality import Modality
from kadr.core.weights import reference_weights

THREADS = 2
K = 20
_LETTERS_PER_WORD = 6  # with the blank; the reference's weights count characters


def prepare(videos: int) -> None:
    """Load the models and the indexes."""
    _clip()
    _minilm()
    _indexes(videos)
    translate.translate(["как варить вкусный борщ"])


def search(query: str, videos: int) -> tuple[list[int], dict[str, float]]:
    """Return the best 20 videos and the milliseconds of each step.

    The method as it is described: transformers' Marian; CLIP's text tower and MiniLM in torch, float32;
    faiss's exact inner product over each modality's vectors; for every video of the union, its weights from
    the lengths of its texts, and the weighted sum of its cosines.
    """
    took: dict[str, float] = {}
    begun = time.perf_counter()
    english = translate.translated(query)
    begun = _passed(took, "translate", begun)
    clip = _clip_vector(english)
    begun = _passed(took, "clip", begun)
    text = _text_vector(english)
    begun = _passed(took, "minilm", begun)
    sides = {Modality.VISUAL: clip, Modality.OCR: text, Modality.SPEECH: text}
    made, indexes = _indexes(videos)
    found: dict[int, None] = {}
    for modality, index in indexes.items():
        _, numbers = index.search(sides[modality][None], K)
        found |= dict.fromkeys(int(number) for number in numbers[0])
    begun = _passed(took, "faiss", begun)
    scores = {video: _score(made, video, sides) for video in found}
    best = sorted(scores, key=lambda video: -scores[video])[:K]
    _passed(took, "score", begun)
    return best, took


def _score(made: Collection, video: int, sides: Mapping[Modality, np.ndarray]) -> float:
    letters = {modality: int(counts[video]) * _LETTERS_PER_WORD for modality, counts in made.words.items()}
    weights = reference_weights(tuple(sides), letters)
    return sum(
        weight * float(made.vectors[modality][video] @ sides[modality])
        for modality, weight in weights.items()
    )


def _passed(took: dict[str, float], name: str, begun: float) -> float:
    now = time.perf_counter()
    took[name] = (now - begun) * 1000
    return now


def _clip_vector(text: str) -> np.ndarray:
    import torch

    tokenizer, model = _clip()
    ids = torch.tensor([tokenizer.encode(text).ids[:77]])
    with torch.inference_mode():
        vector = model(input_ids=ids).text_embeds[0].numpy()
    return vector / np.linalg.norm(vector)


def _text_vector(text: str) -> np.ndarray:
    import torch

    tokenizer, model = _minilm()
    given = tokenizer([text], return_tensors="pt", padding=True, truncation=True)
    with torch.inference_mode():
        tokens = model(**given).last_hidden_state
    mask = given["attention_mask"][..., None]
    vector = ((tokens * mask).sum(1) / mask.sum(1))[0].numpy()
    return vector / np.linalg.norm(vector)


@cache
def _indexes(videos: int) -> tuple[Collection, dict[Modality, Any]]:
    import faiss

    faiss.omp_set_num_threads(THREADS)
    made = collection(videos)
    indexes = {}
    for modality, rows in made.vectors.items():
        indexes[modality] = faiss.IndexFlatIP(rows.shape[1])
        indexes[modality].add(rows)
    return made, indexes


@cache
def _clip() -> tuple[Any, Any]:
    import torch
    from tokenizers import Tokenizer
    from transformers import CLIPTextModelWithProjection, logging

    from bench.weights import clip

    torch.set_num_threads(THREADS)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    folder = clip.source()
    return (
        Tokenizer.from_file(str(folder / "tokenizer.json")),
        CLIPTextModelWithProjection.from_pretrained(folder).eval(),
    )


@cache
def _minilm() -> tuple[Any, Any]:
    import torch
    from transformers import AutoModel, AutoTokenizer, logging

    from bench.installed import text_source

    torch.set_num_threads(THREADS)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = text_source()
        return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
