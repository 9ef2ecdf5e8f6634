"""What happens to people between two clusterings: new faces are recognised, editors say who is who.

Whatever an editor does with somebody settles them: the faces that they have at that moment are theirs by the
editor's word from then on, in every clustering, and no clustering makes one of two people who are settled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID, uuid4

from kadr.core.errors import NoSuchPersonError, PeopleError
from kadr.core.face_clusters import FARTHEST
from kadr.core.people import Face, checked_name, closest_person, refused, resolved, settled, together
from kadr.ports.ledger import Commit
from kadr.ports.objects import ObjectStore
from kadr.ports.people import NewMark, PeopleEdit, PeopleStore, Person, Touched
from kadr.ports.vectors import FaceIndex, VectorIndex

# Whose the nearest faces are decides: three of each of a few people who look alike.
_NEAREST = 16
# Videos whose payload is changed in one request.
_BATCH = 500


def recognise(commit: Commit, faces: FaceIndex) -> dict[UUID, UUID]:
    """Find out whose the faces of a video are that has just been extracted; return those that are known.

    First what editors have said of this video's faces, which holds when it is extracted again; then whoever
    is near enough. All others are nobody's until the next clustering.
    """
    here = commit.faces()
    if not here:
        commit.settle_marks({})
        return {}
    video_id = here[0].video_id
    by_place = faces.encodings([(face.video_id, face.position) for face in here])
    encodings = {face.face_id: by_place[place] for face in here if (place := _place(face)) in by_place}
    marks = commit.marks()
    meaning = resolved(marks, here, encodings)
    found = settled(marks, meaning)
    never = refused(marks, meaning)
    near = []
    for face in here:
        if face.face_id not in encodings or face.face_id in found or face.person_id is not None:
            continue
        around = faces.near(encodings[face.face_id], limit=_NEAREST, farthest=FARTHEST, but_not=video_id)
        person = closest_person(commit.candidates(around), never=never.get(face.face_id, frozenset()))
        if person is not None:
            near.append((min(around.values()), face, person))
    owned = {face.face_id: face.person_id for face in here if face.person_id is not None} | found
    for _, face, person in sorted(near, key=lambda each: each[0]):
        others = [each for each in here if owned.get(each.face_id) == person]
        if not any(together(face, other) for other in others):
            owned[face.face_id] = found[face.face_id] = person
    commit.assign_faces(found)
    commit.settle_marks(meaning)
    return found


class PeopleEditor:
    """An editor's changes of people. Each is done at once and in full, or not at all."""

    def __init__(self, store: PeopleStore, faces: FaceIndex, index: VectorIndex) -> None:
        self._store = store
        self._faces = faces
        self._index = index

    def rename(self, person_id: UUID, name: str | None) -> Person:
        """Name somebody; an empty name, or ``None``, takes the name away.

        Raises:
            NoSuchPersonError: there is nobody with that id.
            PeopleError: this is no name.
        """
        text = checked_name(name)
        with self._store.edit() as edit:
            _known(edit, person_id)
            edit.rename(person_id, text)
            self._settle(edit, edit.faces_of(person_id), person_id)
            return _known(edit, person_id)

    def merge(self, person_id: UUID, into: UUID) -> Person:
        """Make one of two people: all faces of ``person_id`` are those of ``into`` from now on.

        ``into`` keeps its name; if it has none, it gets that of the other one.

        Raises:
            NoSuchPersonError: there is nobody with one of the ids.
            PeopleError: both are the same.
        """
        if person_id == into:
            raise PeopleError("a person cannot be merged with itself: name another one in `into`")
        with self._store.edit() as edit:
            gone, kept = _known(edit, person_id), _known(edit, into)
            moved = edit.faces_of(person_id)
            touched = edit.assign({face.face_id: into for face in moved})
            edit.move_marks(person_id, into)
            self._settle(edit, edit.faces_of(into), into)
            if gone.name and not kept.name:
                edit.rename(into, gone.name)
            edit.remove(person_id)
            self._publish(touched)
            return _known(edit, into)

    def split(self, person_id: UUID, face_ids: Sequence[UUID]) -> Person:
        """Make somebody new of some of a person's faces; return the new one, who has no name yet.

        Raises:
            NoSuchPersonError: there is nobody with that id, or no such face.
            PeopleError: a face is somebody else's, or nothing is left of the person.
        """
        with self._store.edit() as edit:
            _known(edit, person_id)
            chosen = _their(edit, person_id, face_ids)
            rest = _but(edit.faces_of(person_id), chosen)
            if not rest:
                raise PeopleError("these are all faces of this person: leave one, or give the person a name")
            new = uuid4()
            edit.add([new])
            touched = edit.assign({face.face_id: new for face in chosen})
            self._settle(edit, chosen, new)
            self._settle(edit, rest, person_id)
            self._publish(touched)
            return _known(edit, new)

    def reject(self, person_id: UUID, face_id: UUID) -> Person:
        """Say that a face is not this person's; return the person.

        The face is that of somebody new until the next clustering, which may find out who it is.

        Raises:
            NoSuchPersonError: there is nobody with that id, or no such face.
            PeopleError: the face is somebody else's, or the person's only one.
        """
        with self._store.edit() as edit:
            _known(edit, person_id)
            chosen = _their(edit, person_id, [face_id])
            rest = _but(edit.faces_of(person_id), chosen)
            if not rest:
                raise PeopleError(
                    "this is the only face of this person: merge the person into the right one, or rename it"
                )
            new = uuid4()
            edit.add([new])
            touched = edit.assign({face_id: new})
            self._settle(edit, rest, person_id)
            self._mark(edit, chosen, person_id, is_person=False)
            self._publish(touched)
            return _known(edit, person_id)

    def erase(self, person_id: UUID, objects: ObjectStore, derived_bucket: str) -> int:
        """Delete somebody: name, encodings, pictures and everything that was said; return how many faces.

        The videos stay, and if one is extracted again, the face is found again.

        Raises:
            NoSuchPersonError: there is nobody with that id.
        """
        with self._store.edit() as edit:
            _known(edit, person_id)
            theirs, touched = edit.remove_faces(person_id)
            objects.delete_all(derived_bucket, [face.portrait for face in theirs])
            self._faces.remove([face.place for face in theirs])
            self._publish(touched)
            edit.remove(person_id)
            return len(theirs)

    def _settle(self, edit: PeopleEdit, faces: Sequence[Face], person_id: UUID) -> None:
        self._mark(edit, faces, person_id, is_person=True)

    def _mark(self, edit: PeopleEdit, faces: Sequence[Face], person_id: UUID, *, is_person: bool) -> None:
        encodings = self._faces.encodings([_place(face) for face in faces])
        # A face without an encoding is being extracted at this moment: another row will take its place.
        edit.mark(
            [
                NewMark(face.face_id, encodings[place], person_id, is_person)
                for face in faces
                if (place := _place(face)) in encodings
            ]
        )

    def _publish(self, touched: Sequence[Touched]) -> None:
        publish(self._index, touched)


def publish(index: VectorIndex, touched: Sequence[Touched]) -> None:
    """Let search know who appears in videos; called while their rows are locked."""
    for start in range(0, len(touched), _BATCH):
        index.annotate_all(
            {
                (each.video_id, each.generation): {"people": sorted(map(str, each.people))}
                for each in touched[start : start + _BATCH]
            }
        )


def _place(face: Face) -> tuple[UUID, int]:
    return face.video_id, face.position


def _known(edit: PeopleEdit, person_id: UUID) -> Person:
    found = edit.person(person_id)
    if found is None:
        raise NoSuchPersonError(f"there is no person {person_id} (any more)")
    return found


def _their(edit: PeopleEdit, person_id: UUID, face_ids: Iterable[UUID]) -> list[Face]:
    wanted = list(dict.fromkeys(face_ids))
    if not wanted:
        raise PeopleError("name at least one face")
    found = {face.face_id: face for face in edit.faces(wanted)}
    for face_id in wanted:
        if face_id not in found:
            raise NoSuchPersonError(f"there is no face {face_id} (any more): load the person again")
        if found[face_id].person_id != person_id:
            raise PeopleError(f"the face {face_id} is another person's")
    return [found[face_id] for face_id in wanted]


def _but(faces: Sequence[Face], without: Sequence[Face]) -> list[Face]:
    gone = {face.face_id for face in without}
    return [face for face in faces if face.face_id not in gone]
