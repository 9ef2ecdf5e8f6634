"""Prints what one function's image installs: pyproject's dependencies and the extra of its name.

Usage: ``python requirements.py pyproject.toml ocr``. What only the command line needs is left out.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

# An image has no terminal to draw on.
NOT_IN_IMAGES = {"rich", "typer"}
# The Lambda runtime itself; functions without an extra have nothing but the base.
RUNTIME = "awslambdaric"

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_OWN_EXTRAS = re.compile(r"kadr\[([a-z,]+)\]")


def requirements(project: dict[str, Any], function: str) -> list[str]:
    """Return the requirements of ``function``, sorted, each once; extras of the project are followed."""
    extras: dict[str, list[str]] = project["optional-dependencies"]
    runtime = [each for each in extras["dev"] if name(each) == RUNTIME]
    found = {each for each in project["dependencies"] if name(each) not in NOT_IN_IMAGES} | set(runtime)
    waiting, seen = [function], set[str]()
    while waiting:
        extra = waiting.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for each in extras.get(extra, []):
            own = _OWN_EXTRAS.fullmatch(each)
            if own:
                waiting += own.group(1).split(",")
            else:
                found.add(each)
    return sorted(found)


def name(requirement: str) -> str:
    """Return the name that a requirement begins with, normalised as package indexes do."""
    match = _NAME.match(requirement)
    if match is None:
        raise ValueError(f"not a requirement: {requirement!r}")
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def main() -> None:
    """Print one requirement per line."""
    pyproject, function = sys.argv[1:]
    project = tomllib.loads(Path(pyproject).read_text(encoding="utf-8"))["project"]
    sys.stdout.write("\n".join(requirements(project, function)) + "\n")


if __name__ == "__main__":
    main()
