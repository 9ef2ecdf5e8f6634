"""How long the extractors take for a 25 s clip of 720 × 1280, beside the reference method."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path

from bench import clips, installed
from bench.timing import Apart, Timing, alternate, timed
from kadr.core.errors import KadrError

MODALITIES = ("visual", "ocr", "speech", "faces")
_RUNS = 5
# The function of bench.reference.<modality>, and how often it runs: reading takes it minutes.
_REFERENCES = {
    "visual": ("embed", 5),
    "ocr": ("read", 1),
    "speech": ("transcribe", 5),
    "faces": ("recognise", 5),
}


def measure(name: str) -> Timing:
    """Return the medians for one extractor and, where there is one, its reference.

    Raises:
        KadrError, ImportError: the extractor lacks weights or a package.
    """
    clip = clips.clip_for(name)
    with Apart() as here, Apart() as there:
        ours = partial(here.call, extraction, name, clip)
        if name not in _REFERENCES:
            ours()
            return Timing(_median(ours))
        _, runs = _REFERENCES[name]
        try:
            there.call(reference_ready, name)
        except (ImportError, KadrError, OSError) as error:
            ours()
            return Timing(_median(ours), why=f"no reference: {error}")
        value, theirs = alternate(
            ours, partial(there.call, reference, name, clip), runs=_RUNS, reference_runs=runs
        )
        return Timing(value, theirs)


def extraction(name: str, clip: Path) -> float:
    """Return the seconds that an extractor takes for ``clip``."""
    settings = installed.prepare(name)
    extract = import_module(f"functions.{name}.extract").extract
    return timed(lambda: extract(clip, settings))


def reference_ready(name: str) -> float:
    """Load the reference method, to find out whether it can run."""
    import_module(f"bench.reference.{name}")
    return 0.0


def reference(name: str, clip: Path) -> float:
    """Return the seconds that the reference method takes for ``clip``."""
    function, _ = _REFERENCES[name]
    return float(getattr(import_module(f"bench.reference.{name}"), function)(clip))


def _median(work: partial[float]) -> float:
    import statistics

    return statistics.median(work() for _ in range(_RUNS))
