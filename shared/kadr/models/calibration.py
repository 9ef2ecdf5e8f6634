"""Measuring how alike unrelated things look to a model: the mean and deviation that scores are counted in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kadr.core.errors import WeightsUnavailableError
from kadr.core.extraction import Vector
from kadr.models.catalogue import Calibration, Role
from kadr.models.convert import cosines_of_unrelated, unrelated
from kadr.ports.embedding import TextEmbedder

# Below it, the deviation of text-video pairs is itself known to less than about a tenth: 64 queries against
# each video, but what a video is like is drawn only once per video (1 / √(2 · 40) = 0.11).
FEWEST_VIDEOS = 40


def of_texts(encoder: TextEmbedder) -> Calibration:
    """Measure over 64 × 63 pairs of a query and a text about something else (unrelated.tsv)."""
    queries, texts = (encoder.embed(list(column)) for column in zip(*unrelated(), strict=True))
    cosines = cosines_of_unrelated(queries, texts)
    return _figures(
        cosines,
        f"measured on {cosines.size} pairs of a query and an unrelated text: kadr models calibrate text",
    )


def of_videos(encoder: TextEmbedder, videos: Sequence[Vector], where: str) -> Calibration:
    """Measure over pairs of one of 64 queries and a video, given by its unit vector.

    Nobody has judged whether a query fits a video: of 64 queries about 64 things at most one or two can fit
    it, so at most a few in a hundred pairs are not unrelated. ``where`` says where the videos are from.

    Raises:
        WeightsUnavailableError: there are fewer than 40 videos.
    """
    if len(videos) < FEWEST_VIDEOS:
        raise WeightsUnavailableError(
            Role.VISUAL,
            f"{where} has {len(videos)} videos; calibrating takes {FEWEST_VIDEOS} at least, of any subject",
        )
    queries = encoder.embed([query for query, _ in unrelated()])
    cosines = (queries @ np.stack(videos).T).reshape(-1)
    return _figures(
        cosines,
        f"measured on {cosines.size} pairs of {len(queries)} queries and {len(videos)} videos of {where}, "
        "not judged: a few may be related: kadr models calibrate visual",
    )


def _figures(cosines: Vector, method: str) -> Calibration:
    return Calibration(
        mean=round(float(cosines.mean()), 4),
        deviation=round(float(cosines.std()), 4),
        method=method,
        provisional=False,
        local=True,
    )
