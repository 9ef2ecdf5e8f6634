"""``kadr evaluate``: how well search finds what it should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kadr.cli.failure import CommandError
from kadr.cli.sending import folder_prefix
from kadr.cli.session import AsJson, session_of

if TYPE_CHECKING:
    from kadr.cli.api import Api
    from kadr.core.relevance import Relevance

NDCG_AT = 10
# Searches at the same time: latency is no part of this measure, so it may as well be done soon.
CONCURRENCY = 2
WORST = 10  # rows of --misses


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evaluate)


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query and the keys of the videos that should be found."""

    query: str
    relevant: tuple[str, ...]
    kind: str = ""  # exact, paraphrase, typo …
    modality: str = ""  # by which of the videos' modalities it can be found; empty: not said


@dataclass(frozen=True, slots=True)
class Judgement:
    """What search made of a judged query: the keys it found, best first."""

    judged: JudgedQuery
    ranking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The measures over all queries and over those of each class."""

    k: int
    overall: Relevance
    classes: dict[str, Relevance]
    judgements: tuple[Judgement, ...]
    skipped: dict[str, int]  # modality → queries that nothing on this stack could answer
    not_indexed: tuple[str, ...]  # relevant keys that the stack does not know; they count as misses


def evaluate(  # noqa: PLR0917 - Typer passes them by name
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.jsonl",
            exists=True,
            dir_okay=False,
            help='Lines such as {"query": "…", "relevant": ["key.mp4"], "class": "typo", "modality": "ocr"}.',
        ),
    ],
    k: Annotated[int, typer.Option("-k", "--k", min=1, max=100, help="Count what is among the first k.")] = 5,
    prefix: Annotated[str, typer.Option(help="The --prefix that the videos were uploaded with.")] = "",
    every_query: Annotated[
        bool,
        typer.Option("--all", help="Also count queries about modalities whose weights are not installed."),
    ] = False,
    misses: Annotated[bool, typer.Option("--misses", help="Show the queries that went worst.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure search on judged queries: recall@k, nDCG@10 and MRR, over all and by class.

    Queries that can only be answered by weights that are not installed are left out, and named.
    """
    from kadr.cli.console import foreign, print_json, stderr, stdout

    queries = read_queries(file, prefix=prefix)
    with session_of(ctx).target().api() as api:
        result = measure(api, queries, k=k, every_query=every_query)
    err = stderr()
    for line in caveats(result):
        err.print(foreign(line), soft_wrap=True)
    if as_json:
        print_json(evaluation_json(result, misses=misses))
        return
    print_evaluation(result, stdout(), misses=misses)


def read_queries(file: Path, *, prefix: str = "") -> list[JudgedQuery]:
    """Return the judged queries of a file.

    Raises:
        CommandError: a line is not what it should be; the message says which and why.
    """
    queries = []
    prefix = folder_prefix(prefix)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not a file of JSON lines: it is not UTF-8 text.") from error
    # only line feeds: a query may hold any other separator
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            queries.append(_judged_query(line, prefix))
        except ValueError as error:
            raise CommandError(f"{file}, line {number}: {error}. Correct the line.") from error
    if not queries:
        raise CommandError(f"{file} holds no queries. Write one JSON object on each line.")
    return queries


def _judged_query(line: str, prefix: str) -> JudgedQuery:
    """Return the query of a line; raises ValueError, in words."""
    import json

    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("this is not JSON, and each line must be one JSON object") from None
    if not isinstance(record, dict):
        raise ValueError("this is not a JSON object")
    for name in ("query", "relevant"):
        if name not in record:
            raise ValueError(f"`{name}` is missing")
    query, relevant = record["query"], record["relevant"]
    if not isinstance(query, str) or not query.strip():
        raise ValueError("`query` must be text, and not empty")
    if not isinstance(relevant, list) or not relevant or not all(isinstance(key, str) for key in relevant):
        raise ValueError("`relevant` must be a list of at least one key")
    for name in ("class", "modality"):
        if not isinstance(record.get(name, ""), str):
            raise ValueError(f"`{name}` must be text")
    return JudgedQuery(
        query=query,
        relevant=tuple(dict.fromkeys(prefix + key for key in relevant)),
        kind=record.get("class", ""),
        modality=record.get("modality", ""),
    )


def measure(api: Api, queries: Sequence[JudgedQuery], *, k: int, every_query: bool = False) -> Evaluation:
    """Ask every query and return the measures.

    Raises:
        CommandError: nothing is left to ask, or the API does not answer.
    """
    from collections import Counter
    from concurrent.futures import ThreadPoolExecutor

    from kadr.core.relevance import mean_relevance

    out_of_reach = set() if every_query else unavailable_modalities(api)
    asked = [query for query in queries if query.modality not in out_of_reach]
    skipped = Counter(query.modality for query in queries if query.modality in out_of_reach)
    if not asked:
        raise CommandError(
            f"Every query is about {', '.join(sorted(skipped))}, whose weights are not installed. "
            "Install them (`kadr status` names them), or count the queries as misses with --all."
        )
    known = {video.key for video in api.every_video()}
    depth = max(k, NDCG_AT)

    def ask(query: JudgedQuery) -> Judgement:
        return Judgement(query, tuple(result.key for result in api.search(query.query, k=depth).results))

    with ThreadPoolExecutor(max_workers=CONCURRENCY) as executor:
        judgements = tuple(executor.map(ask, asked))

    def mean(chosen: Sequence[Judgement]) -> Relevance:
        return mean_relevance(
            [(each.ranking, each.judged.relevant) for each in chosen], recall_at_k=[k], ndcg_at_k=[NDCG_AT]
        )

    kinds = list(dict.fromkeys(each.judged.kind for each in judgements))
    return Evaluation(
        k=k,
        overall=mean(judgements),
        classes={kind: mean([each for each in judgements if each.judged.kind == kind]) for kind in kinds},
        judgements=judgements,
        skipped=dict(skipped),
        not_indexed=tuple(sorted({key for query in asked for key in query.relevant} - known)),
    )


def unavailable_modalities(api: Api) -> set[str]:
    """Return the modalities that no video has been indexed by, because weights are missing.

    The ledger is asked, not the list of models: the function that answers has not the weights of all the
    others beside it.
    """
    from kadr.core.modality import Modality, StageState

    stages = api.status().stages
    return {
        str(modality)
        for modality in Modality
        if stages.get(modality, {}).get(StageState.UNAVAILABLE) and not stages[modality].get(StageState.DONE)
    }


def evaluation_json(result: Evaluation, *, misses: bool = False) -> dict[str, Any]:
    """Return what ``kadr evaluate --json`` prints; fields are added to it, never taken away."""
    data: dict[str, Any] = {
        **_measures(result.overall),
        "queries": result.overall.queries,
        "classes": {
            kind: {**_measures(relevance), "queries": relevance.queries}
            for kind, relevance in result.classes.items()
        },
        "skipped": result.skipped,
        "not_indexed": list(result.not_indexed),
    }
    if misses:
        data["misses"] = [
            {
                "query": each.judged.query,
                "class": each.judged.kind,
                "modality": each.judged.modality,
                "relevant": list(each.judged.relevant),
                "found": list(each.ranking[: result.k]),
            }
            for each in worst(result)
        ]
    return data


def worst(result: Evaluation) -> list[Judgement]:
    """Return the queries of which something relevant is not among the first k, worst first."""
    from kadr.core.relevance import ndcg_at, recall_at

    missed = [
        each for each in result.judgements if recall_at(each.ranking, each.judged.relevant, result.k) < 1
    ]
    return sorted(
        missed,
        key=lambda each: (
            recall_at(each.ranking, each.judged.relevant, result.k),
            ndcg_at(each.ranking, each.judged.relevant, NDCG_AT),
        ),
    )


def caveats(result: Evaluation) -> list[str]:
    """Return what a reader of the figures must know beside them."""
    from kadr.cli.console import counted

    lines = []
    for modality, count in sorted(result.skipped.items()):
        lines.append(f"{counted(count, 'query')} about {modality} left out: its weights are not installed.")
    if result.not_indexed:
        shown = ", ".join(result.not_indexed[:5]) + ("…" if len(result.not_indexed) > 5 else "")
        lines.append(
            f"{counted(len(result.not_indexed), 'relevant video')} not indexed, counted as misses: {shown}. "
            "Upload them, or say what was put in front of their keys with --prefix."
        )
    return lines


def summary(result: Evaluation) -> str:
    """Return the measures in one line."""
    from kadr.cli.console import counted

    measures = "  ".join(f"{name} {value:.3f}" for name, value in _measures(result.overall).items())
    return f"{measures}  over {counted(result.overall.queries, 'query')}"


def print_evaluation(result: Evaluation, out: Any, *, misses: bool) -> None:
    """Print the table of the classes and, with ``misses``, that of the worst queries."""
    from rich import box
    from rich.table import Table

    from kadr.cli.console import foreign

    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("class")
    for name in ("queries", *_measures(result.overall)):
        table.add_column(name, justify="right")
    for kind, relevance in sorted(result.classes.items()):
        table.add_row(foreign(kind or "-"), str(relevance.queries), *_cells(relevance))
    table.add_section()
    table.add_row("all", str(result.overall.queries), *_cells(result.overall), style="bold")
    out.print(table)
    if not misses:
        return
    missed = worst(result)
    if not missed:
        out.print(f"Every relevant video is among the first {result.k}.")
        return
    table = Table(box=box.SIMPLE, pad_edge=False, title="Went worst", title_justify="left")
    for name in ("query", "class", "should be found", "first found"):
        table.add_column(name, overflow="fold")
    for each in missed[:WORST]:
        table.add_row(
            foreign(each.judged.query),
            foreign(each.judged.kind),
            foreign(", ".join(each.judged.relevant)),
            foreign(", ".join(each.ranking[:3]) or "nothing"),
        )
    out.print(table)
    if len(missed) > WORST:
        out.print(f"… and {len(missed) - WORST} more; --json --misses has them all.")


def _measures(relevance: Relevance) -> dict[str, float]:
    return {
        **{f"recall@{k}": round(value, 4) for k, value in relevance.recall.items()},
        **{f"ndcg@{k}": round(value, 4) for k, value in relevance.ndcg.items()},
        "mrr": round(relevance.mrr, 4),
    }


def _cells(relevance: Relevance) -> list[str]:
    return [f"{value:.3f}" for value in _measures(relevance).values()]
