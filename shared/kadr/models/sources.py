"""Where weights can be fetched from, and what is asked of such a place.

Places that need a library of their own are in :mod:`kadr.adapters`: the hub, S3, files on the web. Names are
relative to the place, with ``/`` between folders; those that could lead out of a folder are refused.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError

CHUNK = 1 << 20  # bytes
_MOST_FILES = 2000  # a store of all roles has fewer than a hundred; beyond it, somebody's home is meant
_DEPTH = 3  # <role>/<variant>/<file>


class Progress(Protocol):
    """What is told about files that are moved."""

    def begin(self, what: str, total: int) -> None:
        """A file of ``total`` bytes comes next."""
        ...

    def advance(self, size: int) -> None:
        """``size`` more bytes of it are done."""
        ...


class Quiet:
    """Shows nothing."""

    def begin(self, what: str, total: int) -> None:
        """Show nothing."""

    def advance(self, size: int) -> None:
        """Show nothing."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source. ``size`` and ``sha256`` are missing where the source does not tell them."""

    name: str
    size: int | None  # bytes
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source holds now. ``revision`` identifies its state: a commit, or a digest of names and tags."""

    files: tuple[SourceFile, ...]
    revision: str

    @property
    def names(self) -> tuple[str, ...]:
        """The files' names."""
        return tuple(file.name for file in self.files)


class Source(Protocol):
    """A place that weights are fetched from."""

    @property
    def name(self) -> str:
        """What a manifest says about the origin: an address, without secrets."""
        ...

    def list(self) -> Listing:
        """Return what there is.

        Raises:
            WeightsUnavailableError: the place does not exist, or does not answer.
            WeightsRefusedError: a file's name could lead out of a folder.
        """
        ...

    def fetch(self, file: SourceFile, to: Path, progress: Progress) -> None:
        """Write one file of the listing to the path ``to``; errors as :meth:`list`."""
        ...


class Store(Protocol):
    """A place that weights are published to."""

    @property
    def name(self) -> str:
        """Its address."""
        ...

    def manifest(self, folder: str) -> bytes | None:
        """Return the manifest of ``<role>/<variant>``, or ``None`` where there is none."""
        ...

    def put(self, folder: str, directory: Path, names: Sequence[str], progress: Progress) -> None:
        """Write the files of ``directory`` to ``<role>/<variant>``; whole or not at all for a reader."""
        ...


def check_name(name: str) -> None:
    """Raise WeightsRefusedError for a name that could lead out of the folder that it is put into."""
    path = PurePosixPath(name)
    if (
        not name
        or path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or str(path) != name  # "a//b", "./a", "a/"
        or any(ord(character) < 32 for character in name)
    ):
        raise WeightsRefusedError(
            f"a file called {name!r} could lie outside the model's folder: it is refused"
        )


def digest(files: Sequence[tuple[str, str]]) -> str:
    """Return twelve digits over names and their tags or checksums."""
    whole = hashlib.sha256()
    for name, tag in sorted(files):
        whole.update(f"{name}\0{tag}\n".encode())
    return whole.hexdigest()[:12]


class LocalFolder:
    """A folder of this machine: a source, and a store.

    Symbolic links are followed where they stay inside the folder, and refused where they lead out of it.
    """

    def __init__(self, folder: Path, *, name: str = "", revision: str = "") -> None:
        self._folder = folder
        self._name = name
        self._revision = revision

    @property
    def name(self) -> str:
        """The folder's own name: where it lies is nobody's business but this machine's."""
        return self._name or f"folder:{self._folder.resolve().name}"

    def list(self) -> Listing:
        """See :class:`Source`."""
        if not self._folder.is_dir():
            raise WeightsUnavailableError("", f"{self._folder} is not a folder")
        files: list[SourceFile] = []
        for path in self._walk(self._folder, 1):
            if len(files) >= _MOST_FILES:
                raise WeightsRefusedError(
                    f"{self._folder} has more than {_MOST_FILES} files: name the one that holds weights"
                )
            name = path.relative_to(self._folder).as_posix()
            check_name(name)
            files.append(SourceFile(name, path.stat().st_size))
        files.sort(key=lambda file: file.name)
        changed = [(file.name, str((self._folder / file.name).stat().st_mtime_ns)) for file in files]
        return Listing(tuple(files), self._revision or f"files {digest(changed)}")

    def fetch(self, file: SourceFile, to: Path, progress: Progress) -> None:
        """See :class:`Source`."""
        check_name(file.name)
        path = self._folder / file.name
        self._inside(path)
        progress.begin(file.name, file.size or 0)
        copy(path, to, progress)

    def manifest(self, folder: str) -> bytes | None:
        """See :class:`Store`."""
        path = self._folder / folder / "manifest.json"
        return path.read_bytes() if path.is_file() else None

    def put(self, folder: str, directory: Path, names: Sequence[str], progress: Progress) -> None:
        """See :class:`Store`."""
        from kadr.models.folders import replacing

        with replacing(self._folder / folder) as part:
            for name in names:
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                progress.begin(name, (directory / name).stat().st_size)
                copy(directory / name, part / name, progress)

    def _walk(self, folder: Path, depth: int) -> Iterator[Path]:
        for entry in sorted(os.scandir(folder), key=lambda found: found.name):
            path = Path(entry.path)
            if entry.name.startswith("."):
                continue
            if path.is_symlink():
                self._inside(path)
            if path.is_file():
                yield path
            elif path.is_dir() and depth < _DEPTH:
                yield from self._walk(path, depth + 1)

    def _inside(self, path: Path) -> None:
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise WeightsRefusedError(
                f"{path} is a link that leads out of {self._folder}; if that is meant, copy the folder with "
                "what its links point to: cp -rL"
            )


def copy(path: Path, to: Path, progress: Progress) -> None:
    """Copy one file's content."""
    with path.open("rb") as source, to.open("wb") as target:
        while chunk := source.read(CHUNK):
            target.write(chunk)
            progress.advance(len(chunk))
