"""Object storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kadr.core.identity import ObjectVersion


@dataclass(frozen=True, slots=True)
class UploadForm:
    """What a browser sends a file with, as ``multipart/form-data`` to ``url``: ``fields``, then the file."""

    url: str
    fields: Mapping[str, str]


class ObjectStore(Protocol):
    """A bucket store with strong read-after-write consistency (S3 and what speaks its API)."""

    def head(self, bucket: str, key: str) -> ObjectVersion | None:
        """Return what lies at ``key`` now, or ``None`` where nothing does."""

    def download(self, bucket: str, key: str, version: ObjectVersion, to: Path, *, max_bytes: int) -> None:
        """Write exactly ``version`` of the object to the file ``to``.

        Raises:
            MediaLimitError: it is larger than ``max_bytes`` (checked before and while reading).
            SupersededError: another version lies there by now.
            ObjectGoneError: nothing lies there any more.
        """

    def put(self, bucket: str, key: str, body: bytes, *, content_type: str) -> None:
        """Write an object."""

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; silent where there is none."""

    def delete_all(self, bucket: str, keys: Sequence[str]) -> int:
        """Delete objects by their keys, silent where there is none; return how many keys that were.

        Raises:
            DependencyError: some of them could not be deleted.
        """

    def delete_prefix(
        self, bucket: str, prefix: str, *, keep: Callable[[str], bool] = lambda key: False
    ) -> int:
        """Delete every object below ``prefix`` but those to ``keep``; return how many that were.

        Raises:
            DependencyError: some of them could not be deleted.
        """

    def presigned_get(self, bucket: str, key: str, *, expires: int) -> str:
        """Return a URL that reads the object without credentials for ``expires`` seconds."""

    def presigned_post(
        self, bucket: str, key: str, *, content_type: str, max_bytes: int, expires: int
    ) -> UploadForm:
        """Return a form that writes ``key`` without credentials for ``expires`` seconds, and nothing else.

        The store refuses another content type, an empty file, and one of more than ``max_bytes``.
        """

    def address(self, bucket: str) -> str:
        """Return below which URL presigned links of a bucket lie; it ends in a slash."""
