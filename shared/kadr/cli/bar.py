"""Showing how long work on the whole collection gets on: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console


class Bar:
    """A bar on a terminal; elsewhere a line for each tenth."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = console
        self._what, self._total, self._done = "", 0, 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def begin(self, what: str, total: int | None) -> None:
        """Something of ``total`` videos begins."""
        self._what, self._total, self._done = what, total or 0, 0
        self._bar.reset(self._task, description=what, total=total)

    def advance(self, videos: int) -> None:
        """So many more were looked at."""
        before, self._done = self._done, self._done + videos
        self._bar.advance(self._task, videos)
        if self._console.is_terminal or not self._total:
            return
        tenth = 10 * self._done // self._total
        if tenth > 10 * before // self._total:
            self._console.print(f"{self._what}: {self._done} of {self._total}", highlight=False)
