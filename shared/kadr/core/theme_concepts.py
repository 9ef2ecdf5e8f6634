"""The list of subjects that themes are named by whose videos have no words in common."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np

from kadr.core.extraction import Vector
from kadr.core.theme_names import Tongue

# So many standard deviations nearer than the other subjects is what it is about. Of 158 subjects one lies 2.5
# above the mean by chance; below that a number is the honester name.
_LEAST = 2.8
# And so many for a single video.
_EACH = 1.0
# A second subject that is nearly as near belongs into the name.
_SECOND = 0.9


@cache
def concepts() -> dict[str, str]:
    """Return the subjects, in English as the encoders know them, with their Russian."""
    text = files("kadr.core").joinpath("data/concepts.tsv").read_text(encoding="utf-8")
    lines = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return {line[0]: line[1] for line in lines}


def subjects(theme: Vector, common: Vector, encoded: Vector, language: Tongue) -> tuple[str, ...]:
    """Return what a theme is about, as one or two subjects; none where nothing stands out.

    ``theme`` (videos, d) are the unit vectors of its videos, zeros where one has none; ``common`` is the mean
    of all videos, ``encoded`` are those of :func:`concepts` in the same space. What all videos and what all
    subjects have in common is left out. Most of the videos have to be about it, not only their mean.
    """
    known = list(concepts().items())
    rest = encoded - encoded.mean(axis=0)
    rest /= np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), 1e-9)
    has = np.linalg.norm(theme, axis=1) > 0
    if not has.any():
        return ()
    each = _above((theme[has] - common) @ rest.T)
    of_all = _above((theme[has].mean(axis=0) - common)[None] @ rest.T)[0]
    many = (each >= _EACH).sum(axis=0) > len(theme) / 2
    ranked = [place for place in np.argsort(-of_all, kind="stable").tolist() if many[place]][:2]
    chosen = [place for place in ranked if of_all[place] >= max(_LEAST, _SECOND * float(of_all[ranked[0]]))]
    return tuple(known[place][language == "ru"] for place in chosen)


def _above(closeness: Vector) -> Vector:
    """Return rows as standard deviations above their means."""
    spread = np.maximum(closeness.std(axis=1, keepdims=True), 1e-9)
    found: Vector = (closeness - closeness.mean(axis=1, keepdims=True)) / spread
    return found
