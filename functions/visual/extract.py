"""What a video shows: a frame a second through CLIP's vision tower."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from kadr.adapters.clip import ClipVision, Image
from kadr.core.extraction import Extraction, FrameEmbeddings, Vector
from kadr.core.pooling import mean_direction
from kadr.media.frames import FramePlan, sample_frames
from kadr.media.limits import MediaLimits
from kadr.models.registry import require
from kadr.runtime.settings import ExtractorSettings

RECIPE = "1"  # to be raised when the plan below changes

# One frame a second; longer than two minutes, 120 frames spread over the video. At 512 pixels the shorter
# side of a 9:16 frame is 288, above the 224 that the model takes.
_PLAN = FramePlan(every=1.0, max_side=512, scene_changes=False, max_frames=120)
_BATCH = 8


def model_version(settings: ExtractorSettings) -> str:
    """Return the version of the weights and of the sampling.

    Raises:
        WeightsUnavailableError: they are not installed.
    """
    return f"{require('visual', settings.models_dir).version}+{RECIPE}"


def extract(path: Path, settings: ExtractorSettings) -> Extraction:
    """Return the embedding of each sampled frame, and their mean direction as the video's vector.

    Raises:
        MediaError: as :func:`kadr.media.frames.sample_frames`.
        WeightsUnavailableError, WeightsRefusedError: as :func:`kadr.models.registry.require`.
    """
    encoder = _encoder(require("visual", settings.models_dir).directory, model_version(settings))
    limits = MediaLimits(max_bytes=settings.media_max_bytes, max_duration=settings.media_max_duration)
    times: list[float] = []
    vectors: list[Vector] = []
    batch: list[Image] = []
    for frame in sample_frames(path, _PLAN, limits):
        times.append(frame.time)
        batch.append(frame.image)
        if len(batch) == _BATCH:
            vectors.append(encoder.embed(batch))
            batch = []
    if batch:
        vectors.append(encoder.embed(batch))
    frames = FrameEmbeddings(times=np.asarray(times, np.float32), vectors=np.concatenate(vectors))
    return Extraction(vector=mean_direction(frames.vectors), frames=frames, details={"frames": len(times)})


@cache
def _encoder(directory: Path, _version: str) -> ClipVision:
    return ClipVision(directory, batch_size=_BATCH)
