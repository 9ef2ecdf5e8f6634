"""Files that an author publishes one by one, over HTTPS; a zip file is opened for the one that is meant."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from kadr.core.errors import DependencyError, WeightsRefusedError, WeightsUnavailableError
from kadr.models.catalogue import WeightsFile
from kadr.models.sources import CHUNK, Listing, Progress, SourceFile, check_name, digest

_TIMEOUT = 30.0  # seconds without a byte
_LARGEST = 4 << 30  # bytes that a member of a zip file may unpack to


class WebFiles:
    """Implements :class:`kadr.models.sources.Source` for the files of a catalogue entry that have a ``url``.

    Raises:
        WeightsUnavailableError: a file is not there any more.
        DependencyError: the server does not answer.
        WeightsRefusedError: a zip file lacks the member, or it is too large.
    """

    def __init__(self, name: str, files: Sequence[WeightsFile], *, revision: str) -> None:
        self.name = name
        self._files = {file.name: file for file in files if file.url}
        self._revision = revision or digest([(file.name, file.url) for file in files])

    def list(self) -> Listing:
        """Return the files; their sizes are not known before they are fetched."""
        return Listing(
            tuple(SourceFile(name, None, file.sha256) for name, file in self._files.items()), self._revision
        )

    def fetch(self, file: SourceFile, to: Path, progress: Progress) -> None:
        """Download one file."""
        check_name(file.name)
        url = self._files[file.name].url
        archive = url.endswith(".zip") and not file.name.endswith(".zip")
        part = to.with_name(f".{to.name}.zip") if archive else to
        try:
            _download(url, part, file.name, progress)
            if archive:
                _unpack(part, file.name, to, url)
        finally:
            if archive:
                part.unlink(missing_ok=True)


def _download(url: str, to: Path, name: str, progress: Progress) -> None:
    import httpx

    try:
        with (
            httpx.stream("GET", url, timeout=_TIMEOUT, follow_redirects=True) as answer,
            to.open("wb") as file,
        ):
            answer.raise_for_status()
            progress.begin(name, int(answer.headers.get("content-length", 0)))
            for chunk in answer.iter_bytes(CHUNK):
                file.write(chunk)
                progress.advance(len(chunk))
    except httpx.HTTPStatusError as error:
        raise WeightsUnavailableError("", f"{url} answered {error.response.status_code}") from error
    except httpx.HTTPError as error:
        raise DependencyError(f"{url} could not be fetched: {error}") from error


def _unpack(archive: Path, name: str, to: Path, url: str) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            member = opened.getinfo(name)
            if member.file_size > _LARGEST:
                raise WeightsRefusedError(f"{name} in {url} claims to have {member.file_size} bytes")
            # zipfile stops at the size that was looked at above, whatever the data unpacks to.
            with opened.open(member) as source, to.open("wb") as target:
                shutil.copyfileobj(source, target, CHUNK)
    except (KeyError, zipfile.BadZipFile) as error:
        raise WeightsRefusedError(f"{url} is not a zip file with {name} in it") from error
