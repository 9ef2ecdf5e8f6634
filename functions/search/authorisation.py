"""Who may change things through the API: the key of a request, and what it is good for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Response

from functions.search import schemas
from functions.search.services import Injected
from kadr.ports.glossary import EVERYBODY
from kadr.ports.keys import ApiKey, Scope

# What a route that asks for a key has to document besides.
NO_KEY: schemas.Responses = {
    401: {"model": schemas.ErrorAnswer, "description": "There is no key, or not a valid one."}
}
REFUSALS: schemas.Responses = {
    **NO_KEY,
    403: {"model": schemas.ErrorAnswer, "description": "The key is valid, but not for this."},
}


def register(app: FastAPI) -> None:
    """Add the route that says what a key is good for."""
    app.add_api_route("/session", session, tags=["keys"], responses={**NO_KEY})


def key_of(
    here: Injected,
    authorization: Annotated[
        str | None, Header(description="`Bearer` and the key", examples=["Bearer kadr_…"])
    ] = None,
    x_api_key: Annotated[
        str | None, Header(description="the key, where the other header is taken", examples=["kadr_…"])
    ] = None,
) -> ApiKey:
    """Return what is known of the key that the request brings; 401 without a valid one."""
    scheme, _, bearer = (authorization or "").partition(" ")
    key = bearer.strip() if scheme.lower() == "bearer" else (x_api_key or "").strip()
    found = here.world.keys.find(key) if key else None
    if found is None or found.revoked_at is not None:
        raise HTTPException(
            401,
            "send a valid key as `Authorization: Bearer …`; `kadr key create` makes one",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return found


Key = Annotated[ApiKey, Depends(key_of)]


def check(key: ApiKey, scope: Scope, tenant: str = EVERYBODY) -> None:
    """Answer 403 unless the key is good for something, done to the words of one tenant or to everybody's."""
    if not key.allows(scope, tenant):
        raise HTTPException(403, f"this key is not for that: it takes one with the scope `{scope}`")


def allowed(scope: Scope) -> Callable[[ApiKey], ApiKey]:
    """Return a dependency: the request's key, if it is good for ``scope``.

    Videos, themes and people are everybody's, so a key of one tenant does not do::

        Editor = Annotated[ApiKey, Depends(allowed(Scope.EDIT))]
    """

    def with_scope(key: Key) -> ApiKey:
        check(key, scope)
        return key

    return with_scope


Uploader = Annotated[ApiKey, Depends(allowed(Scope.UPLOAD))]
Editor = Annotated[ApiKey, Depends(allowed(Scope.EDIT))]


def session(key: Key, response: Response) -> schemas.SessionAnswer:
    """Say what the key of the request is good for: a page shows what its user may do."""
    response.headers["Cache-Control"] = "no-store"
    known = [scope for scope in Scope if scope in key.scopes]
    return schemas.SessionAnswer(scopes=known, tenant=key.tenant)
