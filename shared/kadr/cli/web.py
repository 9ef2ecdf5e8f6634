"""``kadr web``: the search page of a deployed stack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from kadr.cli.failure import CommandError
from kadr.cli.session import AsJson, session_of
from kadr.core import page

if TYPE_CHECKING:
    from kadr.cli.target import Target


def register(app: typer.Typer) -> None:
    """Add the commands."""
    web = typer.Typer(name="web", help="The search page of a deployed stack.", no_args_is_help=True)
    web.callback()(_group)
    web.command()(publish)
    app.add_typer(web)


def _group() -> None:
    """The search page of a deployed stack."""


def publish(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="DIR", help="Where the page lies; web of the checkout.", file_okay=False
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Say what would be done; do nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put the page's files where CloudFront serves them from, and take away those that are gone.

    The local stack serves the checkout's own files: there is nothing to publish.
    """
    from kadr.cli.console import print_json, printable, stderr

    session = session_of(ctx)
    if not session.stack:
        raise CommandError(
            "The local stack serves the page of its checkout by itself. Name a deployed stack with --stack."
        )
    files = files_of(folder or session.root / "web")
    target = session.target()
    bucket, distribution = place(target)
    s3 = target.client("s3")
    there = {
        each["Key"]
        for answer in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for each in answer.get("Contents", ())
    }
    stale = sorted(there - set(files))
    if not dry_run:
        # The first page last: what it loads is there before it asks for it.
        for name in sorted(files, key=lambda each: (each == page.INDEX, each)):
            s3.put_object(
                Bucket=bucket,
                Key=name,
                Body=files[name].read_bytes(),
                ContentType=page.content_type(name),
                CacheControl=page.cache_control(name),
            )
        for name in stale:
            s3.delete_object(Bucket=bucket, Key=name)
        target.client("cloudfront").create_invalidation(
            DistributionId=distribution,
            InvalidationBatch={"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": uuid4().hex},
        )
    report: dict[str, Any] = {
        "bucket": bucket,
        "page": target.page_url,
        "published": sorted(files),
        "deleted": stale,
        "dry_run": dry_run,
    }
    if as_json:
        print_json(report)
        return
    for name in stale:
        typer.echo(printable(f"{'would delete' if dry_run else 'deleted'} {name}"))
    size = sum(path.stat().st_size for path in files.values())
    done = "would be published" if dry_run else "published"
    typer.echo(printable(f"{len(files)} files, {size / 1000:.0f} kB, {done} to {bucket}"))
    if not dry_run:
        stderr().print(f"{target.page_url} shows them within a minute or two.")


def place(target: Target) -> tuple[str, str]:
    """Return the bucket of a stack's page and the id of its distribution.

    Raises:
        CommandError: the stack serves no page from a bucket.
    """
    names = ("PageBucket", "PageDistributionId")
    if not all(target.outputs.get(name) for name in names):
        raise CommandError(
            f"The stack {target.name} has no page of its own: deploy it with the parameter PageHosting=on."
        )
    bucket, distribution = (target.outputs[name] for name in names)
    return bucket, distribution


def files_of(folder: Path) -> dict[str, Path]:
    """Return the files of a page by their names in the bucket; its tests and tools are none of them.

    Raises:
        CommandError: there is no page in the folder.
    """
    places = [folder / name for name in page.ROOT_FILES]
    places += [path for name in page.FOLDERS for path in sorted((folder / name).rglob("*"))]
    found = {path.relative_to(folder).as_posix(): path for path in places if path.is_file()}
    found = {name: path for name, path in found.items() if page.content_type(name) is not None}
    if page.INDEX not in found:
        raise CommandError(f"There is no {page.INDEX} in {folder}. Name the page's folder with --from.")
    return found
