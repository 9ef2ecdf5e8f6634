"""``kadr extract``: stages of videos done again, with other weights or after failures."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from kadr.cli.bar import Bar
from kadr.cli.confirm import confirm
from kadr.cli.database import database
from kadr.cli.failure import CommandError
from kadr.cli.session import AsJson, DryRun, Yes, session_of
from kadr.core.modality import Stage, StageState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kadr.cli.target import Target
    from kadr.ports.extracting import Backlog, Made

STAGES = tuple(stage for stage in Stage if stage is not Stage.ASSEMBLE)
# A running one's lease says who is at it; everything else can be begun again.
STATES = tuple(state for state in StageState if state is not StageState.RUNNING)
# What --made-with means: others wait, or have never had a result that anything was made with.
FINISHED = (StageState.DONE, StageState.EMPTY, StageState.FAILED, StageState.DEAD)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(extract)


def extract(  # noqa: PLR0917 - typer names them
    ctx: typer.Context,
    stages: Annotated[
        list[str] | None, typer.Argument(metavar="STAGE…", help=f"All, or some of: {', '.join(STAGES)}.")
    ] = None,
    made_with: Annotated[
        str,
        typer.Option(metavar="TEXT", help="Those whose result is of a model with TEXT in its version."),
    ] = "",
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="STATE", help=f"Those in this state, one of: {', '.join(STATES)}."),
    ] = None,
    prefix: Annotated[str, typer.Option(help="Of these, only keys that begin with this.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Whatever has been extracted.")] = False,
    before: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"], help="Those not extracted since then, UTC; now."
        ),
    ] = None,
    ahead: Annotated[
        int, typer.Option(min=1, help="How many may wait in a queue, before those uploaded meanwhile.")
    ] = 500,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Have videos extracted again, out of the bucket: with other weights, or after a failure.

    Without an option it shows what was made with which weights. What is found of a video stays until the
    new result replaces it.
    """
    from kadr.cli.console import print_json, stderr
    from kadr.ports.extracting import Choice
    from kadr.runtime.extracting import extract_again

    wanted = _Wanted(_stages(stages), made_with, _states(state), everything, prefix)
    if everything and (state or made_with):
        raise typer.BadParameter("--all is for everything: leave --state and --made-with out")
    session = session_of(ctx)
    target = session.target()
    with database(target) as postgres:
        from kadr.adapters.extraction_store import PostgresExtractions

        extractions = PostgresExtractions(postgres)
        if not dry_run:
            extractions.bury()  # what was killed can be chosen as dead
        since = extractions.now() if before is None else before.replace(tzinfo=UTC)
        found = extractions.made(wanted.stages, before=since, prefix=prefix)
        states = wanted.states
        if not states:
            _show(found, as_json=as_json)
            return
        meant = [
            made
            for made in found
            if made.state in states and (made_with in made.model_version or made_with in made.made_with)
        ]
        if as_json and dry_run:
            print_json({"would_extract": [asdict(made) for made in meant]})
            return
        if not as_json:
            _say(meant)
        if dry_run:
            return
        if meant and not yes:
            confirm("Extract them again?", done="sent", do="extract")
        queues = backlogs(target, [made.stage for made in meant])
        sent: dict[str, int] = {}
        try:
            with Bar(stderr()) as bar:
                for stage, backlog in queues.items():
                    bar.begin(stage, sum(made.videos for made in meant if made.stage is stage))
                    choice = Choice(stage, states, since, made_with, prefix)
                    sent[stage.value] = extract_again(extractions, backlog, choice, bar, ahead=ahead)
        except KeyboardInterrupt as error:
            stderr().print("Interrupted. What was sent is being extracted. To go on:")
            typer.echo(wanted.command(session.stack, since), err=True)
            raise typer.Exit(130) from error
    if as_json:
        print_json({"sent": sent})
    elif sent:
        stderr().print("All of it is in the queues now: `kadr status` shows how it gets on.")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for."""

    stages: tuple[Stage, ...]
    made_with: str
    named: tuple[StageState, ...]
    everything: bool
    prefix: str

    @property
    def states(self) -> tuple[StageState, ...]:
        """The states that are meant; none if nothing was asked for."""
        if self.named:
            return self.named
        if self.made_with:
            return FINISHED
        return tuple(state for state in STATES if state.final) if self.everything else ()

    def command(self, stack: str | None, since: datetime) -> str:
        """Return the command that goes on with what this one has not sent."""
        words = ["kadr", *(["--stack", stack] if stack else []), "extract", *self.stages]
        words += ["--made-with", self.made_with] if self.made_with else []
        for state in self.named:
            words += ["--state", state]
        words += ["--all"] if self.everything else []
        words += ["--prefix", self.prefix] if self.prefix else []
        # What was sent is newer than the moment when the command began, whose second this is.
        words += ["--before", since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")]
        return shlex.join(words)


def _stages(names: Sequence[str] | None) -> tuple[Stage, ...]:
    unknown = sorted(set(names or ()) - set(STAGES))
    if unknown:
        raise typer.BadParameter(f"there is no stage {', '.join(unknown)}; use {', '.join(STAGES)}")
    return tuple(stage for stage in STAGES if not names or stage in names)


def _states(names: Sequence[str] | None) -> tuple[StageState, ...]:
    unknown = sorted(set(names or ()) - set(STATES))
    if unknown:
        raise typer.BadParameter(f"there is no state {', '.join(unknown)}; use {', '.join(STATES)}")
    return tuple(StageState(name) for name in names or ())


def _show(found: Sequence[Made], *, as_json: bool) -> None:
    from rich import box
    from rich.table import Table

    from kadr.cli.console import foreign, print_json, stderr, stdout

    if as_json:
        print_json({"made": [asdict(made) for made in found]})
        return
    if not found:
        stderr().print("Nothing has been extracted yet.")
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("stage")
    table.add_column("state")
    table.add_column("videos", justify="right")
    table.add_column("took", justify="right")
    table.add_column("USD", justify="right")
    table.add_column("made with", overflow="fold")
    for made in found:
        table.add_row(
            made.stage,
            made.state,
            str(made.videos),
            _time(made.seconds),
            f"{made.cost_usd:.2f}",
            foreign(made.model_version + _still(made)),
        )
    stdout().print(table)
    stderr().print("Say what to extract again: --made-with TEXT, --state STATE or --all.")


def _still(made: Made) -> str:
    return f" (its result: {made.made_with})" if made.made_with not in ("", made.model_version) else ""


def _say(meant: Sequence[Made]) -> None:
    from kadr.cli.console import counted, stderr

    if not meant:
        stderr().print("There is none of that.")
        return
    for stage in dict.fromkeys(made.stage for made in meant):
        parts = [made for made in meant if made.stage is stage]
        took, cost = sum(made.seconds for made in parts), sum(made.cost_usd for made in parts)
        known = f"; the last time took {_time(took)} and about {cost:.2f} USD" if took else ""
        typer.echo(f"{stage}: {counted(sum(made.videos for made in parts), 'video')}{known}")


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def backlogs(target: Target, stages: Sequence[Stage]) -> dict[Stage, Backlog]:
    """Return the queues of stages.

    Raises:
        CommandError: the stack lacks one.
    """
    from kadr.adapters.sqs import SqsBacklog

    sqs = target.client("sqs")
    urls = {pair.stage: pair.url for pair in target.queues()}
    missing = [stage for stage in stages if stage not in urls]
    if missing:
        raise CommandError(
            f"The stack {target.name} has no queue of {missing[0]}: it was not deployed from Kadr's template."
        )
    return {stage: SqsBacklog(sqs, urls[stage]) for stage in stages}
