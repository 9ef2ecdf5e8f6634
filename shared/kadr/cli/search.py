"""``kadr search``: find videos by a few words."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kadr.cli.session import AsJson, session_of

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from kadr.cli.api import Parameter, QueryUnderstanding, SearchAnswer, SearchResult


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(search)


class Where(StrEnum):
    """Where a query has to match."""

    VISUAL = "visual"
    OCR = "ocr"
    SPEECH = "speech"


# Parameters that leave no video out.
_NO_FILTERS = {"emphasis", "diversity", "collapse", "skip"}


def _moment(value: str) -> str:
    """Return ``value`` if it is a day or a time."""
    from datetime import datetime

    try:
        if value:
            datetime.fromisoformat(value)
    except ValueError:
        raise typer.BadParameter(f"{value!r} is no day; write it as 2026-01-31") from None
    return value


def search(  # noqa: PLR0917 - typer passes them by name
    ctx: typer.Context,
    query: Annotated[
        list[str],
        typer.Argument(
            help="What to look for. '\"as quoted\"' has to be there in this order, in any form of the words; "
            "what follows a dash must not (kadr search 'soup -meat')."
        ),
    ],
    k: Annotated[int, typer.Option("-k", "--limit", min=1, max=100, help="How many videos.")] = 10,
    offset: Annotated[int, typer.Option(min=0, help="How many of the best to leave out.")] = 0,
    modality: Annotated[
        Where | None, typer.Option(help="Where it has to match: what is seen, written or said.")
    ] = None,
    theme: Annotated[list[str] | None, typer.Option(help="Of this theme; several: of one of them.")] = None,
    person: Annotated[
        list[str] | None, typer.Option(help="In which this person (an id) appears; several: all of them.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="With text in this language (ru, en …); several: in one of them.")
    ] = None,
    min_duration: Annotated[float | None, typer.Option(min=0, help="Of at least so many seconds.")] = None,
    max_duration: Annotated[float | None, typer.Option(min=0, help="Of at most so many seconds.")] = None,
    after: Annotated[
        str, typer.Option(callback=_moment, help="Uploaded on this day or later, as 2026-01-31 (UTC).")
    ] = "",
    before: Annotated[str, typer.Option(callback=_moment, help="Uploaded before this day.")] = "",
    emphasis: Annotated[
        float, typer.Option(min=0, max=10, help="How much what is seen counts against text; 1 is as usual.")
    ] = 1.0,
    diversity: Annotated[
        float, typer.Option(min=0, max=1, help="How much results should differ from one another.")
    ] = 0.0,
    collapse: Annotated[
        bool, typer.Option(help="Show one of several near duplicates, or all of them.")
    ] = True,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STEP",
            help="Leave out a step of understanding the query, such as spelling or translation.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find videos by what is seen, written, said and who appears in them."""
    from kadr.cli.console import print_json, stderr, stdout
    from kadr.cli.reasons import legend

    if skip:
        from kadr.core.query import QueryStep

        if unknown := sorted(set(skip) - set(QueryStep)):
            raise typer.BadParameter(f"there is no step {', '.join(unknown)}; use {', '.join(QueryStep)}")
    given: dict[str, Parameter | None] = {
        "modality": None if modality is None else str(modality),
        "theme": theme,
        "person": person,
        "language": language,
        "min_duration": min_duration,
        "max_duration": max_duration,
        "after": after,
        "before": before,
        "emphasis": None if emphasis == 1.0 else emphasis,
        "diversity": diversity or None,
        "collapse": None if collapse else False,
        "skip": skip,
    }
    # What is as usual is not sent: an older API need not know it.
    only = {name: value for name, value in given.items() if value not in (None, "", [])}
    with session_of(ctx).target().api() as api:
        answer = api.search(" ".join(query), k=k, offset=offset, only=only)
    if as_json:
        print_json(search_json(answer))
        return
    out = stdout()
    out.print(understanding(answer.query))
    if not answer.results:
        if offset:
            stderr().print(f"No more results: --offset {offset} is beyond the last of them.")
            return
        if set(only) - _NO_FILTERS or answer.query.phrases or answer.query.excluded:
            stderr().print("Nothing was found that is as you asked. Leave a filter, quotes or a -word out.")
            return
        stderr().print("Nothing was found. `kadr status` shows how many videos are searchable.")
        return
    if answer.nothing_good:
        stderr().print("[yellow]Nothing fits well; these are the closest.[/]")
    out.print(result_table(answer.results))
    if explained := legend(answer.results):
        out.print(explained)
    if answer.next_offset is not None:
        stderr().print(f"[dim]There is more: --offset {answer.next_offset}[/]")


def search_json(answer: SearchAnswer) -> dict[str, Any]:
    """Return what ``kadr search --json`` prints; fields are added to it, never taken away."""
    return {
        "query": answer.query.model_dump(mode="json"),
        "results": [result.model_dump(mode="json") for result in answer.results],
        "total": answer.total,
        "next_offset": answer.next_offset,
        "nothing_good": answer.nothing_good,
        "took_ms": answer.took_ms,
    }


def understanding(query: QueryUnderstanding) -> Text:
    """Return one line about how the query was understood."""
    from rich.text import Text

    from kadr.cli.console import printable

    line = Text(printable(query.original), style="bold")
    if query.corrected and query.corrected != query.original:
        line.append(f"  read as “{printable(query.corrected)}”", style="not bold yellow")
    if query.translated and query.translated not in (query.original, query.corrected):
        line.append(f"  also searched as “{printable(query.translated)}”", style="not bold cyan")
    if query.language and query.language != "und":
        line.append(f"  [{printable(query.language)}]", style="not bold dim")
    return line


def _name(result: SearchResult) -> Text:
    """Return a video's key, and how many near duplicates it stands for."""
    from kadr.cli.console import foreign

    name = foreign(result.key)
    if result.duplicates:
        name.append(f"  +{result.duplicates} alike", style="dim")
    return name


def result_table(results: list[SearchResult]) -> Table:
    """Return the results as a table, best first."""
    from rich import box
    from rich.table import Table

    from kadr.cli.reasons import made_of, percent, positive, reasons

    most = max((positive(result.contributions) for result in results), default=0.0)
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("score", justify="right")
    table.add_column("sure", justify="right")
    if most > 0:
        table.add_column("made of", no_wrap=True)
    table.add_column("video", overflow="fold")
    table.add_column("at", justify="right", style="cyan", no_wrap=True)
    table.add_column("found by")
    for result in results:
        (at, found_by), *more = reasons(result)
        bar = [made_of(result.contributions, most)] if most > 0 else []
        table.add_row(
            str(result.rank),
            f"{result.score:.3f}",
            percent(result.confidence),
            *bar,
            _name(result),
            at,
            found_by,
        )
        for at, found_by in more:
            table.add_row("", "", "", *("" for _ in bar), "", at, found_by)
    return table
