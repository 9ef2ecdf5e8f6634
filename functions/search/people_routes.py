"""The part of the API about people: who appears where, and, with a key, who is who."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, HTTPException, Path, Query

from functions.search import people_schemas as answers
from functions.search import schemas
from functions.search.authorisation import REFUSALS, Editor
from functions.search.parameters import ListOffset
from functions.search.services import Injected, Services
from kadr.ports.people import Person
from kadr.runtime.people import PeopleEditor
from kadr.runtime.telemetry import logger

MOST_PEOPLE = 200

PersonId = Annotated[
    UUID, Path(description="Which person.", examples=["0c7f3a52-6e0e-4d5c-9a51-2d3f0c1b9e77"])
]
Limit = Annotated[int, Query(ge=1, le=MOST_PEOPLE, description="How many.", examples=[50])]
_UNKNOWN: schemas.Responses = {
    404: {"model": schemas.ErrorAnswer, "description": "There is no such person, or no such face."}
}


def register(app: FastAPI) -> None:
    """Add the routes."""
    app.add_api_route("/people", people, tags=["people"])
    app.add_api_route("/people/{person_id}", person, tags=["people"], responses=_UNKNOWN)
    for method, path, route in (
        ("PATCH", "/people/{person_id}", rename),
        ("DELETE", "/people/{person_id}", erase),
        ("POST", "/people/{person_id}/merge", merge),
        ("POST", "/people/{person_id}/split", split),
        ("POST", "/people/{person_id}/reject", reject),
    ):
        app.add_api_route(path, route, methods=[method], tags=["people"], responses={**REFUSALS, **_UNKNOWN})


def people(
    here: Injected,
    limit: Limit = 50,
    offset: ListOffset = 0,
    name: Annotated[
        str,
        Query(max_length=100, description="Only people whose name contains this.", examples=["hopper"]),
    ] = "",
    min_videos: Annotated[
        int, Query(ge=1, description="Only people who appear in at least so many videos.", examples=[2])
    ] = 1,
) -> answers.PeopleAnswer:
    """List the people who appear in videos: those with a name first, then those with most videos."""
    found, total = here.world.people.people(
        limit=limit, offset=offset, name=name.strip(), min_videos=min_videos
    )
    return answers.PeopleAnswer(
        people=[_person(each, here) for each in found],
        total=total,
        next_offset=offset + len(found) if found and offset + len(found) < total else None,
    )


def person(
    here: Injected, person_id: PersonId, limit: Limit = 50, offset: ListOffset = 0
) -> answers.PersonPage:
    """Return somebody, and the videos that they appear in, newest first."""
    found = here.world.people.person(person_id)
    if found is None:
        raise HTTPException(404, f"there is no person {person_id} (any more)")
    page = here.world.people.appearances(person_id, limit=limit + 1, offset=offset)
    records = here.world.ledger.records([each.video_id for each in page[:limit]])
    return answers.PersonPage(
        person=_person(found, here),
        appearances=[
            answers.AppearanceAnswer(
                video_id=each.video_id,
                key=records[each.video_id].key,
                duration=records[each.video_id].duration,
                thumbnail_url=here.thumbnail(records[each.video_id]),
                video_url=here.link(records[each.video_id].bucket, records[each.video_id].key),
                face_id=each.face_id,
                portrait_url=here.link(here.settings.derived_bucket, each.portrait_key),
                start=round(each.start, 2),
            )
            for each in page[:limit]
            if each.video_id in records  # else it is being deleted at this moment
        ],
        next_offset=offset + limit if len(page) > limit else None,
    )


def rename(
    here: Injected, key: Editor, person_id: PersonId, change: answers.PersonChange
) -> answers.PersonAnswer:
    """Name somebody. The faces that they have now stay theirs, whatever later clusterings find."""
    return _changed(here, key.name, "named", _editor(here).rename(person_id, change.name))


def merge(
    here: Injected, key: Editor, person_id: PersonId, with_: answers.PersonMerge
) -> answers.PersonAnswer:
    """Say that this is the same person as `into`, who stays; for good, whatever later clusterings find.

    `into` keeps its name; without one it gets this person's.
    """
    return _changed(here, key.name, "merged", _editor(here).merge(person_id, with_.into))


def split(here: Injected, key: Editor, person_id: PersonId, off: answers.PersonSplit) -> answers.PersonAnswer:
    """Say that some of a person's faces are those of somebody else, together; return that one, who is new.

    The two are never joined again unless an editor does it.
    """
    return _changed(here, key.name, "split", _editor(here).split(person_id, off.faces))


def reject(
    here: Injected, key: Editor, person_id: PersonId, what: answers.PersonReject
) -> answers.PersonAnswer:
    """Say that a face is not this person's. Whose it is, the next clustering may find out."""
    return _changed(here, key.name, "rejected a face", _editor(here).reject(person_id, what.face_id))


def erase(here: Injected, key: Editor, person_id: PersonId) -> answers.PersonErased:
    """Delete what is known of somebody: name, encodings, portraits, and what editors have said.

    The videos stay. If one of them is extracted again, the face is found again, without the name.
    """
    faces = _editor(here).erase(person_id, here.world.objects, here.settings.derived_bucket)
    logger().info("person erased", person_id=str(person_id), faces=faces, by=key.name)
    return answers.PersonErased(faces=faces)


def _editor(here: Services) -> PeopleEditor:
    return PeopleEditor(here.world.people, here.world.faces, here.world.index)


def _changed(here: Services, by: str, what: str, found: Person) -> answers.PersonAnswer:
    logger().info(f"person {what}", person_id=str(found.person_id), by=by)
    return _person(found, here)


def _person(found: Person, here: Services) -> answers.PersonAnswer:
    portrait = found.portrait_key
    return answers.PersonAnswer(
        person_id=found.person_id,
        name=found.name or None,
        videos=found.videos,
        portrait_url=None if portrait is None else here.link(here.settings.derived_bucket, portrait),
    )
