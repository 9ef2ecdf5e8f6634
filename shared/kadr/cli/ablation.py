"""What each part of the ranking brings: the same queries, ranked with more and more of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from kadr.core.rankers import Method

if TYPE_CHECKING:
    from kadr.cli.evaluate import JudgedQuery
    from kadr.cli.stored import Collection
    from kadr.core.rankers import EmbeddedQuery
    from kadr.core.ranking import Ranking
    from kadr.core.relevance import Relevance

NDCG_AT = 10

SAID = {
    Method.VISUAL: "only what is seen",
    Method.OCR: "only what is written",
    Method.SPEECH: "only what is said",
    Method.REFERENCE: "reference weights over the union of each index's top k",
    Method.UNION: "our weights over the same union",
    Method.FUSED: "our weights over everything",
    Method.FULL: "and exact words: what search does",
}


@dataclass(frozen=True, slots=True)
class Row:
    """How well one way of ranking does: over all queries, and over those of each modality."""

    overall: Relevance
    modalities: Mapping[str, Relevance]


@dataclass(frozen=True, slots=True)
class Ablation:
    """The table; a method that has no vectors to look at is not in it."""

    k: int
    rows: Mapping[Method, Row]


def ablate(
    collection: Collection,
    judged: Sequence[JudgedQuery],
    embedded: Sequence[EmbeddedQuery],
    *,
    k: int,
    ranking: Ranking | None = None,
) -> Ablation:
    """Rank the collection in every way; each index gives its top 10 to the union (``k``, if that is more)."""
    from kadr.core.modality import Modality
    from kadr.core.rankers import best, scores, similarities
    from kadr.core.relevance import mean_relevance

    ranking = ranking or collection.ranking
    of = similarities(collection.videos, embedded)
    depth = max(k, NDCG_AT)
    rows = {}
    for method in Method:
        if method in (Method.VISUAL, Method.OCR, Method.SPEECH) and Modality(method.value) not in of.asked:
            continue
        found = best(scores(of, method, ranking, collection.spreads, k=depth), k=depth)
        pairs = [
            (query.modality, ([of.keys[at] for at in ranked], query.relevant))
            for query, ranked in zip(judged, found, strict=True)
        ]

        def mean(chosen: Sequence[tuple[Sequence[str], Sequence[str]]]) -> Relevance:
            return mean_relevance(chosen, recall_at_k=[k], ndcg_at_k=[NDCG_AT])

        rows[method] = Row(
            mean([pair for _, pair in pairs]),
            {
                name: mean([pair for modality, pair in pairs if modality == name])
                for name in dict.fromkeys(modality for modality, _ in pairs)
            },
        )
    return Ablation(k, rows)


def ablation_json(table: Ablation) -> dict[str, Any]:
    """Return the table as it is printed with ``--json``."""
    from kadr.cli.evaluate import measures

    return {
        str(method): {
            **measures(row.overall),
            "modalities": {
                name: {**measures(relevance), "queries": relevance.queries}
                for name, relevance in row.modalities.items()
            },
        }
        for method, row in table.rows.items()
    }


def print_ablation(table: Ablation, out: Any) -> None:
    """Print the table: the measures over all queries, and nDCG@10 of those that each modality answers."""
    from rich import box
    from rich.table import Table

    from kadr.cli.console import foreign
    from kadr.cli.evaluate import measures

    shown = Table(box=box.SIMPLE, pad_edge=False)
    shown.add_column("ranked by")
    some = next(iter(table.rows.values()))
    for name in measures(some.overall):
        shown.add_column(name, justify="right")
    for name in some.modalities:
        shown.add_column(foreign(f"{name or '-'} queries"), justify="right")
    shown.add_column("")
    for method, row in table.rows.items():
        shown.add_row(
            str(method),
            *(f"{value:.3f}" for value in measures(row.overall).values()),
            *(f"{relevance.ndcg[NDCG_AT]:.3f}" for relevance in row.modalities.values()),
            SAID[method],
            style="bold" if method is Method.FULL else "",
        )
    out.print(shown)


# Sizes of the plot in pixels; bars are told apart without colour, too, by their order and the legend's.
_LEFT, _TOP, _WIDTH, _BAR, _GAP = 90, 60, 620, 14, 16
_COLOURS = ("#1b3a57", "#3f7cac", "#8fb8de", "#c9a227", "#7d8597")


def plot(table: Ablation) -> str:
    """Return the table as an SVG picture: nDCG@10 of every method, over all queries and by modality."""
    names = list(next(iter(table.rows.values())).modalities)
    series = ["all", *names] if len(names) > 1 else ["all"]
    step = len(series) * _BAR + _GAP
    height = _TOP + len(table.rows) * step + 40
    bottom = height - 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 60}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        "<title>nDCG@10 of each way of ranking</title>",
        f'<rect width="{_LEFT + _WIDTH + 60}" height="{height}" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">nDCG@{NDCG_AT} of each way of ranking</text>',
    ]
    for place, name in enumerate(series):
        x = _LEFT + place * 130
        queries = _relevance(next(iter(table.rows.values())), name).queries
        parts += [
            f'<rect x="{x}" y="32" width="11" height="11" fill="{_COLOURS[place % len(_COLOURS)]}"/>',
            f'<text x="{x + 16}" y="42">{escape(name or "-")} ({queries})</text>',
        ]
    for tenth in range(0, 11, 2):
        x = _LEFT + _WIDTH * tenth // 10
        parts += [
            f'<line x1="{x}" y1="{_TOP - 6}" x2="{x}" y2="{bottom}" stroke="#ddd"/>',
            f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{tenth / 10:.1f}</text>',
        ]
    for at, (method, row) in enumerate(table.rows.items()):
        top = _TOP + at * step
        middle = top + len(series) * _BAR / 2 + 4
        parts.append(f'<text x="{_LEFT - 8}" y="{middle:.0f}" text-anchor="end">{method}</text>')
        for place, name in enumerate(series):
            value = _relevance(row, name).ndcg[NDCG_AT]
            y = top + place * _BAR
            parts += [
                f'<rect x="{_LEFT}" y="{y}" width="{value * _WIDTH:.1f}" height="{_BAR - 2}" '
                f'fill="{_COLOURS[place % len(_COLOURS)]}"/>',
                f'<text x="{_LEFT + value * _WIDTH + 4:.1f}" y="{y + 10}" font-size="10">{value:.3f}</text>',
            ]
    return "\n".join([*parts, "</svg>", ""])


def _relevance(row: Row, name: str) -> Relevance:
    return row.overall if name == "all" else row.modalities[name]
