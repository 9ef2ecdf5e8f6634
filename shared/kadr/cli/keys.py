"""``kadr key``: who may change things through the API."""

from __future__ import annotations

from typing import Annotated

import typer

from kadr.cli.confirm import confirm
from kadr.cli.database import database
from kadr.cli.failure import CommandError
from kadr.cli.session import AsJson, Yes, session_of
from kadr.ports.keys import Scope

SCOPES = tuple(map(str, Scope))
# Who wants a key that deletes videos has to say so.
DEFAULT = (str(Scope.GLOSSARY),)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    keys = typer.Typer(
        name="key", help="Keys for what the API lets nobody do without one.", no_args_is_help=True
    )
    keys.command()(create)
    keys.command(name="list")(list_keys)
    keys.command()(revoke)
    app.add_typer(keys)


def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Whose key it is, or what for.")],
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            help=f"What it may be used for: {', '.join(SCOPES)}; may be given several times. "
            f"Without it: {', '.join(DEFAULT)}.",
            metavar="SCOPE",
        ),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(help="The one tenant that it may act for; without it, all.", metavar="NAME")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it: it is shown this once, and only its digest is kept."""
    from kadr.adapters.api_keys import PostgresKeyStore
    from kadr.cli.console import print_json, stderr

    wanted = list(dict.fromkeys(scopes or DEFAULT))
    unknown = sorted(set(wanted) - set(SCOPES))
    if unknown:
        raise typer.BadParameter(f"there is no scope {', '.join(unknown)}; use {', '.join(SCOPES)}")
    with database(session_of(ctx).target()) as postgres:
        key = PostgresKeyStore(postgres).create(name, wanted, tenant=tenant)
    if as_json:
        print_json({"name": name, "scopes": wanted, "tenant": tenant, "key": key})
        return
    stderr().print("Keep it: it is not shown again. Send it as `Authorization: Bearer …`.")
    typer.echo(key)


def list_keys(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the keys, without what is secret about them."""
    from kadr.adapters.api_keys import PostgresKeyStore
    from kadr.cli.console import print_json, printable, stderr

    with database(session_of(ctx).target()) as postgres:
        keys = PostgresKeyStore(postgres).keys()
    if as_json:
        print_json(
            [
                {"name": each.name, "scopes": sorted(each.scopes), "tenant": each.tenant,
                 "created_at": each.created_at, "revoked_at": each.revoked_at}
                for each in keys
            ]
        )  # fmt: skip
        return
    for each in keys:
        whom = "all tenants" if each.tenant is None else f"tenant {each.tenant or 'everybody'}"
        state = (
            f"revoked {each.revoked_at:%Y-%m-%d}" if each.revoked_at else f"since {each.created_at:%Y-%m-%d}"
        )
        typer.echo(printable(f"{each.name}: {', '.join(sorted(each.scopes))}, {whom}, {state}"))
    if not keys:
        stderr().print("There are no keys. `kadr key create NAME` makes one.")


def revoke(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="The key's name.")], yes: Yes = False
) -> None:
    """Make a key invalid, at once and for ever."""
    from kadr.adapters.api_keys import PostgresKeyStore
    from kadr.cli.console import printable

    with database(session_of(ctx).target()) as postgres:
        store = PostgresKeyStore(postgres)
        known = [each.name for each in store.keys() if each.revoked_at is None]  # noqa: SIM118 - no mapping
        if name in known and not yes:
            question = f"Revoke {printable(name)}? Whoever uses it is refused from then on."
            confirm(question, done="revoked", do="revoke")
        if not store.revoke(name):
            raise CommandError(f"There is no valid key called {name}. See `kadr key list`.")
    typer.echo(f"revoked: {name}")
