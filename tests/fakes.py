"""Small stand-ins for services, for tests that are about something else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kadr.core.errors import MediaLimitError, ObjectGoneError, SupersededError
from kadr.core.glossary import Entry
from kadr.core.identity import ObjectVersion
from kadr.events import ModalityExtracted
from kadr.ports.keys import ApiKey, Scope
from kadr.ports.objects import UploadForm


class MemoryObjectStore:
    """Implements ``ObjectStore`` in a dictionary; every write is a second later than the last."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], tuple[bytes, ObjectVersion]] = {}
        self.forms: list[str] = []
        self._clock = datetime(2026, 1, 1, tzinfo=UTC)

    def put(
        self, bucket: str, key: str, body: bytes, *, content_type: str = "application/octet-stream"
    ) -> None:
        self._clock += timedelta(seconds=1)
        etag = hashlib.sha256(body).hexdigest()[:32]
        version = ObjectVersion(etag, etag, len(body), self._clock, content_type)
        self.objects[bucket, key] = (body, version)

    def delete(self, bucket: str, key: str) -> None:
        self.objects.pop((bucket, key), None)

    def head(self, bucket: str, key: str) -> ObjectVersion | None:
        found = self.objects.get((bucket, key))
        return None if found is None else found[1]

    def download(self, bucket: str, key: str, version: ObjectVersion, to: Path, *, max_bytes: int) -> None:
        if version.size > max_bytes:
            raise MediaLimitError(f"the file has {version.size} bytes, the limit is {max_bytes}")
        found = self.objects.get((bucket, key))
        if found is None:
            raise ObjectGoneError(f"{key} is gone")
        if found[1].etag != version.etag:
            raise SupersededError(f"{key} was overwritten")
        to.write_bytes(found[0])

    def delete_all(self, bucket: str, keys: Sequence[str]) -> int:
        for key in keys:
            self.delete(bucket, key)
        return len(keys)

    def delete_prefix(
        self, bucket: str, prefix: str, *, keep: Callable[[str], bool] = lambda key: False
    ) -> int:
        gone = [
            place
            for place in self.objects
            if place[0] == bucket and place[1].startswith(prefix) and not keep(place[1])
        ]
        for place in gone:
            del self.objects[place]
        return len(gone)

    def presigned_get(self, bucket: str, key: str, *, expires: int) -> str:
        return f"https://{bucket}.example/{key}?expires={expires}"

    def presigned_post(
        self, bucket: str, key: str, *, content_type: str, max_bytes: int, expires: int
    ) -> UploadForm:
        self.forms.append(f"{content_type}, {max_bytes} bytes, {expires} s")
        return UploadForm(f"https://{bucket}.example/", {"key": key, "Content-Type": content_type})

    def address(self, bucket: str) -> str:
        return f"https://{bucket}.example/"

    def keys(self, bucket: str) -> set[str]:
        return {key for where, key in self.objects if where == bucket}


@dataclass
class RecordingQueue:
    """Implements ``AssembleQueue`` in a list."""

    sent: list[ModalityExtracted] = field(default_factory=list)

    def send(self, message: ModalityExtracted) -> None:
        self.sent.append(message)


@dataclass
class RecordingBackoff:
    """Stands in for ``SqsBackoff``."""

    delays: list[int] = field(default_factory=list)

    def retry_in(self, queue_arn: str, receipt_handle: str, seconds: int) -> bool:
        self.delays.append(seconds)
        return True


@dataclass
class FakeContext:
    """Lambda's context of a function with a gigabyte and a minute left."""

    memory_limit_in_mb: int = 1024
    function_name: str = "kadr-test"
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:000000000000:function:kadr-test"
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class MemoryGlossaryStore:
    """Implements ``GlossaryStore`` in dictionaries."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Entry]] = {}
        self._versions: dict[str, int] = {}

    def entries(self, tenant: str = "") -> tuple[Entry, ...]:
        return tuple(entry for _, entry in sorted(self._entries.get(tenant, {}).items()))

    def versions(self) -> Mapping[str, int]:
        return dict(self._versions)

    def change(self, tenant: str = "", *, put: Iterable[Entry] = (), remove: Iterable[str] = ()) -> int:
        before = self._entries.get(tenant, {})
        gone = set(remove) & set(before)
        after = {source: entry for source, entry in before.items() if source not in gone}
        after |= {entry.source: entry for entry in put}
        if after != before:
            self._entries[tenant] = after
            self._versions[tenant] = self._versions.get(tenant, 0) + 1
        return len(gone)


class ScopedKeys:
    """What routes ask of a ``KeyStore``: a key is called after its scopes (``edit``, ``upload+edit``).

    ``acme:edit`` is one of the tenant acme, and ``revoked:edit`` was valid once.
    """

    def find(self, key: str) -> ApiKey | None:
        of, _, scopes = key.rpartition(":")
        named = frozenset(scopes.split("+"))
        if not named <= {*Scope, "other"}:
            return None
        now = datetime(2026, 1, 1, tzinfo=UTC)
        revoked = now if of == "revoked" else None
        return ApiKey(key, named, None if revoked else of or None, now, revoked_at=revoked)


class MemoryQueryHistory:
    """Implements ``QueryHistory`` in a list, newest last; nothing in it is old."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, npt.NDArray[np.float32] | None]] = []

    def remember(self, user: str, query: str, vector: npt.NDArray[np.float32] | None) -> None:
        self.asked.append((user, query, vector))

    def recent(self, user: str, limit: int) -> list[npt.NDArray[np.float32]]:
        own = [vector for who, _, vector in reversed(self.asked) if who == user and vector is not None]
        return own[:limit]

    def erase(self, user: str) -> int:
        kept = [each for each in self.asked if each[0] != user]
        erased = len(self.asked) - len(kept)
        self.asked = kept
        return erased

    def forget(self, days: int) -> int:
        return 0
