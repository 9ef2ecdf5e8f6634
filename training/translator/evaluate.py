"""Before and after, in numbers, with the engine that production uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kadr.adapters.marian import Marian
from kadr.models import catalogue, convert
from kadr.models.catalogue import Role
from kadr.models.registry import InstalledModel
from training.translator.metrics import Scores, exact, score
from training.translator.pairs import Pair


@dataclass(frozen=True, slots=True)
class Report:
    """``before`` and ``after`` are of float32 weights, ``quantised`` of the same as ``after`` in 8 bits.

    ``identical`` is the share of answers that quantisation left as they were. ``taught`` says how many of
    the slang pairs are answered as they were taught, before and after; ``None`` without such pairs. A model
    that is not ``better`` than before is not put into use by itself.
    """

    before: Scores
    after: Scores
    quantised: Scores
    identical: float
    taught: tuple[float, float] | None
    losses: tuple[float, ...]

    @property
    def better(self) -> bool:
        """Whether what would be used is no worse than what was there: closer in chrF, not more degenerate."""
        return self.quantised.chrf >= self.before.chrf and self.quantised.degenerate <= self.before.degenerate

    def as_dict(self) -> dict[str, object]:
        """Return what is written to report.json."""
        return {
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "quantised": self.quantised.as_dict(),
            "quantisation": {
                "chrf_lost": round(self.after.chrf - self.quantised.chrf, 4),
                "exact_lost": round(self.after.exact - self.quantised.exact, 4),
                "identical": round(self.identical, 4),
            },
            "slang_exact": None if self.taught is None else [round(share, 4) for share in self.taught],
            "losses": [round(loss, 4) for loss in self.losses],
            "better": self.better,
        }

    def checks(self) -> dict[str, float]:
        """Return what is written into the manifest."""
        return {
            "chrf_before": round(self.before.chrf, 2),
            "chrf": round(self.quantised.chrf, 2),
            "exact_before": round(self.before.exact, 4),
            "exact": round(self.quantised.exact, 4),
            "degenerate": round(self.quantised.degenerate, 4),
            "same_as_float": round(self.identical, 4),
        }


def converted(folder: Path, variant: str, models_dir: Path, *, int8: bool) -> InstalledModel:
    """Return a Marian in transformers' layout as CTranslate2 loads it, in ``models_dir``."""
    weights = catalogue.entries(Role.TRANSLATION)[0]
    return convert.convert(weights, variant, folder, models_dir, int8=int8)


def evaluate(
    before: InstalledModel,
    after: InstalledModel,
    quantised: InstalledModel,
    *,
    held_out: Sequence[Pair],
    slang: Sequence[Pair],
    losses: Sequence[float],
) -> Report:
    """Translate what was held out with all three, and what was taught as slang with the outer two.

    The models answer alone: no glossary protects anything, and nothing is refused.
    """
    sources, references = [pair.source for pair in held_out], [pair.target for pair in held_out]
    plain = Marian(before, compute_type="float32")
    fine = Marian(after, compute_type="float32")
    small = Marian(quantised)
    answers = {engine: engine.translate(sources) for engine in (plain, fine, small)}
    same = sum(one == other for one, other in zip(answers[fine], answers[small], strict=True))
    taught = None
    if slang:
        shares = []
        for engine in (plain, small):
            said = engine.translate([pair.source for pair in slang])
            right = sum(exact(answer, pair.target) for answer, pair in zip(said, slang, strict=True))
            shares.append(right / len(slang))
        taught = (shares[0], shares[1])
    return Report(
        before=score(sources, answers[plain], references),
        after=score(sources, answers[fine], references),
        quantised=score(sources, answers[small], references),
        identical=same / len(sources) if sources else 1.0,
        taught=taught,
        losses=tuple(losses),
    )
