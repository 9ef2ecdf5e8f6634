"""``kadr reindex``: a new search index out of what was extracted, without extracting it again."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kadr.cli.bar import Bar
from kadr.cli.database import database, vector_database
from kadr.cli.failure import CommandError
from kadr.cli.session import AsJson, DryRun, session_of

if TYPE_CHECKING:
    from kadr.core.ranking import Ranking
    from kadr.ports.reindexing import IndexCollections, Runs
    from kadr.runtime.reindexing import Plan, Reindexed

RELEASE = "release"
# A batch of the bulk is 3 MB of JSON each way, and Qdrant builds graphs meanwhile.
_TIMEOUT = 120.0  # seconds


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reindex)


def reindex(  # noqa: PLR0917 - typer names them
    ctx: typer.Context,
    fused: Annotated[
        bool,
        typer.Option("--fused", help="Fuse all videos anew into a new collection, and search that one then."),
    ] = False,
    ranking: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|release",
            help="With constants of ranking from a file, or those that Kadr comes with; else with those in"
            " force.",
        ),
    ] = None,
    drop_old: Annotated[
        bool, typer.Option("--drop-old", help="Delete the collections that were searched before.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make the search index anew, out of the vectors and texts that are stored.

    After an upgrade that changes the index, or with new constants of ranking. Uploads and searches go on
    meanwhile. It may be interrupted: the same command goes on where it was.
    """
    from kadr.cli.console import print_json, stderr

    if not fused and not drop_old:
        raise typer.BadParameter("say what to do: --fused, --drop-old or both")
    if ranking is not None and not fused:
        raise typer.BadParameter("--ranking is for --fused")
    wanted = _wanted(ranking)
    from kadr.adapters.ledger_scan import PostgresRuns
    from kadr.adapters.qdrant_bulk import QdrantCollections
    from kadr.runtime.reindexing import drop_old as drop
    from kadr.runtime.reindexing import plan

    target = session_of(ctx).target()
    variables = target.function_environment("IngestFunction")
    collections = QdrantCollections(
        vector_database(target, variables, timeout=_TIMEOUT),
        variables.get("KADR_QDRANT_COLLECTION", "videos"),
    )
    answer: dict[str, Any] = {}
    if fused:
        with database(target, variables) as postgres:
            runs = PostgresRuns(postgres)
            with nullcontext(True) if dry_run else runs.exclusively() as alone:
                if not alone:
                    raise CommandError(
                        "Somebody is making an index right now. If that run was given up, it ends by itself; "
                        "try again in a few minutes."
                    )
                what = plan(runs, collections, wanted)
                if dry_run:
                    answer |= _planned(what)
                    _say(as_json, _intention(what))
                else:
                    done = _done(runs, collections, what)
                    answer |= asdict(done)
                    _say(as_json, _result(what, done.written, done.videos))
                    if not drop_old and not what.only_query:
                        _hint_at_old(collections)
    if drop_old:
        # what is searched now would be an old one by then
        names = [*drop(collections, dry_run=dry_run), *([what.source] if fused and dry_run else [])]
        answer["would_drop" if dry_run else "dropped"] = names
        for name in names:
            _say(as_json, f"{'would drop' if dry_run else 'dropped'} {name}")
        if not names:
            stderr().print("There is no older collection.")
    if as_json:
        print_json(answer)


def _done(runs: Runs, collections: IndexCollections, what: Plan) -> Reindexed:
    from kadr.cli.console import stderr
    from kadr.runtime.reindexing import reindex

    if what.run is not None:
        stderr().print(f"Going on with {what.target}, which was begun before.", highlight=False)
    try:
        with Bar(stderr()) as display:
            return reindex(runs, collections, what, display)
    except KeyboardInterrupt as error:
        stderr().print("Interrupted. Nothing is lost: the same command goes on from here.")
        raise typer.Exit(130) from error


def _wanted(ranking: str | None) -> Ranking | Literal["release", "same"]:
    from kadr.core.ranking import parse_ranking

    if ranking is None:
        return "same"
    if ranking == RELEASE:
        return "release"
    try:
        return parse_ranking(json.loads(Path(ranking).read_text(encoding="utf-8")))
    except OSError as error:
        raise CommandError(f"{ranking} cannot be read: {error.strerror}") from error
    except ValueError as error:  # JSON's and Unicode's
        raise CommandError(f"{ranking} is not JSON: {error}") from error


def _planned(what: Plan) -> dict[str, Any]:
    return {
        "source": what.source,
        "target": what.source if what.only_query else what.target,
        "version": what.ranking.version,
        "videos": what.videos,
        "outdated": what.outdated,
        "resumes": what.run is not None,
        "abandons": None if what.abandoned is None else what.abandoned.collection,
        "fuses": not what.only_query,
    }


def _intention(what: Plan) -> str:
    if what.only_query:
        return f"would put new constants in force; {what.source} stays as it is, only queries read them"
    said = f"would fuse {what.videos} videos of {what.source} into {what.target}"
    if what.run is not None:
        said += ", which was begun before"
    if what.abandoned is not None:
        said += f", and throw {what.abandoned.collection} away, which was begun with other constants"
    return f"{said}; constants {what.ranking.version}, {what.outdated} videos have others"


def _result(what: Plan, written: int, videos: int) -> str:
    if what.only_query:
        return "new constants are in force within half a minute; only queries read them"
    return f"{what.target} is searched now: {videos} videos, {written} of them fused in this run"


def _hint_at_old(collections: IndexCollections) -> None:
    from kadr.cli.console import stderr
    from kadr.runtime.reindexing import drop_old

    if old := drop_old(collections, dry_run=True):
        stderr().print(
            f"{', '.join(old)}: kept. `kadr reindex --drop-old` deletes what is not searched any more.",
            highlight=False,
        )


def _say(as_json: bool, text: str) -> None:
    if not as_json:
        typer.echo(text)
