"""The constants of ranking: what is fitted on judged queries instead of guessed.

``kadr tune`` fits them, ``data/ranking.json`` keeps what it found, and a stack may have its own. Those that
are part of a video's fused vector are *index-time* constants: :attr:`Ranking.version` changes with them, and
the index has to be fused anew (``kadr reindex --fused``). The others are read by each query.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any, Literal, get_args

from kadr.core.errors import RankingError
from kadr.core.modality import Modality

Formula = Literal["evidence", "reference"]

# The modalities that a query is compared with. Faces are filtered by, not ranked by.
RANKED = (Modality.VISUAL, Modality.OCR, Modality.SPEECH)

# What has a calibration of its own: the two spaces that queries are embedded in.
CALIBRATED = ("visual", "text")
DIMENSIONS = {"visual": 512, "text": 384}


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation of the cosine of unrelated pairs, as fusion takes them."""

    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Centre:
    """What all vectors of a space have in common, taken out of them before they are indexed.

    ``vector`` is their mean, ``mean`` the cosine of unrelated pairs: about what a query has with ``vector``.
    Neither changes a score (:mod:`kadr.core.fusion`), only how well a graph of the vectors can be searched.
    """

    vector: tuple[float, ...]
    mean: float


@dataclass(frozen=True, slots=True)
class Logistic:
    """The probability of a hit: ``1 / (1 + exp(−(slope · score + matched · m + offset)))``; ``slope`` > 0.

    ``m`` (0…1) is the share of the query's words that the video has.
    """

    slope: float
    offset: float
    matched: float = 0.0

    def __call__(self, score: float, matched: float = 0.0) -> float:
        """Return the probability (0…1) that a hit with this score is what was meant."""
        x = self.slope * score + self.matched * matched + self.offset
        return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


_CURVES = ("confidence", "confidence_with_pictures")
# What :func:`ranking_json` leaves out where there is none of it.
_OPTIONAL = {"centres", "confidence_with_pictures"}


@dataclass(frozen=True, slots=True)
class Ranking:
    """All constants of ranking.

    Index-time: ``formula``, ``words_scale``, ``ceilings``, ``calibration``, ``centres``. Query-time:
    ``words_weight``, ``emphasis``, ``confidence``, ``confidence_with_pictures``, ``nothing_good``.
    ``fitted_on`` says where they come from, for people.
    """

    # Recognised words after which text has 63 % of the say that it can have.
    words_scale: float = 8.0
    # The evidence that each modality tends to; pictures have all of theirs at once. Only ratios matter.
    ceilings: Mapping[Modality, float] = field(default_factory=lambda: dict.fromkeys(RANKED, 1.0))
    # "visual", "text" → cosines of unrelated pairs; what is missing is taken from the model's registry entry.
    calibration: Mapping[str, Spread] = field(default_factory=dict)
    # "visual", "text" → measured where a collection is large; what is missing is zero.
    centres: Mapping[str, Centre] = field(default_factory=dict)
    formula: Formula = "evidence"
    # One point of BM25 against one standard deviation of the semantic score.
    words_weight: float = 0.5
    # How much pictures count against text in a query: the factor of the visual part; 1 is neither.
    emphasis: float = 1.0
    # From a hit's score to the probability that it is what was meant.
    confidence: Logistic = Logistic(slope=1.0, offset=-3.6)
    # The same where what is seen counts in the score, too: weights are shared by one more modality then, so
    # the same words give a smaller score. None: no other than ``confidence``.
    confidence_with_pictures: Logistic | None = None
    # A page whose best hit is less probable than this has nothing good.
    nothing_good: float = 0.5
    fitted_on: str = ""

    def __post_init__(self) -> None:
        for name in ("words_scale", "words_weight", "emphasis"):
            _positive(name, getattr(self, name), zero=name != "words_scale")
        for modality in RANKED:
            if modality not in self.ceilings:
                raise RankingError(f"ranking constants: ceilings.{modality} is missing")
        if len(self.ceilings) > len(RANKED):
            raise RankingError(f"ranking constants: ceilings has others than {', '.join(RANKED)}")
        for name, value in self.ceilings.items():
            _positive(f"ceilings.{name}", value)
        for role, spread in self.calibration.items():
            if role not in CALIBRATED:
                raise RankingError(
                    f"ranking constants: calibration.{role}: only {', '.join(CALIBRATED)} have one"
                )
            _finite(f"calibration.{role}.mean", spread.mean)
            _positive(f"calibration.{role}.deviation", spread.deviation)
        _check_centres(self.centres)
        if self.formula not in get_args(Formula):
            raise RankingError(f"ranking constants: formula must be one of {', '.join(get_args(Formula))}")
        for name in _CURVES:
            curve = getattr(self, name)
            if curve is not None:
                _positive(f"{name}.slope", curve.slope)
                _finite(f"{name}.offset", curve.offset)
                _finite(f"{name}.matched", curve.matched)
        if not 0 <= self.nothing_good <= 1:
            raise RankingError("ranking constants: nothing_good must be a probability, 0 to 1")

    def curve(self, *, pictures: bool) -> Logistic:
        """Return the curve of confidence; ``pictures`` says whether what is seen is part of the scores."""
        return (pictures and self.confidence_with_pictures) or self.confidence

    @property
    def version(self) -> str:
        """Eight hexadecimal digits over the index-time constants: those of one version can be compared."""
        whole = ranking_json(self)
        part = {name: whole[name] for name in ("formula", "words_scale", "ceilings", "calibration")}
        if self.centres:
            part["centres"] = whole["centres"]
        return blake2b(json.dumps(part, sort_keys=True).encode(), digest_size=4).hexdigest()


def ranking_json(ranking: Ranking) -> dict[str, Any]:
    """Return the constants as JSON; :func:`parse_ranking` reads it."""
    centres = {
        role: {"vector": list(centre.vector), "mean": centre.mean}
        for role, centre in sorted(ranking.centres.items())
    }
    return {
        "formula": ranking.formula,
        "words_scale": ranking.words_scale,
        "ceilings": {str(modality): ranking.ceilings[modality] for modality in RANKED},
        "calibration": {
            role: {"mean": spread.mean, "deviation": spread.deviation}
            for role, spread in sorted(ranking.calibration.items())
        },
        **({"centres": centres} if centres else {}),
        "words_weight": ranking.words_weight,
        "emphasis": ranking.emphasis,
        **{name: asdict(curve) for name in _CURVES if (curve := getattr(ranking, name)) is not None},
        "nothing_good": ranking.nothing_good,
        "fitted_on": ranking.fitted_on,
    }


def parse_ranking(data: object) -> Ranking:
    """Return the constants that a JSON object holds.

    What :func:`ranking_json` wrote is whole, and read as it was. Where anything is left out, the release has
    its say (:func:`default_ranking`).

    Raises:
        RankingError: it is no such object; the message names the field.
    """
    if not isinstance(data, Mapping):
        raise RankingError("ranking constants: not a JSON object")
    known = {each.name for each in fields(Ranking)}
    if unknown := sorted(set(map(str, data)) - known):
        raise RankingError(
            f"ranking constants: there is no {', '.join(unknown)}; known are {', '.join(sorted(known))}"
        )
    whole = known - _OPTIONAL <= data.keys()
    values = {**data} if whole else {**ranking_json(default_ranking()), "fitted_on": "", **data}
    try:
        for name in ("words_scale", "words_weight", "emphasis", "nothing_good"):
            if name in values:
                values[name] = _number(name, values[name])
        if "ceilings" in values:
            values["ceilings"] = {
                Modality(name): _number(f"ceilings.{name}", value)
                for name, value in values["ceilings"].items()
            }
        if "calibration" in values:
            values["calibration"] = {
                role: Spread(
                    _number(f"calibration.{role}.mean", spread["mean"]),
                    _number(f"calibration.{role}.deviation", spread["deviation"]),
                )
                for role, spread in values["calibration"].items()
            }
        if "centres" in values:
            values["centres"] = {
                role: Centre(
                    tuple(_number(f"centres.{role}.vector", value) for value in centre["vector"]),
                    _number(f"centres.{role}.mean", centre["mean"]),
                )
                for role, centre in values["centres"].items()
            }
        for curve in _CURVES:
            if curve in values:
                given = {"matched": 0.0, **values[curve]}
                values[curve] = Logistic(
                    **{
                        name: _number(f"{curve}.{name}", given[name])
                        for name in ("slope", "offset", "matched")
                    }
                )
        if not isinstance(values.get("fitted_on", ""), str):
            raise RankingError("ranking constants: fitted_on must be text")
        return Ranking(**values)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RankingError(f"ranking constants: {type(error).__name__}: {error}") from error


@cache
def default_ranking() -> Ranking:
    """Return the constants that Kadr comes with (``data/ranking.json``, written by ``kadr tune --write``)."""
    text = files("kadr.core").joinpath("data/ranking.json").read_text(encoding="utf-8")
    return parse_ranking(json.loads(text))


def _check_centres(centres: Mapping[str, Centre]) -> None:
    for role, centre in centres.items():
        if role not in CALIBRATED:
            raise RankingError(f"ranking constants: centres.{role}: only {', '.join(CALIBRATED)} have one")
        if len(centre.vector) != DIMENSIONS[role]:
            raise RankingError(
                f"ranking constants: centres.{role}.vector must have {DIMENSIONS[role]} numbers"
            )
        for value in (*centre.vector, centre.mean):
            _finite(f"centres.{role}", value)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RankingError(f"ranking constants: {name} must be a number")
    return float(value)


def _finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise RankingError(f"ranking constants: {name} must be a finite number")


def _positive(name: str, value: float, *, zero: bool = False) -> None:
    _finite(name, value)
    if value < 0 or (value == 0 and not zero):
        raise RankingError(f"ranking constants: {name} must be {'at least' if zero else 'above'} 0")
