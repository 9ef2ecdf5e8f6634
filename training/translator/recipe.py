"""What a fine-tuning consists of, apart from the data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from kadr.models.registry import sha256


@dataclass(frozen=True, slots=True)
class Recipe:
    """The default is the reference recipe: 8,000 pairs, slang five times, 5 epochs at 2e-5."""

    pairs: int = 8000  # at most, to learn from
    slang_times: int = 5  # how often an epoch has each pair of the slang file
    epochs: int = 5
    learning_rate: float = 2e-5  # falls linearly to 0
    batch: int = 32  # pairs
    held_out: int = 500  # pairs, to evaluate with
    seed: int = 1
    most_pieces: int = 128  # of a sentence; the rest of it is not learnt
    weight_decay: float = 0.01
    largest_gradient: float = 1.0

    def fingerprint(self, *files: Path) -> str:
        """Return what tells one training from another: the recipe and the contents of the files."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode())
        for file in files:
            digest.update(sha256(file).encode())
        return digest.hexdigest()[:16]
