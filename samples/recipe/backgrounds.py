"""The backgrounds by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from samples.recipe import patterns, scenery
from samples.recipe.paint import Painter

FACTORIES: dict[str, Callable[..., Painter]] = {
    factory.__name__: factory
    for factory in (
        patterns.bars,
        patterns.bokeh,
        patterns.chart,
        patterns.confetti,
        patterns.gingham,
        patterns.gradient,
        patterns.mosaic,
        patterns.paper,
        patterns.rays,
        patterns.stripes,
        patterns.tiles,
        scenery.blocks,
        scenery.city,
        scenery.hills,
        scenery.neon,
        scenery.photo,
        scenery.pitch,
        scenery.rain,
        scenery.road,
        scenery.sea,
        scenery.stars,
    )
}


def make(kind: str, seed: int, options: Mapping[str, Any]) -> Painter:
    """The painter of a kind of background; the same seed gives the same pictures."""
    return FACTORIES[kind](np.random.default_rng(seed), **options)
