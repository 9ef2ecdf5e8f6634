"""The clips that are measured, made of the sample clips and kept in `.kadr/bench/clips`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples" / "clips"
CACHE = ROOT / ".kadr" / "bench" / "clips"

# The clip that the budgets are for.
SECONDS, WIDTH, HEIGHT, FPS = 25, 720, 1280, 25
# The clip that memory is measured on: upright 1080p, ten seconds of text, ten of a face, over and over.
LARGE_WIDTH, LARGE_HEIGHT, LARGE_PERIOD = 1080, 1920, 20
RATE = 16_000  # samples a second


def clip_for(modality: str) -> Path:
    """Return 25 s of 720 × 1280 in which there is something for an extractor to find."""
    if modality == "speech":
        from bench.weights.whisper import speaking_clip

        return _kept("speech.mp4", lambda to: speaking_clip(to, seconds=SECONDS))
    source = {"faces": "grace_hopper.mp4"}.get(modality, "borsch_recept.mp4")
    return _kept(f"{Path(source).stem}.mp4", lambda to: long_clip(SAMPLES / source, to))


def large_clip(seconds: int) -> Path:
    """Return ``seconds`` of upright 1080p with sound: text, a face, and a voice, over and over.

    Twenty seconds are encoded once; the rest is the same packets again, so ten minutes take a second.
    """
    piece = _kept("large-piece.mp4", _large_piece)
    return _kept(f"large-{seconds}.mp4", lambda to: repeat(piece, to, seconds))


def long_clip(source: Path, to: Path) -> None:
    """Write 25 s of 720 × 1280 at 25 fps: the sample clip, enlarged, over and over."""
    import av

    with av.open(str(to), "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index, picture in zip(range(SECONDS * FPS), _pictures(source), strict=False):
            out.mux(stream.encode(_frame(picture, index, WIDTH, HEIGHT)))
        out.mux(stream.encode())


def repeat(source: Path, to: Path, seconds: int) -> None:
    """Write the packets of ``source`` over and over until the result is ``seconds`` long."""
    import av

    with av.open(str(to), "w", format="mp4") as out:
        outputs = {}
        written: dict[int, int] = {}  # the time of the last packet of each stream
        for turn in range(-(-seconds // LARGE_PERIOD)):
            with av.open(str(source)) as container:
                for stream in container.streams:
                    if stream.index not in outputs:
                        outputs[stream.index] = out.add_stream_from_template(stream)
                for packet in container.demux():
                    if packet.dts is None:
                        continue
                    shift = round(turn * LARGE_PERIOD / packet.time_base)
                    index, at = packet.stream_index, packet.dts + shift
                    # the last frame of sound of one piece reaches into the next
                    if at <= written.get(index, at - 1) or float(at * packet.time_base) >= seconds:
                        continue
                    written[index] = at
                    packet.pts, packet.dts = packet.pts + shift, at
                    packet.stream = outputs[index]
                    out.mux(packet)


def _large_piece(to: Path) -> None:
    import av

    half = LARGE_PERIOD * FPS // 2
    with av.open(str(to), "w", format="mp4") as out:
        # a keyframe each second and no B-frames: any number of pieces can follow one another
        options = {"preset": "ultrafast", "g": str(FPS), "bf": "0"}
        video = out.add_stream("libx264", rate=FPS, options=options)
        video.width, video.height, video.pix_fmt = LARGE_WIDTH, LARGE_HEIGHT, "yuv420p"
        audio = out.add_stream("aac", rate=RATE, layout="mono")
        sound = _sound(SAMPLES / "borsch_recept.mp4", LARGE_PERIOD * RATE)
        said = 0
        for part, name in enumerate(("borsch_recept.mp4", "grace_hopper.mp4")):
            for index, picture in zip(range(half), _pictures(SAMPLES / name), strict=False):
                place = part * half + index
                out.mux(video.encode(_frame(picture, place, LARGE_WIDTH, LARGE_HEIGHT)))
                while said < min(len(sound), (place + 1) * RATE // FPS):
                    block = np.ascontiguousarray(sound[None, said : said + 1024])
                    heard = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
                    heard.sample_rate, heard.pts, heard.time_base = RATE, said, Fraction(1, RATE)
                    out.mux(audio.encode(heard))
                    said += block.shape[1]
        out.mux(video.encode())
        out.mux(audio.encode())


def _frame(picture: np.ndarray, index: int, width: int, height: int) -> object:
    import av

    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    frame = frame.reformat(width=width, height=height, format="yuv420p")
    frame.pts, frame.time_base = index, Fraction(1, FPS)
    return frame


def _pictures(source: Path) -> Iterator[np.ndarray]:
    import av

    for _ in count():
        with av.open(str(source)) as container:
            due = 0.0
            for frame in container.decode(video=0):
                while due <= (frame.time or 0.0):
                    yield frame.to_ndarray(format="rgb24")
                    due += 1 / FPS


def _sound(source: Path, samples: int) -> np.ndarray:
    import av

    with av.open(str(source)) as container:
        resampler = av.AudioResampler("s16", "mono", RATE)
        parts = [
            part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)
        ]
    return np.resize(np.concatenate(parts), samples)


def _kept(name: str, make: Callable[[Path], object]) -> Path:
    """Return the file of that name, made once; it appears when it is complete."""
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / name
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            part = Path(folder) / name
            make(part)
            part.rename(path)
    return path
