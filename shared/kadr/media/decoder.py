"""PyAV, inside the child: containers opened by whitelist, streams read within limits.

Nothing here runs in the parent.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

from kadr.core.errors import DamagedMediaError, MediaLimitError, NotAVideoError
from kadr.media.boxes import claimed_duration
from kadr.media.limits import MediaLimits
from kadr.media.scenes import ChangeDetector
from kadr.media.wire import Message

# Containers that people film and upload. Not among them, on purpose: playlists and anything else that
# can name another file (hls, dash, concat, image sequences), and raw streams that match almost any bytes.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,"
    "wav,mp3,ogg,flac"  # sound only: recognised to say so, and for spoken queries
)
VIDEO_CODECS = (
    "h264,hevc,vp8,vp9,libdav1d,av1,mpeg4,mpeg2video,mpeg1video,h263,mjpeg,prores,theora,vc1,wmv3,flv"
)
AUDIO_CODECS = (
    "aac,mp3,mp3float,opus,libopus,vorbis,flac,ac3,eac3,alac,amrnb,amrwb,wmav1,wmav2,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s32le,pcm_f32le,pcm_u8,pcm_alaw,pcm_mulaw"
)
CODECS = f"{VIDEO_CODECS},{AUDIO_CODECS}"
_THREADS = 2
_COARSE = 0.25  # seconds between frames from which it does not matter that some are not decoded
_MAX_DAMAGE = 2000  # packets in a row that may fail before the rest is given up
_AUDIO_PIECE = 1 << 16  # samples a message

_SIGNATURES = {
    (4, b"ftyp"): "MP4",
    (4, b"moov"): "MP4",
    (4, b"mdat"): "MP4",
    (0, b"\x1aE\xdf\xa3"): "WebM or Matroska",
    (0, b"RIFF"): "AVI or WAV",
    (0, b"FLV"): "FLV",
    (0, b"\x47\x40"): "MPEG-TS",
}


def probe_messages(job: dict[str, Any], limits: MediaLimits) -> Iterator[Message]:
    """Yield one ``info`` message."""
    with _open(job["path"], limits) as container:
        stream = _video_stream(container, limits)
        audio = _audio_stream(container)
        codec = stream.codec_context
        frame = None
        for _, frame in _decode(container, stream, limits):  # noqa: B007 - the first one is what we want
            break
        if frame is None:
            raise DamagedMediaError("not one frame can be decoded: the file is damaged; upload it again")
        duration = _header_duration(container)
        if duration is None:
            duration = _scanned_duration(job["path"], limits)
        rotation = _rotation(frame)
        width, height = _shown_size(frame, codec)
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
    sent = 0
    # Frames that no other frame needs are not decoded: a third to a half of the work. A stream that
    # consists of nothing else is rare enough to be read twice.
    for skip in ("NONREF", "DEFAULT") if plan["every"] >= _COARSE else ("DEFAULT",):
        with _open(job["path"], limits) as container:
            stream = _video_stream(container, limits)
            stream.codec_context.skip_frame = skip
            duration = _header_duration(container)
            chosen = _choose(_decode(container, stream, limits), plan, duration)
            for time, frame, scene_change in chosen:
                image = _picture(frame, stream.codec_context, plan["max_side"])
                height, width, _ = image.shape
                facts = {
                    "kind": "frame",
                    "time": time,
                    "height": height,
                    "width": width,
                    "scene_change": scene_change,
                }
                yield facts, image.tobytes()
                sent += 1
        if sent:
            return
    raise DamagedMediaError("not one frame can be decoded: the file is damaged; upload it again")


def audio_messages(job: dict[str, Any], limits: MediaLimits) -> Iterator[Message]:
    """Yield ``audio`` messages of float32 mono samples."""
    rate = int(job["rate"])
    with _open(job["path"], limits) as container:
        stream = _audio_stream(container)
        if stream is None:
            return
        stream.codec_context.options = {"codec_whitelist": AUDIO_CODECS}
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        allowed = int(limits.max_duration * rate) + rate
        samples, pending = 0, []
        held = 0
        for frame in _decode_audio(container, stream):
            if not samples and not held:
                silence = _late_start(container, stream, frame, limits, rate)
                if silence:
                    pending.append(np.zeros(silence, np.float32))
                    held += silence
            for piece in resampler.resample(frame):
                array = piece.to_ndarray().reshape(-1)
                pending.append(array)
                held += array.size
            if samples + held > allowed:
                raise MediaLimitError(
                    f"its sound is longer than the {limits.max_duration:g} s allowed: cut the video"
                )
            if held >= _AUDIO_PIECE:
                yield {"kind": "audio"}, _samples(pending)
                samples, held, pending = samples + held, 0, []
        if samples or held:
            for piece in resampler.resample(None):
                pending.append(piece.to_ndarray().reshape(-1))
            if pending:
                yield {"kind": "audio"}, _samples(pending)


def _samples(pieces: list[npt.NDArray[np.float32]]) -> bytes:
    return np.concatenate(pieces).astype(np.float32, copy=False).tobytes()


def _late_start(container: Any, stream: Any, frame: Any, limits: MediaLimits, rate: int) -> int:
    """Return the samples of silence before the first frame of a track that begins after the picture."""
    base = frame.time_base or stream.time_base
    if frame.pts is None or base is None or container.start_time is None:
        return 0
    late = float(frame.pts * base) - container.start_time / av.time_base
    return int(late * rate) if 0 < late <= limits.max_duration else 0


def _open(path: str, limits: MediaLimits) -> Any:
    options = {
        "format_whitelist": FORMATS,
        "protocol_whitelist": "file",
        "codec_whitelist": CODECS,
        "max_pixels": str(limits.max_pixels),
    }
    try:
        container = av.open(f"file:{path}", options=options, metadata_errors="replace")
    except (av.error.FFmpegError, UnicodeError) as error:
        if getattr(error, "errno", None) == errno.ENOMEM:
            raise MemoryError from error
        raise _unopened(path) from error
    if len(container.streams) > limits.max_streams:
        raise MediaLimitError(
            f"it has {len(container.streams)} streams; at most {limits.max_streams} are allowed"
        )
    _check_header(container, limits, path)
    return container


def _unopened(path: str) -> NotAVideoError | DamagedMediaError:
    with Path(path).open("rb") as file:
        head = file.read(16)
    for (offset, magic), name in _SIGNATURES.items():
        if head[offset : offset + len(magic)] == magic:
            return DamagedMediaError(
                f"it begins like {name}, but cannot be opened: it was cut off or damaged; upload it again"
            )
    return NotAVideoError("this is not a video: no container format was recognised")


def _video_stream(container: Any, limits: MediaLimits) -> Any:
    cover = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        kinds = {stream.type for stream in container.streams}
        what = "it has sound only" if "audio" in kinds else "there is nothing in it to see"
        raise NotAVideoError(f"no video stream: {what}")
    usable = [stream for stream in streams if _codec_name(stream) in VIDEO_CODECS.split(",")]
    if not usable:
        names = ", ".join(sorted({_codec_name(stream) for stream in streams}))
        raise NotAVideoError(
            f"its video codec ({names}) is not one that is opened: convert it to H.264 in MP4"
        )
    stream = max(usable, key=lambda s: s.codec_context.width * s.codec_context.height)
    codec = stream.codec_context
    if codec.width * codec.height > limits.max_pixels:
        raise _too_many_pixels(codec.width, codec.height, limits)
    codec.options = {"codec_whitelist": VIDEO_CODECS, "max_pixels": str(limits.max_pixels)}
    codec.thread_type = "AUTO"
    codec.thread_count = _THREADS
    return stream


def _codec_name(stream: Any) -> str:
    return stream.codec_context.name if stream.codec_context is not None else "unknown"


def _audio_stream(container: Any) -> Any:
    for stream in container.streams.audio:
        if _codec_name(stream) in AUDIO_CODECS.split(","):
            return stream
    return None


def _too_many_pixels(width: int, height: int, limits: MediaLimits) -> MediaLimitError:
    return MediaLimitError(
        f"a frame has {width} × {height} pixels; at most {limits.max_pixels:,} pixels are allowed".replace(
            ",", " "
        )
    )


def _too_long(seconds: float, limits: MediaLimits, by: str) -> MediaLimitError:
    return MediaLimitError(f"{by} {seconds:.0f} s long; at most {limits.max_duration:g} s are allowed")


def _header_duration(container: Any) -> float | None:
    durations = [
        float(stream.duration * stream.time_base)
        for stream in container.streams
        if stream.type in ("video", "audio") and stream.duration is not None and stream.time_base
    ]
    if container.duration is not None:
        durations.append(container.duration / av.time_base)
    return max(durations) if durations else None


def _check_header(container: Any, limits: MediaLimits, path: str) -> None:
    claims = [_header_duration(container)]
    if "mp4" in container.format.name:
        claims.append(claimed_duration(Path(path)))
    duration = max((claim for claim in claims if claim is not None), default=0.0)
    if duration > limits.max_duration:
        raise _too_long(duration, limits, "its header says that it is")


def _scanned_duration(path: str, limits: MediaLimits) -> float:
    """Return the duration of a file whose header does not tell it, from its packets' times."""
    first = last = None
    with _open(path, limits) as container:
        stream = _video_stream(container, limits)
        for packet in container.demux(stream):
            if packet.pts is None:
                continue
            time = float(packet.pts * packet.time_base)
            first = time if first is None else min(first, time)
            last = max(last or time, time + float((packet.duration or 0) * packet.time_base))
            if last - first > limits.max_duration:
                raise _too_long(last - first, limits, "it is more than")
    return 0.0 if first is None or last is None else last - first


def _decode(container: Any, stream: Any, limits: MediaLimits) -> Iterator[tuple[float, Any]]:
    """Yield (seconds from the first frame, frame), skipping what is damaged."""
    codec = stream.codec_context
    rate = stream.average_rate or stream.guessed_rate
    step = 1.0 / float(rate) if rate else 0.04
    origin: float | None = None
    time = -step
    count = damage = 0
    for packet in _packets(container, stream):
        try:
            frames = codec.decode(packet)
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
                raise MediaLimitError(f"it has more than the {limits.max_frames} frames allowed")
            if frame.width * frame.height > limits.max_pixels:
                raise _too_many_pixels(frame.width, frame.height, limits)
            # frames that a codec context decodes carry times in the stream's units, and do not say so
            base = frame.time_base or stream.time_base
            if frame.pts is None or base is None:
                time += step
            else:
                absolute = float(frame.pts * base)
                origin = absolute if origin is None else origin
                time = max(absolute - origin, 0.0)
            if time > limits.max_duration:
                raise _too_long(time, limits, "it is at least")
            yield time, frame


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
    frames: Iterator[tuple[float, Any]], plan: dict[str, Any], duration: float | None
) -> Iterator[tuple[float, Any, bool]]:
    """Yield (seconds, frame, scene change) as the plan asks."""
    every, most = float(plan["every"]), int(plan["max_frames"])
    if not plan["scene_changes"]:
        every = max(every, (duration or 0.0) / most)
    else:  # half of the frames are kept for changes
        every = max(every, 2 * (duration or 0.0) / most)
    changes = ChangeDetector() if plan["scene_changes"] else None
    sent = 0
    due = 0.0
    last: tuple[float, Any] | None = None
    for time, frame in frames:
        last = (time, frame)
        changed = changes.settled(time, frame) if changes is not None else False
        regular = time >= due - 1e-6
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
        due = time + every
    if changes is not None and changes.pending and last is not None:
        yield *last, True


def _rotation(frame: Any) -> int:
    """Return the counter-clockwise quarter turns of the display matrix, in degrees: 0, 90, 180 or 270."""
    return int(round(frame.rotation / 90) * 90 % 360)


def _shown_size(frame: Any, codec: Any) -> tuple[int, int]:
    """Return width and height with square pixels, before rotation."""
    ratio = codec.sample_aspect_ratio
    width, height = frame.width, frame.height
    if ratio and 0.25 <= ratio <= 4 and ratio != 1:  # what lies outside is a damaged header
        width = max(1, round(width * float(ratio)))
    return width, height


def _picture(frame: Any, codec: Any, max_side: int | None) -> npt.NDArray[np.uint8]:
    width, height = _shown_size(frame, codec)
    if max_side is not None and max(width, height) > max_side:
        scale = max_side / max(width, height)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = "AREA" if width < frame.width else "BILINEAR"
    image = frame.reformat(width=width, height=height, format="rgb24", interpolation=interpolation)
    array = image.to_ndarray()
    turns = _rotation(frame) // 90
    return np.ascontiguousarray(np.rot90(array, turns) if turns else array)
