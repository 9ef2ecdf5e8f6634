"""``kadr evaluate``: how well search finds what it should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kadr.cli import stored
from kadr.cli.failure import CommandError
from kadr.cli.sending import folder_prefix
from kadr.cli.session import AsJson, ModelsDir, session_of

if TYPE_CHECKING:
    from kadr.cli.ablation import Ablation
    from kadr.cli.api import Api, QueryUnderstanding
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
    """A query and the keys of the videos that should be found; none: no video answers it."""

    query: str
    relevant: tuple[str, ...]
    kind: str = ""  # exact, paraphrase, typo …
    modality: str = ""  # by which of the videos' modalities it can be found; empty: not said


@dataclass(frozen=True, slots=True)
class Judgement:
    """What search made of a judged query: how it read it, the keys it found, best first, and whether it
    said that nothing good is among them."""

    judged: JudgedQuery
    ranking: tuple[str, ...]
    understood: QueryUnderstanding
    nothing_good: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The measures over all queries, over those of each class, and over those of each modality.

    ``unanswerable`` are the queries that no video answers; they are in none of the measures.
    """

    k: int
    overall: Relevance
    classes: dict[str, Relevance]
    modalities: dict[str, Relevance]
    judgements: tuple[Judgement, ...]
    unanswerable: tuple[Judgement, ...]
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
    ablation: Annotated[
        bool,
        typer.Option(
            "--ablation",
            help="Also rank by each modality alone, by the reference formula, and by parts of ours.",
        ),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE.svg", dir_okay=False, help="Draw the ablation; implies it."),
    ] = None,
    models_dir: ModelsDir = None,
    as_json: AsJson = False,
) -> None:
    """Measure search on judged queries: recall@k, nDCG@10 and MRR, over all, by class and by modality.

    Queries that can only be answered by weights that are not installed are left out, and named. The ablation
    reads vectors and texts of every video from Qdrant and PostgreSQL, which must be reachable from here.
    """
    from kadr.cli.console import foreign, print_json, stderr, stdout

    if plot is not None and plot.suffix.lower() != ".svg":
        raise typer.BadParameter(f"{plot.name}: the plot is an SVG picture; give it a name that ends in .svg")
    queries = read_queries(file, prefix=prefix)
    session = session_of(ctx)
    target = session.target()
    table = None
    with target.api() as api:
        result = measure(api, target.media_bucket, queries, k=k, every_query=every_query)
        if ablation or plot is not None:
            from kadr.cli.ablation import ablate

            collection = stored.read_collection(target, api, session.models_folder(models_dir))
            embedded = collection.embed([each.understood for each in result.judgements])
            table = ablate(collection, [each.judged for each in result.judgements], embedded, k=k)
    err = stderr()
    for line in caveats(result):
        err.print(foreign(line), soft_wrap=True)
    if plot is not None and table is not None:
        from kadr.cli.ablation import plot as drawn

        plot.write_text(drawn(table), encoding="utf-8")
        err.print(foreign(f"Drawn: {plot}"), soft_wrap=True)
    if as_json:
        print_json(evaluation_json(result, misses=misses, ablation=table))
        return
    print_evaluation(result, stdout(), misses=misses, ablation=table)


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
    if not isinstance(relevant, list) or not all(isinstance(key, str) for key in relevant):
        raise ValueError("`relevant` must be a list of keys, empty where no video answers the query")
    for name in ("class", "modality"):
        if not isinstance(record.get(name, ""), str):
            raise ValueError(f"`{name}` must be text")
    return JudgedQuery(
        query=query,
        relevant=tuple(dict.fromkeys(prefix + key for key in relevant)),
        kind=record.get("class", ""),
        modality=record.get("modality", ""),
    )


def measure(
    api: Api, bucket: str, queries: Sequence[JudgedQuery], *, k: int, every_query: bool = False
) -> Evaluation:
    """Ask every query and return the measures; ``bucket`` is where the judged videos lie.

    Raises:
        CommandError: nothing is left to ask, or the API does not answer.
    """
    from collections import Counter
    from concurrent.futures import ThreadPoolExecutor

    from kadr.core.identity import video_id
    from kadr.core.relevance import mean_relevance

    out_of_reach = set() if every_query else unavailable_modalities(api)
    asked = [query for query in queries if query.modality not in out_of_reach]
    skipped = Counter(query.modality for query in queries if query.modality in out_of_reach)
    if not any(query.relevant for query in asked):
        if not skipped:
            raise CommandError("No query has a relevant video, so there is nothing to find. Judge some.")
        raise CommandError(
            f"Every query is about {', '.join(sorted(skipped))}, whose weights are not installed. "
            "Install them (`kadr status` names them), or count the queries as misses with --all."
        )
    depth = max(k, NDCG_AT)

    def ask(query: JudgedQuery) -> Judgement:
        answer = api.search(query.query, k=depth)
        keys = tuple(result.key for result in answer.results)
        return Judgement(query, keys, answer.query, answer.nothing_good)

    with ThreadPoolExecutor(max_workers=CONCURRENCY) as executor:
        answers = tuple(executor.map(ask, asked))
        keys = sorted({key for query in asked for key in query.relevant})
        found = executor.map(lambda key: api.video(video_id(bucket, key)) is not None, keys)
        missing = tuple(key for key, there in zip(keys, found, strict=True) if not there)
    judgements = tuple(each for each in answers if each.judged.relevant)

    def mean(chosen: Sequence[Judgement]) -> Relevance:
        return mean_relevance(
            [(each.ranking, each.judged.relevant) for each in chosen], recall_at_k=[k], ndcg_at_k=[NDCG_AT]
        )

    kinds = list(dict.fromkeys(each.judged.kind for each in judgements))
    about = list(dict.fromkeys(each.judged.modality for each in judgements))
    return Evaluation(
        k=k,
        overall=mean(judgements),
        classes={kind: mean([each for each in judgements if each.judged.kind == kind]) for kind in kinds},
        modalities={
            name: mean([each for each in judgements if each.judged.modality == name]) for name in about
        },
        judgements=judgements,
        unanswerable=tuple(each for each in answers if not each.judged.relevant),
        skipped=dict(skipped),
        not_indexed=missing,
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


def evaluation_json(
    result: Evaluation, *, misses: bool = False, ablation: Ablation | None = None
) -> dict[str, Any]:
    """Return what ``kadr evaluate --json`` prints; fields are added to it, never taken away."""
    data: dict[str, Any] = {
        **measures(result.overall),
        "queries": result.overall.queries,
        **{
            name: {
                kind: {**measures(relevance), "queries": relevance.queries}
                for kind, relevance in parts.items()
            }
            for name, parts in (("classes", result.classes), ("modalities", result.modalities))
        },
        "nothing_good": nothing_good(result),
        "skipped": result.skipped,
        "not_indexed": list(result.not_indexed),
    }
    if ablation is not None:
        from kadr.cli.ablation import ablation_json

        data["ablation"] = ablation_json(ablation)
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


def nothing_good(result: Evaluation) -> dict[str, int]:
    """Return how often search said that nothing good is there, rightly and wrongly.

    Wrongly: the first hit was right.
    """
    right = [
        each for each in result.judgements if each.ranking[:1] and each.ranking[0] in each.judged.relevant
    ]
    return {
        "unanswerable": len(result.unanswerable),
        "said_of_unanswerable": sum(each.nothing_good for each in result.unanswerable),
        "right_first": len(right),
        "said_of_right_first": sum(each.nothing_good for each in right),
    }


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

    figures = "  ".join(f"{name} {value:.3f}" for name, value in measures(result.overall).items())
    return f"{figures}  over {counted(result.overall.queries, 'query')}"


def print_evaluation(result: Evaluation, out: Any, *, misses: bool, ablation: Ablation | None = None) -> None:
    """Print the table of classes and modalities, the ablation and, with ``misses``, the worst queries."""
    from rich import box
    from rich.table import Table

    from kadr.cli.console import counted, foreign

    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("class")
    for name in ("queries", *measures(result.overall)):
        table.add_column(name, justify="right")
    for kind, relevance in sorted(result.classes.items()):
        table.add_row(foreign(kind or "-"), str(relevance.queries), *_cells(relevance))
    table.add_section()
    for name, relevance in sorted(result.modalities.items()):
        table.add_row(foreign(f"{name or '-'} (modality)"), str(relevance.queries), *_cells(relevance))
    table.add_section()
    table.add_row("all", str(result.overall.queries), *_cells(result.overall), style="bold")
    out.print(table)
    said = nothing_good(result)
    out.print(
        f"“Nothing good” is said of {said['said_of_unanswerable']} of "
        f"{counted(said['unanswerable'], 'query')} that no video answers, and of "
        f"{said['said_of_right_first']} of {said['right_first']} whose first hit is right."
    )
    if ablation is not None:
        from kadr.cli.ablation import print_ablation

        print_ablation(ablation, out)
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


def measures(relevance: Relevance) -> dict[str, float]:
    """Return the measures by their names, as they are printed."""
    return {
        **{f"recall@{k}": round(value, 4) for k, value in relevance.recall.items()},
        **{f"ndcg@{k}": round(value, 4) for k, value in relevance.ndcg.items()},
        "mrr": round(relevance.mrr, 4),
    }


def _cells(relevance: Relevance) -> list[str]:
    return [f"{value:.3f}" for value in measures(relevance).values()]
