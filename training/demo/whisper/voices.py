"""A synthesiser's voices: espeak-ng through its library, a hundred sentences a second."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE = 16_000  # Hz
_SPEED, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_SYNCHRONOUS, _UTF8, _CHARACTERS = 2, 1, 1
# Timbres of espeak-ng that sound like people. Of each language the last are heard in tests only.
_TIMBRES = (
    "", "m1", "m2", "m3", "m4", "m7", "m8", "f1", "f2", "f3", "f5", "Alex", "Alicia", "Andrea", "Andy",
    "Annie", "Denis", "Gene", "Henrique", "Hugo", "Jacky", "Lee", "Linda", "Mario", "Max", "Michael", "Mike",
    "adam", "anika", "antonio", "belinda", "benjamin", "boris", "caleb", "david", "ed", "edward", "gustave",
    "iven", "john", "kaukovalta", "klatt", "michel", "miguel", "norbert", "pablo", "paul", "pedro", "quincy",
    "rob", "robert", "sandro", "steph", "steph2", "travis", "victor",
)  # fmt: skip
UNHEARD = ("f4", "m5", "shelby", "zac")
# "en" is British; the library does not know it as en-gb.
_ACCENTS = {"ru": ("ru",), "en": ("en-us", "en-us", "en-us", "en", "en", "en-gb-x-rp")}

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Voice:
    """How something is said: speed in words a minute, pitch and its range 0…99."""

    name: str
    speed: int = 165
    pitch: int = 50
    range: int = 50


def voice(rng: np.random.Generator, language: str, *, unheard: bool = False) -> Voice:
    """Any voice of a language; ``unheard`` ones are those that are not trained on."""
    timbre = str(rng.choice(UNHEARD if unheard else _TIMBRES))
    accent = str(rng.choice(_ACCENTS[language]))
    return Voice(
        f"{accent}+{timbre}" if timbre else accent,
        speed=int(rng.integers(125, 200)),
        pitch=int(rng.integers(25, 75)),
        range=int(rng.integers(30, 70)),
    )


class Synthesiser:
    """One per process: the library has one state."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError:
            raise SystemExit("espeak-ng is not installed: apt-get install espeak-ng") from None
        self.rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, 0)
        if self.rate <= 0:
            raise SystemExit("espeak-ng does not start: its data are not installed")
        self._parts: list[npt.NDArray[np.int16]] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._heard = kind(self._hear)  # kept: the library calls it
        self._library.espeak_SetSynthCallback(self._heard)

    def _hear(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if count > 0:
            self._parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def say(self, text: str, voice: Voice) -> Sound:
        """The text as (n,) samples at 16 kHz, loudest 0.7, without the silence around it; may be empty.

        Raises:
            ValueError: there is no such voice.
        """
        if self._library.espeak_SetVoiceByName(voice.name.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice.name}")
        for parameter, value in ((_SPEED, voice.speed), (_PITCH, voice.pitch), (_RANGE, voice.range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._parts.clear()
        said = text.encode()
        self._library.espeak_Synth(said, len(said) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        if not self._parts:
            return np.zeros(0, np.float32)
        samples = resampled(np.concatenate(self._parts) / np.float32(32768), self.rate)
        loudest = float(np.abs(samples).max())
        loud = np.flatnonzero(np.abs(samples) > 0.02 * loudest)
        if not loudest or not len(loud):
            return np.zeros(0, np.float32)
        return np.asarray(samples[loud[0] : loud[-1] + 1] * (0.7 / loudest), np.float32)


def resampled(samples: Sound, rate: int) -> Sound:
    """To 16 kHz, by leaving out what is above 8 kHz. Whole tenths of a second, for the transform's speed."""
    whole = rate // 10
    samples = np.pad(samples, (0, -len(samples) % whole))
    length = len(samples) * RATE // rate
    spectrum = np.fft.rfft(samples)[: length // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, length) * (length / len(samples)), np.float32)
