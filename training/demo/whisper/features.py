"""Mel spectra as faster-whisper makes them, kept as powers so that sounds can be mixed afterwards.

A spectrum is kept in a byte per band and frame: log₁₀ of the power in steps of
1/20, which is finer than any noise.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

MELS, HOP, FFT = 80, 160, 400
FRAMES_A_SECOND = 100
FLOOR = -9.0  # log₁₀ of power: nothing in speech is kept that is quieter
SILENCE = -10.0  # of no sound at all
_STEPS = 20.0

Powers = npt.NDArray[np.float32]  # (frames, MELS), log₁₀
Stored = npt.NDArray[np.uint8]


@cache
def _filters() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    from faster_whisper.feature_extractor import FeatureExtractor

    window = np.hanning(FFT + 1)[:-1].astype(np.float32)
    return window, FeatureExtractor(feature_size=MELS).mel_filters.T.astype(np.float32)


def powers(samples: npt.NDArray[np.float32]) -> Powers:
    """log₁₀ mel powers of (n,) samples at 16 kHz: n / 160 frames, each centred at its time."""
    window, filters = _filters()
    count = len(samples) // HOP
    padded = np.pad(samples, (FFT // 2, FFT)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP][:count]
    spectrum = np.abs(np.fft.rfft(frames * window, axis=1)).astype(np.float32) ** 2
    return np.asarray(np.log10(np.maximum(spectrum @ filters, 10**FLOOR)), np.float32)


def stored(spectrum: Powers) -> Stored:
    """As it is kept."""
    return np.asarray(np.clip(np.rint((spectrum - FLOOR) * _STEPS), 0, 255), np.uint8)


def opened(kept: Stored) -> Powers:
    """What :func:`stored` kept."""
    return np.asarray(kept.astype(np.float32) / _STEPS + FLOOR, np.float32)


def mixed(one: Powers, other: Powers) -> Powers:
    """Both at once: powers add up (of sounds that have nothing to do with each other)."""
    return np.asarray(
        np.maximum(one, other) + np.log10(1 + 10 ** -np.minimum(np.abs(one - other), 9)), np.float32
    )


def normalised(spectrum: Powers) -> Powers:
    """As Whisper's encoder wants it: at most eight powers of ten below the loudest."""
    return np.asarray((np.maximum(spectrum, spectrum.max() - 8) + 4) / 4, np.float32)


def silence(heard: Powers) -> float:
    """What follows the sound in a window (see :meth:`kadr.adapters.whisper.Whisper._hear`)."""
    return max(float(heard.max()) - 2.0, -1.5)
