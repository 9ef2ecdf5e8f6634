"""The command line's frame: global options, errors in words, exit codes.

Exit codes: 0 it worked, 1 the operation failed, 2 it was called wrongly, 130 it was interrupted.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kadr.cli import (
    demo,
    evaluate,
    extract,
    glossary,
    keys,
    models,
    operations,
    people,
    reindex,
    search,
    stack,
    suggestions,
    themes,
    tune,
    upload,
    videos,
    web,
)
from kadr.cli.failure import CommandError, explain
from kadr.cli.session import Session
from kadr.core.errors import KadrError

# Global options are understood anywhere on the line, as people type them; True: takes a value.
_GLOBAL_OPTIONS = {"--debug": False, "--stack": True, "--root": True}


class KadrGroup(TyperGroup):
    """Turns whatever a command raises into one sentence and exit code 1."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the global options from wherever they stand."""
        return super().parse_args(ctx, _hoist(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # a full disk may be noticed no sooner
            return result
        except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError):
            raise
        except Exception as error:
            if isinstance(ctx.obj, Session) and ctx.obj.debug:
                raise
            from kadr.cli.console import as_markup, stderr

            # the local stack's own errors quote the end of a log; in any other a line break is not ours
            ours = isinstance(error, KadrError) and not isinstance(error, CommandError)
            lines = explain(error).split("\n") if ours else [explain(error)]
            shown = "\n".join(as_markup(line) for line in lines)
            stderr().print(f"[bold red]Error:[/] {shown}", soft_wrap=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    name="kadr",
    cls=KadrGroup,
    help="Search short videos by what is seen, written, said and who appears in them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from kadr import __version__

        typer.echo(f"kadr {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    stack_name: Annotated[
        str | None,
        typer.Option(
            "--stack",
            envvar="KADR_STACK",
            help="Use a deployed CloudFormation stack, not the local one.",
            metavar="NAME",
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(
            "--root",
            envvar="KADR_ROOT",
            help="The checkout whose local stack is meant; found from the current folder.",
            file_okay=False,
            exists=True,
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")] = False,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Search short videos by what is seen, written, said and who appears in them."""
    if ctx.obj is None:
        ctx.obj = Session(root=(root or find_root()).resolve(), stack=stack_name, debug=debug)


for _module in (
    stack,
    upload,
    search,
    suggestions,
    videos,
    operations,
    extract,
    reindex,
    models,
    glossary,
    people,
    keys,
    themes,
    evaluate,
    tune,
    web,
    demo,
):
    _module.register(app)


def run() -> None:
    """Run the command line on the process's arguments."""
    if not sys.warnoptions:  # they are for who works on Kadr, and `python -W` shows them
        warnings.simplefilter("ignore")
    # Python has None in the place of a stream that was closed (`>&-`): then nothing is shown.
    nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open until the end
    sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        # a terminal that cannot show a character shows "?": better than no answer at all
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app()


def find_root(start: Path | None = None) -> Path:
    """Return the checkout that ``start`` lies in (default: here), else the one we were installed from."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "template.yaml").is_file() and (folder / "shared" / "kadr").is_dir():
            return folder
    installed_from = Path(__file__).resolve().parents[3]
    return installed_from if (installed_from / "shared" / "kadr").is_dir() else here


def _hoist(args: list[str]) -> list[str]:
    """Return ``args`` with the global options in front; nothing after ``--`` is touched."""
    end = args.index("--") if "--" in args else len(args)
    front: list[str] = []
    rest: list[str] = []
    i = 0
    while i < end:
        name, equals, _ = args[i].partition("=")
        if name not in _GLOBAL_OPTIONS:
            rest.append(args[i])
        elif _GLOBAL_OPTIONS[name] and not equals and i + 1 < end:
            front += args[i : i + 2]
            i += 1
        else:
            front.append(args[i])
        i += 1
    return front + rest + args[end:]
