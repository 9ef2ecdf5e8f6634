"""Files into the bucket: which, under which keys, and whether they are there already."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadr.cli.failure import CommandError, explain
from kadr.cli.following import fingerprint
from kadr.core.identity import video_id

if TYPE_CHECKING:
    from kadr.cli.api import Api, VideoStatus

VIDEO_EXTENSIONS = frozenset(
    {".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv",
     ".ts", ".webm", ".wmv"}
)  # fmt: skip

# A transfer above this is sent in parts of this size. 16 MiB: a part is repeated whole if it fails, and
# S3 takes at most 10,000 parts, so 160 GB, far above what is indexed.
PART_SIZE = 16 * 1024 * 1024

# S3 keeps user metadata beside the object; an ETag alone is no checksum once an upload had parts.
CHECKSUM = "kadr-sha256"

# The longest key that S3 takes, in bytes of UTF-8.
KEY_LIMIT = 1024


class Interrupted(Exception):
    """The user wants us to stop."""


class Outcome(StrEnum):
    """What became of a file."""

    SENT = "sent"
    IDENTICAL = "identical"  # the bucket holds the same bytes already
    FAILED = "failed"  # it could not be sent


@dataclass(frozen=True, slots=True)
class Upload:
    """A file and where it goes."""

    path: Path
    key: str
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Remote:
    """What the bucket holds at a key; two are equal if nothing was written in between."""

    etag: str
    version_id: str
    size: int
    modified_at: datetime | None = None
    sha256: str = ""


def plan(paths: Sequence[Path], *, prefix: str = "", every_file: bool = False) -> list[Upload]:
    """Return what to upload: files under their names, folders under the paths inside them.

    Keys are in Unicode's composed form, whatever the file system writes: the same name is the same key
    from every machine. In folders, hidden files are left out, and, unless ``every_file``, whatever has
    no video's extension.

    Raises:
        CommandError: a path does not exist, there is nothing to send, two files want one key, or the prefix
            is none.
    """
    prefix = folder_prefix(prefix)
    uploads: dict[str, Upload] = {}
    for path in paths:
        if not path.exists():
            raise CommandError(f"{path} does not exist. Check the path.")
        found = (
            ((file, file.relative_to(path).as_posix()) for file in _files(path, every_file))
            if path.is_dir()
            else iter([(path, path.name)])
        )
        for file, name in found:
            key = _key(prefix, name, file)
            other = uploads.get(key)
            if other is not None and not other.path.samefile(file):
                raise CommandError(
                    f"{other.path} and {file} would both become {key}. Upload them apart, with --prefix."
                )
            uploads[key] = Upload(file, key, file.stat().st_size)
    if not uploads:
        shown = ", ".join(str(path) for path in paths)
        raise CommandError(
            f"There is no video in {shown}. Files are known by their extensions; --all sends every file."
        )
    return list(uploads.values())


def folder_prefix(prefix: str) -> str:
    """Return ``prefix`` as keys begin with it: no slash in front or twice, one at the end; or empty.

    Raises:
        CommandError: a part of it is ``.`` or ``..``, which folders have and keys have not.
    """
    parts = [part for part in prefix.split("/") if part]
    if {".", ".."} & set(parts):
        raise CommandError(
            f"The prefix {prefix} has a part '.' or '..', which means nothing in a key. "
            "Write the folder out, such as holiday/2026."
        )
    return "".join(f"{part}/" for part in parts)


def _key(prefix: str, name: str, file: Path) -> str:
    key = unicodedata.normalize("NFC", prefix + name)
    try:
        length = len(key.encode("utf-8"))
    except UnicodeEncodeError:
        raise CommandError(
            f"The name {name!a} is not valid UTF-8, so no key can be made of it. Rename the file."
        ) from None
    if length > KEY_LIMIT:
        raise CommandError(f"The key of {file} would have {length} bytes; S3 takes {KEY_LIMIT}. Rename it.")
    return key


def _files(folder: Path, every_file: bool) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error  # or what cannot be read would be left out without a word

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(parent, name)
            if name.startswith(".") or not file.is_file():
                continue
            if every_file or file.suffix.lower() in VIDEO_EXTENSIONS:
                yield file


class Bucket:
    """The media bucket, for sending."""

    def __init__(self, s3: Any, name: str) -> None:
        self._s3 = s3
        self.name = name

    def check(self) -> None:
        """Raise botocore's error if the bucket cannot be reached."""
        self._s3.head_bucket(Bucket=self.name)

    def look(self, key: str) -> Remote | None:
        """Return what lies at ``key``; ``None`` if nothing does."""
        from botocore.exceptions import ClientError

        try:
            head = self._s3.head_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey", "NotFound"}:
                return None
            raise
        return Remote(
            etag=head["ETag"].strip('"'),
            version_id=head.get("VersionId") or "",
            size=head["ContentLength"],
            modified_at=head.get("LastModified"),
            sha256=head.get("Metadata", {}).get(CHECKSUM, ""),
        )

    def send(self, upload: Upload, sha256: str, *, progress: Callable[[int], None]) -> None:
        """Send a file; ``progress`` is called with numbers of bytes, from several threads.

        Whatever ``progress`` raises stops the transfer, and its parts are removed: an object is either
        whole or not there.
        """
        from boto3.s3.transfer import TransferConfig

        content_type = mimetypes.guess_type(upload.path.name)[0] or "application/octet-stream"
        self._s3.upload_file(
            str(upload.path),
            self.name,
            upload.key,
            ExtraArgs={"ContentType": content_type, "Metadata": {CHECKSUM: sha256}},
            Callback=progress,
            Config=TransferConfig(
                multipart_threshold=PART_SIZE, multipart_chunksize=PART_SIZE, max_concurrency=4
            ),
        )


@dataclass(frozen=True, slots=True)
class Digest:
    """A file's checksums, in hexadecimal."""

    sha256: str
    md5: str

    @classmethod
    def of(cls, path: Path, stop: threading.Event) -> Digest:
        """Read the file once; raises Interrupted if ``stop`` is set meanwhile."""
        sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        with path.open("rb") as file:
            while chunk := file.read(1024 * 1024):
                if stop.is_set():
                    raise Interrupted
                sha256.update(chunk)
                md5.update(chunk)
        return cls(sha256.hexdigest(), md5.hexdigest())


def identical(remote: Remote, upload: Upload, digest: Digest) -> bool:
    """Return whether the bucket holds the file's bytes."""
    if remote.size != upload.size:
        return False
    if remote.sha256:
        return remote.sha256 == digest.sha256
    # someone else's upload: the ETag of an object sent in one piece is its MD5
    return remote.etag == digest.md5


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one file.

    ``not_before`` is the fingerprint of the version that was overwritten: until the video has another
    one, what the API says about it is about the old version.
    """

    upload: Upload
    outcome: Outcome
    not_before: str | None = None
    error: str = ""
    video: VideoStatus | None = None  # what the API said, where the file is the one that it knows


def deliver(
    upload: Upload,
    bucket: Bucket,
    api: Api,
    *,
    force: bool,
    stop: threading.Event,
    progress: Callable[[Upload, int], None],
) -> Receipt:
    """Send one file unless the bucket holds it and the stack knows it; never raises but Interrupted.

    ``progress`` is called with the bytes that went through since the last call.
    """

    def report(size: int) -> None:
        if stop.is_set():
            raise Interrupted
        progress(upload, size)

    try:
        digest = Digest.of(upload.path, stop)
        before = bucket.look(upload.key)
        known = api.video(video_id(bucket.name, upload.key))
        if before is not None and known is not None and not force and identical(before, upload, digest):
            return Receipt(upload, Outcome.IDENTICAL, video=known)
        bucket.send(upload, digest.sha256, progress=report)
        new_version = before is None or bucket.look(upload.key) != before
    except Interrupted:
        raise
    except Exception as error:
        if stop.is_set():
            raise Interrupted from error
        return Receipt(upload, Outcome.FAILED, error=explain(error))
    return Receipt(
        upload, Outcome.SENT, not_before=fingerprint(known) if known is not None and new_version else None
    )
