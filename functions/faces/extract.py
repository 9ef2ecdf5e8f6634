"""Who appears in a video: detect, link over time, encode the best views, join those of one person."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from functions.faces.people import Image, Sighting, Track, cluster, link, seen
from functions.faces.quality import grade, passes
from functions.faces.watch import Watch
from kadr.adapters.faces_dlib import DetectedFace, DlibFaces
from kadr.core.extraction import Extraction, FaceTrack
from kadr.media.frames import FramePlan, sample_frames
from kadr.media.limits import MediaLimits
from kadr.models.registry import InstalledModel, require
from kadr.runtime.settings import ExtractorSettings

RECIPE = "3"  # to be raised when a parameter below changes what is found

# One frame a second; longer than 75 s, 75 frames spread over the video. At 960 pixels the detector takes
# about 60 ms for a whole frame and finds faces from 15 % of an upright picture's width on.
_PLAN = FramePlan(every=1.0, max_side=960, scene_changes=False, max_frames=75)
_VIEWS = 3  # encoded per track, the best ones …
_ENOUGH = 9  # … but fewer where there are many tracks: an encoding takes 0.1 s, twice as long as a detection
_MAX_ENCODINGS = 40
_CROP_MARGIN = 0.4  # of the face's width, on each side
_CROP_SIDE = 320  # pixels


def off(settings: ExtractorSettings) -> str:
    """Return why nobody's face is looked for; nothing where it is."""
    return "faces are switched off" if settings.faces == "off" else ""


def model_version(settings: ExtractorSettings) -> str:
    """Return what would be found differently by another version: weights and parameters."""
    if off(settings):
        return "off"
    return f"{require('faces', settings.models_dir).version}+{RECIPE}"


def extract(path: Path, settings: ExtractorSettings) -> Extraction:
    """Return the people of a video as :class:`FaceTrack`, the one seen in most frames first.

    Raises:
        MediaError: as :func:`kadr.media.frames.sample_frames`.
        WeightsUnavailableError, WeightsRefusedError: as :func:`kadr.models.registry.require`.
    """
    faces = _faces(require("faces", settings.models_dir))
    limits = MediaLimits(max_bytes=settings.media_max_bytes, max_duration=settings.media_max_duration)
    watch = Watch(faces)
    frames = [
        [_sighting(face, frame.time, frame.image) for face in watch.faces(frame.image)]
        for frame in sample_frames(path, _PLAN, limits)
    ]
    # Of whom there is no clear view, nobody can tell who it is.
    tracks = [track for track in link(frames) if track.best(1)]
    encoded = _encode(tracks, faces)
    people = tuple(_person(group) for group in cluster(encoded))
    details = {
        "frames": len(frames),
        "faces": sum(map(len, frames)),
        "clear": sum(sighting.clear for frame in frames for sighting in frame),
        "people": len(people),
    }
    if not people:
        return Extraction(reason="no faces", details=details)
    return Extraction(faces=people, details=details)


@cache
def _faces(model: InstalledModel) -> DlibFaces:
    return DlibFaces(model)


def _sighting(face: DetectedFace, time: float, image: Image) -> Sighting:
    clear = passes(face)
    return Sighting(
        time=time,
        box=face.box,
        chip=face.chip,
        crop=_cut(image, face.box),
        quality=grade(face) if clear else 0.0,
        score=face.score,
        clear=clear,
    )


def _encode(tracks: Sequence[Track], faces: DlibFaces) -> list[Track]:
    """Encode the best views of the longest tracks, as many as the budget allows; return those tracks."""
    longest = sorted(tracks, key=lambda track: (-len(track.sightings), -track.best(1)[0].quality))
    encoded = longest[:_MAX_ENCODINGS]
    views = min(_VIEWS, max(1, _ENOUGH // max(1, len(encoded))))
    for track in encoded:
        track.encodings = faces.encode([view.chip for view in track.best(views)])
    return encoded


def _person(tracks: Sequence[Track]) -> FaceTrack:
    best = max((track.best(1)[0] for track in tracks), key=lambda sighting: sighting.quality)
    times = seen(tracks)
    return FaceTrack(
        encoding=np.concatenate([track.encodings for track in tracks]).mean(axis=0),
        count=len(times),
        first_seen=times[0],
        last_seen=times[-1],
        crop=_jpeg(best.crop),
        quality=round(best.quality, 4),
        times=tuple(times),
    )


def _cut(image: Image, box: tuple[int, int, int, int]) -> Image:
    left, top, right, bottom = box
    margin = round((right - left) * _CROP_MARGIN)
    height, width = image.shape[:2]
    return image[
        max(0, top - margin) : min(height, bottom + margin),
        max(0, left - margin) : min(width, right + margin),
    ].copy()


def _jpeg(image: Image) -> bytes:
    from PIL import Image as Pillow

    picture = Pillow.fromarray(image)
    picture.thumbnail((_CROP_SIDE, _CROP_SIDE))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()
