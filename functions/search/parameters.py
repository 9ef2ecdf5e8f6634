"""The parameters that every way of searching has: which page, which videos, in what order."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, HTTPException, Query
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from functions.search.retrieval import Wanted
from kadr.core.modality import Modality
from kadr.ports.search import Where

# Enough for a page of a phone and for its evaluation; a deeper page costs the index more than it is worth.
MOST_RESULTS = 100
# Beyond the candidates of a query (kadr.adapters.qdrant_search) pages are empty.
DEEPEST_OFFSET = 900
# Of lists of videos, people and themes: what is skipped is read all the same.
DEEPEST_LISTED = 100_000
_LONGEST_VIDEO = 86_400.0  # seconds
_MOST_VALUES = 20

# Where a page of a list of people or themes begins.
ListOffset = Annotated[
    int,
    Query(
        ge=0,
        le=DEEPEST_LISTED,
        description="How many to skip: `next_offset` of the page before.",
        examples=[50],
    ),
]

SearchModality = Literal["visual", "ocr", "speech"]


def _written_out(value: object) -> object:
    """Refuse what pydantic takes for seconds since 1970: 20260131."""
    if isinstance(value, str) and re.fullmatch(r"[-+]?[\d.]+", value.strip()):
        raise PydanticCustomError(
            "time", "a number is no day or time: write it as 2026-01-31 or 2026-01-31T12:00:00+03:00"
        )
    return value


Time = Annotated[datetime, BeforeValidator(_written_out)]


async def filters(  # noqa: PLR0917 - FastAPI passes them by name
    theme: Annotated[
        list[str] | None,
        Query(
            max_length=_MOST_VALUES,
            description="Only videos of this theme, by id; of one of them, if it is given several times.",
            openapi_examples={
                "none": {"value": []},
                "one": {"value": ["8a4e0c52-7e0b-4c5e-9d51-4b3f2c7b9e10"]},
            },
        ),
    ] = None,
    person: Annotated[
        list[UUID] | None,
        Query(
            max_length=_MOST_VALUES,
            description="Only videos in which this person appears, by id; all of them, if it is given "
            "several times.",
            openapi_examples={
                "none": {"value": []},
                "one": {"value": ["0c7f3a52-6e0e-4d5c-9a51-2d3f0c1b9e77"]},
            },
        ),
    ] = None,
    language: Annotated[
        list[Annotated[str, Query(pattern="^[a-z]{2,3}$")]] | None,
        Query(
            max_length=_MOST_VALUES,
            description="Only videos in which something is written or said in this language (ISO 639-1); "
            "in one of them, if it is given several times.",
            openapi_examples={"none": {"value": []}, "Russian or English": {"value": ["ru", "en"]}},
        ),
    ] = None,
    min_duration: Annotated[
        float | None,
        Query(ge=0, le=_LONGEST_VIDEO, description="Only videos of at least so many seconds.", examples=[5]),
    ] = None,
    max_duration: Annotated[
        float | None,
        Query(ge=0, le=_LONGEST_VIDEO, description="Only videos of at most so many seconds.", examples=[60]),
    ] = None,
    after: Annotated[
        Time | None,
        Query(
            description="Only videos that were uploaded on this day or at this time, or later. "
            "Without a zone: UTC.",
            examples=["2026-01-31"],
        ),
    ] = None,
    before: Annotated[
        Time | None,
        Query(
            description="Only videos that were uploaded before this day or time. Without a zone: UTC.",
            examples=["2026-03-01T12:00:00+03:00"],
        ),
    ] = None,
) -> Where:
    """Return which videos are meant."""
    since, until = _moment(after), _moment(before)
    if min_duration is not None and max_duration is not None and min_duration > max_duration:
        raise HTTPException(422, "min_duration is larger than max_duration: no video is both")
    if since is not None and until is not None and since >= until:
        raise HTTPException(422, "after is not earlier than before: nothing was uploaded between them")
    return Where(
        themes=tuple(theme or ()),
        people=tuple(map(str, person or ())),
        languages=tuple(language or ()),
        min_duration=min_duration,
        max_duration=max_duration,
        after=since,
        before=until,
    )


Filters = Annotated[Where, Depends(filters)]

InModality = Annotated[
    SearchModality | None,
    Query(
        description="Where it has to match: `visual` (what is seen), `ocr` (what is written) or `speech` "
        "(what is said). Without it, everything counts, each as much as the video has of it. Words count "
        "only where the modality itself has one of them, quoted phrases have to be in it, and what is seen "
        "has no words.",
        examples=["speech"],
    ),
]


@dataclass(frozen=True, slots=True)
class PageParameters:
    """Which page, and how it is ordered."""

    limit: int
    offset: int
    diversity: float
    collapse: bool

    def of(self, where: Where, *, modality: SearchModality | None = None, emphasis: float = 1.0) -> Wanted:
        """Return what is wanted, with the filters."""
        return Wanted(
            limit=self.limit,
            offset=self.offset,
            where=replace(where, modality=None if modality is None else Modality(modality)),
            emphasis=emphasis,
            diversity=self.diversity,
            collapse=self.collapse,
        )


async def page_parameters(
    k: Annotated[int, Query(ge=1, le=MOST_RESULTS, description="How many results.", examples=[20])] = 20,
    offset: Annotated[
        int,
        Query(
            ge=0,
            le=DEEPEST_OFFSET,
            description="How many results to skip: `next_offset` of the page before.",
            examples=[20],
        ),
    ] = 0,
    diversity: Annotated[
        float,
        Query(
            ge=0,
            le=1,
            description="How much results should differ from one another: 0 is by score alone; from about "
            "0.3 on, other things come before more of the same.",
            examples=[0.3],
        ),
    ] = 0.0,
    collapse: Annotated[
        bool,
        Query(
            description="Show one of several near duplicates, the best; `duplicates` says how many others "
            "there are. `false`: show all of them.",
            examples=[True],
        ),
    ] = True,
) -> PageParameters:
    """Return which page is wanted."""
    return PageParameters(k, offset, diversity, collapse)


PageOf = Annotated[PageParameters, Depends(page_parameters)]

Emphasis = Annotated[
    float,
    Query(
        ge=0,
        le=10,
        description="How much what is seen counts against what is written and said: 2 is twice as much, 0 "
        "not at all. Scores stay comparable.",
        examples=[2],
    ),
]


def _moment(value: datetime | None) -> datetime | None:
    return value if value is None or value.tzinfo is not None else value.replace(tzinfo=UTC)
