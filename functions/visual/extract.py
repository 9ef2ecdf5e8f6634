"""What a video shows: a frame a second through CLIP's vision tower."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from kadr.adapters.clip import ClipVision
from kadr.core.extraction import Extraction, FrameEmbeddings, Vector
from kadr.core.pooling import mean_direction
from kadr.media.frames import FramePlan, sample_frames
from kadr.media.limits import MediaLimits
from kadr.models.registry import require
from kadr.runtime.settings import ExtractorSettings

RECIPE = "3"  # to be raised when the plan below changes, or the times and pixels that the decoder gives

# One frame a second; longer than two minutes, 120 frames spread over the video. The decoder scales them to
# the size that the model takes.
_PLAN = FramePlan(every=1.0, max_side=None, scene_changes=False, max_frames=120)
_BATCH = 8  # pictures; twice as many take as long for each
_CELL = 8  # pixels of a side of the cells in which two pictures are compared
# What the mean brightness of every cell may differ by for a picture to count as the one before, in units of
# CLIP's normalisation: 3 of 255 levels. Of a still picture, compression moves it by less than 2.
_SAME = 3 / 255 / 0.27


def model_version(settings: ExtractorSettings) -> str:
    """Return the version of the weights and of the sampling.

    Raises:
        WeightsUnavailableError: they are not installed.
    """
    return f"{require('visual', settings.models_dir).version}+{RECIPE}"


def extract(path: Path, settings: ExtractorSettings) -> Extraction:
    """Return the embedding of each sampled frame, and their mean direction as the video's vector.

    A frame that looks like the one before it is not embedded again: it has the vector of that one, and the
    same weight as any other in the mean.

    Raises:
        MediaError: as :func:`kadr.media.frames.sample_frames`.
        WeightsUnavailableError, WeightsRefusedError: as :func:`kadr.models.registry.require`.
    """
    encoder = _encoder(require("visual", settings.models_dir).directory, model_version(settings))
    limits = MediaLimits(max_bytes=settings.media_max_bytes, max_duration=settings.media_max_duration)
    times: list[float] = []
    rows: list[int] = []  # of each frame, among the pictures that were embedded
    embedded: list[Vector] = []
    batch: list[Vector] = []
    shown: Vector | None = None  # the cells of the last picture that was embedded
    for frame in sample_frames(path, replace(_PLAN, short_side=encoder.side), limits):
        pixels = encoder.pixels(frame.image)
        cells = _cells(pixels)
        if shown is None or float(np.abs(cells - shown).max()) > _SAME:
            shown = cells
            batch.append(pixels)
        times.append(frame.time)
        rows.append(_BATCH * len(embedded) + len(batch) - 1)
        if len(batch) == _BATCH:
            embedded.append(encoder.embed_pixels(np.stack(batch)))
            batch = []
    if batch:
        embedded.append(encoder.embed_pixels(np.stack(batch)))
    pictures = np.concatenate(embedded)
    frames = FrameEmbeddings(times=np.asarray(times, np.float32), vectors=pictures[rows])
    return Extraction(
        vector=mean_direction(frames.vectors),
        frames=frames,
        details={"frames": len(times), "embedded": len(pictures)},
    )


def _cells(pixels: Vector) -> Vector:
    """Return the mean of each cell and channel of (3, side, side): what tells one picture from another."""
    cells = pixels.shape[1] // _CELL
    cut = pixels[:, : cells * _CELL, : cells * _CELL]
    means: Vector = cut.reshape(3, cells, _CELL, cells, _CELL).mean(axis=(2, 4))
    return means


@cache
def _encoder(directory: Path, _version: str) -> ClipVision:
    return ClipVision(directory, batch_size=_BATCH)
