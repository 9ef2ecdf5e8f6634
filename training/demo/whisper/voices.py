"""A synthesiser's voices: espeak-ng through its library, a hundred sentences a second."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 16_000  # Hz
_SPEED, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_SYNCHRONOUS, _UTF8, _CHARACTERS = 2, 1, 1
# Timbres of espeak-ng that sound like people. Of each language the last are heard in tests only.
TIMBRES = (
    "", "m1", "m2", "m3", "m4", "m7", "m8", "f1", "f2", "f3", "f5", "Alex", "Alicia", "Andrea", "Andy",
    "Annie", "Denis", "Gene", "Henrique", "Hugo", "Jacky", "Lee", "Linda", "Mario", "Max", "Michael", "Mike",
    "adam", "anika", "antonio", "belinda", "benjamin", "boris", "caleb", "david", "ed", "edward", "gustave",
    "iven", "john", "kaukovalta", "klatt", "michel", "miguel", "norbert", "pablo", "paul", "pedro", "quincy",
    "rob", "robert", "sandro", "steph", "steph2", "travis", "victor",
)  # fmt: skip
UNHEARD = ("f4", "m5", "shelby", "zac")
MADE = 120  # timbres at once by :func:`timbre`; espeak-ng knows 350 names, of which languages take 140
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


def voice(rng: np.random.Generator, language: str, timbres: Sequence[str] = TIMBRES) -> Voice:
    """Any voice of a language with one of the timbres; :data:`UNHEARD` ones are not trained on."""
    chosen = str(rng.choice(np.asarray(timbres)))
    accent = str(rng.choice(_ACCENTS[language]))
    return Voice(
        f"{accent}+{chosen}" if chosen else accent,
        speed=int(rng.integers(125, 200)),
        pitch=int(rng.integers(25, 75)),
        range=int(rng.integers(30, 70)),
    )


def timbre(rng: np.random.Generator) -> str:
    """A timbre that nobody has: throats of all lengths, hoarse, breathy, dull, in a room.

    As a file of espeak-ng's, whose documentation explains the words. Formants are given as percentages of the
    frequency, height and width that a language's phonemes have, and hertz to add.
    """
    throat, clear, wide = rng.uniform(0.82, 1.42), rng.uniform(60, 130), rng.uniform(70, 170)
    low = rng.uniform(70, 240)  # Hz
    lines = [
        "language variant",
        f"pitch {low:.0f} {low * rng.uniform(1.2, 1.7):.0f}",
        f"flutter {rng.integers(0, 20)}",
        f"roughness {rng.integers(0, 4)}",
        f"voicing {rng.uniform(40, 120):.0f}",
        f"consonants {rng.uniform(60, 125):.0f} {rng.uniform(60, 125):.0f}",
    ]
    for formant in range(9):
        place = 100 * throat * rng.normal(1, 0.06)
        height = clear * np.exp(rng.normal(0, 0.25)) * (0.3 if formant > 5 and rng.random() < 0.3 else 1)
        added = rng.normal(0, 120) if formant in (1, 2) and rng.random() < 0.4 else 0
        width = wide * np.exp(rng.normal(0, 0.15))
        lines.append(f"formant {formant} {place:.0f} {height:.0f} {width:.0f} {added:.0f}")
    if rng.random() < 0.25:
        lines.append(f"echo {rng.integers(20, 150)} {rng.integers(8, 22)}")
    if rng.random() < 0.2:
        lines.append("breath " + " ".join(str(each) for each in rng.integers(0, 5, 8)))
    return "\n".join(lines) + "\n"


def made(seed: int) -> dict[str, str]:
    """Names and files of :data:`MADE` timbres."""
    rng = np.random.default_rng(seed)
    return {f"made{seed}-{number}": timbre(rng) for number in range(MADE)}


def _installed() -> Path:
    """Where espeak-ng has its data."""
    try:
        told = subprocess.run(["espeak-ng", "--version"], capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        raise SystemExit("espeak-ng is not installed: apt-get install espeak-ng") from None
    return Path(told.partition("Data at:")[2].strip())


def write_data(timbres: Mapping[str, str], installed: Path, folder: Path) -> None:
    """Write espeak-ng's data as they are installed, but with these timbres for its own."""
    data = folder / "espeak-ng-data"
    (data / "voices" / "!v").mkdir(parents=True)
    for each in installed.iterdir():
        if each.name != "voices":
            (data / each.name).symlink_to(each)
    for name, text in timbres.items():
        (data / "voices" / "!v" / name).write_text(text, encoding="utf-8")


class Synthesiser:
    """One per process: the library has one state, and reads which timbres there are once."""

    def __init__(self, timbres: Mapping[str, str] | None = None) -> None:
        """Speak with espeak-ng's timbres, or with ``timbres`` (names and files) in their place."""
        try:
            self._library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError:
            raise SystemExit("espeak-ng is not installed: apt-get install espeak-ng") from None
        data = None
        if timbres:
            self._data = tempfile.TemporaryDirectory(prefix="kadr-voices-")
            write_data(timbres, _installed(), Path(self._data.name))
            data = self._data.name.encode()
        self.rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
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
        samples = resampled(np.concatenate(self._parts).astype(np.float32) / np.float32(32768), self.rate)
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
