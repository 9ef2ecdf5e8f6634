"""Opening a file inside the child: containers, protocols and codecs by whitelist, claims within limits."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import av
import av.error

from kadr.core.errors import DamagedMediaError, MediaLimitError, NotAVideoError
from kadr.media.boxes import claimed_duration
from kadr.media.limits import MediaLimits

# Containers that people film and upload. Not among them, on purpose: playlists and anything else that
# can name another file (hls, dash, concat, image sequences), and raw streams that match almost any bytes.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,"
    "wav,mp3,ogg,flac"  # sound only: recognised to say so, and for spoken queries
)
# Single pictures, for those who ask for them. A format that is told by its first bytes and reads one file:
# not image2, which takes a name for a pattern of many.
PICTURE_FORMATS = "jpeg_pipe,png_pipe,webp_pipe,gif,gif_pipe,bmp_pipe"
PICTURE_CODECS = "mjpeg,png,webp,gif,bmp"
VIDEO_CODECS = (
    "h264,hevc,vp8,vp9,libdav1d,av1,mpeg4,mpeg2video,mpeg1video,h263,mjpeg,prores,theora,vc1,wmv3,flv"
)
AUDIO_CODECS = (
    "aac,aac_latm,mp2,mp2float,mp3,mp3float,opus,libopus,vorbis,flac,ac3,eac3,alac,amrnb,amrwb,wmav1,wmav2,"
    "pcm_s8,pcm_u8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,"
    "pcm_alaw,pcm_mulaw,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt"
)
CODECS = f"{VIDEO_CODECS},{AUDIO_CODECS}"
_THREADS = 2

_SIGNATURES = {
    (4, b"ftyp"): "MP4",
    (4, b"moov"): "MP4",
    (4, b"mdat"): "MP4",
    (0, b"\x1aE\xdf\xa3"): "WebM or Matroska",
    (8, b"AVI "): "AVI",
    (8, b"WAVE"): "WAV",
    (0, b"FLV"): "FLV",
    (0, b"\x47\x40"): "MPEG-TS",
}


def open_container(path: str, limits: MediaLimits, *, pictures: bool = False) -> Any:
    """Open ``path`` for reading; a context manager. Still pictures only with ``pictures``.

    Raises:
        NotAVideoError, DamagedMediaError: it is of no known format, or cannot be opened.
        MediaLimitError: it claims to be longer, or to have more streams, than ``limits`` allow.
        MemoryError: opening it needs more memory than there is.
    """
    options = {
        "format_whitelist": f"{FORMATS},{PICTURE_FORMATS}" if pictures else FORMATS,
        "protocol_whitelist": "file",
        "codec_whitelist": f"{CODECS},{PICTURE_CODECS}" if pictures else CODECS,
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


def video_stream(container: Any, limits: MediaLimits, *, pictures: bool = False) -> Any:
    """Return the largest video stream of a known codec, ready to be decoded; still pictures as above.

    Raises:
        NotAVideoError: there is none.
        MediaLimitError: its frames have too many pixels.
    """
    cover = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        kinds = {stream.type for stream in container.streams}
        what = "it has sound only" if "audio" in kinds else "there is nothing in it to see"
        raise NotAVideoError(f"no video stream: {what}")
    codecs = f"{VIDEO_CODECS},{PICTURE_CODECS}" if pictures else VIDEO_CODECS
    usable = [stream for stream in streams if _codec_name(stream) in codecs.split(",")]
    if not usable:
        names = ", ".join(sorted({_codec_name(stream) for stream in streams}))
        raise NotAVideoError(
            f"its video codec ({names}) is not one that is opened: convert it to H.264 in MP4"
        )
    stream = max(usable, key=lambda s: s.codec_context.width * s.codec_context.height)
    codec = stream.codec_context
    if codec.width * codec.height > limits.max_pixels:
        raise too_many_pixels(codec.width, codec.height, limits)
    codec.options = {"codec_whitelist": codecs, "max_pixels": str(limits.max_pixels)}
    codec.thread_type = "AUTO"
    codec.thread_count = _THREADS
    return stream


def _codec_name(stream: Any) -> str:
    return stream.codec_context.name if stream.codec_context is not None else "unknown"


def audio_codecs(container: Any) -> str:
    """Return the names of the codecs of all sound tracks, for messages."""
    return ", ".join(sorted({_codec_name(stream) for stream in container.streams.audio}))


def audio_stream(container: Any) -> Any:
    """Return the first sound track of a known codec, or ``None``."""
    for stream in container.streams.audio:
        if _codec_name(stream) in AUDIO_CODECS.split(","):
            return stream
    return None


def too_many_pixels(width: int, height: int, limits: MediaLimits) -> MediaLimitError:
    """Return the error for a frame of ``width`` × ``height``."""
    return MediaLimitError(
        f"a frame has {width} × {height} pixels; at most {limits.max_pixels:,} pixels are allowed".replace(
            ",", " "
        )
    )


def too_long(seconds: float, limits: MediaLimits, by: str) -> MediaLimitError:
    """Return the error for a video of ``seconds``; ``by`` begins its sentence."""
    return MediaLimitError(f"{by} {seconds:.0f} s long; at most {limits.max_duration:g} s are allowed")


def header_duration(container: Any) -> float | None:
    """Return the longest duration in seconds that the container or a stream claims, if any."""
    durations = [
        float(stream.duration * stream.time_base)
        for stream in container.streams
        if stream.type in ("video", "audio") and stream.duration is not None and stream.time_base
    ]
    if container.duration is not None:
        durations.append(container.duration / av.time_base)
    return max(durations) if durations else None


def _check_header(container: Any, limits: MediaLimits, path: str) -> None:
    claims = [header_duration(container)]
    if "mp4" in container.format.name:
        claims.append(claimed_duration(Path(path)))
    duration = max((claim for claim in claims if claim is not None), default=0.0)
    if duration > limits.max_duration:
        raise too_long(duration, limits, "its header says that it is")
