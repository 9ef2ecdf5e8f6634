"""``kadr glossary``: a team's own words and their translations."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kadr.cli.confirm import confirm
from kadr.cli.database import database
from kadr.cli.failure import CommandError
from kadr.cli.session import AsJson, DryRun, Yes, session_of

if TYPE_CHECKING:
    from kadr.core.glossary import Entry
    from kadr.core.glossary_file import Difference
    from kadr.ports.glossary import GlossaryStore

TENANT = "[a-z0-9][a-z0-9-]{0,62}|"
Tenant = Annotated[
    str, typer.Option("--tenant", help="Whose words these are; without it, everybody's.", metavar="NAME")
]
# Lines of an import that are shown before the rest is only counted.
_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands."""
    glossary = typer.Typer(
        name="glossary",
        help="A team's own words and their translations: slang, brands, names. Known within seconds.",
        no_args_is_help=True,
    )
    glossary.command(name="list")(list_entries)
    glossary.command()(add)
    glossary.command()(remove)
    glossary.command(name="import")(import_file)
    glossary.command()(export)
    app.add_typer(glossary)


def list_entries(ctx: typer.Context, tenant: Tenant = "", as_json: AsJson = False) -> None:
    """List the entries that were added; those that come with Kadr are in its source."""
    from kadr.cli.console import print_json, printable, stderr

    with _store(ctx, tenant) as store:
        entries = store.entries(tenant)
    if as_json:
        print_json({"tenant": tenant, "entries": [_as_json(each) for each in entries]})
        return
    for each in entries:
        typer.echo(printable(_line(each)))
    if not entries:
        stderr().print("No entries were added yet. `kadr glossary add бравлик brawler` adds one.")


def add(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="RUSSIAN", help="A word or phrase, in its dictionary form.")
    ],
    targets: Annotated[
        list[str], typer.Argument(metavar="ENGLISH…", help="The main translation, then others.")
    ],
    tenant: Tenant = "",
    kind: Annotated[
        str, typer.Option(help="term: kept through a neural translator; word: only where there is none.")
    ] = "term",
) -> None:
    """Add an entry, or replace the one that is there."""
    from kadr.cli.console import printable
    from kadr.core.glossary_file import KINDS, compare, entry

    if kind not in KINDS:
        raise typer.BadParameter(f"there is no kind {kind!r}; use {', '.join(KINDS)}")
    try:
        new = entry(source, targets, kind=kind)
    except ValueError as error:
        raise CommandError(f"This is no entry: {error}.") from error
    with _store(ctx, tenant) as store:
        difference = compare(store.entries(tenant), [new])
        store.change(tenant, put=[new])
    word = "added" if difference.added else "changed" if difference.changed else "there already"
    typer.echo(f"{word}: {printable(_line(new))}")


def remove(
    ctx: typer.Context,
    sources: Annotated[list[str], typer.Argument(metavar="RUSSIAN…", help="The entries to remove.")],
    tenant: Tenant = "",
    yes: Yes = False,
) -> None:
    """Remove entries that were added."""
    from kadr.cli.console import printable
    from kadr.core.text import fold

    wanted = {fold(source): source for source in sources}
    with _store(ctx, tenant) as store:
        missing = sorted(wanted.keys() - {each.source for each in store.entries(tenant)})
        if missing:
            names = ", ".join(printable(wanted[each]) for each in missing)
            raise CommandError(f"There is no entry {names}; nothing was removed. See `kadr glossary list`.")
        question = f"Remove {', '.join(map(printable, wanted))}?"
        if not yes:
            confirm(question, done="removed", do="remove")
        store.change(tenant, remove=wanted)
    for each in wanted:
        typer.echo(f"removed: {printable(each)}")


def import_file(  # noqa: PLR0917 - typer passes them by name
    ctx: typer.Context,
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="russian<TAB>english|alternative[<TAB>term|word]",
        ),
    ],
    tenant: Tenant = "",
    replace: Annotated[bool, typer.Option("--replace", help="Remove what is not in the file.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add the entries of a tab-separated file; nothing is imported if any line is wrong."""
    from kadr.cli.console import print_json
    from kadr.core.errors import GlossaryError
    from kadr.core.glossary_file import compare, read

    try:
        new = read(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8 text. Save it as “tab-separated, UTF-8”.") from error
    except GlossaryError as error:
        shown = "; ".join(error.problems[:_SHOWN])
        more = f"; and {len(error.problems) - _SHOWN} more" if len(error.problems) > _SHOWN else ""
        raise CommandError(f"Nothing was imported from {path.name}: {shown}{more}.") from error
    with _store(ctx, tenant) as store:
        difference = compare(store.entries(tenant), new, replace=replace)
        if not dry_run:
            store.change(tenant, put=new, remove=[each.source for each in difference.removed])
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "added": [_as_json(each) for each in difference.added],
                "changed": [
                    {"before": _as_json(old), "after": _as_json(now)} for old, now in difference.changed
                ],
                "removed": [_as_json(each) for each in difference.removed],
                "same": difference.same,
            }
        )
        return
    _show(difference, dry_run=dry_run)


def export(ctx: typer.Context, tenant: Tenant = "") -> None:
    """Write the entries that were added to stdout, as `import` reads them."""
    from kadr.core.glossary_file import write

    with _store(ctx, tenant) as store:
        sys.stdout.write(write(store.entries(tenant)))


@contextmanager
def _store(ctx: typer.Context, tenant: str) -> Iterator[GlossaryStore]:
    import re

    from kadr.adapters.glossary_store import PostgresGlossaryStore

    if not re.fullmatch(TENANT, tenant):
        raise typer.BadParameter("a tenant's name is small letters, digits and hyphens, 63 at most")
    with database(session_of(ctx).target()) as postgres:
        yield PostgresGlossaryStore(postgres)


def _show(difference: Difference, *, dry_run: bool) -> None:
    from kadr.cli.console import printable

    lines = [f"+ {_line(each)}" for each in difference.added]
    lines += [f"~ {_line(now)}  (was {_line(old)})" for old, now in difference.changed]
    lines += [f"- {_line(each)}" for each in difference.removed]
    for line in lines if dry_run else lines[:_SHOWN]:
        typer.echo(printable(line))
    if not dry_run and len(lines) > _SHOWN:
        typer.echo(f"… and {len(lines) - _SHOWN} more")
    counts = (
        f"{len(difference.added)} added, {len(difference.changed)} changed, {len(difference.removed)} removed"
    )
    typer.echo(f"{'would be: ' if dry_run else ''}{counts}, {difference.same} as they were")


def _line(each: Entry) -> str:
    kind = "" if each.term else "  [word]"
    return f"{each.source} → {' | '.join(each.targets) or '(nothing)'}{kind}"


def _as_json(each: Entry) -> dict[str, object]:
    from kadr.core.glossary_file import kind_of

    return {"source": each.source, "targets": list(each.targets), "kind": kind_of(each)}
