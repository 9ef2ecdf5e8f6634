"""The state after an epoch, on disk: whole or not at all.

A checkpoint is written beside its place and moved there when it is complete; its list of checksums says what
complete means. One that is damaged, or belongs to another training, is not taken.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kadr.models.registry import sha256
from training.translator import model as marian

_STATE = "state.json"
_OPTIMIZER = "optimizer.safetensors"


@dataclass(slots=True)
class Progress:
    """How far a training is: finished epochs, and the mean loss per target piece of each."""

    fingerprint: str
    epoch: int = 0
    losses: list[float] = field(default_factory=list)


def save(folder: Path, progress: Progress, model: Any, optimizer: Any, base: Path) -> Path:
    """Write the checkpoint of an epoch and remove those before it; return its folder."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".part-*"):
        shutil.rmtree(left, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder))
    marian.save(model, base, part)
    tensors = {
        f"{index}.{name}": value
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }
    save_file(tensors, part / _OPTIMIZER)
    files = {path.name: sha256(path) for path in sorted(part.iterdir())}
    (part / _STATE).write_text(json.dumps({**asdict(progress), "files": files}), encoding="utf-8")
    place = folder / f"epoch-{progress.epoch:03}"
    shutil.rmtree(place, ignore_errors=True)
    part.replace(place)
    for other in folder.glob("epoch-*"):
        if other != place:
            shutil.rmtree(other, ignore_errors=True)
    return place


def latest(folder: Path, fingerprint: str) -> tuple[Path, Progress] | None:
    """Return the newest whole checkpoint of this training, or ``None``."""
    for place in sorted(folder.glob("epoch-*"), reverse=True):
        progress = _read(place)
        if progress is not None and progress.fingerprint == fingerprint:
            return place, progress
    return None


def restore(place: Path, optimizer: Any) -> None:
    """Put an optimizer into the state of a checkpoint; its parameters are those of the model there."""
    from safetensors.torch import load_file

    state: dict[int, dict[str, Any]] = {}
    for name, value in load_file(place / _OPTIMIZER).items():
        index, _, what = name.partition(".")
        state.setdefault(int(index), {})[what] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _read(place: Path) -> Progress | None:
    try:
        state = json.loads((place / _STATE).read_text(encoding="utf-8"))
        files = state.pop("files")
        progress = Progress(**state)
        whole = all(sha256(place / name) == expected for name, expected in files.items())
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return progress if whole and files else None
