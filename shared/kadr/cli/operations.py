"""``kadr migrate`` and ``kadr redrive``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kadr.cli.database import database, vector_database
from kadr.cli.failure import CommandError
from kadr.cli.session import AsJson, DryRun, session_of
from kadr.cli.target import QUEUES

if TYPE_CHECKING:
    from kadr.cli.target import QueuePair

POLL_EVERY = 0.5  # seconds
# Received but not yet deleted: long enough to send ten messages, short enough to try again after a crash.
HIDDEN = 60  # seconds
# What services say that do not know StartMessageMoveTask.
_UNKNOWN_ACTION = frozenset(
    {
        "AWS.SimpleQueueService.UnsupportedOperation",
        "InternalFailure",
        "InvalidAction",
        "NotImplemented",
        "UnknownOperationException",
        "UnsupportedOperation",
    }
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(migrate)
    app.command()(redrive)


def migrate(ctx: typer.Context, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Apply the pending migrations of PostgreSQL, and make the collections and indexes that Qdrant lacks.

    The addresses are those of the stack's functions; both must be reachable from here.
    """
    from kadr.adapters.postgres import migrate as apply
    from kadr.cli.console import print_json, stderr

    target = session_of(ctx).target()
    variables = target.function_environment("IngestFunction")
    qdrant = vector_database(target, variables)
    with database(target, variables) as postgres:
        names = apply(postgres, dry_run=dry_run)
    names += qdrant.ensure(dry_run=dry_run)
    outdated = not qdrant.fits()
    if as_json:
        pending, applied = (names, []) if dry_run else ([], names)
        print_json({"pending": pending, "applied": applied, "reindex": outdated})
        return
    for name in names:
        typer.echo(f"{'pending' if dry_run else 'applied'} {name}")
    if outdated:
        stderr().print("The search index was made by another release. Now run `kadr reindex --fused`.")
    elif not names:
        stderr().print("PostgreSQL and Qdrant are up to date.")


def redrive(
    ctx: typer.Context,
    stages: Annotated[
        list[str] | None, typer.Argument(metavar="STAGE…", help=f"All, or some of: {', '.join(QUEUES)}.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send messages that ended in a dead-letter queue to their stage again."""
    from kadr.cli.console import print_json, stderr

    unknown = sorted(set(stages or ()) - set(QUEUES))
    if unknown:
        raise typer.BadParameter(f"there is no stage {', '.join(unknown)}; use {', '.join(QUEUES)}")
    target = session_of(ctx).target()
    sqs = target.client("sqs")
    pairs = [pair for pair in target.queues() if not stages or pair.stage in stages]
    counts = {}
    for pair in pairs:
        waiting = message_count(sqs, pair.dead_letter_url)
        counts[pair.stage] = waiting if dry_run or not waiting else move(sqs, pair, waiting)
    if as_json:
        print_json({"would_move" if dry_run else "moved": counts})
        return
    for stage, count in counts.items():
        if count:
            typer.echo(f"{stage}: {count} {'would be' if dry_run else ''} sent again".replace("  ", " "))
    if not any(counts.values()):
        stderr().print("The dead-letter queues are empty.")


def message_count(sqs: Any, url: str) -> int:
    """Return about how many messages a queue holds."""
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def move(sqs: Any, pair: QueuePair, waiting: int) -> int:
    """Move what is in a dead-letter queue to its source; return how many messages.

    Raises:
        CommandError: the service broke off.
    """
    from botocore.exceptions import ClientError

    source = sqs.get_queue_attributes(QueueUrl=pair.dead_letter_url, AttributeNames=["QueueArn"])
    arn = source["Attributes"]["QueueArn"]
    try:
        sqs.start_message_move_task(SourceArn=arn)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if error.response["Error"]["Code"] not in _UNKNOWN_ACTION and status not in {404, 501}:
            raise
        return _move_by_hand(sqs, pair, waiting)
    while True:
        task = sqs.list_message_move_tasks(SourceArn=arn, MaxResults=1)["Results"][0]
        if task["Status"] == "COMPLETED":
            return int(task.get("ApproximateNumberOfMessagesMoved", waiting))
        if task["Status"] not in {"RUNNING", "CANCELLING"}:
            raise CommandError(
                f"SQS broke off moving the dead letters of {pair.stage} "
                f"({task.get('FailureReason', task['Status'])}). "
                "Run the command again to move the rest."
            )
        time.sleep(POLL_EVERY)


def _move_by_hand(sqs: Any, pair: QueuePair, waiting: int) -> int:
    """Receive, send, delete: a message may come twice, which the functions bear, but none is lost."""
    moved = 0
    while moved < waiting:
        messages = sqs.receive_message(
            QueueUrl=pair.dead_letter_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=HIDDEN,
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            break
        for message in messages:
            sqs.send_message(
                QueueUrl=pair.url,
                MessageBody=message["Body"],
                MessageAttributes=message.get("MessageAttributes", {}),
            )
            sqs.delete_message(QueueUrl=pair.dead_letter_url, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return moved
