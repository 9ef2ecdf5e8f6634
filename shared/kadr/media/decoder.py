"""What the child does with a file: facts, frames and sound, read within limits.

Nothing here runs in the parent, and nothing but the search for changes imports numpy, which takes longer to
start than PyAV.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from functools import cache
from typing import Any

import av
import av.error
from av.video.reformatter import ColorTrc, VideoReformatter

from kadr.core.errors import DamagedMediaError, MediaLimitError
from kadr.media.gops import NEARLY, LookAhead, Wanted
from kadr.media.limits import MediaLimits
from kadr.media.opening import (
    AUDIO_CODECS,
    audio_codecs,
    audio_stream,
    header_duration,
    open_container,
    too_long,
    too_many_pixels,
    video_stream,
)
from kadr.media.wire import Message

_COARSE = 0.25  # seconds between frames from which it does not matter that some are not decoded
_MAX_DAMAGE = 2000  # packets in a row that may fail before the rest is given up
_AUDIO_PIECE = 1 << 16  # samples a message
_SAMPLE = 4  # bytes of a float32
_GAP = 0.1  # seconds of sound that may be missing: clocks of files are coarse, those of recorders drift


def probe_messages(job: dict[str, Any], limits: MediaLimits) -> Iterator[Message]:
    """Yield one ``info`` message."""
    with open_container(job["path"], limits) as container:
        stream = video_stream(container, limits)
        audio = audio_stream(container)
        codec = stream.codec_context
        frame = None
        for _, frame in _decode(container, stream, limits):  # noqa: B007 - the first one is what we want
            break
        if frame is None:
            raise DamagedMediaError("not one frame can be decoded: the file is damaged; upload it again")
        duration = header_duration(container)
        if duration is None:
            duration = _scanned_duration(job["path"], limits, pictures=False)
        rotation = _rotation(frame)
        width, height = _shown_size(frame, stream)
        if rotation % 180:
            width, height = height, width
        rate = stream.average_rate or stream.guessed_rate
        info = {
            "duration": duration,
            "width": width,
            "height": height,
            "fps": float(rate) if rate else 0.0,
            "has_audio": audio is not None,
            "rotation": rotation,
            "video_codec": codec.name,
            "container": container.format.name,
            "audio_codec": audio.codec_context.name if audio is not None else "",
        }
        yield {"kind": "info", "info": info}, b""


def frame_messages(job: dict[str, Any], limits: MediaLimits) -> Iterator[Message]:
    """Yield ``frame`` messages for a :class:`kadr.media.frames.FramePlan`."""
    plan = job["plan"]
    scaler = VideoReformatter()  # one for all frames: setting up takes as long as scaling one
    sent = 0
    # Frames that no other frame needs are not decoded: a third to a half of the work. A stream that
    # consists of nothing else is rare enough to be read twice.
    for skip in ("NONREF", "DEFAULT") if plan["every"] >= _COARSE else ("DEFAULT",):
        with open_container(job["path"], limits, pictures=plan["pictures"]) as container:
            stream = video_stream(container, limits, pictures=plan["pictures"])
            stream.codec_context.skip_frame = skip
            # Changes are looked for in all frames.
            wanted = Wanted(sparse=plan["seek"] and not plan["scene_changes"])
            frames = _decode(container, stream, limits, wanted)
            duration = header_duration(container)
            if duration is None:  # what a browser has recorded: it is written before its end is known
                duration = _scanned_duration(job["path"], limits, pictures=plan["pictures"])
            for time, frame, scene_change in _choose(frames, wanted, plan, duration):
                width, height, pixels = _picture(frame, stream, plan, scaler)
                facts = {
                    "kind": "frame",
                    "time": time,
                    "height": height,
                    "width": width,
                    "turns": _rotation(frame) // 90,
                    "scene_change": scene_change,
                }
                yield facts, pixels
                sent += 1
        if sent:
            return
    raise DamagedMediaError("not one frame can be decoded: the file is damaged; upload it again")


def audio_messages(job: dict[str, Any], limits: MediaLimits) -> Iterator[Message]:
    """Yield ``audio`` messages of float32 mono samples, or one ``unopened`` where no track can be decoded."""
    rate = int(job["rate"])
    with open_container(job["path"], limits) as container:
        stream = audio_stream(container)
        if stream is None:
            yield {"kind": "unopened", "codecs": audio_codecs(container)}, b""
            return
        stream.codec_context.options = {"codec_whitelist": AUDIO_CODECS}
        allowed = int(limits.max_duration * rate) + rate
        samples, held = 0, bytearray()
        for part in _in_time(container, stream, limits, rate):
            held += part
            if samples + len(held) // _SAMPLE > allowed:
                raise MediaLimitError(
                    f"its sound is longer than the {limits.max_duration:g} s allowed: cut the video"
                )
            while len(held) >= _AUDIO_PIECE * _SAMPLE:
                piece = bytes(held[: _AUDIO_PIECE * _SAMPLE])
                del held[: len(piece)]
                samples += _AUDIO_PIECE
                yield {"kind": "audio"}, piece
        if held:
            yield {"kind": "audio"}, bytes(held)


def _in_time(container: Any, stream: Any, limits: MediaLimits, rate: int) -> Iterator[bytes]:
    """Yield resampled samples, and silence where the track has a gap: a sample's place tells its time."""
    resampler, sound = None, None
    made = 0
    for frame in _decode_audio(container, stream):
        due = _due(container, stream, frame, limits, rate)
        gap = due - made > (_GAP * rate if resampler is not None else 0)
        if resampler is None or gap or sound != _sound(frame):  # broken and joined files change in the middle
            if resampler is not None:
                rest = _samples(resampler.resample(None))
                made += len(rest) // _SAMPLE
                yield rest
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
            sound = _sound(frame)
        while gap and made < due:
            silent = min(due - made, _AUDIO_PIECE)
            made += silent
            yield bytes(_SAMPLE * silent)
        part = _samples(resampler.resample(frame))
        made += len(part) // _SAMPLE
        yield part
    if resampler is not None:
        yield _samples(resampler.resample(None))


def _sound(frame: Any) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _samples(frames: list[Any]) -> bytes:
    """Return the float32 samples of resampled frames; their planes may be longer than what they hold."""
    return b"".join(bytes(frame.planes[0])[: frame.samples * _SAMPLE] for frame in frames)


def _due(container: Any, stream: Any, frame: Any, limits: MediaLimits, rate: int) -> int:
    """Return how many samples there should be before a frame; 0 where its time is missing or absurd."""
    base = frame.time_base or stream.time_base
    if frame.pts is None or base is None or container.start_time is None:
        return 0
    time = float(frame.pts * base) - container.start_time / av.time_base
    return int(time * rate) if 0 < time <= limits.max_duration else 0


def _scanned_duration(path: str, limits: MediaLimits, *, pictures: bool) -> float:
    """Return the duration of a file whose header does not tell it, from its packets' times."""
    first = last = None
    with open_container(path, limits, pictures=pictures) as container:
        stream = video_stream(container, limits, pictures=pictures)
        for packet in container.demux(stream):
            if packet.pts is None:
                continue
            time = float(packet.pts * packet.time_base)
            first = time if first is None else min(first, time)
            last = max(last or time, time + float((packet.duration or 0) * packet.time_base))
            if last - first > limits.max_duration:
                raise too_long(last - first, limits, "it is more than")
    return 0.0 if first is None or last is None else last - first


def _decode(
    container: Any, stream: Any, limits: MediaLimits, wanted: Wanted | None = None
) -> Iterator[tuple[float, Any]]:
    """Yield (seconds from the start of the file, frame), skipping what is damaged and what is not wanted."""
    codec = stream.codec_context
    rate = stream.average_rate or stream.guessed_rate
    step = 1.0 / float(rate) if rate else 0.04
    wanted = wanted or Wanted(sparse=False)
    ahead = LookAhead(wanted, restart=codec.flush_buffers)
    time = -step
    count = damage = read = 0
    for packet in _packets(container, stream):
        read += 1
        if read > limits.max_frames:
            raise _too_many_frames(limits)
        # what is still held back at the end is not wanted; the decoder is emptied all the same
        for ready in ahead.offer(packet) if packet is not None else (None,):
            try:
                frames = codec.decode(ready)
            except av.error.FFmpegError as error:
                if error.errno == errno.ENOMEM:
                    raise MemoryError from error
                damage += 1
                if damage > _MAX_DAMAGE:
                    return
                continue
            damage = 0
            for frame in frames:
                count += 1
                if count > limits.max_frames:
                    raise _too_many_frames(limits)
                if frame.width * frame.height > limits.max_pixels:
                    raise too_many_pixels(frame.width, frame.height, limits)
                # frames that a codec context decodes carry times in the stream's units, and do not say so
                base = frame.time_base or stream.time_base
                if frame.pts is None or base is None:
                    time += step
                    wanted.sparse = False
                else:
                    absolute = float(frame.pts * base)
                    origin = _origin(container, absolute, limits) if wanted.origin is None else wanted.origin
                    wanted.origin = origin
                    time = max(absolute - origin, 0.0)
                    ahead.decoded(time, whole=frame.key_frame)
                if time > limits.max_duration:
                    raise too_long(time, limits, "it is at least")
                yield time, frame


def _origin(container: Any, first: float, limits: MediaLimits) -> float:
    """Return when the file starts, sound included; that of the first frame where it does not say, or lies."""
    if container.start_time is None:
        return first
    start = float(container.start_time / av.time_base)
    return start if 0 <= first - start <= limits.max_duration else first


def _too_many_frames(limits: MediaLimits) -> MediaLimitError:
    return MediaLimitError(f"it has more than the {limits.max_frames} frames allowed")


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """Yield packets, and ``None`` at the end, which makes a decoder give what it still holds."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except av.error.FFmpegError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError from error
    yield None


def _decode_audio(container: Any, stream: Any) -> Iterator[Any]:
    damage = 0
    for packet in _packets(container, stream):
        try:
            frames = stream.codec_context.decode(packet)
        except av.error.FFmpegError as error:
            if error.errno == errno.ENOMEM:
                raise MemoryError from error
            damage += 1
            if damage > _MAX_DAMAGE:
                return
            continue
        damage = 0
        yield from frames


def _choose(
    frames: Iterator[tuple[float, Any]], wanted: Wanted, plan: dict[str, Any], duration: float | None
) -> Iterator[tuple[float, Any, bool]]:
    """Yield (seconds, frame, scene change) as the plan asks, and say what is wanted next."""
    every, most = float(plan["every"]), int(plan["max_frames"])
    if not plan["scene_changes"]:
        every = max(every, (duration or 0.0) / most)
    else:  # half of the frames are kept for changes
        every = max(every, 2 * (duration or 0.0) / most)
    changes = None
    if plan["scene_changes"]:
        from kadr.media.scenes import ChangeDetector  # brings numpy

        changes = ChangeDetector()
    sent = 0
    last: tuple[float, Any] | None = None
    for time, frame in frames:
        last = (time, frame)
        changed = changes.settled(time, frame) if changes is not None else False
        regular = time >= wanted.due - NEARLY
        # changes get their share of the frames as the video goes on, so that a busy beginning
        # leaves some for the end
        if changed and not regular and duration:
            changed = sent < most * min(1.0, 0.25 + time / duration)
        if not (regular or changed):
            continue
        yield time, frame, changed
        sent += 1
        if sent >= most:
            return
        wanted.due = time + every
    if changes is not None and changes.pending and last is not None:
        yield *last, True


def _rotation(frame: Any) -> int:
    """Return the counter-clockwise quarter turns of the display matrix, in degrees: 0, 90, 180 or 270."""
    return int(round(frame.rotation / 90) * 90 % 360)


def _shown_size(frame: Any, stream: Any) -> tuple[int, int]:
    """Return width and height with square pixels, before rotation."""
    # a container may tell it where the codec's own stream does not: ProRes, VP9 and AV1 in MP4
    ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    width, height = frame.width, frame.height
    if ratio and 0.25 <= ratio <= 4 and ratio != 1:  # what lies outside is a damaged header
        width = max(1, round(width * float(ratio)))
    return width, height


def _transparent(form: Any) -> bool:
    return form.has_palette or any(component.is_alpha for component in form.components)


def _picture(frame: Any, stream: Any, plan: dict[str, Any], scaler: Any) -> tuple[int, int, bytes]:
    """Return width, height and RGB bytes (RGBA of a transparent picture), scaled by the plan, not turned."""
    width, height = _shown_size(frame, stream)
    interpolation = "AREA"
    if plan["max_side"] is not None and max(width, height) > plan["max_side"]:
        scale = plan["max_side"] / max(width, height)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
    if plan["short_side"] is not None and min(width, height) > plan["short_side"]:
        short = min(width, height)
        width, height = width * plan["short_side"] // short, height * plan["short_side"] // short
        interpolation = "BICUBIC"
    if width >= frame.width:
        interpolation = "BILINEAR"
    channels = 4 if plan["pictures"] and _transparent(frame.format) else 3
    try:
        image = scaler.reformat(
            frame,
            width=width,
            height=height,
            format="rgba" if channels == 4 else "rgb24",
            interpolation=interpolation,
            threads=1,
        )
    except av.error.FFmpegError as error:
        if error.errno in (errno.ENOMEM, errno.EAGAIN):  # the second: no thread can be started
            raise MemoryError from error
        raise DamagedMediaError(
            f"its frames of {frame.width} × {frame.height} pixels ({frame.format.name}) cannot be converted; "
            "re-encode the video and try again"
        ) from error
    plane = image.planes[0]
    line, row = plane.line_size, channels * width
    pixels = memoryview(plane)
    if line == row:
        packed = bytes(pixels[: row * height])
    else:
        packed = b"".join(pixels[at : at + row] for at in range(0, line * height, line))
    if channels == 3 and frame.color_trc == ColorTrc.SMPTE2084:
        packed = packed.translate(_standard_range())
    return width, height, packed


@cache
def _standard_range() -> bytes:
    """Return, for each level of HDR video (PQ), that of the same light on an ordinary screen.

    SMPTE ST 2084 gives the light, of which 203 cd/m² are white paper (ITU-R BT.2408). The curve of Reinhard
    et al., "Photographic tone reproduction", equation 4, leaves room for highlights of 1000 cd/m² above it.
    """
    table = bytearray()
    for level in range(256):
        root = (level / 255) ** (32 / 2523)
        light = (max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (8192 / 1305) * 10_000 / 203
        shown = light * (1 + light / (1000 / 203) ** 2) / (1 + light)
        table.append(min(255, round(255 * shown ** (1 / 2.2))))
    return bytes(table)
