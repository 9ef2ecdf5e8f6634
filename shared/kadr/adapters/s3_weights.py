"""A prefix of an S3 bucket as a source and a store of weights; ``AWS_ENDPOINT_URL`` is honoured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kadr.core.errors import DependencyError, WeightsUnavailableError
from kadr.models.layouts import MANIFEST
from kadr.models.sources import CHUNK, Listing, Progress, SourceFile, check_name, digest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ABSENT = {"404", "NoSuchKey", "NotFound"}


class S3Weights:
    """Implements :class:`kadr.models.sources.Source` and :class:`kadr.models.sources.Store`.

    Raises:
        WeightsUnavailableError: there is no such bucket or object, or it may not be read or written.
        DependencyError: S3 does not answer.
        WeightsRefusedError: a key would lie outside the folder that it is fetched into.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @property
    def name(self) -> str:
        """The address: ``s3://bucket/prefix``."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def list(self) -> Listing:
        """Return what lies below the prefix; the revision is a digest of names and entity tags."""
        files: list[SourceFile] = []
        tags: list[tuple[str, str]] = []
        with self._errors():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            for page in pages:
                for entry in page.get("Contents", []):
                    name = entry["Key"].removeprefix(self._prefix)
                    if not name or name.endswith("/"):  # a folder that was made in the console
                        continue
                    check_name(name)
                    files.append(SourceFile(name, entry["Size"]))
                    tags.append((name, entry["ETag"]))
        return Listing(tuple(files), f"etags {digest(tags)}" if files else "")

    def fetch(self, file: SourceFile, to: Path, progress: Progress) -> None:
        """Download one object."""
        check_name(file.name)
        progress.begin(file.name, file.size or 0)
        with self._errors(), to.open("wb") as target:
            answer = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}{file.name}")
            for chunk in answer["Body"].iter_chunks(CHUNK):
                target.write(chunk)
                progress.advance(len(chunk))

    def manifest(self, folder: str) -> bytes | None:
        """Return the manifest of ``<role>/<variant>``, or ``None``."""
        from botocore.exceptions import ClientError

        with self._errors():
            try:
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=f"{self._prefix}{folder}/{MANIFEST}"
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _ABSENT:
                    return None
                raise
            return answer["Body"].read()

    def put(self, folder: str, directory: Path, names: Sequence[str], progress: Progress) -> None:
        """Upload; a manifest that is there goes first, and comes last: nobody finds half a model."""
        with self._errors():
            self._client.delete_object(Bucket=self._bucket, Key=f"{self._prefix}{folder}/{MANIFEST}")
            for name in sorted(names, key=lambda name: name == MANIFEST):
                progress.begin(name, (directory / name).stat().st_size)
                self._client.upload_file(
                    str(directory / name),
                    self._bucket,
                    f"{self._prefix}{folder}/{name}",
                    Callback=progress.advance,
                )

    @cached_property
    def _client(self) -> S3Client:
        import boto3
        from botocore.config import Config

        # Path style works with buckets of any name and with emulators on 127.0.0.1.
        return boto3.client(
            "s3",
            config=Config(
                retries={"max_attempts": 4, "mode": "standard"},
                connect_timeout=5,
                s3={"addressing_style": "path"},
            ),
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code == "NoSuchBucket":
                raise WeightsUnavailableError("", f"there is no bucket {self._bucket}") from error
            if code in _ABSENT:
                raise WeightsUnavailableError(
                    "", f"{self.name} has lost a file since it was listed"
                ) from error
            if code in {"AccessDenied", "403"}:
                raise WeightsUnavailableError(
                    "", f"your credentials may not do that with {self.name}: ask for the permission"
                ) from error
            raise DependencyError(f"S3 refused {self.name}: {error}") from error
        except (BotoCoreError, S3UploadFailedError) as error:
            raise DependencyError(f"S3 did not answer for {self.name}: {error}") from error
