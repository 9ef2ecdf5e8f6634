"""``kadr tune``: the constants of ranking, fitted on judged queries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kadr.cli import stored
from kadr.cli.evaluate import measure, read_queries
from kadr.cli.failure import CommandError
from kadr.cli.session import AsJson, ModelsDir, session_of

if TYPE_CHECKING:
    from kadr.cli.evaluate import JudgedQuery
    from kadr.core.confidence import JudgedHit
    from kadr.core.fusion import Calibration
    from kadr.core.rankers import Similarities
    from kadr.core.ranking import Logistic, Ranking
    from kadr.core.tuning import Judged, Tuned

# Where Kadr's own constants lie in a checkout; `--write` puts them there.
DEFAULTS = Path("shared/kadr/core/data/ranking.json")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(tune)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What tuning found: ``ranking`` is what to use, which is ``start`` where nothing is better.

    ``error_before`` and ``error_after`` are how far confidence is from the share of hits that are right
    (0…1), on the judged queries.
    """

    start: Ranking
    ranking: Ranking
    tuned: Tuned
    error_before: float
    error_after: float


def tune(  # noqa: PLR0917 - Typer passes them by name
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE.jsonl", exists=True, dir_okay=False, help="As for `kadr evaluate`."),
    ],
    folds: Annotated[int, typer.Option(min=2, max=20, help="Parts of the cross-validation.")] = 5,
    seed: Annotated[int, typer.Option(help="Which query is in which part.")] = 0,
    prefix: Annotated[str, typer.Option(help="The --prefix that the videos were uploaded with.")] = "",
    every_query: Annotated[
        bool,
        typer.Option("--all", help="Also use queries about modalities whose weights are not installed."),
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Make the result the constants that this checkout comes with.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            dir_okay=False,
            help="Write the result; for `kadr reindex --fused --ranking`.",
        ),
    ] = None,
    models_dir: ModelsDir = None,
    as_json: AsJson = False,
) -> None:
    """Fit the constants of ranking on judged queries, and say what to expect of them on others.

    Starts from the constants that the stack uses. What it reports is cross-validated: each query is ranked
    with constants that were fitted without it. If that is no better than before, the constants stay as they
    are, and only confidence is fitted. The index is not touched.
    """
    from kadr.cli.console import foreign, print_json, stderr, stdout
    from kadr.core.ranking import ranking_json

    queries = read_queries(file, prefix=prefix)
    session = session_of(ctx)
    target = session.target()
    with target.api() as api:
        measured = measure(api, target.media_bucket, queries, k=10, every_query=every_query)
        collection = stored.read_collection(target, api, session.models_folder(models_dir))
        answers = [*measured.judgements, *measured.unanswerable]
        embedded = collection.embed([each.understood for each in answers])
    outcome = fitted(
        collection,
        [each.judged for each in answers],
        embedded,
        source=f"{file.name} ({len(answers)} queries, {len(collection.videos)} videos)",
        folds=folds,
        seed=seed,
    )
    err = stderr()
    for place in [*([session.root / DEFAULTS] if write else []), *([out] if out else [])]:
        text = json.dumps(ranking_json(outcome.ranking), ensure_ascii=False, indent=2)
        place.write_text(text + "\n", encoding="utf-8")
        err.print(foreign(f"Written: {place}"), soft_wrap=True)
    if as_json:
        print_json(outcome_json(outcome))
        return
    print_outcome(outcome, stdout())


def fitted(
    collection: stored.Collection,
    judged: Sequence[JudgedQuery],
    embedded: Sequence[Any],
    *,
    source: str,
    folds: int = 5,
    seed: int = 0,
) -> Outcome:
    """Fit the constants, then confidence on the hits that they give; ``source`` is kept with the result.

    Queries that no video answers say nothing of the order of results, and much about confidence.

    Raises:
        CommandError: there are too few queries to cross-validate, or to fit confidence.
    """
    from kadr.core.confidence import calibration_error
    from kadr.core.confidence import fit as fit_confidence
    from kadr.core.rankers import similarities
    from kadr.core.tuning import Judged
    from kadr.core.tuning import tune as cross_validated

    of = similarities(collection.videos, embedded)
    position = {key: at for at, key in enumerate(of.keys)}
    missing: dict[str, int] = {}
    wanted = Judged(
        tuple(
            frozenset(
                position[key] if key in position else missing.setdefault(key, len(of.keys) + len(missing))
                for key in query.relevant
            )
            for query in judged
        ),
        tuple(f"{query.modality}/{query.kind}" for query in judged),
    )
    start = collection.ranking
    answerable = [at for at, query in enumerate(judged) if query.relevant]
    try:
        tuned = cross_validated(
            of.rows(answerable), wanted.rows(answerable), start, collection.spreads, folds=folds, seed=seed
        )
        chosen = tuned.ranking if tuned.better else start
        hits = judged_hits(of, wanted, chosen, collection.spreads)
        confidence = fit_confidence(hits)
    except ValueError as error:
        raise CommandError(f"There is too little to fit on: {error}.") from error
    pictures = collection.clip is not None
    before = calibration_error(
        judged_hits(of, wanted, start, collection.spreads), start.curve(pictures=pictures)
    )
    fitted_curve = _rounded(confidence)
    return Outcome(
        start=start,
        ranking=replace(chosen, confidence_with_pictures=fitted_curve, fitted_on=source)
        if pictures
        else replace(chosen, confidence=fitted_curve, fitted_on=source),
        tuned=tuned,
        error_before=before,
        error_after=calibration_error(hits, confidence),
    )


def judged_hits(
    of: Similarities, judged: Judged, ranking: Ranking, spreads: Mapping[str, Calibration]
) -> list[JudgedHit]:
    """Return the first ten hits of each query with their verdicts: what people would see on a page."""
    from kadr.core.confidence import JudgedHit
    from kadr.core.rankers import Method, best, scores
    from kadr.core.tuning import NDCG_AT

    scored = scores(of, Method.FULL, ranking, spreads, k=NDCG_AT)
    return [
        JudgedHit(float(scored[query, at]), float(of.matched[query, at]), at in judged.relevant[query])
        for query, page in enumerate(best(scored, k=NDCG_AT))
        for at in page
    ]


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """Return what ``kadr tune --json`` prints."""
    from kadr.core.ranking import ranking_json

    tuned = outcome.tuned
    return {
        "better": tuned.better,
        "reindex": outcome.ranking.version != outcome.start.version,
        "ndcg@10": {
            "before": round(tuned.before, 4),
            "cross_validated": round(tuned.expected, 4),
            "fitted": round(tuned.after, 4),
        },
        "folds": [
            {
                "queries": fold.queries,
                "before": round(fold.before, 4),
                "after": round(fold.after, 4),
                "constants": constants(fold.ranking),
            }
            for fold in tuned.folds
        ],
        "confidence_error": {
            "before": round(outcome.error_before, 4),
            "after": round(outcome.error_after, 4),
        },
        "before": ranking_json(outcome.start),
        "after": ranking_json(outcome.ranking),
    }


def constants(ranking: Ranking) -> dict[str, float]:
    """Return the constants that are fitted, by name."""
    return {
        "words_scale": ranking.words_scale,
        **{f"ceilings.{modality}": value for modality, value in ranking.ceilings.items()},
        "words_weight": ranking.words_weight,
        "emphasis": ranking.emphasis,
    }


def print_outcome(outcome: Outcome, out: Any) -> None:
    """Print the folds, the constants before and after, and what to do next."""
    from rich import box
    from rich.table import Table

    from kadr.cli.console import counted

    tuned = outcome.tuned
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("fold")
    for name in ("queries", "nDCG@10 before", "after, fitted without them"):
        table.add_column(name, justify="right")
    for number, fold in enumerate(tuned.folds, start=1):
        table.add_row(str(number), str(fold.queries), f"{fold.before:.3f}", f"{fold.after:.3f}")
    table.add_section()
    queries = sum(fold.queries for fold in tuned.folds)
    table.add_row("all", str(queries), f"{tuned.before:.3f}", f"{tuned.expected:.3f}", style="bold")
    out.print(table)

    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("constant")
    for name in ("before", "after", "in the folds"):
        table.add_column(name, justify="right")
    before, after = constants(outcome.start), constants(outcome.ranking)
    for name in before:
        found = [constants(fold.ranking)[name] for fold in tuned.folds]
        table.add_row(
            name,
            f"{before[name]:g}",
            f"{after[name]:g}",
            f"{min(found):g} … {max(found):g}",
            style="bold" if after[name] != before[name] else "",
        )
    for curve in ("confidence", "confidence_with_pictures"):
        old, new = getattr(outcome.start, curve), getattr(outcome.ranking, curve)
        for name in ("slope", "matched", "offset") if new is not None else ():
            was = "" if old is None else f"{getattr(old, name):g}"
            table.add_row(f"{curve}.{name}", was, f"{getattr(new, name):g}", "")
    out.print(table)
    out.print(
        f"Confidence is {outcome.error_after:.3f} from the share of hits that are right "
        f"(before: {outcome.error_before:.3f})."
    )
    if not tuned.better:
        out.print(
            "No constants were found that rank queries better which they were not fitted on: they stay. "
            f"{counted(queries, 'query')} may be too few."
        )
    fuses = outcome.ranking.version != outcome.start.version
    out.print(
        "To put them in force: --out FILE.json, then kadr reindex --fused --ranking FILE.json. "
        + ("The vectors of all videos are fused anew." if fuses else "Only queries read what changed.")
    )


def _rounded(confidence: Logistic) -> Logistic:
    """Return three significant digits: more would claim more than was measured."""
    return replace(
        confidence,
        **{name: float(f"{getattr(confidence, name):.3g}") for name in ("slope", "offset", "matched")},
    )
