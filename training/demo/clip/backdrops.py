"""What lies behind the glyphs: the backgrounds of the sample clips in random colours, and plain ones."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Rng = np.random.Generator
Pixels = npt.NDArray[np.uint8]

SIDE = 96  # pixels of a kept picture: the middle square of a 9:16 frame, reduced


def _hex(h: float, s: float, v: float) -> str:
    return "#" + "".join(f"{round(255 * c):02x}" for c in colorsys.hsv_to_rgb(h % 1, s, v))


def _any(rng: Rng, low: float = 0.25, high: float = 1.0) -> str:
    return _hex(rng.uniform(), rng.uniform(0.15, 0.9), rng.uniform(low, high))


def _row(rng: Rng, count: int, low: float = 0.25, high: float = 1.0) -> list[str]:
    """Colours of neighbouring hues."""
    hue, spread = rng.uniform(), rng.uniform(0.02, 0.25)
    values = np.sort(rng.uniform(low, high, count))
    return [_hex(hue + spread * i, rng.uniform(0.2, 0.85), float(values[i])) for i in range(count)]


def _night(rng: Rng, count: int = 2) -> list[str]:
    return [_hex(rng.uniform(0.55, 0.8), 0.7, rng.uniform(0.05, 0.35)) for _ in range(count)]


def _day(rng: Rng) -> list[str]:
    return [_hex(rng.uniform(0.52, 0.62), 0.55, 0.9), _hex(rng.uniform(0.5, 0.6), 0.2, 1.0)]


def _dusk(rng: Rng) -> list[str]:
    return [_hex(rng.uniform(0.65, 0.9), 0.5, 0.55), _hex(rng.uniform(0.0, 0.1), 0.6, 1.0)]


def _sky(rng: Rng) -> list[str]:
    return (_day, _dusk, _night)[int(rng.integers(3))](rng)


@dataclass(frozen=True, slots=True)
class Kind:
    """A background of ``samples.recipe``: what may be said of it, and its options drawn at random."""

    atoms: tuple[str, ...]
    options: Callable[[Rng], dict[str, Any]]
    held_out: bool = False


KINDS: dict[str, Kind] = {
    "gradient": Kind((), lambda r: {"colours": _row(r, 3)}),
    "confetti": Kind(
        ("confetti", "party", "celebration"),
        lambda r: {"base": _row(r, 2), "pieces": [_any(r, 0.6) for _ in range(5)]},
    ),
    "gingham": Kind(("tablecloth", "checked pattern"), lambda r: {"colour": _any(r, 0.4)}),
    "paper": Kind(
        ("paper", "exercise book page"), lambda r: {"squared": bool(r.integers(2)), "line": _any(r, 0.6)}
    ),
    "stripes": Kind(
        ("stripes", "striped pattern"),
        lambda r: {"first": _any(r), "second": _any(r), "angle": r.uniform(0, 90)},
    ),
    "tiles": Kind(
        ("tiles", "wall", "brick wall"), lambda r: {"colour": _any(r, 0.4), "brick": bool(r.integers(2))}
    ),
    "bars": Kind(("equaliser", "sound bars"), lambda r: {"base": _night(r), "colours": _row(r, 3, 0.6)}),
    "chart": Kind(("stock chart", "trading", "price chart"), lambda r: {"base": _night(r)}),
    "hills": Kind(
        ("hills", "mountains", "landscape", "nature"),
        lambda r: {"sky": _sky(r), "layers": _row(r, 4, 0.1, 0.8)[::-1], "rough": r.uniform(0.4, 1.6)},
    ),
    "snow": Kind(
        ("snowfall", "snow", "winter", "winter landscape"),
        lambda r: {"sky": _day(r), "layers": ["#b9c8dd", "#d5dfec", "#eef3fa"], "snow": 70},
    ),
    "sea": Kind(
        ("sea", "ocean", "waves", "sunset over sea", "water"),
        lambda r: {"sky": _dusk(r) if r.integers(2) else _day(r), "water": _sea(r)},
    ),
    "city": Kind(
        ("night city", "city", "city lights", "skyscrapers", "night"),
        lambda r: {"sky": _night(r), "walls": ["#2a3357", "#1d2442", "#131830"]},
    ),
    "pitch": Kind(("football pitch", "football field", "stadium", "grass"), lambda r: {}),
    "road": Kind(
        ("road", "highway", "driving", "asphalt"),
        lambda r: {"sky": _sky(r), "ground": _hex(r.uniform(0.1, 0.4), 0.4, r.uniform(0.3, 0.8))},
    ),
    "stars": Kind(("stars", "starry sky", "space", "night"), lambda r: {"colours": _night(r, 3)}),
    "rain": Kind(("rain", "rainy night", "night"), lambda r: {"base": _night(r)}),
    # Not trained on.
    "bokeh": Kind(
        (), lambda r: {"base": _night(r), "lights": [_any(r, 0.6) for _ in range(4)]}, held_out=True
    ),
    "rays": Kind((), lambda r: {"first": _any(r), "second": _any(r)}, held_out=True),
    "mosaic": Kind((), lambda r: {"colours": _row(r, 4)}, held_out=True),
    "neon": Kind((), lambda r: {"sky": _night(r)}, held_out=True),
    "blocks": Kind((), lambda r: {"sky": _day(r)}, held_out=True),
}


def _sea(rng: Rng) -> list[str]:
    hue = rng.uniform(0.5, 0.65)
    return [_hex(hue, 0.6, value) for value in np.linspace(rng.uniform(0.6, 0.9), 0.2, 6)]


def painter(kind: str, rng: Rng) -> Callable[[float], Any]:
    """A painter of ``samples.recipe`` with random options."""
    from samples.recipe.backgrounds import FACTORIES

    factory = FACTORIES["hills" if kind == "snow" else kind]
    return factory(rng, **KINDS[kind].options(rng))


@dataclass(frozen=True, slots=True, eq=False)
class Backdrops:
    """``pictures`` (n, side, side, 3) RGB, and the kind of each as an index into :data:`KINDS`."""

    pictures: Pixels
    kind: npt.NDArray[np.int32]


def paint(seed: int, each: int) -> Backdrops:
    """Paint the kinds to train on: ``each`` variants, two moments of each."""
    from PIL import Image

    pictures, kinds = [], []
    for number, (name, kind) in enumerate(KINDS.items()):
        if kind.held_out:
            continue
        for variant in range(each):
            rng = np.random.default_rng([seed, number, variant])
            show = painter(name, rng)
            for t in rng.uniform(0, 8, 2):
                frame = show(float(t))
                top = (frame.height - frame.width) // 2
                square = frame.crop((0, top, frame.width, top + frame.width))
                pictures.append(np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BOX)))
                kinds.append(number)
    return Backdrops(np.stack(pictures), np.asarray(kinds, np.int32))


def save(backdrops: Backdrops, path: Path) -> None:
    """Keep them in one file."""
    np.savez(path, pictures=backdrops.pictures, kind=backdrops.kind)


def load(path: Path) -> Backdrops:
    """Read what :func:`save` wrote."""
    with np.load(path) as kept:
        return Backdrops(kept["pictures"], kept["kind"])
