"""The part of the API that completes what is being typed, and forgets what was asked."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Query, Response

from functions.search import schemas
from functions.search.services import Injected
from kadr.core.suggestions import LONGEST_QUERY

MOST_SUGGESTIONS = 20
_USER_ID = r"^[A-Za-z0-9._~:-]{1,64}$"


def register(app: FastAPI) -> None:
    """Add the routes."""
    app.add_api_route("/suggest", suggest, tags=["suggestions"])
    app.add_api_route("/history", erase, methods=["DELETE"], tags=["suggestions"])


async def remembered_user(
    user: Annotated[
        str | None,
        Query(
            pattern=_USER_ID,
            description="An opaque id that nobody can guess (a random UUID, not a name or address).",
            examples=["8f14e45f-ceea-467f-a0e6-5f2d7c1c9b3d"],
        ),
    ] = None,
    history: Annotated[
        bool,
        Query(
            description="`false`: neither look at this user's queries nor remember this one.", examples=[True]
        ),
    ] = True,
    x_kadr_history: Annotated[
        str | None, Header(description="`off`: the same as `history=false`.", examples=["off"])
    ] = None,
) -> str | None:
    """Return the user whose queries may be looked at and remembered, ``None`` for nobody."""
    return user if history and (x_kadr_history or "").strip().lower() != "off" else None


RememberedUser = Annotated[str | None, Depends(remembered_user)]


def suggest(
    here: Injected,
    response: Response,
    user: RememberedUser,
    q: Annotated[
        str,
        Query(
            max_length=LONGEST_QUERY,
            description="What has been typed so far; nothing: popular phrases.",
            examples=["как вари"],
        ),
    ] = "",
    k: Annotated[int, Query(ge=1, le=MOST_SUGGESTIONS, description="How many phrases.", examples=[10])] = 10,
) -> schemas.SuggestAnswer:
    """Complete what is being typed: phrases that people ask for and that videos contain.

    Words may stand in any order, be mistyped, or be typed in the wrong keyboard layout. Nothing fitting is an
    empty list.
    """
    begun = time.perf_counter()
    found, personal = here.suggester.suggest(q, limit=k, user=user)
    if personal:
        response.headers["Cache-Control"] = "no-store"
    return schemas.SuggestAnswer(
        suggestions=[
            schemas.SuggestionAnswer(text=each.text, source=each.source, group=each.group) for each in found
        ],
        personal=personal,
        took_ms=round((time.perf_counter() - begun) * 1000, 2),
    )


def erase(
    here: Injected,
    user: Annotated[
        str,
        Query(
            pattern=_USER_ID,
            description="Whose queries to forget.",
            examples=["8f14e45f-ceea-467f-a0e6-5f2d7c1c9b3d"],
        ),
    ],
) -> schemas.HistoryErased:
    """Forget a user's queries, at once and for good."""
    return schemas.HistoryErased(erased=here.world.history.erase(user))
