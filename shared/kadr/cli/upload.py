"""``kadr upload``: files and folders into the bucket, and the wait until they can be found."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kadr.cli.session import AsJson, session_of

if TYPE_CHECKING:
    from kadr.cli.api import Api, VideoStatus
    from kadr.cli.progress import Display
    from kadr.cli.sending import Bucket, Receipt, Upload

# Files on their way at the same time. More fill no line that one boto3 client with four parts each leaves
# free, and make the bars harder to read.
CONCURRENCY = 4
# Speech in a half-hour video is minutes of work, and so is a cold start; silence beyond this is a fault.
PATIENCE = 900.0  # seconds


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(upload)


def upload(  # noqa: PLR0917 - Typer passes them by name
    ctx: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH…",
            help="Videos, or folders with videos in them. A folder's own name is no part of the keys.",
        ),
    ],
    prefix: Annotated[
        str, typer.Option(help="Put this folder in front of every key: 'holiday' makes holiday/clip.mp4.")
    ] = "",
    every_file: Annotated[
        bool, typer.Option("--all", help="Send every file of a folder, not only those named like videos.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Send what the bucket holds already.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until every stage of every video is final.")
    ] = True,
    patience: Annotated[
        float, typer.Option(min=1.0, help="Seconds without any news after which waiting ends.")
    ] = PATIENCE,
    concurrency: Annotated[int, typer.Option("--jobs", "-j", min=1, max=32)] = CONCURRENCY,
    as_json: AsJson = False,
) -> None:
    """Upload videos and follow them until they can be found.

    A file that the bucket holds already is not sent again. Ctrl-C is safe: a file is in the bucket whole
    or not at all, and what is there is indexed without this command.
    """
    from kadr.cli.console import print_json, stderr
    from kadr.cli.progress import display
    from kadr.cli.sending import Bucket, plan

    uploads = plan(paths, prefix=prefix, every_file=every_file)
    target = session_of(ctx).target()
    bucket = Bucket(target.client("s3"), target.media_bucket)
    bucket.check()
    run = Run(uploads)
    with target.api() as api:
        try:
            with display(uploads, follow=wait) as shown:
                run.deliver(bucket, api, shown, force=force, patience=patience, wait=wait, jobs=concurrency)
        except KeyboardInterrupt:
            stderr().print(run.interrupted(), soft_wrap=True)
            raise typer.Exit(130) from None
        except Exception:
            stderr().print(run.summary(), soft_wrap=True)
            raise
    if as_json:
        print_json(run.as_json())
    else:
        run.print_report()
    if run.failed:
        raise typer.Exit(1)


@dataclass
class Run:
    """Files on their way, and what became of them."""

    uploads: Sequence[Upload]
    receipts: dict[str, Receipt] = field(default_factory=dict)
    videos: dict[str, VideoStatus] = field(default_factory=dict)

    def deliver(
        self,
        bucket: Bucket,
        api: Api,
        shown: Display,
        *,
        force: bool = False,
        wait: bool = True,
        patience: float = PATIENCE,
        jobs: int = CONCURRENCY,
    ) -> None:
        """Send every file that is not there, and, with ``wait``, follow each until it is settled.

        Raises:
            CommandError: nothing has happened for ``patience`` seconds, or the API stopped answering.
        """
        from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
        from concurrent.futures import wait as wait_for
        from time import monotonic, sleep

        from kadr.cli.following import POLL_EVERY, Follower, settled
        from kadr.cli.sending import Outcome, deliver
        from kadr.core.identity import video_id

        stop = threading.Event()
        follower = Follower(api, patience=patience)
        polled = 0.0
        executor = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="upload")
        pending: set[Future[Receipt]] = set()
        try:
            pending = {
                executor.submit(deliver, item, bucket, api, force=force, stop=stop, progress=shown.sending)
                for item in self.uploads
            }
            while pending or follower.waiting:
                if pending:
                    done, pending = wait_for(pending, timeout=POLL_EVERY, return_when=FIRST_COMPLETED)
                    for future in done:
                        receipt = future.result()
                        key = receipt.upload.key
                        self.receipts[key] = receipt
                        shown.delivered(receipt)
                        if not wait or receipt.outcome is Outcome.FAILED:
                            continue
                        if receipt.video is not None and settled(receipt.video):
                            self.videos[key] = receipt.video
                            shown.moved(receipt.video)
                            continue
                        follower.watch(video_id(bucket.name, key), not_before=receipt.not_before)
                elif follower.waiting:
                    sleep(POLL_EVERY)
                if monotonic() - polled < POLL_EVERY:
                    continue
                polled = monotonic()
                for video in follower.poll(quiet=bool(pending)):
                    self.videos[video.key] = video
                    shown.moved(video)
        finally:
            stop.set()
            executor.shutdown(wait=True, cancel_futures=True)
            # some may have got through while the others were being stopped
            for future in pending:
                if not future.cancelled() and future.exception() is None:
                    self.receipts[future.result().upload.key] = future.result()

    @property
    def failed(self) -> list[str]:
        """The keys that could not be sent or could not be indexed at all."""
        return [item.key for item in self.uploads if self._fault(item.key)]

    def as_json(self) -> dict[str, Any]:
        """Return what ``kadr upload --json`` prints."""
        from kadr.cli.videos import video_json

        rows = []
        for item in self.uploads:
            receipt, video = self.receipts.get(item.key), self.videos.get(item.key)
            rows.append(
                {
                    "path": str(item.path),
                    "key": item.key,
                    "size": item.size,
                    "outcome": str(receipt.outcome) if receipt else "not sent",
                    "error": receipt.error if receipt else "",
                    "video": video_json(video) if video else None,
                }
            )
        return {"uploads": rows, "failed": self.failed}

    def print_report(self) -> None:
        """Print what failed and why, and one line about everything."""
        from rich import box
        from rich.table import Table

        from kadr.cli.console import foreign, short, stdout

        out = stdout()
        faults = [(item.key, what, why) for item in self.uploads for what, why in self._faults(item.key)]
        if faults:
            table = Table(box=box.SIMPLE, pad_edge=False, title="What did not work", title_justify="left")
            table.add_column("file", overflow="fold")
            table.add_column("at")
            table.add_column("why")
            for key, what, why in faults:
                table.add_row(foreign(key), foreign(what), foreign(short(why, 200)))
            out.print(table)
        out.print(self.summary(), soft_wrap=True)

    def summary(self) -> str:
        """Return one line about everything."""
        from collections import Counter

        from kadr.cli.console import as_markup, counted
        from kadr.cli.sending import Outcome

        outcomes = Counter(receipt.outcome for receipt in self.receipts.values())
        parts = [f"{outcomes[Outcome.SENT]} sent"]
        if outcomes[Outcome.IDENTICAL]:
            parts.append(f"{outcomes[Outcome.IDENTICAL]} already there")
        if outcomes[Outcome.FAILED]:
            parts.append(f"{outcomes[Outcome.FAILED]} not sent")
        states = Counter(video.state for video in self.videos.values())
        parts += [f"{count} {as_markup(state)}" for state, count in sorted(states.items())]
        return f"{counted(len(self.uploads), 'file')}: {', '.join(parts)}."

    def interrupted(self) -> str:
        """Return what to say after Ctrl-C."""
        from kadr.cli.sending import Outcome

        there = sum(receipt.outcome is not Outcome.FAILED for receipt in self.receipts.values())
        left = len(self.uploads) - there
        sentence = f"Interrupted: {there} of {len(self.uploads)} files are in the bucket"
        if there:
            sentence += ", and their indexing goes on (`kadr status`, `kadr videos`)"
        return sentence + ("." if not left else f". Run the same command again to send the other {left}.")

    def _fault(self, key: str) -> bool:
        from kadr.cli.sending import Outcome

        receipt, video = self.receipts.get(key), self.videos.get(key)
        return (
            receipt is None
            or receipt.outcome is Outcome.FAILED
            or (video is not None and video.state == "failed")
        )

    def _faults(self, key: str) -> list[tuple[str, str]]:
        from kadr.cli.sending import Outcome
        from kadr.core.modality import StageState

        receipt, video = self.receipts.get(key), self.videos.get(key)
        if receipt is None:
            return [("upload", "it was not sent")]
        if receipt.outcome is Outcome.FAILED:
            return [("upload", receipt.error)]
        reasons: dict[str, list[str]] = {}
        for stage in video.stages if video is not None else []:
            if stage.state in (StageState.FAILED, StageState.DEAD):
                reasons.setdefault(stage.reason or stage.state, []).append(stage.stage)
        return [(", ".join(stages), why) for why, stages in reasons.items()]
