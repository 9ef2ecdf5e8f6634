"""Showing how uploads get on: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, Self

from kadr.cli.console import as_markup, foreign, human_size, printable, stage_line, stderr
from kadr.cli.following import EXTRACTION, settled
from kadr.cli.sending import PART_SIZE, Outcome, Receipt, Upload
from kadr.core.modality import StageState

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID
    from rich.text import Text

    from kadr.cli.api import VideoStatus

# Rows of bars at a time; what is beyond them is in the total.
_ROWS = 12


class Display(Protocol):
    """What is told about every step of every file."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *exc: object) -> None:
        """Leave the terminal as it was."""

    def sending(self, upload: Upload, size: int) -> None:
        """``size`` more bytes of the file went through; called from several threads."""

    def delivered(self, receipt: Receipt) -> None:
        """The file is in the bucket, or cannot get there."""

    def moved(self, video: VideoStatus) -> None:
        """A stage of the video changed."""


def display(uploads: Sequence[Upload], *, follow: bool) -> Display:
    """Return the display for where messages go; ``follow`` says whether stages will be shown."""
    console = stderr()
    if console.is_terminal:
        return LiveDisplay(uploads, console, follow=follow)
    return LineDisplay(uploads, console)


class LineDisplay:
    """One line for each thing that happened: for logs and pipes."""

    def __init__(self, uploads: Sequence[Upload], console: Console) -> None:
        self._console = console
        self._total = len(uploads)
        self._numbers = {upload.key: number for number, upload in enumerate(uploads, start=1)}
        self._sent: dict[str, int] = {}
        self._stages: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing is left to tidy."""

    def sending(self, upload: Upload, size: int) -> None:
        """Say where a large file is, in quarters; a small one is there at once."""
        with self._lock:
            before = self._sent.get(upload.key, 0)
            self._sent[upload.key] = now = before + size
            quarter = 4 * now // upload.size if upload.size else 4
            if upload.size > PART_SIZE and quarter > 4 * before // upload.size and quarter < 4:
                self._say(upload.key, f"{25 * quarter} % of {human_size(upload.size)}")

    def delivered(self, receipt: Receipt) -> None:
        """Say what became of the file; where it was there and indexed, its stages say it."""
        if receipt.video is not None and settled(receipt.video):
            return
        with self._lock:
            self._say(receipt.upload.key, _outcome(receipt))

    def moved(self, video: VideoStatus) -> None:
        """Say which stages have moved, and at the end where all of them stand."""
        now = {stage.stage: stage.state for stage in video.stages}
        with self._lock:
            before = self._stages.get(video.key, {})
            self._stages[video.key] = now
            if settled(video):
                self._say(video.key, f"{video.state}:  {stage_line(video.stages).plain}")
                return
            moved = [
                stage
                for stage in video.stages
                if stage.state not in (before.get(stage.stage), StageState.QUEUED)
            ]
            if moved:
                self._say(video.key, stage_line(moved).plain)

    def _say(self, key: str, what: str) -> None:
        number = self._numbers.get(key, 0)
        place = f"[{number:>{len(str(self._total))}}/{self._total}]"
        self._console.print(foreign(f"{place} {key}  {what}"), soft_wrap=True)


class LiveDisplay:
    """A bar for each file that is on its way: first its bytes, then its stages."""

    def __init__(self, uploads: Sequence[Upload], console: Console, *, follow: bool) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._console = console
        self._follow = follow
        self._sizes = {upload.key: upload.size for upload in uploads}
        self._total = len(uploads)
        self._done = 0
        self._sent: dict[str, int] = {}
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()
        self._progress = Progress(
            TextColumn("{task.fields[name]}", markup=False),
            BarColumn(bar_width=18),
            TextColumn("{task.fields[note]}"),
            console=console,
            transient=True,
        )

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        self._all = self._progress.add_task("", total=self._total, name="all", note=self._summary())
        return self

    def __exit__(self, *exc: object) -> None:
        """Take the bars away; the lines of what is settled stay."""
        self._progress.stop()

    def sending(self, upload: Upload, size: int) -> None:
        """Move the bar of the bytes."""
        with self._lock:
            self._sent[upload.key] = done = self._sent.get(upload.key, 0) + size
            note = f"{human_size(done)} of {human_size(upload.size)}"
            self._draw(upload.key, done, upload.size, note)

    def delivered(self, receipt: Receipt) -> None:
        """Turn the bar into one of stages, or into a line."""
        key = receipt.upload.key
        with self._lock:
            if self._follow and receipt.outcome is not Outcome.FAILED:
                self._draw(key, 0, len(EXTRACTION), as_markup(_outcome(receipt)))
            else:
                self._settle(key, foreign(_outcome(receipt)), failed=receipt.outcome is Outcome.FAILED)

    def moved(self, video: VideoStatus) -> None:
        """Move the bar of the stages, or turn it into a line."""
        line = stage_line(video.stages)
        with self._lock:
            if settled(video):
                self._settle(video.key, line, failed=video.state == "failed")
            else:
                final = sum(stage.final for stage in video.stages if stage.stage in EXTRACTION)
                self._draw(video.key, final, len(EXTRACTION), line.markup)

    def _draw(self, key: str, done: int, total: int, note: str) -> None:
        if key not in self._tasks:
            if len(self._tasks) >= _ROWS:
                return
            self._tasks[key] = self._progress.add_task("", name=_fit(key), note="")
        self._progress.update(self._tasks[key], completed=done, total=max(total, 1), note=note)

    def _settle(self, key: str, line: Text, *, failed: bool) -> None:
        from rich.text import Text

        if key in self._tasks:
            self._progress.remove_task(self._tasks.pop(key))
        self._done += 1
        self._progress.update(self._all, completed=self._done, note=self._summary())
        text = Text(f"{_fit(key)}  ", style="red" if failed else "")
        text.append_text(line)
        self._console.print(text)

    def _summary(self) -> str:
        return f"{self._done} of {self._total}"


def _outcome(receipt: Receipt) -> str:
    match receipt.outcome:
        case Outcome.SENT:
            return f"sent {human_size(receipt.upload.size)}"
        case Outcome.IDENTICAL:
            return "already there, not sent again"
        case Outcome.FAILED:
            return f"not sent: {receipt.error}"


def _fit(key: str, width: int = 32) -> str:
    """Return the end of a key, printable: that is where names in one folder differ."""
    key = printable(key)
    return key if len(key) <= width else "…" + key[-(width - 1) :]
