"""Puts Tesseract's language data into a folder: ``python scripts/tessdata.py --to DIR``.

Looks, in this order, in the folder itself, on the system, and in Debian's packages, which are fetched and
unpacked without root; then makes sure that the engine loads what was found.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

LANGUAGES = ("rus", "eng")
SYSTEM = (
    "/usr/share/tesseract-ocr/*/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)
DEBIAN = {language: f"tesseract-ocr-{language}" for language in LANGUAGES}
LEAST = 500_000  # bytes; the smallest edition of either language has more than 1 MB
TIMEOUT = 300  # seconds for one command


class UnavailableError(Exception):
    """This source has no language data; the message says why."""


def present(folder: Path) -> bool:
    """Whether the folder has all languages."""
    files = [folder / f"{language}.traineddata" for language in LANGUAGES]
    return all(file.is_file() and file.stat().st_size > LEAST for file in files)


def from_system(to: Path, _scratch: Path) -> None:
    """Copy what is installed on the system."""
    for pattern in SYSTEM:
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if present(folder):
                put([folder / f"{language}.traineddata" for language in LANGUAGES], to)
                return
    raise UnavailableError("not installed on this system")


def from_debian(to: Path, scratch: Path) -> None:
    """Fetch Debian's packages with apt, whose state is kept in ``scratch``, and unpack them."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise UnavailableError(f"there is no {tool} here")
    private = {
        "Dir::Cache": scratch / "cache",
        "Dir::State::status": scratch / "status",
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "root",  # otherwise root's apt wants a folder that its own user can write
    }
    (scratch / "cache/archives/partial").mkdir(parents=True)
    (scratch / "lists/partial").mkdir(parents=True)
    (scratch / "status").touch()
    options = [f"-o{name}={value}" for name, value in private.items()]
    own_lists = f"-oDir::State::lists={scratch / 'lists'}"
    download = ["download", *DEBIAN.values()]
    try:  # with the package lists that the system has
        run(["apt-get", "-qq", *options, *download], scratch)
    except UnavailableError:  # they are missing, or too old: with fresh ones
        run(["apt-get", "-qq", *options, own_lists, "update"], scratch)
        run(["apt-get", "-qq", *options, own_lists, *download], scratch)
    for package in scratch.glob("*.deb"):
        run(["dpkg-deb", "-x", str(package), str(scratch / "unpacked")], scratch)
    put((scratch / "unpacked").rglob("*.traineddata"), to)


def put(files: Iterable[Path], to: Path) -> None:
    """Copy the languages' files into the folder, each in one step."""
    to.mkdir(parents=True, exist_ok=True)
    for file in files:
        if file.name in {f"{language}.traineddata" for language in LANGUAGES}:
            part = to / f".{file.name}.part"
            shutil.copyfile(file, part)
            part.replace(to / file.name)
    if not present(to):
        raise UnavailableError("a language was missing in what was found")


def run(command: list[str], folder: Path) -> None:
    """Run a command in a folder; its complaints become the reason why a source is unavailable."""
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.strip()]
        raise UnavailableError(
            f"{command[0]}: {lines[-1] if lines else f'failed ({error.returncode})'}"
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(str(error)) from error


def check(folder: Path) -> str:
    """Load the engine with all languages and let it look at a picture; return the engine's version."""
    try:
        import tesserocr
    except ImportError:
        return "not checked: tesserocr is not installed"
    try:
        languages = "+".join(LANGUAGES)
        with tesserocr.PyTessBaseAPI(
            path=f"{folder}/", lang=languages, psm=tesserocr.PSM.SINGLE_LINE
        ) as engine:
            engine.SetImageBytes(b"\xff" * 200 * 60, 200, 60, 1, 200)
            engine.GetUTF8Text()
    except RuntimeError as error:
        raise UnavailableError(f"Tesseract does not load it: {error}") from error
    return str(tesserocr.tesseract_version().splitlines()[0])


def main() -> int:
    """Return 0 if the folder has the languages at the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, required=True, help="the folder, made if it is not there")
    to = parser.parse_args().to.resolve()
    sources: dict[str, Callable[[Path, Path], None]] = {
        "the system": from_system,
        "Debian's packages": from_debian,
    }
    reasons = []
    if present(to):
        sources = {"": lambda _to, _scratch: None, **sources}
    for name, fetch in sources.items():
        with tempfile.TemporaryDirectory(prefix="tessdata-") as scratch:
            try:
                fetch(to, Path(scratch))
                version = check(to)
            except UnavailableError as error:
                reasons.append(f"  {name or to}: {error}")
                continue
        origin = f", from {name}" if name else ""
        print(f"Tesseract's language data ({', '.join(LANGUAGES)}) are in {to}{origin} ({version})")
        return 0
    print("Tesseract's language data were not found:", *reasons, sep="\n", file=sys.stderr)
    print(
        "Install them (Debian and Ubuntu: apt install tesseract-ocr-rus tesseract-ocr-eng; "
        "Fedora: dnf install tesseract-langpack-rus tesseract-langpack-eng; "
        "macOS: brew install tesseract-lang), or put "
        f"rus.traineddata and eng.traineddata into {to}. Then run this again.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
