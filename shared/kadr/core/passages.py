"""One vector for many short texts: what was written, or said, in a whole video."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kadr.core.extraction import Vector
from kadr.core.pooling import mean_direction

# Words. A sentence encoder cuts at 256 word pieces and blurs long before that; titles and captions have
# five to ten words, so a window holds a few of them together.
WINDOW = 48
STEP = 32  # windows overlap by a third: no sentence is only seen cut in two


def windows(texts: Sequence[str], *, size: int = WINDOW, step: int = STEP) -> list[str]:
    """Return overlapping windows of at most ``size`` words over the texts in order."""
    words = " ".join(texts).split()
    if not words:
        return []
    last = max(len(words) - size, 0)
    starts = [*range(0, last, step), last] if last else [0]
    return [" ".join(words[start : start + size]) for start in starts]


def embed_passages(embed: Callable[[Sequence[str]], Vector], texts: Sequence[str]) -> Vector | None:
    """Return the unit vector (d,) of all texts, or ``None`` where there are no words.

    ``embed`` gives unit rows for texts (:class:`kadr.ports.embedding.TextEmbedder`). Windows over the
    texts are embedded and averaged, each weighted by its number of words.
    """
    parts = windows(texts)
    if not parts:
        return None
    return mean_direction(np.asarray(embed(parts), np.float32), [len(part.split()) for part in parts])
