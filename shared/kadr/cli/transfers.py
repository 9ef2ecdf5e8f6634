"""Showing files that are fetched, checked or published: a bar on a terminal, a line per file elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from kadr.cli.console import as_markup, foreign, human_size, stderr

if TYPE_CHECKING:
    from rich.progress import TaskID

# A file below it is there before anybody has read a line about it.
WORTH_A_LINE = 1_000_000  # bytes


class Transfers:
    """Implements :class:`kadr.models.sources.Progress` on stderr; ``verb`` says what is done to a file.

    Without a terminal there are ``lines`` for large files, or nothing.
    """

    def __init__(self, verb: str, *, lines: bool = True) -> None:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        self._verb = verb
        self._lines = lines
        self._console = stderr()
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=self._console,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        """Begin."""
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Take the bars away."""
        if self._console.is_terminal:
            self._bars.stop()

    def begin(self, what: str, total: int) -> None:
        """Show the next file."""
        if self._console.is_terminal:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(f"{self._verb} {as_markup(what)}", total=total or None)
        elif self._lines and total >= WORTH_A_LINE:
            self._console.print(foreign(f"{self._verb} {what} ({human_size(total)})"), soft_wrap=True)

    def advance(self, size: int) -> None:
        """Move the bar."""
        if self._task is not None:
            self._bars.advance(self._task, size)
