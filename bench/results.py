"""The list of figures in `bench/results.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results.json"
# Written in this order; what is not among them keeps its place behind.
_PARTS = ("index.", "memory.", "search.")


@dataclass(frozen=True, slots=True)
class Result:
    """One figure, with the reference's where there is one; ``more`` are further figures."""

    name: str
    value: float
    unit: str
    reference: float | None = None
    more: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times as much the reference takes."""
        return self.reference / self.value if self.reference is not None and self.value else None

    def entry(self) -> dict[str, Any]:
        """Return it as it is written."""
        entry: dict[str, Any] = {"name": self.name, "value": round(self.value, 3), "unit": self.unit}
        if self.reference is not None and self.ratio is not None:
            entry |= {"reference": round(self.reference, 3), "ratio": round(self.ratio, 2)}
        return entry | {name: round(value, 3) for name, value in self.more.items()}


def merged(old: Sequence[dict[str, Any]], new: Iterable[Result]) -> list[dict[str, Any]]:
    """Return the old entries with those replaced that were measured again, the rest kept."""
    entries = {entry["name"]: entry for entry in old}
    for result in new:
        entries[result.name] = result.entry()

    def place(name: str) -> int:
        return next((at for at, part in enumerate(_PARTS) if name.startswith(part)), len(_PARTS))

    return sorted(entries.values(), key=lambda entry: place(entry["name"]))


def read(path: Path = RESULTS) -> list[dict[str, Any]]:
    """Return what was written before; nothing, where there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def write(new: Iterable[Result], path: Path = RESULTS) -> None:
    """Add ``new`` to what was written before."""
    entries = merged(read(path), new)
    path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
