"""Why the videos of a page were found, over fakes of PostgreSQL and Qdrant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np
import pytest

from functions.search.evidence import Asked, Explainer, Explanation, nothing_good
from kadr.core.errors import DependencyError
from kadr.core.extraction import FrameEmbeddings, Moment, StoredFrames, Vector, Word
from kadr.core.highlights import Sought
from kadr.core.modality import Modality, Stage
from kadr.core.ranking import Logistic, Ranking, Spread
from kadr.core.words import SparseVector
from kadr.ports.ledger import FoundVideo
from kadr.ports.similarities import VideoSimilarity
from kadr.ports.vectors import Hit

A, B, C = (UUID(int=number) for number in (1, 2, 3))
RANKING = Ranking(
    calibration={"visual": Spread(0.2, 0.04), "text": Spread(0.05, 0.075)},
    words_weight=0.5,
    confidence=Logistic(slope=1.0, offset=-3.6, matched=2.0),
    nothing_good=0.5,
)
CLIP = np.eye(1, 512, dtype=np.float32)[0]
TEXT = np.eye(1, 384, dtype=np.float32)[0]
WORDS = SparseVector((1,), (1.0,))
BORSCHT = Asked(
    sought=Sought([("варить борщ", 1.0), ("cook borscht", 0.7)]), clip=CLIP, text=TEXT, words=WORDS
)


def cosine(value: float, size: int = 384) -> Vector:
    """A unit vector that has this cosine with the query's."""
    vector = np.zeros(size, np.float32)
    vector[:2] = value, np.sqrt(1 - value * value)
    return vector


def hit(video_id: UUID, score: float, **weights: float) -> Hit:
    return Hit(video_id, score, {"weights": weights, "group": str(video_id)})


@dataclass
class FakeLedger:
    """The read of a page, from dictionaries. There are all videos that are not ``gone``."""

    texts: dict[UUID, dict[Modality, list[Moment]]] = field(default_factory=dict)
    pictures: dict[UUID, StoredFrames] = field(default_factory=dict)
    versions: dict[UUID, dict[Stage, str]] = field(default_factory=dict)
    gone: set[UUID] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def found(self, video_ids: Sequence[UUID], *, moments: bool, frames: bool) -> dict[UUID, FoundVideo]:
        self.asked += [name for name, wanted in {"moments": moments, "frames": frames}.items() if wanted]
        return {
            each: FoundVideo(
                each,
                "media",
                f"{each}.mp4",
                versions=self.versions.get(each, {}),
                moments=self.texts.get(each, {}) if moments else {},
                frames=self.pictures.get(each) if frames else None,
            )
            for each in video_ids
            if each not in self.gone
        }


@dataclass
class FakeSimilarities:
    """What Qdrant would say."""

    of_video: dict[UUID, VideoSimilarity] = field(default_factory=dict)
    weights: dict[UUID, dict[Modality, float]] = field(default_factory=dict)
    failure: Exception | None = None

    def of(self, video_ids: Sequence[UUID], **_sides: object) -> dict[UUID, VideoSimilarity]:
        if self.failure is not None:
            raise self.failure
        return {
            each: replace(self.of_video.get(each, VideoSimilarity()), weights=self.weights[each])
            for each in video_ids
        }


@dataclass
class Stand:
    """An explainer over fakes; ``embedded`` are the texts that a model had to read."""

    ledger: FakeLedger = field(default_factory=FakeLedger)
    index: FakeSimilarities = field(default_factory=FakeSimilarities)
    meanings: dict[str, float] = field(default_factory=dict)
    embedded: list[str] = field(default_factory=list)

    def explain(
        self, *hits: Hit, asked: Asked = BORSCHT, ranking: Ranking = RANKING
    ) -> dict[UUID, Explanation]:
        self.index.weights = {
            each.video_id: {Modality(name): share for name, share in each.payload["weights"].items()}
            for each in hits
        }
        explainer = Explainer(self.ledger, self.index, self._embed)  # type: ignore[arg-type]
        return {each: found.why for each, found in explainer.explain(hits, asked, ranking).items()}

    def _embed(self, text: str) -> Vector:
        self.embedded.append(text)
        return cosine(self.meanings.get(text, 0.0))


@pytest.fixture
def stand() -> Stand:
    return Stand()


def seconds(*cosines: float) -> StoredFrames:
    """A frame for each second, with these cosines to the query."""
    vectors = np.stack([cosine(each, 512) for each in cosines])
    return StoredFrames.of(FrameEmbeddings(np.arange(len(cosines), dtype=np.float32), vectors))


def test_a_hit_has_its_words_its_frame_and_the_parts_of_its_score(stand: Stand) -> None:
    spoken = Moment(
        3,
        6,
        "Сегодня варим борщ.",
        "ru",
        0.9,
        "We cook borscht today.",
        (Word("Сегодня", 3, 4), Word("варим", 4, 5), Word("борщ.", 5, 6)),
    )
    stand.ledger.texts[A] = {Modality.SPEECH: [spoken]}
    stand.ledger.pictures[A] = seconds(0.1, 0.35, 0.2)
    stand.index.of_video[A] = VideoSimilarity(
        cosines={Modality.VISUAL: 0.3, Modality.SPEECH: 0.35}, words=8.0
    )
    why = stand.explain(hit(A, 0.6 * 2.5 + 0.4 * 4.0 + 0.5 * 8.0, visual=0.6, speech=0.4))[A]
    (moment,) = why.moments
    assert [moment.text[each.offset :][: each.length] for each in moment.highlights] == ["варим", "борщ"]
    assert [(each.start, each.end) for each in moment.highlights] == [(4, 5), (5, 6)]
    assert why.frame is not None
    assert (why.frame.time, why.frame.score) == (1.0, pytest.approx(0.35, abs=0.005))
    assert why.contributions == {"visual": 1.5, "speech": 1.6, "words": 4.0}
    assert why.matched == 1.0
    assert why.confidence == pytest.approx(1 / (1 + np.exp(-(7.1 + 2.0 - 3.6))))
    assert stand.embedded == []


def test_a_page_is_read_at_once_and_frames_only_where_pictures_are_searched(stand: Stand) -> None:
    stand.explain(hit(A, 1.0, ocr=1.0), hit(B, 0.5, ocr=1.0), asked=replace(BORSCHT, clip=None))
    assert stand.ledger.asked == ["moments"]
    stand.explain(hit(A, 1.0, ocr=1.0), hit(B, 0.5, ocr=1.0))
    assert sorted(stand.ledger.asked[1:]) == ["frames", "moments"]


def test_words_make_a_hit_surer_than_the_same_score_without(stand: Stand) -> None:
    stand.ledger.texts = {A: {Modality.OCR: [Moment(0, 1, "борщ")]}, B: {Modality.OCR: [Moment(0, 1, "суп")]}}
    found = stand.explain(hit(A, 3.0, ocr=1.0), hit(B, 3.0, ocr=1.0))
    assert found[A].matched == 0.5
    assert found[B].matched == 0.0
    assert found[A].confidence is not None and found[B].confidence is not None
    assert found[A].confidence > found[B].confidence


def test_only_where_neither_words_nor_a_frame_explain_it_are_moments_compared_by_meaning(
    stand: Stand,
) -> None:
    stand.meanings = {"Red soup of beets": 0.7, "Subscribe": 0.1}
    soup = [
        Moment(0, 1, "Подпишись", translation="Subscribe"),
        Moment(1, 2, "Красный суп", translation="Red soup of beets"),
    ]
    stand.ledger.texts = {A: {Modality.OCR: soup}, B: {Modality.OCR: soup}}
    stand.ledger.pictures = {B: seconds(0.4)}
    stand.index.of_video = {
        A: VideoSimilarity(cosines={Modality.OCR: 0.5}),
        B: VideoSimilarity(cosines={Modality.VISUAL: 0.4, Modality.OCR: 0.1}),
    }
    found = stand.explain(hit(A, 6.0, ocr=1.0), hit(B, 2.8, visual=0.5, ocr=0.5))
    assert [(each.text, each.matched) for each in found[A].moments] == [("Красный суп", False)]
    assert found[A].moments[0].score == pytest.approx(0.7)
    assert found[B].moments == ()
    assert set(stand.embedded) == {"Red soup of beets", "Subscribe"}


def test_the_only_moment_needs_no_model(stand: Stand) -> None:
    stand.ledger.texts[A] = {Modality.OCR: [Moment(0, 1, "Красный суп", translation="Red soup")]}
    stand.index.of_video[A] = VideoSimilarity(cosines={Modality.OCR: 0.5})
    (moment,) = stand.explain(hit(A, 6.0, ocr=1.0))[A].moments
    assert (moment.text, moment.score) == ("Красный суп", 0.5)
    assert stand.embedded == []


def test_a_page_never_costs_more_than_four_calls_of_the_model(stand: Stand) -> None:
    for number, video in enumerate((A, B, C)):
        texts = [f"text {number} {each}" for each in range(2)]
        stand.meanings |= dict.fromkeys(texts, 0.6)
        stand.ledger.texts[video] = {Modality.OCR: [Moment(0, 1, text) for text in texts]}
        stand.index.of_video[video] = VideoSimilarity(cosines={Modality.OCR: 0.5})
    found = stand.explain(*(hit(video, 6.0, ocr=1.0) for video in (A, B, C)))
    assert len(stand.embedded) == 4
    assert [len(found[video].moments) for video in (A, B, C)] == [2, 2, 0]


def test_one_modality_searched_alone_has_the_whole_score(stand: Stand) -> None:
    said, written = Moment(0, 1, "борщ"), Moment(5, 6, "варить борщ")
    stand.ledger.texts[A] = {Modality.SPEECH: [said], Modality.OCR: [written]}
    stand.index.of_video[A] = VideoSimilarity(cosines={Modality.OCR: 0.9, Modality.SPEECH: 0.35}, words=2.0)
    asked = replace(BORSCHT, clip=None, modality=Modality.SPEECH)
    why = stand.explain(hit(A, 5.0, speech=0.2, ocr=0.8), asked=asked)[A]
    assert why.contributions == {"speech": 4.0, "words": 1.0}
    assert [each.moment for each in why.moments] == [said]


def test_pictures_searched_alone_have_the_confidence_of_pictures(stand: Stand) -> None:
    ranking = replace(RANKING, confidence_with_pictures=Logistic(slope=1.0, offset=-1.0, matched=2.0))
    seen, said = (
        stand.explain(hit(A, 1.0, visual=1.0), asked=replace(BORSCHT, **sides), ranking=ranking)[A]
        for sides in ({"modality": Modality.VISUAL}, {"modality": Modality.SPEECH, "clip": None})
    )
    assert seen.confidence == pytest.approx(0.5)
    assert said.confidence is not None and said.confidence < 0.1


def test_a_picture_finds_the_frame_that_looks_like_it_and_is_not_graded(stand: Stand) -> None:
    stand.ledger.pictures[A] = seconds(0.2, 0.9)
    stand.index.of_video[A] = VideoSimilarity(cosines={Modality.VISUAL: 0.8})
    why = stand.explain(
        hit(A, 0.8, visual=0.4), asked=Asked(clip=CLIP, modality=Modality.VISUAL, graded=False)
    )[A]
    assert why.frame is not None and why.frame.time == 1.0
    assert why.contributions == {"visual": 0.8}
    assert why.confidence is None
    assert stand.ledger.asked == ["frames"]


def test_a_video_that_is_being_deleted_is_left_out(stand: Stand) -> None:
    stand.ledger.texts = {A: {Modality.OCR: [Moment(0, 1, "борщ")]}}
    stand.ledger.gone = {B}
    assert set(stand.explain(hit(A, 1.0, ocr=1.0), hit(B, 0.5, ocr=1.0))) == {A}
    assert stand.explain(hit(B, 0.5, ocr=1.0)) == {}


def test_an_index_that_is_away_is_said(stand: Stand) -> None:
    stand.index.failure = DependencyError("Qdrant did not answer")
    with pytest.raises(DependencyError):
        stand.explain(hit(A, 1.0, ocr=1.0))


def graded(*confidences: float | None) -> list[Explanation]:
    return [Explanation(confidence=each) for each in confidences]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (graded(0.2, 0.49), True),
        (graded(0.2, 0.5), False),
        (graded(), True),
        (graded(None), False),
    ],
)
def test_nothing_good_is_a_page_without_a_likely_hit(page: list[Explanation], expected: bool) -> None:
    assert nothing_good(page, RANKING) is expected
