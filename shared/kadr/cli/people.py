"""``kadr people``: who appears in the videos, and who is who."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from kadr.cli.confirm import confirm
from kadr.cli.database import database, vector_database
from kadr.cli.failure import CommandError
from kadr.cli.session import AsJson, DryRun, Yes, session_of

if TYPE_CHECKING:
    from kadr.ports.people import PeopleStore, Person
    from kadr.runtime.people import PeopleEditor

# Digits of an id that `list` shows, and that name somebody among some millions.
_SHORT = 8
_SHORTEST = 4
_MOST = 1_000_000

Who = Annotated[
    str, typer.Argument(metavar="PERSON", help="A name, or the beginning of an id as `list` shows it.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    people = typer.Typer(
        name="people",
        help="Who appears in the videos: names, two who are one, and erasing somebody.",
        no_args_is_help=True,
    )
    people.command(name="list")(list_people)
    people.command()(rename)
    people.command()(merge)
    people.command()(erase)
    app.add_typer(people)


@dataclass(frozen=True, slots=True)
class _People:
    """The people of a stack, and who changes them."""

    store: PeopleStore
    editor: PeopleEditor

    def one(self, wanted: str) -> Person:
        """Return the only one that has this name, or an id that begins like this.

        Raises:
            CommandError: there is nobody, or more than one.
        """
        from kadr.cli.console import printable

        folded = wanted.strip().casefold()
        digits = folded.replace("-", "")
        everybody, _ = self.store.people(limit=_MOST)
        found = [
            each
            for each in everybody
            if (each.name and each.name.casefold() == folded)
            or (len(digits) >= _SHORTEST and each.person_id.hex.startswith(digits))
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            raise CommandError(f"There is nobody called {printable(wanted)}. See `kadr people list`.")
        ids = ", ".join(each.person_id.hex[:_SHORT] for each in found[:5])
        raise CommandError(f"{len(found)} people could be meant by {printable(wanted)}: say which of {ids}.")


def list_people(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("-k", "--limit", min=1, help="How many.")] = 50,
    name: Annotated[str, typer.Option(help="Only people whose name contains this.")] = "",
    as_json: AsJson = False,
) -> None:
    """List people: those with a name first, then those with most videos."""
    from kadr.cli.console import counted, print_json, printable, stderr

    with _people(ctx) as people:
        found, total = people.store.people(limit=limit, name=name)
    if as_json:
        print_json({"people": [_as_json(each) for each in found], "total": total})
        return
    for each in found:
        shown = printable(each.name) or "(no name)"
        typer.echo(f"{each.person_id.hex[:_SHORT]}  {counted(each.videos, 'video'):>11}  {shown}")
    if total > len(found):
        stderr().print(f"{len(found)} of {total}; --limit shows more.")
    if not found:
        stderr().print("Nobody has been found yet. `kadr cluster` looks for people in new videos.")


def rename(
    ctx: typer.Context,
    person: Who,
    name: Annotated[str, typer.Argument(help='The name; "" takes it away.')],
    as_json: AsJson = False,
) -> None:
    """Name somebody. The faces that they have now stay theirs."""
    with _people(ctx) as people:
        found = people.editor.rename(people.one(person).person_id, name)
    _show(found, as_json=as_json)


def merge(
    ctx: typer.Context,
    person: Who,
    into: Annotated[str, typer.Argument(metavar="INTO", help="Who stays: a name or an id.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Say that two people are one; for good."""
    with _people(ctx) as people:
        one, other = people.one(person), people.one(into)
        if not yes:
            confirm(f"Make {_who(one)} and {_who(other)} one, for good?", done="merged", do="merge")
        found = people.editor.merge(one.person_id, other.person_id)
    _show(found, as_json=as_json)


def erase(ctx: typer.Context, person: Who, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Delete what is known of somebody: name, encodings, portraits. The videos stay."""
    from kadr.adapters.s3 import S3ObjectStore
    from kadr.cli.console import counted

    target = session_of(ctx).target()
    with _people(ctx) as people:
        found = people.one(person)
        who = _who(found)
        seen = f"{who}, seen in {counted(found.videos, 'video')}"
        if dry_run:
            typer.echo(f"would erase: {seen}")
            return
        if not yes:
            confirm(f"Erase {seen}?", done="erased", do="erase")
        objects = S3ObjectStore(target.client("s3"))
        faces = people.editor.erase(found.person_id, objects, target.derived_bucket)
    typer.echo(f"erased: {who}, {counted(faces, 'face')}")


@contextmanager
def _people(ctx: typer.Context) -> Iterator[_People]:
    from kadr.adapters.people_store import PostgresPeople
    from kadr.adapters.qdrant import QdrantFaceIndex, QdrantVectorIndex
    from kadr.runtime.people import PeopleEditor

    target = session_of(ctx).target()
    variables = target.function_environment("IngestFunction")
    qdrant = vector_database(target, variables)
    index = QdrantVectorIndex(qdrant, variables.get("KADR_QDRANT_COLLECTION", "videos"))
    with database(target, variables) as postgres:
        store = PostgresPeople(postgres)
        yield _People(store, PeopleEditor(store, QdrantFaceIndex(qdrant), index))


def _who(person: Person) -> str:
    from kadr.cli.console import printable

    return printable(person.name) or person.person_id.hex[:_SHORT]


def _show(person: Person, *, as_json: bool) -> None:
    from kadr.cli.console import counted, print_json, printable

    if as_json:
        print_json(_as_json(person))
        return
    shown = printable(person.name) or "(no name)"
    typer.echo(f"{person.person_id.hex[:_SHORT]}  {shown}, {counted(person.videos, 'video')}")


def _as_json(person: Person) -> dict[str, UUID | str | int | None]:
    return {"person_id": person.person_id, "name": person.name or None, "videos": person.videos}
