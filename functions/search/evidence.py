"""Why the videos of a page were found: moments, frames, parts of the score, and how sure that makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

import numpy as np

from kadr.core.contributions import contributions
from kadr.core.evidence import BestFrame, Evidence, Matched, best_frames, matching_moments, moments_like
from kadr.core.extraction import Moment, Vector
from kadr.core.fusion import Calibration
from kadr.core.highlights import Sought
from kadr.core.modality import Modality, Stage
from kadr.core.ranking import Ranking
from kadr.core.words import SparseVector
from kadr.models.catalogue import Role, calibration
from kadr.ports.ledger import FoundVideo, Ledger
from kadr.ports.similarities import Similarities, VideoSimilarity
from kadr.ports.vectors import Hit
from kadr.runtime.assembly import text_version

Embed = Callable[[str], Vector]

# Moments whose meaning is compared with the query, over a whole page, where no word and no frame says why a
# video was found: each is a call of the text encoder, of 2.5 ms.
_MOST_EMBEDDED = 4

_TEXTS = (Modality.OCR, Modality.SPEECH)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page was searched for.

    ``clip`` (512,) and ``text`` (384,) are what videos were compared with, ``words`` what was looked up, and
    ``sought`` the same for people's eyes; each is ``None`` where it was not searched for. With a ``modality``
    nothing else was compared. ``emphasis`` is the factor of the visual part, ``graded`` says that scores
    count deviations, so that confidence can be told from them.
    """

    sought: Sought | None = None
    clip: Vector | None = None
    text: Vector | None = None
    words: SparseVector | None = None
    modality: Modality | None = None
    emphasis: float = 1.0
    graded: bool = True


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one video was found.

    ``weights`` are the shares of its modalities, ``contributions`` sum to its score. ``matched`` (0…1) is the
    share of the query's words that its texts have. ``confidence`` is the probability that it is what was
    meant, ``None`` where scores do not tell.
    """

    moments: tuple[Evidence, ...] = ()
    frame: BestFrame | None = None
    weights: Mapping[Modality, float] = field(default_factory=dict)
    contributions: Mapping[str, float] = field(default_factory=dict)
    matched: float = 0.0
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """A hit as it is shown: the video, and why it was found."""

    video: FoundVideo
    why: Explanation = field(default_factory=Explanation)


class Explainer:
    """Explains the hits of a page: one read of PostgreSQL and one request to Qdrant, at the same time."""

    def __init__(self, ledger: Ledger, similarities: Similarities, embed: Embed | None) -> None:
        """``embed`` gives the unit vector (384,) of an English text; ``None`` where nothing can."""
        self._ledger = ledger
        self._similarities = similarities
        self._embed = embed

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=4, thread_name_prefix="evidence")

    def explain(self, hits: Sequence[Hit], asked: Asked, ranking: Ranking) -> dict[UUID, Explained]:
        """Return why each of the hits was found; one whose video is gone meanwhile is left out.

        ``ranking`` holds the constants that the hits were scored with.

        Raises:
            DependencyError: Qdrant or PostgreSQL does not answer.
        """
        ids = [hit.video_id for hit in hits]
        if not ids:
            return {}
        measured = self._threads.submit(
            self._similarities.of, ids, visual=asked.clip, text=asked.text, words=asked.words
        )
        found = self._ledger.found(ids, moments=asked.sought is not None, frames=asked.clip is not None)
        matches = {
            video_id: Matched((), 0.0)
            if asked.sought is None
            else matching_moments(_of(video.moments, asked.modality), asked.sought)
            for video_id, video in found.items()
        }
        pictures = {each: video.frames for each, video in found.items() if video.frames is not None}
        frames = {} if asked.clip is None else best_frames(pictures, asked.clip)
        similarities = measured.result()
        confidence = ranking.curve(
            pictures=asked.clip is not None and asked.modality in {None, Modality.VISUAL}
        )
        shown = {}
        budget = _MOST_EMBEDDED
        for hit in hits:
            video = found.get(hit.video_id)
            if video is None:
                continue
            similarity = similarities.get(hit.video_id, VideoSimilarity())
            parts = _contributions(hit, similarity, video.versions, asked, ranking)
            match = matches[hit.video_id]
            moments, frame = match.moments, frames.get(hit.video_id)
            if not moments:
                led = [each for each in _TEXTS if parts.get(each, 0.0) > 0.0]
                if led and (frame is None or max(parts[each] for each in led) > parts.get("visual", 0.0)):
                    candidates = [(each, moment) for each in led for moment in video.moments.get(each, ())]
                    moments, spent = self._alike(candidates, similarity, asked.text, budget)
                    budget -= spent
            shown[hit.video_id] = Explained(
                video,
                Explanation(
                    moments,
                    frame,
                    similarity.weights,
                    parts,
                    match.share,
                    confidence(hit.score, match.share) if asked.graded else None,
                ),
            )
        return shown

    def _alike(
        self,
        candidates: Sequence[tuple[Modality, Moment]],
        similarity: VideoSimilarity,
        query: Vector | None,
        budget: int,
    ) -> tuple[tuple[Evidence, ...], int]:
        """Return the moments that mean what the query means, and how many had to be embedded for it."""
        per = {modality: [moment for each, moment in candidates if each is modality] for modality in _TEXTS}
        # The vector of a modality with one moment is that moment's: the index has compared it already.
        known = {
            those[0].translation or those[0].text: similarity.cosines.get(modality, 0.0)
            for modality, those in per.items()
            if len(those) == 1
        }
        rest = {moment.translation or moment.text for _, moment in candidates} - known.keys()
        spent = len(rest)
        if query is None or self._embed is None or spent > budget:
            candidates = [each for each in candidates if (each[1].translation or each[1].text) in known]
            spent = 0
        embed = self._embed

        def like(text: str) -> float:
            if text in known or embed is None or query is None:
                return known.get(text, 0.0)
            return float(np.dot(embed(text), query))

        return moments_like(candidates, like), spent


def nothing_good(shown: Sequence[Explanation], ranking: Ranking) -> bool:
    """Whether no hit of a page is likely to be what was meant. A page of ungraded hits is not judged."""
    sure = [each.confidence for each in shown if each.confidence is not None]
    return not shown or (bool(sure) and max(sure) < ranking.nothing_good)


def _of(
    moments: Mapping[Modality, Sequence[Moment]], modality: Modality | None
) -> Mapping[Modality, Sequence[Moment]]:
    return moments if modality is None else {modality: moments.get(modality, ())}


def _contributions(
    hit: Hit,
    similarity: VideoSimilarity,
    versions: Mapping[Stage, str],
    asked: Asked,
    ranking: Ranking,
) -> dict[str, float]:
    weights, cosines = similarity.weights, similarity.cosines
    if asked.modality is not None:  # compared alone, with all the weight
        weights = {asked.modality: 1.0}
        cosines = {each: cosine for each, cosine in cosines.items() if each is asked.modality}
    visual, text = _calibrations(versions, ranking)
    return contributions(
        hit.score,
        weights=weights,
        cosines=cosines,
        words=None if similarity.words is None else ranking.words_weight * similarity.words,
        visual=visual,
        text=text,
        emphasis=1.0 if asked.modality is not None else asked.emphasis,
    )


def _calibrations(versions: Mapping[Stage, str], ranking: Ranking) -> tuple[Calibration, Calibration]:
    """Return those that the video's vector was fused with, by the models of its stages."""
    return (
        ranking.calibration.get("visual") or calibration(Role.VISUAL, versions.get(Stage.VISUAL, "")),
        ranking.calibration.get("text") or calibration(Role.TEXT, text_version(versions)),
    )
