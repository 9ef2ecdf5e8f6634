"""What the API answers about people, and takes from editors."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kadr.core.people import LONGEST_NAME

_PERSON = "0c7f3a52-6e0e-4d5c-9a51-2d3f0c1b9e77"
_FACE = "7d9f1c8e-2b51-4a39-8a1b-6f2f4f1f0a42"
# Checked for what can be read in it (kadr.core.people.checked_name); this is only so that nobody sends a
# book.
_MOST_CHARACTERS = 4 * LONGEST_NAME
MOST_FACES = 500


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PersonAnswer(_Answer):
    """Somebody who appears in videos."""

    person_id: UUID = Field(examples=[_PERSON])
    name: str | None = Field(description="null where nobody has named the person", examples=["Grace Hopper"])
    videos: int = Field(description="in how many videos", examples=[3])
    portrait_url: str | None = Field(description="the best view of all; null where there is none (any more)")


class PeopleAnswer(_Answer):
    """A page of people: those with a name first, then by the number of their videos."""

    people: list[PersonAnswer]
    total: int = Field(description="how many people there are", examples=[212])
    next_offset: int | None = Field(description="`offset` of the next page; null on the last one")


class AppearanceAnswer(_Answer):
    """A video that somebody appears in, and the face there."""

    video_id: UUID
    key: str
    duration: float | None = Field(description="seconds")
    thumbnail_url: str | None
    video_url: str
    face_id: UUID = Field(description="what to name when this is somebody else", examples=[_FACE])
    portrait_url: str = Field(description="the best view of the face in this video")
    start: float = Field(description="seconds at which the person is first seen", examples=[4.0])


class PersonPage(_Answer):
    """Somebody, and a page of the videos that they appear in, newest first."""

    person: PersonAnswer
    appearances: list[AppearanceAnswer]
    next_offset: int | None = Field(description="`offset` of the next page; null on the last one")


class PersonChange(_Answer):
    """How somebody is called."""

    name: Annotated[str, Field(max_length=_MOST_CHARACTERS)] | None = Field(
        description="null or empty takes the name away", examples=["Grace Hopper"]
    )


class PersonMerge(_Answer):
    """Who somebody really is."""

    into: UUID = Field(description="who stays", examples=[_PERSON])


class PersonSplit(_Answer):
    """Faces of somebody else."""

    faces: list[UUID] = Field(
        min_length=1, max_length=MOST_FACES, description="`face_id` of appearances", examples=[[_FACE]]
    )


class PersonReject(_Answer):
    """A face that is not this person's."""

    face_id: UUID = Field(examples=[_FACE])


class PersonErased(_Answer):
    """How many faces of somebody were deleted."""

    faces: int
