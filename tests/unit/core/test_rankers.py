"""Ranking a whole collection at once gives what the index gives, and tells the ways of ranking apart."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kadr.core.extraction import Moment, Vector
from kadr.core.fusion import fuse, fuse_query
from kadr.core.modality import Modality
from kadr.core.rankers import EmbeddedQuery, IndexedVideo, Method, Similarities, best, scores, similarities
from kadr.core.ranking import Ranking, Spread
from kadr.core.weights import video_weights
from kadr.core.words import query_words, video_words

SPREADS = {"visual": Spread(0.2, 0.04), "text": Spread(0.06, 0.08)}
SIZES = {Modality.VISUAL: 512, Modality.OCR: 384, Modality.SPEECH: 384}


def unit(rng: np.random.Generator, size: int) -> Vector:
    vector = rng.standard_normal(size).astype(np.float32)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def collection(seed: int, n: int = 30) -> list[IndexedVideo]:
    """Videos that have each modality or not, with one to twelve words of text."""
    rng = np.random.default_rng(seed)
    videos = []
    for at in range(n):
        there = [modality for modality in SIZES if rng.random() < 0.7]
        moments = {
            modality: [Moment(0, 1, " ".join(["слово", f"w{at}"] * int(rng.integers(1, 6))), confidence=0.8)]
            for modality in there
            if modality is not Modality.VISUAL
        }
        videos.append(IndexedVideo(f"{at:02}.mp4", {m: unit(rng, SIZES[m]) for m in there}, moments))
    return videos


def asked(seed: int, *words: str) -> EmbeddedQuery:
    rng = np.random.default_rng(seed)
    return EmbeddedQuery(unit(rng, 512), unit(rng, 384), tuple((word, 1.0) for word in words))


@pytest.mark.parametrize("formula", ["evidence", "reference"])
def test_the_fused_score_is_that_of_the_fused_vectors(formula: str) -> None:
    videos, query = collection(1), asked(2)
    ranking = Ranking(words_scale=5.0, emphasis=1.7, formula=formula)  # type: ignore[arg-type]
    expected = [
        float(
            fuse(
                video.vectors,
                video_weights(video.vectors, video.moments, ranking),
                visual=SPREADS["visual"],
                text=SPREADS["text"],
            )
            @ fuse_query(clip=query.clip, text=query.text, emphasis=1.7)
        )
        for video in videos
    ]
    found = scores(similarities(videos, [query]), Method.FUSED, ranking, SPREADS, k=10)
    np.testing.assert_allclose(found[0], expected, atol=1e-3)


def test_exact_words_are_bm25_with_the_rarity_that_the_index_multiplies_in() -> None:
    def said(*texts: str) -> IndexedVideo:
        moments = {Modality.SPEECH: [Moment(0, 1, text) for text in texts]}
        return IndexedVideo(f"{texts[0]}.mp4", {}, moments)

    videos = [said("борщ"), said("суп со сметаной"), said("суп")]
    query = EmbeddedQuery(None, None, (("борщи", 1.0), ("суп", 0.7)))
    found = scores(similarities(videos, [query]), Method.FULL, Ranking(words_weight=2.0), SPREADS, k=10)
    words = query_words(query.words)
    for video, score in zip(videos, found[0], strict=True):
        own = video_words(video.moments)
        values = dict(zip(own.indices, own.values, strict=True))
        expected = 0.0
        for index, weight in zip(words.indices, words.values, strict=True):
            n = sum(index in video_words(each.moments).indices for each in videos)
            expected += weight * math.log(1 + (3 - n + 0.5) / (n + 0.5)) * values.get(index, 0.0)
        assert score == pytest.approx(2.0 * expected)
    assert found[0].argmax() == 0


def test_what_every_modality_nearly_finds_the_union_misses_and_the_fused_ranking_finds() -> None:
    def towards(size: int, cosine: float) -> Vector:
        vector = np.zeros(size, dtype=np.float32)
        vector[0], vector[1] = cosine, math.sqrt(1 - cosine**2)
        return vector

    def video(key: str, visual: float, ocr: float) -> IndexedVideo:
        return IndexedVideo(
            key,
            {Modality.VISUAL: towards(512, visual), Modality.OCR: towards(384, ocr)},
            {Modality.OCR: [Moment(0, 1, "слово " * 200)]},
        )

    videos = [video("both.mp4", 0.30, 0.40)]
    videos += [video(f"seen{n}.mp4", 0.31, 0.0) for n in range(3)]
    videos += [video(f"read{n}.mp4", 0.1, 0.42) for n in range(3)]
    query = EmbeddedQuery(towards(512, 1.0), towards(384, 1.0), ())
    of = similarities(videos, [query])

    def first(method: Method) -> str:
        return of.keys[best(scores(of, method, Ranking(), SPREADS, k=3), k=1)[0][0]]

    assert first(Method.FUSED) == "both.mp4"
    assert first(Method.UNION) != "both.mp4"
    assert first(Method.REFERENCE) != "both.mp4"
    assert first(Method.VISUAL).startswith("seen")
    assert first(Method.OCR).startswith("read")


def test_one_modality_finds_only_videos_that_have_it() -> None:
    videos = collection(3)
    of = similarities(videos, [asked(4)])
    for method in (Method.VISUAL, Method.OCR, Method.SPEECH):
        found = best(scores(of, method, Ranking(), SPREADS, k=10), k=99)[0]
        assert {of.keys[at] for at in found} == {
            video.key for video in videos if Modality(method.value) in video.vectors
        }


def test_without_a_model_its_modality_counts_nothing() -> None:
    videos = collection(5)
    blind = replace(asked(6), clip=None)
    of = similarities(videos, [blind])
    assert best(scores(of, Method.VISUAL, Ranking(), SPREADS, k=10), k=5) == [()]
    fused = scores(of, Method.FUSED, Ranking(), SPREADS, k=10)[0]
    for video, score in zip(videos, fused, strict=True):
        assert (score == 0) == (not video.vectors.keys() - {Modality.VISUAL})


def test_the_order_of_videos_changes_no_ranking_and_equal_scores_are_in_the_order_of_keys() -> None:
    videos = [*collection(7), IndexedVideo("zz.mp4", {}, {}), IndexedVideo("aa.mp4", {}, {})]
    one, other = similarities(videos, [asked(8)]), similarities(videos[::-1], [asked(8)])

    def ranked(of: Similarities) -> list[str]:
        return [of.keys[at] for at in best(scores(of, Method.FULL, Ranking(), SPREADS, k=10), k=99)[0]]

    assert ranked(one) == ranked(other)
    assert ranked(one).index("aa.mp4") < ranked(one).index("zz.mp4")


def test_the_share_of_words_that_a_video_has() -> None:
    videos = [
        IndexedVideo("a.mp4", {}, {Modality.OCR: [Moment(0, 1, "Варим борщ", translation="Cooking borscht")]})
    ]
    queries = [
        EmbeddedQuery(None, None, (("варить борщи", 1.0), ("cook borscht", 0.7))),
        EmbeddedQuery(None, None, (("борщ со сметаной", 1.0),)),
        EmbeddedQuery(None, None, (("borscht", 0.7),)),
        EmbeddedQuery(None, None, (("суп", 1.0),)),
    ]
    assert similarities(videos, queries).matched[:, 0] == pytest.approx([1.0, 0.5, 0.7, 0.0])
