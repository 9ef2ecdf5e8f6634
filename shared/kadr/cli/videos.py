"""``kadr videos``, ``kadr video``, ``kadr delete``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from kadr.cli.confirm import confirm
from kadr.cli.failure import CommandError
from kadr.cli.session import AsJson, DryRun, Yes, session_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from kadr.cli.api import Api, StageStatus, VideoStatus
    from kadr.cli.target import Target

# How long `kadr delete` watches until nothing is left of a video; the purge function takes a second or two.
PURGE_PATIENCE = 60.0  # seconds
POLL_EVERY = 0.5  # seconds
# `kadr videos` gives up lengths and sizes before it cuts names to fewer columns than this.
NAME_ROOM = 24


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(videos)
    app.command()(video)
    app.command()(delete)


def videos(  # noqa: PLR0917 - Typer passes them by name
    ctx: typer.Context,
    prefix: Annotated[str, typer.Option(help="Only keys that begin with this.")] = "",
    state: Annotated[
        str, typer.Option(help="Only videos in this state: indexing, searchable, failed, empty.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    offset: Annotated[int, typer.Option(min=0, help="How many to leave out.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List videos and where each stage of them stands."""
    from kadr.cli.api import PAGE
    from kadr.cli.console import print_json, stderr, stdout
    from kadr.core.modality import VideoState

    if state and state not in set(VideoState):
        raise typer.BadParameter(f"there is no state {state!r}; use one of {', '.join(VideoState)}")
    listed: list[VideoStatus] = []
    with session_of(ctx).target().api() as api:
        # one more than asked for tells whether there are more
        while len(listed) <= limit:
            size = min(PAGE, limit + 1 - len(listed))
            page = api.videos(limit=size, offset=offset + len(listed), state=state, prefix=prefix)
            listed += page.videos
            if len(page.videos) < size:
                break
    more = len(listed) > limit
    del listed[limit:]
    if as_json:
        print_json({"videos": [video_json(item) for item in listed], "more": more})
        return
    if not listed:
        if offset:
            stderr().print(f"No more results: --offset {offset} is beyond the last video.")
            return
        stderr().print("There are no such videos. `kadr upload PATH…` adds some.")
        return

    print_videos(listed, stdout())
    if more:
        stderr().print(f"There are more: --offset {offset + limit}, or a larger --limit.")


def print_videos(listed: Sequence[VideoStatus], out: Console) -> None:
    """Print one line for each video, and below the table why stages have nothing to show.

    What does not fit the width goes in this order: the names of the stages (their signs stay), sizes and
    lengths, the middle of long keys.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    from kadr.cli.console import (
        foreign,
        human_size,
        middle,
        mmss,
        printable,
        stage_names,
        stage_reasons,
        stage_signs,
    )  # fmt: skip
    from kadr.core.modality import Stage

    known = [str(stage) for stage in Stage]
    names = list(dict.fromkeys([*known, *(stage.stage for item in listed for stage in item.stages)]))
    states = [foreign(item.state) for item in listed]
    facts = [
        (
            mmss(item.duration) if item.duration is not None else "",
            human_size(item.size) if item.size is not None else "",
        )
        for item in listed
    ]
    stages = [stage_names(item.stages) for item in listed]
    widest = max(cell_len(printable(item.key)) for item in listed)

    def room() -> int:
        """Return what is left for the keys; the table takes one at each edge and three between columns."""
        fixed = max(6, *(text.cell_len for text in stages)) + max(5, *(text.cell_len for text in states)) + 8
        if facts:
            lengths, sizes = zip(*facts, strict=True)
            fixed += max(map(len, ("length", *lengths))) + max(map(len, ("size", *sizes))) + 6
        return out.width - fixed

    signs_only = room() < widest
    if signs_only:
        stages = [stage_signs(item.stages, names) for item in listed]
        if room() < min(widest, NAME_ROOM):
            facts = []
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("video", no_wrap=True)
    table.add_column("state", no_wrap=True)
    if facts:
        table.add_column("length", justify="right", no_wrap=True)
        table.add_column("size", justify="right", no_wrap=True)
    table.add_column("stages", no_wrap=True)
    width = max(room(), 8)
    for i, item in enumerate(listed):
        table.add_row(Text(middle(item.key, width)), states[i], *(facts[i] if facts else ()), stages[i])
    out.print(table)
    if signs_only:
        out.print(Text(f"stages: {printable(' '.join(names))}", style="dim"))
    for line in stage_reasons(item.stages for item in listed):
        out.print(line)
    if width < widest:
        out.print(Text("Names that are too long are cut in the middle; --json has them whole.", style="dim"))


def video(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="KEY|ID", help="A key in the bucket, or a video's id.")],
    as_json: AsJson = False,
) -> None:
    """Show one video: every stage, with reasons, times, costs and what was found."""
    from kadr.cli.console import foreign, human_size, mmss, print_json, printable, state_sign, stdout

    target = session_of(ctx).target()
    with target.api() as api:
        found = find_video(api, target, name)
    if found is None:
        raise CommandError(
            f"There is no video {name}. `kadr videos` lists them; a new upload appears within seconds."
        )
    if as_json:
        print_json(video_json(found))
        return

    from rich import box
    from rich.table import Table

    out = stdout()
    out.print(foreign(found.key, "bold"), foreign(found.state))
    facts = [f"id {found.video_id}", f"bucket {found.bucket or target.media_bucket}"]
    if found.duration is not None:
        facts.append(mmss(found.duration))
    if found.width and found.height:
        facts.append(f"{found.width}×{found.height}")
    if found.size is not None:
        facts.append(human_size(found.size))
    if found.created_at is not None:
        facts.append(f"added {found.created_at:%Y-%m-%d %H:%M:%S}")
    out.print(foreign("  ".join(facts), "dim"))
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in ("stage", "state", "tries", "took", "cost", "model", "reason and details"):
        table.add_column(column, justify="right" if column in ("tries", "took", "cost") else "left")
    for stage in found.stages:
        sign, style = state_sign(stage.state)
        note = foreign(reason_in_table(stage))
        if stage.details:
            note.append(("  " if note else "") + printable(_details(stage.details)), style="dim")
        table.add_row(
            foreign(stage.stage),
            foreign(f"{sign} {stage.state}", style),
            str(stage.attempts) if stage.attempts else "",
            f"{stage.duration_ms / 1000:.1f} s" if stage.duration_ms is not None else "",
            f"${stage.cost_usd:.6f}" if stage.cost_usd is not None else "",
            foreign(stage.model_version or ""),
            note,
        )
    out.print(table)
    remedies: dict[str, list[str]] = {}
    for stage in found.stages:
        if stage.reason and reason_in_table(stage) != stage.reason:
            remedies.setdefault(stage.reason, []).append(stage.stage)
    for reason, names in remedies.items():
        out.print(foreign(f"{', '.join(names)}: {reason}", "dim"), soft_wrap=True)


def reason_in_table(stage: StageStatus) -> str:
    """Return a stage's reason; that of missing weights without how to install them, which is long."""
    from kadr.core.modality import StageState

    reason = stage.reason or ""
    return reason.partition(": ")[0] if stage.state == StageState.UNAVAILABLE else reason


def delete(  # noqa: PLR0917 - Typer passes them by name
    ctx: typer.Context,
    keys: Annotated[list[str], typer.Argument(metavar="KEY…", help="Keys in the media bucket.")],
    yes: Yes = False,
    dry_run: DryRun = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until nothing is left of them in the index.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Delete videos from the bucket, and with that everything that was made from them."""
    from kadr.cli.console import printable

    target = session_of(ctx).target()
    s3 = target.client("s3")
    keys = list(dict.fromkeys(keys))
    missing = [key for key in keys if not object_exists(s3, target.media_bucket, key)]
    if missing:
        raise CommandError(
            f"Not in the bucket: {', '.join(missing)}. Nothing was deleted; `kadr videos` lists the keys."
        )
    if dry_run:
        _say(keys, "would delete", as_json={"would_delete": keys} if as_json else None)
        return
    if not yes:
        what = f"{keys[0]}" if len(keys) == 1 else f"{len(keys)} videos ({', '.join(keys[:3])}…)"
        question = f"Delete {printable(what)} and everything found in it?"
        confirm(question, done="deleted", do="delete")
    for key in keys:
        s3.delete_object(Bucket=target.media_bucket, Key=key)
    left: list[str] = []
    if wait:
        with target.api() as api:
            left = _wait_until_gone(api, target, keys)
    _say(keys, "deleted", as_json={"deleted": keys, "still_indexed": left} if as_json else None)
    if left:
        raise CommandError(
            f"Deleted from the bucket, but still in the index after {PURGE_PATIENCE:.0f} s: "
            f"{', '.join(left)}. "
            "See `kadr logs purge` and the dead letters in `kadr status`."
        )


def find_video(api: Api, target: Target, name: str) -> VideoStatus | None:
    """Return the video with that id, or with that key; ``None`` if there is none."""
    from kadr.core.identity import video_id

    try:
        wanted = UUID(name)
    except ValueError:
        return api.video(video_id(target.media_bucket, name))
    return api.video(wanted) or api.video(video_id(target.media_bucket, name))


def object_exists(s3: Any, bucket: str, key: str) -> bool:
    """Return whether the bucket holds something at ``key``."""
    from botocore.exceptions import ClientError

    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"404", "NoSuchKey", "NotFound"}:
            return False
        raise
    return True


def video_json(item: VideoStatus) -> dict[str, Any]:
    """Return a video as ``--json`` prints it."""
    return item.model_dump(mode="json")


def _say(keys: list[str], what: str, *, as_json: dict[str, Any] | None) -> None:
    from kadr.cli.console import print_json, printable

    if as_json is not None:
        print_json(as_json)
        return
    for key in keys:
        typer.echo(f"{what} {printable(key)}")


def _wait_until_gone(api: Api, target: Target, keys: list[str]) -> list[str]:
    """Return those of ``keys`` that are still indexed when patience ends."""
    import time

    from kadr.core.identity import video_id

    deadline = time.monotonic() + PURGE_PATIENCE
    left = list(keys)
    while True:
        left = [key for key in left if api.video(video_id(target.media_bucket, key)) is not None]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(POLL_EVERY)


def _details(details: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in details.items())


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(item)}" for name, item in value.items()) or "none"
    return str(value)
