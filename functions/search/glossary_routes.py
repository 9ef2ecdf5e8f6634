"""The part of the API that reads and changes what was added to the glossary: with a key only."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Query

from functions.search import schemas
from functions.search.authorisation import REFUSALS, Key, check
from functions.search.services import Injected
from kadr.core.errors import GlossaryError
from kadr.core.glossary import Entry
from kadr.core.glossary_file import compare, entry, kind_of
from kadr.core.text import fold
from kadr.ports.glossary import EVERYBODY
from kadr.ports.keys import Scope

Tenant = Annotated[
    str,
    Query(
        pattern="^([a-z0-9][a-z0-9-]{0,62})?$",
        description="Whose words are meant; empty: everybody's.",
        examples=["acme"],
    ),
]


def register(app: FastAPI) -> None:
    """Add the routes."""
    for method, route in (("GET", listed), ("PUT", put), ("DELETE", remove)):
        app.add_api_route("/glossary", route, methods=[method], tags=["glossary"], responses={**REFUSALS})


def authorised(key: Key, tenant: Tenant = EVERYBODY) -> str:
    """Return the tenant, if the request brings a key that may change its glossary."""
    check(key, Scope.GLOSSARY, tenant)
    return tenant


Authorised = Annotated[str, Depends(authorised)]


def listed(here: Injected, tenant: Authorised) -> schemas.GlossaryAnswer:
    """List what was added to the glossary that comes with Kadr."""
    entries = [
        schemas.GlossaryEntry(source=each.source, targets=list(each.targets), kind=kind_of(each))
        for each in here.world.glossaries.entries(tenant)
    ]
    return schemas.GlossaryAnswer(tenant=tenant, entries=entries)


def put(here: Injected, tenant: Authorised, change: schemas.GlossaryChange) -> schemas.GlossaryChanged:
    """Add entries, or replace those that are there; nothing is changed if one of them is wrong."""
    new = _entries(change)
    difference = compare(here.world.glossaries.entries(tenant), new)
    here.world.glossaries.change(tenant, put=new)
    return schemas.GlossaryChanged(
        tenant=tenant, added=len(difference.added), changed=len(difference.changed), removed=0
    )


def remove(
    here: Injected,
    tenant: Authorised,
    source: Annotated[
        list[str],
        Query(max_length=1000, description="The Russian of the entries to remove.", examples=[["бравлик"]]),
    ],
) -> schemas.GlossaryChanged:
    """Remove entries that were added; those that are not there are passed over."""
    removed = here.world.glossaries.change(tenant, remove=map(fold, source))
    return schemas.GlossaryChanged(tenant=tenant, added=0, changed=0, removed=removed)


def _entries(change: schemas.GlossaryChange) -> list[Entry]:
    entries: dict[str, Entry] = {}
    problems = []
    for number, each in enumerate(change.entries):
        try:
            found = entry(each.source, each.targets, kind=each.kind)
        except ValueError as error:
            problems.append(f"entries.{number}: {error}")
            continue
        if found.source in entries:
            problems.append(f"entries.{number}: {each.source!r} is there twice")
        entries[found.source] = found
    if problems:
        raise GlossaryError(problems)
    return list(entries.values())
