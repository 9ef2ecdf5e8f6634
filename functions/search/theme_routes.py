"""The part of the API about themes: which there are, what is in them, and, with a key, their names."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import FastAPI, HTTPException, Path, Query

from functions.search import schemas
from functions.search import theme_schemas as answers
from functions.search.authorisation import REFUSALS, Editor
from functions.search.parameters import ListOffset
from functions.search.services import Injected, Services
from kadr.core.theme_names import editors_name
from kadr.ports.themes import NamedBy, ThemeRecord
from kadr.runtime.telemetry import logger

MOST_THEMES = 200
_THUMBNAILS = 4

ThemeId = Annotated[UUID, Path(description="Which theme.", examples=["8a4e0c52-7e0b-4c5e-9d51-4b3f2c7b9e10"])]
Limit = Annotated[int, Query(ge=1, le=MOST_THEMES, description="How many.", examples=[50])]
_UNKNOWN: schemas.Responses = {
    404: {"model": schemas.ErrorAnswer, "description": "There is no such theme (any more)."}
}


def register(app: FastAPI) -> None:
    """Add the routes."""
    app.add_api_route("/themes", themes, tags=["themes"])
    app.add_api_route("/themes/{theme_id}", theme, tags=["themes"], responses=_UNKNOWN)
    app.add_api_route(
        "/themes/{theme_id}",
        rename,
        methods=["PATCH"],
        tags=["themes"],
        responses={**REFUSALS, **_UNKNOWN},
    )


def themes(here: Injected, limit: Limit = 50, offset: ListOffset = 0) -> answers.ThemesAnswer:
    """List the themes of the collection, the largest first. `theme=` of a search takes their ids."""
    found, total = here.world.themes.listed(limit=limit, offset=offset)
    return answers.ThemesAnswer(
        themes=_answers(found, here),
        total=total,
        next_offset=offset + len(found) if found and offset + len(found) < total else None,
    )


def theme(here: Injected, theme_id: ThemeId, limit: Limit = 50, offset: ListOffset = 0) -> answers.ThemePage:
    """Return a theme, and its videos, the most typical first."""
    found = here.world.themes.record(theme_id)
    if found is None:
        raise _unknown(theme_id)
    page = here.world.themes.members(theme_id, limit=limit + 1, offset=offset)
    return answers.ThemePage(
        theme=_answers([found], here)[0],
        videos=[
            answers.ThemeVideo(
                video_id=each.video_id,
                key=each.key,
                duration=each.duration,
                thumbnail_url=here.link(here.settings.derived_bucket, each.thumbnail_key)
                if each.thumbnail_key
                else None,
                video_url=here.link(each.bucket, each.key),
            )
            for each in page[:limit]
        ],
        next_offset=offset + limit if len(page) > limit else None,
    )


def rename(
    here: Injected, key: Editor, theme_id: ThemeId, change: answers.ThemeChange
) -> answers.ThemeAnswer:
    """Name a theme. It keeps the name, and the theme itself stays, as long as it has videos."""
    try:
        name = editors_name(change.name) if change.name.strip() else ""
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    found = here.world.themes.rename(theme_id, name)
    if found is None:
        raise _unknown(theme_id)
    logger().info("theme named", theme_id=str(theme_id), by=key.name)
    return _answers([found], here)[0]


def _answers(found: list[ThemeRecord], here: Services) -> list[answers.ThemeAnswer]:
    thumbnails = here.world.themes.thumbnails([each.theme_id for each in found], _THUMBNAILS)
    return [
        answers.ThemeAnswer(
            theme_id=each.theme_id,
            name=each.name,
            named_by=_named_by(each.named_by),
            terms=list(each.terms),
            videos=each.videos,
            thumbnails=[
                here.link(here.settings.derived_bucket, key) for key in thumbnails.get(each.theme_id, ())
            ],
        )
        for each in found
    ]


def _named_by(named_by: NamedBy) -> Literal["terms", "editor"]:
    return "editor" if named_by is NamedBy.EDITOR else "terms"


def _unknown(theme_id: UUID) -> HTTPException:
    return HTTPException(404, f"there is no theme {theme_id} (any more)")
