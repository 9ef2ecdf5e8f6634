"""``kadr suggest`` and ``kadr suggestions``: what completes a query, and where that comes from."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kadr.cli.database import database
from kadr.cli.session import AsJson, session_of

if TYPE_CHECKING:
    from kadr.cli.target import Target
    from kadr.runtime.suggestions import Built


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(suggest)
    suggestions = typer.Typer(
        name="suggestions", help="What completes queries as they are typed.", no_args_is_help=True
    )
    suggestions.command()(build)
    app.add_typer(suggestions)


def suggest(
    ctx: typer.Context,
    prefix: Annotated[
        list[str] | None, typer.Argument(help="What has been typed so far; nothing: popular phrases.")
    ] = None,
    k: Annotated[int, typer.Option("-k", "--limit", min=1, max=20, help="How many phrases.")] = 10,
    user: Annotated[str, typer.Option(help="Whose last queries decide on the order.", metavar="ID")] = "",
    as_json: AsJson = False,
) -> None:
    """Complete a query: typos, the wrong keyboard layout and any order of words are understood."""
    from kadr.cli.console import print_json, printable, stderr

    with session_of(ctx).target().api() as api:
        answer = api.suggest(" ".join(prefix or ()), k=k, user=user)
    if as_json:
        print_json(answer.model_dump(mode="json"))
        return
    for each in answer.suggestions:
        typer.echo(printable(each.text))
    if not answer.suggestions:
        stderr().print("Nothing completes this. `kadr suggestions build` takes up what was indexed since.")


def build(
    ctx: typer.Context,
    models_dir: Annotated[
        Path | None,
        typer.Option(
            "--models",
            metavar="DIR",
            help="Where the weights lie; .kadr/models of the checkout.",
            file_okay=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the suggestions anew out of queries, names and what videos contain, and publish them.

    The search function knows them within half a minute, the first ones within seconds. A deployed stack does
    this by itself every quarter of an hour.
    """
    from kadr.cli.console import print_json

    session = session_of(ctx)
    built = publish(session.target(), models_dir or session.root / ".kadr" / "models")
    if as_json:
        print_json(asdict(built))
        return
    typer.echo(
        f"{built.phrases} phrases, {built.embedded} of them new; "
        + (f"published as {built.pointer.key}" if built.changed else "nothing has changed")
    )


def publish(target: Target, models_dir: Path) -> Built:
    """Build the suggestions of a stack and publish them."""
    from kadr.adapters.s3 import S3ObjectStore
    from kadr.runtime.suggestions import rebuild

    # what is logged on the way is no part of the answer
    with database(target) as postgres, redirect_stdout(sys.stderr):
        return rebuild(postgres, S3ObjectStore(target.client("s3")), target.derived_bucket, models_dir)
