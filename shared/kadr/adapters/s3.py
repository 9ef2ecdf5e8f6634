"""Amazon S3."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from kadr.adapters.s3_links import signed_get
from kadr.core.errors import DependencyError, MediaLimitError, ObjectGoneError, SupersededError
from kadr.core.identity import ObjectVersion
from kadr.ports.objects import UploadForm

if TYPE_CHECKING:
    from boto3 import Session
    from botocore.credentials import ReadOnlyCredentials
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_CHUNK = 1024 * 1024
_DELETED_AT_ONCE = 1000  # keys that S3 takes in one request
_GONE = {"404", "NoSuchKey", "NotFound", "NoSuchVersion"}
_CHANGED = {"412", "PreconditionFailed"}


class S3ObjectStore:
    """Implements :class:`kadr.ports.objects.ObjectStore`, with a ``client`` or with the environment's."""

    def __init__(self, client: S3Client | None = None) -> None:
        self._given = client

    @cached_property
    def _client(self) -> S3Client:
        if self._given is not None:
            return self._given
        from botocore.config import Config

        # Path style works with buckets of any name and with emulators on 127.0.0.1.
        return self._session.client(
            "s3",
            config=Config(
                retries={"max_attempts": 4, "mode": "standard"},
                connect_timeout=5,
                read_timeout=30,
                # In us-east-1, the SDK would speak to the address of all regions: the page is told of one.
                s3={"addressing_style": "path", "us_east_1_regional_endpoint": "regional"},
                signature_version="s3v4",
            ),
        )

    @cached_property
    def _session(self) -> Session:
        import boto3

        return boto3.Session()

    def _credentials(self) -> ReadOnlyCredentials:
        # Asked for each link: those of a role expire, and boto3 renews them in time.
        found = self._session.get_credentials()
        frozen = None if found is None else found.get_frozen_credentials()
        if frozen is None or not frozen.access_key or not frozen.secret_key:
            raise DependencyError("S3 links cannot be signed: there are no AWS credentials")
        return frozen

    def head(self, bucket: str, key: str) -> ObjectVersion | None:
        """Return what lies at ``key`` now, or ``None`` where nothing does."""
        try:
            with _errors(f"s3://{bucket}/{key}"):
                answer = self._client.head_object(Bucket=bucket, Key=key)
        except ObjectGoneError:
            return None
        etag = answer["ETag"].strip('"')
        version = answer.get("VersionId") or "null"
        return ObjectVersion(
            version=etag if version == "null" else version,
            etag=etag,
            size=answer["ContentLength"],
            modified_at=answer["LastModified"],
            content_type=answer.get("ContentType", "application/octet-stream"),
        )

    def download(self, bucket: str, key: str, version: ObjectVersion, to: Path, *, max_bytes: int) -> None:
        """Write exactly ``version`` of the object to the file ``to``; see the port."""
        if version.size > max_bytes:
            raise MediaLimitError(
                f"the file has {_megabytes(version.size)}, the limit is {_megabytes(max_bytes)}"
            )
        with _errors(f"s3://{bucket}/{key}"), to.open("wb") as file:
            answer = self._client.get_object(Bucket=bucket, Key=key, IfMatch=f'"{version.etag}"')
            if answer["ETag"].strip('"') != version.etag:
                raise SupersededError(f"s3://{bucket}/{key} was overwritten while it was being read")
            for chunk in answer["Body"].iter_chunks(_CHUNK):
                file.write(chunk)
            written = file.tell()
        if written != version.size:
            raise DependencyError(f"s3://{bucket}/{key} broke off after {written} of {version.size} bytes")

    def put(self, bucket: str, key: str, body: bytes, *, content_type: str) -> None:
        """Write an object."""
        with _errors(f"s3://{bucket}/{key}"):
            self._client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; silent where there is none."""
        with _errors(f"s3://{bucket}/{key}"):
            self._client.delete_object(Bucket=bucket, Key=key)

    def delete_all(self, bucket: str, keys: Sequence[str]) -> int:
        """Delete objects, a thousand a request; those that are not there are passed over."""
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            part: list[ObjectIdentifierTypeDef] = [
                {"Key": key} for key in keys[start : start + _DELETED_AT_ONCE]
            ]
            with _errors(f"s3://{bucket}/{keys[start]}"):
                answer = self._client.delete_objects(Bucket=bucket, Delete={"Objects": part, "Quiet": True})
            if refused := answer.get("Errors"):  # single objects, in an answer of 200
                why = refused[0].get("Message", refused[0].get("Code", ""))
                raise DependencyError(f"S3 did not delete {len(refused)} objects of s3://{bucket}: {why}")
        return len(keys)

    def delete_prefix(
        self, bucket: str, prefix: str, *, keep: Callable[[str], bool] = lambda key: False
    ) -> int:
        """Delete every object below ``prefix`` but those to ``keep``; return how many that were."""
        count = 0
        with _errors(f"s3://{bucket}/{prefix}"):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                count += self.delete_all(
                    bucket, [entry["Key"] for entry in page.get("Contents", []) if not keep(entry["Key"])]
                )
        return count

    def presigned_get(self, bucket: str, key: str, *, expires: int) -> str:
        """Return a URL that reads the object without credentials for ``expires`` seconds.

        The browser is told to show the object in place, under its own name, and to guess nothing.
        """
        name = quote(key.rpartition("/")[2])
        place = self._client.meta
        return signed_get(
            place.endpoint_url,
            place.region_name,
            self._credentials(),
            bucket,
            key,
            expires=expires,
            disposition=f"inline; filename*=UTF-8''{name}",
        )

    def presigned_post(
        self, bucket: str, key: str, *, content_type: str, max_bytes: int, expires: int
    ) -> UploadForm:
        """Return a form that writes ``key`` without credentials for a while; see the port."""
        with _errors(f"s3://{bucket}/{key}"):
            made = self._client.generate_presigned_post(
                bucket,
                key,
                Fields={"Content-Type": content_type},
                Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, max_bytes]],
                ExpiresIn=expires,
            )
        return UploadForm(made["url"], made["fields"])

    def address(self, bucket: str) -> str:
        """Return below which URL presigned links of a bucket lie; it ends in a slash."""
        return f"{self._client.meta.endpoint_url.rstrip('/')}/{quote(bucket, safe='')}/"


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"


@contextmanager
def _errors(what: str) -> Iterator[None]:
    """Turn the SDK's errors into ours."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _GONE:
            raise ObjectGoneError(f"{what} is gone") from error
        if code in _CHANGED:
            raise SupersededError(f"{what} was overwritten while it was being read") from error
        raise DependencyError(f"S3 refused {what}: {error}") from error
    except BotoCoreError as error:
        raise DependencyError(f"S3 did not answer for {what}: {error}") from error
