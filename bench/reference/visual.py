"""What is seen, as the reference system does it: a seek and a torch CLIP for each second."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

THREADS = 2
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)
_SIDE = 224  # pixels


def embed(clip: Path) -> float:
    """Return the seconds that it takes to embed ``clip``; loading the model is not counted.

    The method as it is described: one frame a second, each sought by its number and decoded with OpenCV,
    resized with bicubic interpolation, cut to 224 × 224, normalised, embedded alone in float32; the mean of
    the unit vectors, scaled to unit length.
    """
    model = _model()
    begun = time.perf_counter()
    vector(clip, model)
    return time.perf_counter() - begun


def vector(clip: Path, model: Any) -> np.ndarray:
    """Return the video's vector (512,), unit length."""
    import cv2
    import torch

    video = cv2.VideoCapture(str(clip))
    try:
        rate = video.get(cv2.CAP_PROP_FPS)
        seconds = int(video.get(cv2.CAP_PROP_FRAME_COUNT) / rate)
        vectors = []
        for second in range(max(seconds, 1)):
            video.set(cv2.CAP_PROP_POS_FRAMES, int(second * rate))
            found, image = video.read()
            if not found:
                continue
            pixels = torch.from_numpy(_pixels(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)))
            with torch.inference_mode():
                embedded = model(pixel_values=pixels[None]).image_embeds[0].numpy()
            vectors.append(embedded / np.linalg.norm(embedded))
    finally:
        video.release()
    mean = np.mean(vectors, axis=0)
    return mean / np.linalg.norm(mean)


def _pixels(image: np.ndarray) -> np.ndarray:
    from PIL import Image

    picture = Image.fromarray(image)
    scale = _SIDE / min(picture.size)
    picture = picture.resize(
        (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC
    )
    left, top = (picture.width - _SIDE) // 2, (picture.height - _SIDE) // 2
    cut = np.asarray(picture.crop((left, top, left + _SIDE, top + _SIDE)), np.float32) / 255
    return ((cut - np.asarray(_MEAN, np.float32)) / np.asarray(_STD, np.float32)).transpose(2, 0, 1)


@cache
def _model() -> Any:
    import torch
    from transformers import CLIPVisionModelWithProjection, logging

    from bench.weights import clip

    torch.set_num_threads(THREADS)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    return CLIPVisionModelWithProjection.from_pretrained(clip.source()).eval()
