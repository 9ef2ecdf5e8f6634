"""Object storage."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from kadr.core.identity import ObjectVersion


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

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        """Delete every object below ``prefix``; return how many there were."""

    def presigned_get(self, bucket: str, key: str, *, expires: int) -> str:
        """Return a URL that reads the object without credentials for ``expires`` seconds."""
