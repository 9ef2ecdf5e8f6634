"""What a file may ask of us while it is being opened."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Limits on one opening of one file; exceeding one raises ``MediaLimitError``.

    The defaults let through half an hour of 4K at 60 frames a second and nothing that a phone does
    not film. ``max_memory`` is address space, not resident memory: a decoder with two threads and its
    libraries need 0.32 GiB of it for 720×1280 (numpy another 0.08), and 4K HEVC about 1.3 GiB.
    """

    max_bytes: int = 1024 * MEBIBYTE
    max_duration: float = 1800.0  # seconds, by the header and by what is decoded
    max_pixels: int = 4096 * 2304  # of one frame
    max_frames: int = 120_000  # decoded in one pass: half an hour at 60 a second, and a tenth more
    max_streams: int = 16
    max_cpu_seconds: int = 600
    max_memory: int = 2048 * MEBIBYTE
    wall_timeout: float = 600.0  # seconds spent waiting for the decoder, the consumer's time not counted


DEFAULT_LIMITS = MediaLimits()
