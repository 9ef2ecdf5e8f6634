"""Asking before what cannot be taken back, or costs something."""

from __future__ import annotations

import sys

import typer

from kadr.cli.failure import CommandError


def confirm(question: str, *, done: str, do: str) -> None:
    """Ask; ``done`` and ``do`` are the verb of what is asked for: "deleted", "delete".

    Raises:
        typer.Exit: the answer was no, and it has been said that nothing was done.
        CommandError: there is nobody to ask.
        typer.Abort: Ctrl-C.
    """
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise  # Ctrl-C
        raise CommandError(
            f"Nothing was {done}: there is nobody to ask, as the input is not a terminal. To {do} without "
            "being asked, use --yes."
        ) from None
    if not agreed:
        typer.echo(f"Nothing was {done}.", err=True)
        raise typer.Exit(1)
