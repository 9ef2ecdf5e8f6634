"""How long the extractors take for a 25 s clip of 720 × 1280, beside the reference method."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from bench import clips, installed
from bench.timing import Apart, Spent, alternate, middle, spent
from kadr.core.errors import KadrError

MODALITIES = ("visual", "ocr", "speech", "faces")
NAMES = ("ingest", "visual", "ocr", "ocr_embedded", "speech", "faces")
# The functions of bench.reference.<modality>.
_REFERENCES = {"visual": "embed", "ocr": "read", "speech": "transcribe", "faces": "recognise"}
_ONCE = {"ocr"}  # to read a clip takes the reference most of a minute


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians; ``reference`` is ``None`` where there is none, and ``why`` says why there is none."""

    ours: Spent
    reference: Spent | None = None
    why: str = ""


def measure(name: str, runs: int) -> Timing:
    """Return the medians for one extractor and, where there is one, its reference.

    Raises:
        KadrError, ImportError: the extractor lacks weights or a package.
    """
    clip = clips.clip_for(name.partition("_")[0])
    with Apart() as here, Apart() as there:
        ours = partial(here.call, extraction, name, clip)
        why = "" if name in _REFERENCES else "none"
        if not why:
            try:
                there.call(reference_ready, name)
            except (ImportError, KadrError, RuntimeError, OSError) as error:
                why = f"not measured: {error}"
        if why:
            ours()
            return Timing(middle([ours() for _ in range(runs)]), why=why)
        theirs = partial(there.call, reference, name, clip)
        reference_runs = 1 if name in _ONCE else runs
        mine, others = alternate(ours, theirs, runs=runs, reference_runs=reference_runs)
        return Timing(middle(mine), middle(others))


def extraction(name: str, clip: Path) -> Spent:
    """Return what an extractor takes for ``clip``."""
    settings = installed.prepare(name)

    def work() -> None:
        installed.extract(name, clip, settings)

    return spent(work)


def reference_ready(name: str) -> None:
    """Raise what keeps the reference method from running."""
    module = import_module(f"bench.reference.{name}")
    package = getattr(module, "PACKAGE", None)
    if package is not None and not package.is_dir():
        raise RuntimeError("its package is not installed: scripts/easyocr.sh")


def reference(name: str, clip: Path) -> Spent:
    """Return what the reference method takes for ``clip``; loading its models is not counted."""
    function = getattr(import_module(f"bench.reference.{name}"), _REFERENCES[name])
    return spent(partial(function, clip))
