"""Probe and thumbnail."""

from __future__ import annotations

from pathlib import Path

from functions.ingest.thumbnail import thumbnail
from kadr.core.extraction import Extraction, MediaFacts
from kadr.media.limits import MediaLimits
from kadr.media.probe import probe
from kadr.runtime.settings import ExtractorSettings


def model_version(_settings: ExtractorSettings) -> str:
    """Return the version of the probe and of how thumbnails are made."""
    return "probe-1"


def extract(path: Path, settings: ExtractorSettings) -> Extraction:
    """Return what the video is, and a picture of it.

    Raises:
        MediaError: it is not a video, is damaged, or exceeds a limit.
    """
    limits = MediaLimits(max_bytes=settings.media_max_bytes, max_duration=settings.media_max_duration)
    info = probe(path, limits)
    return Extraction(
        media=MediaFacts(
            duration=info.duration, width=info.width, height=info.height, has_audio=info.has_audio
        ),
        thumbnail=thumbnail(path, limits),
        details={
            "container": info.container,
            "video_codec": info.video_codec,
            "audio_codec": info.audio_codec,
            "fps": round(info.fps, 3),
            "rotation": info.rotation,
        },
    )
