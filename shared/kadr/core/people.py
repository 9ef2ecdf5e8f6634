"""People across videos: whose face is whose, what editors have said, and who keeps which identity.

How faces are grouped is in :mod:`kadr.core.face_clusters`. Distances are Euclidean, of dlib's encodings.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from kadr.core.errors import PeopleError
from kadr.core.extraction import Vector

LONGEST_NAME = 100
# How far a new face may be from a person's nearest faces to be taken for theirs before the next clustering.
# Of whom there are few faces, it is not known how far they spread, and a stranger who looks alike is nearer
# to one face than to three.
FEW = 3
RADIUS_OF_FEW = 0.38
NARROWEST, WIDEST = 0.34, 0.48
# Two people who are about as near: nobody can tell which of them it is.
MARGIN = 0.04
# The same face of the same video, extracted again: other views are averaged, but light and camera are the
# same. Two people of one video are more than 0.5 apart, else they had been taken for one.
SAME_FACE = 0.4

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Face:
    """One person within one video; ``times`` are the seconds at which they were seen, in order.

    Of faces that were extracted before times were kept, ``times`` has the first and the last, and
    ``all_times`` is false.
    """

    face_id: UUID
    video_id: UUID
    position: int
    times: tuple[float, ...]
    all_times: bool = True
    person_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """An editor's word on a face: it is a person's, or it is not."""

    mark_id: int
    video_id: UUID
    generation: int
    encoding: Vector
    person_id: UUID
    is_person: bool
    face_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A face that is near a new one, and whose it is."""

    person_id: UUID
    distance: float
    radius: float | None = None  # of the person


def checked_name(name: str | None) -> str:
    """Return a person's name without superfluous spaces; empty takes the name away.

    Raises:
        PeopleError: it is too long, or has nothing that can be read.
    """
    text = " ".join(_CONTROL.sub(" ", unicodedata.normalize("NFC", name or "")).split())
    if len(text) > LONGEST_NAME:
        raise PeopleError(f"a name has {LONGEST_NAME} characters at most, this one has {len(text)}")
    if text and not any(character.isalnum() for character in text):
        raise PeopleError("a name needs a letter or a digit; send an empty one to take the name away")
    return text


def together(one: Face, other: Face) -> bool:
    """Whether two faces of one video are seen at one time: then they are two people.

    Where only first and last times are known, the stretches between them may not overlap.
    """
    if one.video_id != other.video_id:
        return False
    if one.all_times and other.all_times:
        return not set(one.times).isdisjoint(other.times)
    return one.times[0] <= other.times[-1] and other.times[0] <= one.times[-1]


def strangers(faces: Sequence[Face]) -> list[tuple[int, int]]:
    """Return the pairs of faces, by their places, that are seen at one time."""
    per_video: dict[UUID, list[int]] = defaultdict(list)
    for place, face in enumerate(faces):
        per_video[face.video_id].append(place)
    return [
        (one, other)
        for places in per_video.values()
        for position, one in enumerate(places)
        for other in places[position + 1 :]
        if together(faces[one], faces[other])
    ]


def resolved(
    marks: Iterable[Mark], faces: Iterable[Face], encodings: Mapping[UUID, Vector]
) -> dict[int, UUID]:
    """Return which face each mark means now, by the marks' numbers; those that mean none are left out.

    A mark means the row that it was put on. If the video has been extracted again since, it is the face with
    nearly the same encoding, the closest pairs first: marks of one place of one video never spread over two.
    """
    faces = list(faces)
    rows = {face.face_id for face in faces}
    found: dict[int, UUID] = {}
    open_marks: dict[UUID, list[Mark]] = defaultdict(list)
    for mark in marks:
        if mark.face_id in rows and mark.face_id is not None:
            found[mark.mark_id] = mark.face_id
        else:
            open_marks[mark.video_id].append(mark)
    known: dict[UUID, list[UUID]] = defaultdict(list)
    for face in faces:
        if face.video_id in open_marks and face.face_id in encodings:
            known[face.video_id].append(face.face_id)
    for video_id, face_ids in known.items():
        pairs = sorted(
            (float(np.linalg.norm(mark.encoding - encodings[face_id])), str(face_id), mark.mark_id, face_id)
            for mark in open_marks[video_id]
            for face_id in face_ids
        )
        for distance, _, mark_id, face_id in pairs:
            if distance > SAME_FACE:
                break
            found.setdefault(mark_id, face_id)
    return found


def settled(marks: Iterable[Mark], meaning: Mapping[int, UUID]) -> dict[UUID, UUID]:
    """Return whose the marked faces are; of two marks that contradict one another the newer one holds."""
    ordered = sorted(marks, key=lambda mark: mark.mark_id)
    return {
        meaning[mark.mark_id]: mark.person_id
        for mark in ordered
        if mark.is_person and mark.mark_id in meaning
    }


def refused(marks: Iterable[Mark], meaning: Mapping[int, UUID]) -> dict[UUID, frozenset[UUID]]:
    """Return who faces are not."""
    found: dict[UUID, set[UUID]] = defaultdict(set)
    for mark in marks:
        if not mark.is_person and mark.mark_id in meaning:
            found[meaning[mark.mark_id]].add(mark.person_id)
    return {face: frozenset(people) for face, people in found.items()}


def nearness(distances: Iterable[float]) -> float:
    """Return how near a face is to a person: the root mean square of the distances to their nearest faces."""
    nearest = sorted(distances)[:FEW]
    return float(np.sqrt(np.mean(np.square(nearest)))) if nearest else float("inf")


def radius(members: Vector) -> float:
    """Return how near a face has to be to a person with these encodings (faces, 128) to be taken for theirs.

    The 99th percentile of how near the person's own faces are to one another, within limits.
    """
    if len(members) < FEW + 1:
        return RADIUS_OF_FEW
    if len(members) > _SAMPLED:
        members = members[np.linspace(0, len(members) - 1, _SAMPLED).astype(int)]
    squares = np.einsum("ij,ij->i", members, members)
    distances = squares[:, None] + squares - 2 * members @ members.T
    np.fill_diagonal(distances, np.inf)
    nearest = np.partition(np.maximum(distances, 0), FEW - 1, axis=1)[:, :FEW]
    own = np.sqrt(nearest.mean(axis=1))
    return float(np.clip(np.percentile(own, 99), NARROWEST, WIDEST))


_SAMPLED = 500  # faces of a person that is seen in more: enough to see a hundredth of them


def closest_person(candidates: Iterable[Candidate], *, never: frozenset[UUID] = frozenset()) -> UUID | None:
    """Return whose a new face is, if that is clear: near to a person, and not as near to another one."""
    near: dict[UUID, list[float]] = defaultdict(list)
    allowed: dict[UUID, float] = {}
    for each in candidates:
        near[each.person_id].append(each.distance)
        allowed[each.person_id] = RADIUS_OF_FEW if each.radius is None else each.radius
    order = sorted((nearness(distances), str(person), person) for person, distances in near.items())
    if not order or order[0][0] > allowed[order[0][2]] or order[0][2] in never:
        return None
    if len(order) > 1 and order[1][0] - order[0][0] < MARGIN:
        return None
    return order[0][2]


def identities(
    groups: Sequence[int],
    before: Sequence[UUID | None],
    settled: Mapping[int, UUID],
    kept: frozenset[UUID] = frozenset(),
) -> dict[int, UUID | None]:
    """Return which person each group of faces is; ``None`` is somebody new.

    ``groups`` has the number of each face's group, ``before`` whose it was, ``settled`` whose it is by the
    word of an editor. A person whom an editor has settled is the group with these faces and no other one
    (``kept`` are those of whom no face is there at the moment). Anybody else goes where most of their faces
    went, the largest shares first; the group with the first face wins among equals.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for face, group in enumerate(groups):
        members[group].append(face)
    found: dict[int, UUID | None] = dict.fromkeys(members)
    taken = set(settled.values()) | kept
    for face, person in settled.items():
        found[groups[face]] = person
    shares = sorted(
        (-count, faces[0], str(person), group, person)
        for group, faces in members.items()
        if found[group] is None
        for person, count in Counter(before[face] for face in faces).items()
        if person is not None
    )
    for _, _, _, group, person in shares:
        if found[group] is None and person not in taken:
            found[group] = person
            taken.add(person)
    return found
