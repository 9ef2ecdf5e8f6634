"""``kadr search``: find videos by a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kadr.cli.session import AsJson, session_of

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from kadr.cli.api import Evidence, QueryUnderstanding, SearchAnswer, SearchResult


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(search)


def search(
    ctx: typer.Context,
    query: Annotated[list[str], typer.Argument(help="What to look for; quotes are not needed.")],
    k: Annotated[int, typer.Option("-k", "--limit", min=1, max=100, help="How many videos.")] = 10,
    offset: Annotated[int, typer.Option(min=0, help="How many of the best to leave out.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Find videos by what is seen, written, said and who appears in them."""
    from kadr.cli.console import print_json, stderr, stdout

    with session_of(ctx).target().api() as api:
        answer = api.search(" ".join(query), k=k, offset=offset)
    if as_json:
        print_json(search_json(answer))
        return
    out = stdout()
    out.print(understanding(answer.query))
    if not answer.results:
        if offset:
            stderr().print(f"No more results: --offset {offset} is beyond the last of them.")
            return
        stderr().print("Nothing was found. `kadr status` shows how many videos are searchable.")
        return
    if answer.nothing_good:
        stderr().print("[yellow]Nothing fits well; these are the closest.[/]")
    out.print(result_table(answer.results, answer.query))


def search_json(answer: SearchAnswer) -> dict[str, Any]:
    """Return what ``kadr search --json`` prints; fields are added to it, never taken away."""
    return {
        "query": answer.query.model_dump(mode="json"),
        "results": [result.model_dump(mode="json") for result in answer.results],
        "total": answer.total,
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


def result_table(results: list[SearchResult], query: QueryUnderstanding) -> Table:
    """Return the results as a table, best first."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from kadr.cli.console import foreign, mmss

    words = query_stems(query)
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("score", justify="right")
    table.add_column("video", overflow="fold")
    table.add_column("at", justify="right", style="cyan")
    table.add_column("found by")
    for result in results:
        best = best_evidence(result)
        table.add_row(
            str(result.rank),
            f"{result.score:.3f}",
            foreign(result.key),
            mmss(best.start) if best is not None and best.start is not None else "",
            evidence_text(best, words) if best is not None else Text("", style="dim"),
        )
    return table


def best_evidence(result: SearchResult) -> Evidence | None:
    """Return the evidence to show: the one with the highest score, else the first."""
    if not result.evidence:
        return None
    return max(result.evidence, key=lambda evidence: evidence.score or 0.0)


def evidence_text(evidence: Evidence, words: frozenset[str]) -> Text:
    """Return the evidence on one line, with the words of the query in bold."""
    from rich.text import Text

    from kadr.cli.console import printable, short

    line = Text(f"{printable(evidence.modality)}: ", style="dim")
    shown = highlight(short(evidence.text, 100), words)
    line.append_text(shown)
    translated = highlight(short(evidence.translation, 60), words)
    # the translation is worth its room only where the query's words are found in it and not in the text
    if translated.spans and not shown.spans:
        line.append("  ≈ ", style="dim").append_text(translated)
    return line


def highlight(text: str, query: frozenset[str]) -> Text:
    """Return ``text`` with those words in bold that share a stem with the query."""
    from rich.text import Text

    from kadr.core.text import clean, words

    shown = Text(clean(text), style="not dim")
    for word in words(text):
        if query & _stems(word.text):
            shown.stylize("bold yellow", word.start, word.end)
    return shown


def query_stems(query: QueryUnderstanding) -> frozenset[str]:
    """Return the stems of the words that were searched for, in every form of the query."""
    forms = (query.original, query.corrected, query.translated)
    return frozenset().union(*(_stems(form, drop_stop_words=True) for form in forms if form))


def _stems(text: str, *, drop_stop_words: bool = False) -> frozenset[str]:
    from kadr.core.text import stems, tokens

    try:
        return frozenset(stems(text, drop_stop_words=drop_stop_words))
    except ImportError:  # the stemmer comes with the extra `text`; a bare client can do without
        return frozenset(tokens(text))
