"""How the command line shows why a video was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

    from kadr.cli.api import Evidence, Highlight, SearchResult

TEXT_WIDTH = 70  # characters of a moment's text
TRANSLATION_WIDTH = 60
BAR = 12  # cells of the bar of the best score

# What a score can come from: told apart by shade, for who sees no colour, and by colour.
_PARTS = {
    "visual": ("█", "magenta", "seen"),
    "ocr": ("▓", "cyan", "written"),
    "speech": ("▒", "green", "said"),
    "words": ("░", "yellow", "exact words"),
}


def best_evidence(result: SearchResult) -> Evidence | None:
    """Return the evidence to show: the one with the highest score, else the first."""
    if not result.evidence:
        return None
    return max(result.evidence, key=lambda evidence: evidence.score or 0.0)


def reasons(result: SearchResult) -> list[tuple[str, Text]]:
    """Return where in the video to look and what is there: the best moment, and the frame if it counts.

    A moment is entered where the first of the query's words is said, if that is known. There is always one
    line, and it is empty where nothing says why.
    """
    from rich.text import Text

    from kadr.cli.console import mmss

    lines: list[tuple[str, Text]] = []
    best = best_evidence(result)
    if best is not None:
        spoken = [mark.start for mark in best.highlights if mark.start is not None]
        start = spoken[0] if spoken else best.start
        lines.append(("" if start is None else mmss(start), _moment(best)))
    if result.frame is not None and (best is None or result.contributions.get("visual", 0.0) > 0.0):
        lines.append((mmss(result.frame.time), Text("visual: the closest frame", style="dim")))
    return lines or [("", Text())]


def highlighted(text: str, marks: Sequence[Highlight], *, width: int) -> Text:
    """Return ``width`` characters of a text around its first highlight, printable, the highlights in bold."""
    from rich.text import Text

    from kadr.cli.console import printable

    first = marks[0].offset if marks else 0
    begin = 0
    if len(text) > width and first > width // 2:
        begin = min(first - width // 3, len(text) - width)
        begin = text.find(" ", begin, first) + 1 or begin
    end = min(len(text), begin + width)
    shown = Text("…" if begin else "", style="not dim")
    at = begin
    for mark in marks:
        if mark.offset >= end or mark.offset < at:
            continue
        last = min(mark.offset + mark.length, end)
        shown.append(printable(text[at : mark.offset]))
        shown.append(printable(text[mark.offset : last]), style="bold yellow")
        at = last
    shown.append(printable(text[at:end]) + ("…" if end < len(text) else ""))
    return shown


def made_of(contributions: Mapping[str, float], most: float) -> Text:
    """Return the positive parts of a score as a bar; a sum of ``most`` has ``BAR`` cells."""
    from rich.text import Text

    bar = Text(no_wrap=True)
    if most <= 0:
        return bar
    # Rounding the ends of the parts, and not their lengths, keeps the bar's own length right.
    at, drawn = 0.0, 0
    for name, (sign, colour, _) in _PARTS.items():
        at += max(0.0, contributions.get(name, 0.0)) / most * BAR
        cells = round(at) - drawn
        bar.append(sign * cells, style=colour)
        drawn += cells
    return bar


def positive(contributions: Mapping[str, float]) -> float:
    """Return the sum of the positive parts: how long a bar is."""
    return sum(max(0.0, part) for part in contributions.values())


def legend(results: Iterable[SearchResult]) -> Text:
    """Return what the signs of the bars mean, those that occur."""
    from rich.text import Text

    there = {name for result in results for name, part in result.contributions.items() if part > 0.0}
    return Text("  ").join(
        Text.assemble((sign, colour), (f" {name}", "dim"))
        for part, (sign, colour, name) in _PARTS.items()
        if part in there
    )


def percent(confidence: float | None) -> Text:
    """Return a confidence as people read it: ``93 %``, green from 80 %, dim below 50 %."""
    from rich.text import Text

    if confidence is None:
        return Text()
    style = "green" if confidence >= 0.8 else "dim" if confidence < 0.5 else ""
    # 100 % would be a promise
    return Text(f"{min(99, round(confidence * 100))} %", style=style)


def _moment(evidence: Evidence) -> Text:
    from rich.text import Text

    from kadr.cli.console import printable

    line = Text(f"{printable(evidence.modality)}: ", style="dim")
    line.append_text(highlighted(evidence.text, evidence.highlights, width=TEXT_WIDTH))
    # the translation is worth its room only where the query's words are found in it and not in the text
    if evidence.translation_highlights and not evidence.highlights:
        translated = highlighted(
            evidence.translation, evidence.translation_highlights, width=TRANSLATION_WIDTH
        )
        line.append("  ≈ ", style="dim").append_text(translated)
    return line
