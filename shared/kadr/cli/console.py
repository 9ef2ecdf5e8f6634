"""What commands print: data on stdout, messages on stderr."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kadr.core.modality import StageState

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from kadr.cli.api import StageStatus

# Without a terminal there is nobody to measure: wide enough that a table row stays one line in a log.
PLAIN_WIDTH = 140

_SIGNS = {
    StageState.QUEUED: ("…", "dim"),
    StageState.RUNNING: ("▸", "cyan"),
    StageState.RETRYING: ("↻", "yellow"),
    StageState.DONE: ("✓", "green"),
    StageState.EMPTY: ("·", "dim"),
    StageState.UNAVAILABLE: ("-", "dim"),
    StageState.FAILED: ("✗", "red"),
    StageState.DEAD: ("†", "bold red"),
}


# What moves the cursor, breaks a row or turns its direction: C0 and C1 controls, line and paragraph
# separators, bidirectional controls; and surrogates, which no stream can encode.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def stdout() -> Console:
    """Return the console for data."""
    return _console(stderr=False)


def stderr() -> Console:
    """Return the console for messages and progress."""
    return _console(stderr=True)


def print_json(data: Any) -> None:
    """Write ``data`` to stdout as indented JSON, text unescaped."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, default=_jsonable) + "\n")


def printable(text: str) -> str:
    """Return ``text`` so that a terminal only shows it: on one line, controls as ``\\x1b`` or ``\\u202e``.

    Keys, reasons and what was read in a video are whatever their authors liked. Every string that is not
    ours passes through here before it is shown; ``--json`` is exact and does not.
    """
    return _UNPRINTABLE.sub(_escape_code, text)


def foreign(text: str, style: str = "") -> Text:
    """Return text that is not ours for a console: printable, and not taken for Rich's markup."""
    from rich.text import Text

    return Text(printable(text), style=style)


def as_markup(text: str) -> str:
    """Return the markup that shows text that is not ours, as :func:`foreign` does."""
    from rich.markup import escape

    return escape(printable(text))


def mmss(seconds: float) -> str:
    """Return a position in a video: ``0:07``, ``12:30``, ``1:02:03``."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, last = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{last:02}" if hours else f"{minutes}:{last:02}"


def counted(number: int, noun: str) -> str:
    """Return a number of things: ``1 file``, ``2 files``, ``3 queries``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun.removesuffix('y')}ies" if noun.endswith("y") else f"{number} {noun}s"


def human_size(size: float) -> str:
    """Return a number of bytes for people: ``812 B``, ``3.4 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")


def stage_line(stages: Iterable[StageStatus]) -> Text:
    """Return where the stages of one video stand: ``✓ ingest  ✓ ocr  · speech (no sound)  … faces``."""
    from rich.text import Text

    line = Text()
    for stage in stages:
        sign, style = state_sign(stage.state)
        if line:
            line.append("  ")
        line.append(f"{sign} {printable(stage.stage)}", style=style)
        if stage.reason and stage.state not in (StageState.DONE, StageState.RUNNING):
            line.append(f" ({brief(stage.reason)})", style=style)
    return line


def stage_signs(stages: Iterable[StageStatus], names: Sequence[str]) -> Text:
    """Return only the signs of one video's stages, in the order of ``names``; a blank for a missing one."""
    from rich.text import Text

    states = {stage.stage: stage.state for stage in stages}
    signs = [state_sign(states[name]) if name in states else (" ", "") for name in names]
    return Text(" ").join(Text(sign, style=style) for sign, style in signs)


def stage_names(stages: Iterable[StageStatus]) -> Text:
    """Return the stages of one video with their signs, without reasons: ``✓ ingest  · speech  … faces``."""
    from rich.text import Text

    return Text("  ").join(
        Text(f"{state_sign(stage.state)[0]} {printable(stage.stage)}", style=state_sign(stage.state)[1])
        for stage in stages
    )


def stage_reasons(videos: Iterable[Iterable[StageStatus]]) -> list[Text]:
    """Return why stages have nothing to show: each reason once, with how often, most frequent first."""
    from collections import Counter

    from rich.text import Text

    counts: dict[tuple[str, str], Counter[str]] = {}
    for stages in videos:
        for stage in stages:
            if stage.reason and stage.state not in (StageState.DONE, StageState.RUNNING):
                why = stage.state, brief(stage.reason)
                counts.setdefault(why, Counter())[stage.stage] += 1
    lines = []
    for (state, reason), found in sorted(counts.items(), key=lambda item: -item[1].total()):
        sign, style = state_sign(state)
        where = ", ".join(f"{count} {printable(stage)}" for stage, count in found.most_common())
        lines.append(Text.assemble((f"{sign} {reason}", style), (f"  {where}", "dim")))
    return lines


def state_sign(state: str) -> tuple[str, str]:
    """Return the sign and the style of a stage's state."""
    try:
        return _SIGNS[StageState(state)]
    except ValueError:  # a newer API may know a state that we do not
        return "?", "yellow"


def brief(reason: str) -> str:
    """Return a stage's reason in a few words: what stands before a colon; ``kadr video`` shows all of it."""
    return short(reason.partition(": ")[0], 40)


def middle(text: str, width: int) -> str:
    """Return ``text``, printable, in at most ``width`` columns: what differs in names is at their ends."""
    from rich.cells import cell_len, set_cell_size

    text = printable(text)
    if cell_len(text) <= width:
        return text
    tail = ""
    for character in reversed(text):
        if cell_len(character + tail) > (width - 1) // 2:
            break
        tail = character + tail
    return set_cell_size(text, width - 1 - cell_len(tail)).rstrip() + "…" + tail


def short(text: str, limit: int = 60) -> str:
    """Return ``text``, printable, on one line of at most ``limit`` characters."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else shutil.get_terminal_size((PLAIN_WIDTH, 40)).columns
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def _escape_code(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _jsonable(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
