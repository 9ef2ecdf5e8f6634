"""``kadr cluster`` and ``kadr themes``: what the videos are about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kadr.cli.bar import Bar
from kadr.cli.database import database, vector_database
from kadr.cli.failure import CommandError
from kadr.cli.session import AsJson, DryRun, ModelsDir, session_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from kadr.adapters.qdrant_themes import QdrantThemedIndex
    from kadr.adapters.theme_store import PostgresThemeStore
    from kadr.cli.target import Target
    from kadr.ports.themes import ThemeRecord
    from kadr.runtime.themes import Found, Summary

_TIMEOUT = 120.0  # seconds; a page of vectors is 3 MB of JSON
_SHORT = 8  # digits of an id that are shown
_MOST = 10_000


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(cluster)
    themes = typer.Typer(name="themes", help="What the videos are about.", no_args_is_help=True)
    themes.command(name="list")(list_themes)
    themes.command()(rename)
    app.add_typer(themes)


def cluster(
    ctx: typer.Context,
    dry_run: DryRun = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the videos and their themes (.svg or .png).", dir_okay=False),
    ] = None,
    models_dir: ModelsDir = None,
    as_json: AsJson = False,
) -> None:
    """Find themes and people among the videos now; a deployed stack does it every hour by itself.

    Themes are found here, so PostgreSQL and Qdrant must be reachable; people by the stack's own function.
    """
    from kadr.cli.console import print_json, stderr, stdout

    if plot is not None and plot.suffix.lower() not in {".svg", ".png"}:
        raise typer.BadParameter("--plot draws .svg and .png")
    session = session_of(ctx)
    target, err = session.target(), stderr()
    found, done = find(target, session.models_folder(models_dir), err, dry_run=dry_run)
    if plot is not None:
        from kadr.cli.theme_plot import draw

        draw(found, plot)
        err.print(f"Drawn into {plot}.", highlight=False, markup=False)
    if as_json:
        people = {} if dry_run else find_people(target)
        summary = {} if done is None else asdict(done)
        themes = [
            {"theme_id": each.theme_id, "name": each.name, "named_by": each.named_by, "terms": each.terms}
            | {"videos": found.sizes()[each.theme_id], "radius": round(each.radius, 3)}
            for each in found.themes
        ]
        print_json({"dry_run": dry_run, "summary": summary, "themes": themes, "people": people})
        return
    out = stdout()
    if found.themes:
        out.print(found_table(found))
    out.print(said(found, done), soft_wrap=True, highlight=False)
    if not dry_run and (people := find_people(target)):
        out.print(f"{people['people']} people in {people['faces']} faces.", highlight=False)


def list_themes(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the themes, the largest first."""
    from rich.table import Table

    from kadr.cli.console import foreign, print_json, stderr, stdout

    with _opened(session_of(ctx).target()) as (_, store):
        found, _total = store.listed(limit=_MOST)
    if as_json:
        print_json([asdict(each) for each in found])
        return
    if not found:
        stderr().print("There are no themes. `kadr cluster` looks for some.")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("theme", style="dim", no_wrap=True)
    table.add_column("name", overflow="fold")
    table.add_column("videos", justify="right")
    table.add_column("words", overflow="fold", style="dim")
    for each in found:
        table.add_row(
            str(each.theme_id)[:_SHORT], foreign(each.name), str(each.videos), foreign(", ".join(each.terms))
        )
    stdout().print(table)


def rename(
    ctx: typer.Context,
    theme: Annotated[
        str, typer.Argument(metavar="THEME", help="A name, or the beginning of an id as `list` shows it.")
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help='What it is called; "" for its own words.')],
) -> None:
    """Name a theme. The name stays whatever later runs find."""
    from kadr.cli.console import printable
    from kadr.core.theme_names import editors_name

    try:
        wanted = editors_name(name) if name.strip() else ""
    except ValueError as error:
        raise CommandError(f"{error}.") from error
    with _opened(session_of(ctx).target()) as (_, store):
        one = _one(store.listed(limit=_MOST)[0], theme)
        changed = store.rename(one.theme_id, wanted)
    if changed is None:
        raise CommandError(f"The theme {theme} is gone. `kadr themes list` shows those that there are.")
    typer.echo(f"{printable(one.name)} is {printable(changed.name)} now")


def find(
    target: Target, models_dir: Path, err: Console, *, dry_run: bool = False
) -> tuple[Found, Summary | None]:
    """Find themes and, unless ``dry_run``, put them in force.

    Raises:
        CommandError: somebody else is at it, or the packages for it are not installed.
        DependencyError: PostgreSQL or Qdrant does not answer.
    """
    try:
        import hdbscan  # noqa: F401
    except ImportError as error:
        raise CommandError(
            f"What finds themes is not installed ({error}). Install it with `pip install -e .[cluster]`."
        ) from error
    from kadr.adapters.hdbscan import Hdbscan
    from kadr.runtime.themes import Words, look, put_in_force

    with _opened(target) as (index, store), store.exclusively() as alone, Bar(err) as bar:
        if not alone:
            raise CommandError("Somebody is finding themes right now. Try again in a few minutes.")
        found = look(index, store, Words(models_dir), Hdbscan(), bar)
        return found, None if dry_run else put_in_force(found, index, store, bar)


def find_people(target: Target) -> dict[str, Any]:
    """Have the stack's function find people; return what it says, nothing where it was only asked to.

    Raises:
        CommandError: there is no such function, or it failed.
    """
    from botocore.exceptions import ClientError

    try:
        resource = target.client("cloudformation").describe_stack_resource(
            StackName=target.name, LogicalResourceId="ClusterFunction"
        )
    except ClientError as error:
        raise CommandError(
            f"The stack {target.name} has no function that finds people: deploy it again (`kadr up`)."
        ) from error
    answer = target.client("lambda").invoke(
        FunctionName=resource["StackResourceDetail"]["PhysicalResourceId"],
        # On a large collection it takes longer than a connection lasts.
        InvocationType="RequestResponse" if target.local else "Event",
        Payload=json.dumps({"tasks": ["people"]}).encode(),
    )
    if not target.local:
        return {}
    said = json.loads(answer["Payload"].read() or b"{}")
    if "FunctionError" in answer or "people" not in said:
        reason = said.get("errorMessage", "it gave no reason") if isinstance(said, dict) else "no answer"
        raise CommandError(f"People were not found: {reason}. `kadr logs cluster` has more.")
    people: dict[str, Any] = said["people"]
    return people


def found_table(found: Found) -> Table:
    """Return the themes that were found, the largest first."""
    from rich.table import Table

    from kadr.cli.console import foreign

    sizes = found.sizes()
    table = Table(box=None, pad_edge=False)
    table.add_column("theme", style="dim", no_wrap=True)
    table.add_column("name", overflow="fold")
    table.add_column("videos" if found.sample.complete else "of the sample", justify="right")
    table.add_column("")
    table.add_column("words", overflow="fold", style="dim")
    for each in found.themes:
        table.add_row(
            str(each.theme_id)[:_SHORT],
            foreign(each.name),
            str(sizes[each.theme_id]),
            "" if each.theme_id in found.kept else "new",
            foreign(", ".join(each.terms)),
        )
    return table


def said(found: Found, done: Summary | None) -> str:
    """Return in one sentence what a run found."""
    themes = f"{len(found.themes)} themes" if len(found.themes) != 1 else "1 theme"
    if done is None:
        outside = sum(each is None for each in found.assigned)
        return f"{themes}; {outside} of {len(found.assigned)} videos are like no others. Nothing was changed."
    return (
        f"{themes}; {done.outside} of {done.videos} videos are like no others, {done.changed} have another "
        "theme than before."
    )


def _one(themes: list[ThemeRecord], wanted: str) -> ThemeRecord:
    folded = wanted.strip().casefold()
    found = [each for each in themes if each.name.casefold() == folded]
    found = found or [each for each in themes if folded and str(each.theme_id).startswith(folded)]
    if len(found) == 1:
        return found[0]
    raise CommandError(
        f"{len(found) or 'No'} themes are called or begin with {wanted}. `kadr themes list` shows them."
    )


@contextmanager
def _opened(target: Target) -> Iterator[tuple[QdrantThemedIndex, PostgresThemeStore]]:
    from kadr.adapters.qdrant_themes import QdrantThemedIndex
    from kadr.adapters.theme_store import PostgresThemeStore

    variables = target.function_environment("IngestFunction")
    qdrant = vector_database(target, variables, timeout=_TIMEOUT)
    with database(target, variables) as postgres:
        yield (
            QdrantThemedIndex(qdrant, variables.get("KADR_QDRANT_COLLECTION", "videos")),
            PostgresThemeStore(postgres),
        )
