"""People across videos: which faces of different videos show the same person.

Everything is computed anew out of the encodings and of what editors have said, so it does not depend on what
an earlier run believed; who keeps which identity is decided afterwards. Above :data:`WHOLE` faces comparing
all with all takes too long, and only faces that are nobody's yet are placed: among one another and with the
people that there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol
from uuid import UUID, uuid4

import numpy as np

from kadr.core.errors import BusyError
from kadr.core.extraction import Vector
from kadr.core.face_clusters import Integers, Known, cluster, near
from kadr.core.people import Face, identities, radius, refused, resolved, settled, strangers
from kadr.ports.people import PeopleStore, Snapshot
from kadr.ports.vectors import FaceIndex, VectorIndex
from kadr.runtime.people import publish
from kadr.runtime.settings import StorageSettings
from kadr.runtime.telemetry import logger

# Faces that are compared each with each; see docs/people.md for what that takes.
WHOLE = 150_000
# Videos whose rows are locked at a time.
_VIDEOS = 200
# An editor who works while a clustering runs makes it look again; who works without a pause is asked to wait.
_TRIES = 5


class World(Protocol):
    """What is needed of the adapters."""

    @property
    def people(self) -> PeopleStore:
        """Who appears where."""
        ...

    @property
    def faces(self) -> FaceIndex:
        """The encodings."""
        ...

    @property
    def index(self) -> VectorIndex:
        """What search reads."""
        ...


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run found: ``placed`` faces belong to another person than before, ``gone`` people to nobody."""

    faces: int = 0
    people: int = 0
    new: int = 0
    placed: int = 0
    gone: int = 0
    videos: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    """Whose every face is."""

    faces: Sequence[Face]
    person: Sequence[UUID]
    new: frozenset[UUID]
    meaning: dict[int, UUID]
    radii: dict[UUID, float] = field(default_factory=dict)

    def changes(self) -> Iterator[tuple[Face, UUID]]:
        """Yield the faces that are another person's than before, video by video."""
        for face, person in zip(self.faces, self.person, strict=True):
            if face.person_id != person:
                yield face, person


def run(world: World, settings: StorageSettings, *, whole: int = WHOLE) -> Summary:
    """Find out whose the faces are, and let search know.

    Uploads and searches go on meanwhile. What an editor does meanwhile wins: the run looks again.

    Raises:
        BusyError: editors changed people again and again.
        DependencyError: PostgreSQL or Qdrant does not answer.
    """
    # Rows before encodings: the row of a face that is extracted again in between is another one, and is not
    # written to.
    snapshot = world.people.snapshot()
    encodings = _encodings(world.faces, snapshot.faces)
    placed = videos = new = 0
    for _ in range(_TRIES):
        found = _found(snapshot, encodings, whole=whole)
        complete, some_faces, some_videos = _write(world, found, snapshot.revision)
        placed, videos, new = placed + some_faces, videos + some_videos, new + len(found.new)
        if complete:
            gone = world.people.settle(found.meaning, found.radii)
            return Summary(
                faces=len(found.faces),
                people=len(set(found.person)),
                new=new,
                placed=placed,
                gone=gone,
                videos=videos,
            )
        logger().info("an editor has changed people meanwhile: looking again")
        snapshot = world.people.snapshot()
        encodings = _encodings(world.faces, snapshot.faces)
    raise BusyError("editors are changing people: the next run will find them", retry_in=60)


def _encodings(index: FaceIndex, faces: Sequence[Face]) -> dict[UUID, Vector]:
    ids = {(face.video_id, face.position): face.face_id for face in faces}
    return {ids[place]: encoding for part in index.all() for place, encoding in part.items() if place in ids}


def _found(snapshot: Snapshot, encodings: dict[UUID, Vector], *, whole: int) -> _Found:
    # A face without an encoding is being extracted at this moment.
    faces = [face for face in snapshot.faces if face.face_id in encodings]
    if not faces:
        return _Found([], [], frozenset(), {})
    vectors = np.stack([encodings[face.face_id] for face in faces])
    meaning = resolved(snapshot.marks, faces, encodings)
    places = {face.face_id: place for place, face in enumerate(faces)}
    theirs = {places[face]: person for face, person in settled(snapshot.marks, meaning).items()}
    numbers: dict[UUID, int] = {}

    def number(person: UUID) -> int:
        return numbers.setdefault(person, len(numbers))

    together = {place: number(person) for place, person in theirs.items()}
    if len(faces) > whole:
        together |= {
            place: number(face.person_id)
            for place, face in enumerate(faces)
            if place not in together and face.person_id is not None
        }
        alike = dict(together)
        edges = near(vectors, rows=[place for place in range(len(faces)) if place not in together])
    else:
        alike = {}
        edges = near(vectors)
    known = Known(
        person=together,
        alike=alike,
        strangers=strangers(faces),
        not_person={
            places[face]: frozenset(number(person) for person in people)
            for face, people in refused(snapshot.marks, meaning).items()
        },
    )
    groups = cluster(vectors, edges, known)
    kept = frozenset(mark.person_id for mark in snapshot.marks if mark.is_person)
    who = identities(groups.tolist(), [face.person_id for face in faces], theirs, kept)
    made = {group: uuid4() for group, person in who.items() if person is None}
    people = {group: person for group, person in who.items() if person is not None} | made
    return _Found(
        faces,
        [people[group] for group in groups.tolist()],
        frozenset(made.values()),
        meaning,
        _radii(groups, vectors, people),
    )


def _radii(groups: Integers, vectors: Vector, people: Mapping[int, UUID]) -> dict[UUID, float]:
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    return {
        people[int(groups[members[0]])]: radius(vectors[members]) for members in np.split(order, starts[1:])
    }


def _write(world: World, found: _Found, revision: int) -> tuple[bool, int, int]:
    """Write what has changed, some videos at a time; return whether all is, and how many it were."""
    faces = videos = 0
    by_video = [list(part) for _, part in groupby(found.changes(), key=lambda each: each[0].video_id)]
    for start in range(0, len(by_video), _VIDEOS):
        some = [each for part in by_video[start : start + _VIDEOS] for each in part]
        with world.people.clustering(revision) as edit:
            if edit is None:
                return False, faces, videos
            edit.add({person for _, person in some} & found.new)
            touched = edit.assign({face.face_id: person for face, person in some})
            publish(world.index, touched)
        faces, videos = faces + len(some), videos + len(touched)
    return True, faces, videos
