"""From faces in single frames to people: pure geometry and distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kadr.core.extraction import Vector

Image = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]  # left, top, right, bottom

# Two encodings of one person are 0.6 apart at most, in dlib's own evaluation (99.38 % on LFW). Within one
# video light and camera are the same, so less is asked: a person split in two is a smaller mistake here
# than two people made one.
SAME_PERSON = 0.5

# A face one second later, not far away and looking alike, is taken for the same person without encoding it.
# The correlation is of aligned, normalised pictures, so light does not matter: on the sample clips it is
# 0.86 and more for one person from second to second, and 0.47 at most between two. A new pose or another
# person falls below, and then the encodings decide.
_OVERLAP = 0.1
_ALIKE = 0.75
_THUMB = 30  # pixels


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One face in one frame."""

    time: float  # seconds
    box: Box
    chip: Image  # (150, 150, 3)
    crop: Image  # with margin, as people want to see it
    quality: float  # 0…1
    score: float  # of the detector
    clear: bool = True  # whether this view may stand for the person


@dataclass(slots=True, eq=False)
class Track:
    """Sightings of one face that followed one another."""

    sightings: list[Sighting]
    encodings: Vector = field(default_factory=lambda: np.zeros((0, 128), np.float32))

    @property
    def times(self) -> set[float]:
        """When it was seen."""
        return {sighting.time for sighting in self.sightings}

    def best(self, count: int) -> list[Sighting]:
        """The best of the clear views, best first; none, if nobody could tell who it is."""
        clear = [sighting for sighting in self.sightings if sighting.clear]
        return sorted(clear, key=lambda sighting: -sighting.quality)[:count]


def link(frames: Sequence[Sequence[Sighting]]) -> list[Track]:
    """Join the faces of consecutive frames that overlap and look alike."""
    tracks: list[Track] = []
    open_tracks: list[Track] = []
    for faces in frames:
        pairs = sorted(
            (
                (overlap(track.sightings[-1].box, face.box), position, index)
                for position, track in enumerate(open_tracks)
                for index, face in enumerate(faces)
            ),
            reverse=True,
        )
        taken: dict[int, Track] = {}
        for share, position, index in pairs:
            track = open_tracks[position]
            if share < _OVERLAP or index in taken or any(track is other for other in taken.values()):
                continue
            if likeness(track.sightings[-1].chip, faces[index].chip) >= _ALIKE:
                taken[index] = track
        for index, face in enumerate(faces):
            if index in taken:
                taken[index].sightings.append(face)
            else:
                taken[index] = Track([face])
                tracks.append(taken[index])
        open_tracks = list(taken.values())
    return tracks


def cluster(tracks: Sequence[Track], *, threshold: float = SAME_PERSON) -> list[list[Track]]:
    """Join the tracks of one person; the person seen in most frames first.

    Average linkage, closest pair first. Tracks that share a frame are two people, however alike.
    """
    people = [[track] for track in tracks]
    while len(people) > 1:
        distance, first, second = min(
            (_distance(people[i], people[j]), i, j) for i in range(len(people)) for j in range(i)
        )
        if distance > threshold:
            break
        people[second] += people.pop(first)
    return sorted(people, key=lambda group: -len(seen(group)))


def seen(person: Sequence[Track]) -> list[float]:
    """Return the times at which a person was seen, in order."""
    return sorted(set().union(*(track.times for track in person)))


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0…1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (_area(one) + _area(other) - common)


def likeness(one: Image, other: Image) -> float:
    """Correlation, −1…1, of two aligned faces."""
    a, b = _thumb(one), _thumb(other)
    return float((a * b).mean())


def _distance(one: Sequence[Track], other: Sequence[Track]) -> float:
    if any(a.times & b.times for a in one for b in other):
        return float("inf")
    left = np.concatenate([track.encodings for track in one])
    right = np.concatenate([track.encodings for track in other])
    return float(np.linalg.norm(left[:, None] - right[None], axis=2).mean())


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _thumb(chip: Image) -> npt.NDArray[np.float64]:
    grey = chip.mean(axis=2)
    step = grey.shape[0] // _THUMB
    small = grey[: step * _THUMB, : step * _THUMB].reshape(_THUMB, step, _THUMB, step).mean(axis=(1, 3))
    deviation = small.std()
    normal: npt.NDArray[np.float64] = (small - small.mean()) / (deviation if deviation > 1e-6 else 1.0)
    return normal
