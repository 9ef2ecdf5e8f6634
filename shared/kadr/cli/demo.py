"""``kadr demo``: the whole path, from nothing to found videos, on one machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from kadr.cli.failure import CommandError
from kadr.cli.session import session_of

if TYPE_CHECKING:
    from rich.table import Table

    from kadr.cli.api import Api
    from kadr.cli.evaluate import JudgedQuery

QUERIES = 8  # shown in the table


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    ctx: typer.Context,
    queries: Annotated[int, typer.Option(min=1, help="How many queries to show.")] = QUERIES,
) -> None:
    """Start the local stack, index the sample clips, search them, measure, and leave it running."""
    from kadr.cli import evaluate, outdated, stack, suggestions, themes
    from kadr.cli.console import as_markup, counted, foreign, stderr, stdout
    from kadr.cli.progress import display
    from kadr.cli.sending import Bucket, plan
    from kadr.cli.upload import Run

    session = session_of(ctx)
    stack.refuse_deployed(session, "demo")
    began = monotonic()
    clips, judged = samples(session.root)
    out, err = stdout(), stderr()

    err.print("[bold]1. Starting the local stack[/]")
    stack.start(session.root, err)
    target = session.target()

    err.print(f"[bold]2. Uploading and indexing {as_markup(str(clips.relative_to(session.root)))}[/]")
    run = Run(plan([clips]))
    bucket = Bucket(target.client("s3"), target.media_bucket)
    again = outdated.bring_up_to_date(target, session.models_folder(), err)
    if again:
        err.print(f"{counted(again, 'result')} of other weights than those in use were made anew.")
    with target.api() as api:
        try:
            with display(run.uploads, follow=True) as shown:
                run.deliver(bucket, api, shown)
        except KeyboardInterrupt:
            err.print(run.interrupted(), soft_wrap=True)
            raise typer.Exit(130) from None
        run.print_report()
        found, done = themes.find(target, session.root / ".kadr" / "models", err)
        err.print(themes.said(found, done), highlight=False)
        people = themes.find_people(target)
        err.print(f"{people['people']} people in {people['faces']} faces.", highlight=False)
        built = suggestions.publish(target, session.root / ".kadr" / "models")
        err.print(f"{built.phrases} phrases of them are suggested while somebody types.")

        err.print("[bold]3. Searching[/]")
        result = evaluate.measure(api, target.media_bucket, judged, k=5)
        out.print(found_table(api, choose([each.judged for each in result.judgements], queries)))
        for line in evaluate.caveats(result):
            err.print(foreign(line), soft_wrap=True)
        out.print(f"{evaluate.summary(result)}  (kadr evaluate samples/queries.jsonl)", soft_wrap=True)

    out.print()
    out.print(f"Done in {monotonic() - began:.0f} s. The stack is running:")
    stack.print_addresses(target, out)
    out.print(
        'Try: kadr search "как варить борщ"    kadr suggest бор    kadr status    kadr upload YOUR-VIDEOS',
        markup=False,
    )
    out.print("Stop it with: make down   (or kadr down; what was indexed stays)")
    if run.failed:
        raise typer.Exit(1)


def samples(root: Path) -> tuple[Path, list[JudgedQuery]]:
    """Return the folder of the sample clips, and the queries that go with them.

    Raises:
        CommandError: the checkout has none.
    """
    from kadr.cli.evaluate import read_queries

    clips, file = root / "samples" / "clips", root / "samples" / "queries.jsonl"
    if not clips.is_dir() or not file.is_file():
        raise CommandError(
            f"There are no sample clips in {root / 'samples'}. Run `kadr demo` in a clone of the project, or "
            "name one with --root."
        )
    return clips, read_queries(file)


def choose(judged: Sequence[JudgedQuery], count: int) -> list[JudgedQuery]:
    """Return ``count`` queries, in turns from each class, about as many different videos as there are."""
    by_kind: dict[str, list[JudgedQuery]] = {}
    for query in judged:
        by_kind.setdefault(query.kind, []).append(query)
    chosen: list[JudgedQuery] = []
    seen: set[str] = set()
    while len(chosen) < min(count, len(judged)):
        for group in by_kind.values():
            if not group or len(chosen) == count:
                continue
            # the first of the class that is about something new, else the first
            position = next((i for i, query in enumerate(group) if seen.isdisjoint(query.relevant)), 0)
            query = group.pop(position)
            seen.update(query.relevant)
            chosen.append(query)
    return chosen


def found_table(api: Api, judged: Sequence[JudgedQuery]) -> Table:
    """Ask the queries; return what was found first, why, and where the expected clip stands."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from kadr.cli.console import foreign
    from kadr.cli.reasons import reasons

    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("query", overflow="fold")
    table.add_column("class", style="dim")
    table.add_column("found first", overflow="fold")
    table.add_column("score", justify="right")
    table.add_column("at", justify="right", style="cyan")
    table.add_column("found by")
    table.add_column("expected at rank", justify="right")
    for query in judged:
        answer = api.search(query.query, k=10)
        ranks = [result.rank for result in answer.results if result.key in query.relevant]
        rank = (
            Text(str(ranks[0]), style="green" if ranks[0] == 1 else "yellow")
            if ranks
            else Text("-", style="red")
        )
        if not answer.results:
            table.add_row(foreign(query.query), foreign(query.kind), "nothing", "", "", "", rank)
            continue
        first = answer.results[0]
        at, found_by = reasons(first)[0]
        table.add_row(
            foreign(query.query),
            foreign(query.kind),
            foreign(first.key),
            f"{first.score:.3f}",
            at,
            found_by,
            rank,
        )
    return table
