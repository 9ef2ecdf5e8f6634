"""What every command is given: the global options, and the options that many of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from kadr.cli.target import Target


@dataclass(frozen=True, slots=True)
class Session:
    """What the global options say."""

    root: Path
    stack: str | None = None
    debug: bool = False
    read_target: Callable[[Path, str | None], Target] = Target.read

    def target(self) -> Target:
        """Return the stack that the command is about; raises CommandError if there is none."""
        return self.read_target(self.root, self.stack)

    def models_folder(self, given: Path | None = None) -> Path:
        """Return where the weights lie: what --models says, or the folder of the checkout."""
        return given or self.root / ".kadr" / "models"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Say what would be done; do nothing.")]
ModelsDir = Annotated[
    Path | None,
    typer.Option(
        "--models",
        metavar="DIR",
        help="Where the weights lie; .kadr/models of the checkout.",
        file_okay=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def session_of(ctx: typer.Context) -> Session:
    """Return the session of a running command."""
    session = ctx.obj
    if not isinstance(session, Session):
        raise TypeError("the command was called without the kadr command line around it")
    return session
