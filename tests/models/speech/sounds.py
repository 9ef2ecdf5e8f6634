"""Sounds in which nobody speaks, at 16 kHz."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kadr.adapters.silero import RATE
from kadr.core.extraction import Vector

SECONDS = 10


def _time() -> Vector:
    return (np.arange(SECONDS * RATE) / RATE).astype(np.float32)


def _noise(seed: int = 1) -> Vector:
    return np.random.default_rng(seed).standard_normal(SECONDS * RATE).astype(np.float32)


def silence() -> Vector:
    return np.zeros(SECONDS * RATE, np.float32)


def hum() -> Vector:
    """A room at night: noise at -60 dB and the mains."""
    return 0.001 * _noise() + 0.002 * np.sin(2 * np.pi * 50 * _time())


def tone() -> Vector:
    return 0.3 * np.sin(2 * np.pi * 440 * _time())


def noise() -> Vector:
    return 0.1 * _noise()


def applause() -> Vector:
    """Forty people who clap four times a second, each clap 10 ms of decaying noise."""
    random = np.random.default_rng(2)
    sound = np.zeros(SECONDS * RATE, np.float32)
    clap = np.exp(-np.arange(400) / 60) * random.standard_normal(400)
    for _ in range(40):
        times = np.cumsum(random.normal(0.25, 0.02, SECONDS * 4))
        for start in (times * RATE).astype(int):
            piece = sound[start : start + len(clap)]
            piece += (random.uniform(0.02, 0.1) * clap[: len(piece)]).astype(np.float32)
    return sound


def _note(frequency: float, seconds: float, decay: float, harmonics: int) -> Vector:
    time = np.arange(int(seconds * RATE)) / RATE
    waves = [np.sin(2 * np.pi * frequency * k * time) / k for k in range(1, harmonics + 1)]
    return (np.sum(waves, axis=0) * np.exp(-time * decay)).astype(np.float32)


def piano() -> Vector:
    """Chords that die away."""
    chords = [(262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294)]
    bars = [np.sum([_note(f, 1.0, 3.0, 6) for f in chord], axis=0) for chord in chords]
    return np.resize(0.12 * np.concatenate(bars), SECONDS * RATE).astype(np.float32)


def strings() -> Vector:
    """A melody with vibrato in the range of a voice, many harmonics."""
    time = _time()
    melody = np.repeat([220, 247, 262, 294, 330, 294, 262, 247, 220, 196], RATE)
    phase = 2 * np.pi * np.cumsum(melody * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * time))) / RATE
    return (0.1 * np.sum([np.sin(k * phase) / k for k in range(1, 12)], axis=0)).astype(np.float32)


def drums() -> Vector:
    """A kick and a snare at 120 beats a minute."""
    kick = _note(60, 0.5, 12, 2)
    snare = np.exp(-np.arange(RATE // 2) / 1500) * _noise(3)[: RATE // 2]
    return np.resize(np.concatenate([0.6 * kick, 0.2 * snare]), SECONDS * RATE).astype(np.float32)


SOUNDS: dict[str, Callable[[], Vector]] = {
    sound.__name__: sound for sound in (silence, hum, tone, noise, applause, piano, strings, drums)
}
