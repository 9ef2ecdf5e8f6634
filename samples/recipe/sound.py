"""Narration by espeak-ng and synthesised music: float arrays at ``spec.RATE``, values in −1…1."""

from __future__ import annotations

import io
import subprocess
import wave

import numpy as np
import numpy.typing as npt

from samples.recipe.spec import RATE, Clip, Music, Speech

Sound = npt.NDArray[np.float64]

SILENCE = 0.01  # of full scale: quieter than this is not speech (espeak-ng adds no noise)
VOICE_PEAK = 0.7
MUSIC_UNDER_VOICE = 0.2  # of its own level: about −14 dB
MINOR, MAJOR = (0, 3, 7, 10, 12), (0, 4, 7, 9, 12)


def speak(speech: Speech) -> Sound:
    """The sentence, without the silence around it.

    Raises:
        SystemExit: espeak-ng is not installed.
    """
    command = ["espeak-ng", "-v", speech.voice, "-s", str(speech.speed), "-p", str(speech.pitch), "--stdout"]
    try:
        done = subprocess.run([*command, speech.text], check=True, capture_output=True)
    except FileNotFoundError:
        raise SystemExit("espeak-ng is not installed: apt-get install espeak-ng") from None
    with wave.open(io.BytesIO(_mended(done.stdout))) as source:
        if source.getframerate() != RATE:
            raise SystemExit(f"the voice {speech.voice} speaks at {source.getframerate()} Hz, not at {RATE}")
        samples = np.frombuffer(source.readframes(source.getnframes()), dtype="<i2") / 32768
    loud = np.flatnonzero(np.abs(samples) > SILENCE)
    samples = samples[loud[0] : loud[-1] + 1]
    return np.asarray(samples * (VOICE_PEAK / np.abs(samples).max()))


def _mended(stream: bytes) -> bytes:
    """Into a pipe espeak-ng writes a WAV header with unknown sizes; put the real ones in."""
    data = bytearray(stream)
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    data[40:44] = (len(data) - 44).to_bytes(4, "little")
    return bytes(data)


def _hertz(note: float) -> float:
    return 440.0 * 2 ** ((note - 69) / 12)


def _pluck(note: float, seconds: float, rng: np.random.Generator) -> Sound:
    """A plucked string (Karplus and Strong): a burst of noise that goes round a smoothing delay line."""
    period = max(round(RATE / _hertz(note)), 2)
    ring = rng.uniform(-1, 1, period)
    out = np.empty(round(seconds * RATE) + period)
    for at in range(0, len(out), period):
        part = ring[: len(out) - at]
        out[at : at + len(part)] = part
        ring = 0.996 * 0.5 * (ring + np.roll(ring, 1))
    return np.asarray(out[: round(seconds * RATE)] * 0.7)


def _tone(note: float, seconds: float, style: str) -> Sound:
    t = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * _hertz(note) * t
    if style == "chip":
        return np.asarray(np.sign(np.sin(phase)) * 0.35 * np.exp(-3 * t / seconds))
    if style == "calm":
        swell = np.sin(np.pi * np.clip(t / seconds, 0, 1)) ** 0.7
        chord = np.sin(phase) + 0.4 * np.sin(1.004 * phase) + 0.2 * np.sin(2 * phase)
        return np.asarray(chord * 0.45 * swell)
    partials = sum(np.sin(k * phase) / k**1.7 * np.exp(-t * 1.1 * k) for k in range(1, 7))
    return np.asarray(partials) * np.minimum(t / 0.004, 1) * 0.6


def _drum(kind: str, rng: np.random.Generator) -> Sound:
    t = np.arange(round(0.16 * RATE)) / RATE
    if kind == "kick":
        return np.asarray(np.sin(2 * np.pi * (48 * t + 9 * (1 - np.exp(-t * 32)))) * np.exp(-t * 20))
    noise = rng.uniform(-1, 1, len(t))
    if kind == "snare":
        return np.asarray((0.6 * noise + 0.4 * np.sin(2 * np.pi * 190 * t)) * np.exp(-t * 26) * 0.7)
    return np.asarray(np.diff(noise, prepend=0) * np.exp(-t * 70) * 0.25)


def _add(track: Sound, at: float, sound: Sound) -> None:
    start = round(at * RATE)
    part = sound[: max(len(track) - start, 0)]
    track[start : start + len(part)] += part


def play(music: Music, seconds: float, seed: int) -> Sound:
    """A tune of the style over four chords, as long as asked, with a short fade at both ends."""
    rng = np.random.default_rng(seed)
    track = np.zeros(round(seconds * RATE))
    beat = 60 / music.tempo
    chords = [(0, MAJOR), (-3, MINOR), (5, MAJOR), (7, MAJOR)]
    for step in range(int(seconds / beat * 2) + 1):  # in quavers
        at = step * beat / 2
        shift, scale = chords[(step // 8) % 4]
        root = music.root + shift
        if music.style == "calm":
            if step % 8 == 0:
                for interval in scale[:3]:
                    _add(track, at, _tone(root + interval, beat * 4.6, "calm") * 0.4)
            if step % 4 == 2:
                _add(track, at, _tone(root + 12 + int(rng.choice(scale)), beat * 1.6, "calm") * 0.35)
            continue
        if music.style == "guitar":
            _add(track, at, _pluck(root + (0, 7, 12, 16, 12, 7, 12, 7)[step % 8], beat * 2, rng) * 0.6)
            continue
        if rng.random() < 0.72:
            note = root + 12 + int(rng.choice(scale))
            _add(track, at, _tone(note, beat * 0.9, music.style) * 0.5)
        if step % 4 == 0:
            _add(track, at, _tone(root - 12, beat * 1.7, "chip" if music.style == "chip" else "piano") * 0.55)
        if music.style in {"beat", "chip"}:
            _add(track, at, _drum(("kick", "hat", "snare", "hat")[step % 4], rng) * 0.8)
    ramp = np.minimum(np.arange(len(track)) / (0.15 * RATE), 1)
    track *= ramp * ramp[::-1]
    return np.asarray(track * (music.gain / max(np.abs(track).max(), 1e-9)))


def narration(clip: Clip) -> list[tuple[Speech, float, Sound]]:
    """The clip's sentences with the time at which each ends.

    Raises:
        ValueError: a sentence runs into the next one or past the end of the clip.
    """
    result = []
    free_from = 0.0
    for speech in clip.speech:
        if speech.start < free_from:
            raise ValueError(f"{clip.file}: {speech.text!r} begins before {free_from:.2f} s")
        sound = speak(speech)
        free_from = speech.start + len(sound) / RATE
        if free_from > clip.duration:
            raise ValueError(f"{clip.file}: {speech.text!r} ends at {free_from:.2f} s, after the clip")
        result.append((speech, free_from, sound))
    return result


def mix(clip: Clip, spoken: list[tuple[Speech, float, Sound]]) -> Sound | None:
    """All that is heard, exactly as long as the clip; ``None`` for a silent clip."""
    if not spoken and clip.music is None:
        return None
    track = np.zeros(round(clip.duration * RATE))
    if clip.music is not None:
        track += play(clip.music, clip.duration, clip.seed) * (MUSIC_UNDER_VOICE if spoken else 1.0)
    for speech, _, sound in spoken:
        _add(track, speech.start, sound)
    return np.clip(track, -1, 1)
