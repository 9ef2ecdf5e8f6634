"""The dictionary of suggestions in the derived bucket: an object per version, and one that names the latest.

``suggestions/latest.json`` is written last, so whoever follows it finds a whole dictionary. The version
before the latest is kept for those who have just read the old name; the one before that is removed.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from kadr.core.errors import DictionaryError, ObjectGoneError
from kadr.core.suggestion_file import CONTENT_TYPE, MOST_BYTES, read, write
from kadr.core.suggestions import Dictionary
from kadr.ports.objects import ObjectStore

PREFIX = "suggestions/"
LATEST = f"{PREFIX}latest.json"


@dataclass(frozen=True, slots=True)
class Pointer:
    """What ``latest.json`` says."""

    version: str  # the SHA-256 of the object
    key: str
    phrases: int
    built_at: str  # ISO 8601
    previous: str = ""  # the key of the version before


class PublishedSuggestions:
    """Reads and writes the dictionary of one bucket."""

    def __init__(self, objects: ObjectStore, bucket: str) -> None:
        self._objects = objects
        self._bucket = bucket

    def tag(self) -> str | None:
        """Return what changes whenever something else is published; ``None`` where nothing is."""
        found = self._objects.head(self._bucket, LATEST)
        return None if found is None else found.etag

    def pointer(self) -> Pointer | None:
        """Return which version is the latest; ``None`` where nothing is published.

        Raises:
            DictionaryError: the object is not what it should be.
        """
        content = self._read(LATEST, 64 * 1024)
        if content is None:
            return None
        try:
            return Pointer(**json.loads(content))
        except (ValueError, TypeError) as error:
            raise DictionaryError(f"{LATEST} is damaged ({error}): run `kadr suggestions build`") from error

    def load(self) -> Dictionary | None:
        """Return the latest dictionary, verified; ``None`` where nothing is published.

        Raises:
            DictionaryError: it is damaged, or of another format.
            ObjectGoneError, SupersededError, DependencyError: as the object store; try again.
        """
        latest = self.pointer()
        if latest is None:
            return None
        content = self._read(latest.key, MOST_BYTES)
        if content is None:
            raise ObjectGoneError(f"{latest.key} is gone")
        if hashlib.sha256(content).hexdigest() != latest.version:
            raise DictionaryError(f"{latest.key} is damaged: run `kadr suggestions build`")
        return read(content)

    def publish(self, dictionary: Dictionary) -> Pointer:
        """Make a dictionary the latest one, unless it already is; return what is published then."""
        content = write(dictionary)
        version = hashlib.sha256(content).hexdigest()
        try:
            latest = self.pointer()
        except DictionaryError:
            latest = None  # what is damaged is replaced
        if latest is not None and latest.version == version:
            return latest
        key = f"{PREFIX}{version[:16]}.npz"
        new = Pointer(
            version=version,
            key=key,
            phrases=len(dictionary.phrases),
            built_at=datetime.now(UTC).isoformat(timespec="seconds"),
            previous="" if latest is None else latest.key,
        )
        self._objects.put(self._bucket, key, content, content_type=CONTENT_TYPE)
        self._objects.put(
            self._bucket, LATEST, json.dumps(asdict(new)).encode(), content_type="application/json"
        )
        if latest is not None and latest.previous not in {"", key, latest.key}:
            self._objects.delete_prefix(self._bucket, latest.previous)
        return new

    def _read(self, key: str, most: int) -> bytes | None:
        found = self._objects.head(self._bucket, key)
        if found is None:
            return None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "object"
            self._objects.download(self._bucket, key, found, path, max_bytes=most)
            return path.read_bytes()
