"""Which moments and which frame of a video are shown as the reason for a hit."""

from __future__ import annotations

import numpy as np
import pytest

from kadr.core.evidence import best_frames, matching_moments, moments_like
from kadr.core.extraction import FrameEmbeddings, Moment, StoredFrames, Word
from kadr.core.highlights import Sought
from kadr.core.modality import Modality
from kadr.core.pooling import unit_rows

BORSCHT = Moment(0, 2, "Как варить борщ", "ru", 0.9, "How to cook borscht")
BEET = Moment(2, 4, "Натрите свёклу", "ru", 0.9, "Grate the beetroot")
MOMENTS = {Modality.OCR: [BEET, BORSCHT]}


def test_the_moment_with_the_words_comes_first_whatever_their_form() -> None:
    found = matching_moments(MOMENTS, Sought([("варим борщи", 1.0), ("we cook borscht", 0.7)]))
    assert [each.moment for each in found.moments] == [BORSCHT]
    assert found.moments[0].score == found.share == 1.0
    assert found.moments[0].matched


def test_a_translation_matches_too_but_counts_less() -> None:
    found = matching_moments(MOMENTS, Sought([("свекольник", 1.0), ("beetroot", 0.7)]))
    (only,) = found.moments
    assert (only.moment, only.score) == (BEET, 0.7)
    assert only.highlights == ()
    (mark,) = only.translation_highlights
    assert only.translation[mark.offset : mark.offset + mark.length] == "beetroot"


def test_the_share_counts_words_of_all_moments_together() -> None:
    found = matching_moments(MOMENTS, Sought([("борщ свёкла", 1.0)]))
    assert {each.score for each in found.moments} == {0.5}
    assert found.share == 1.0


def test_a_quoted_phrase_is_the_best_match() -> None:
    scattered = Moment(5, 6, "борщ я люблю красный, а варить не умею")
    phrase = Moment(9, 10, "Красный борщ")
    sought = Sought([("варить красный борщ", 1.0)], ["красный борщ"])
    found = matching_moments({Modality.SPEECH: [scattered, phrase]}, sought).moments
    assert [each.score for each in found] == [1.0, 1.0]  # one has all words, one the phrase
    found = matching_moments({Modality.SPEECH: [Moment(5, 6, "борщ, варить"), phrase]}, sought).moments
    assert found[0].moment == phrase


def test_a_spoken_word_leads_to_where_it_is_said() -> None:
    spoken = Moment(
        3.0,
        6.0,
        "Сегодня варим борщ.",
        words=(Word("Сегодня", 3, 4), Word("варим", 4.2, 5), Word("борщ.", 5.1, 5.9)),
    )
    (found,) = matching_moments({Modality.SPEECH: [spoken]}, Sought([("борщ", 1.0)])).moments
    assert [(each.start, each.end) for each in found.highlights] == [(5.1, 5.9)]


def test_what_is_shown_is_clean_and_ranges_count_in_it() -> None:
    (found,) = matching_moments(
        {Modality.OCR: [Moment(0, 1, "🍲🍲  <b>БОРЩ</b>")]}, Sought([("борщ", 1.0)])
    ).moments
    assert found.text == "<b>БОРЩ</b>"
    (mark,) = found.highlights
    assert found.text[mark.offset : mark.offset + mark.length] == "БОРЩ"


def test_meaning_is_asked_of_the_english_text() -> None:
    near = {"Grate the beetroot": 0.2, "How to cook borscht": 0.6}
    found = moments_like([(Modality.OCR, BEET), (Modality.OCR, BORSCHT)], near.__getitem__)
    assert [each.moment for each in found] == [BORSCHT]
    assert not found[0].matched


def test_nothing_alike_is_no_evidence() -> None:
    assert matching_moments(MOMENTS, Sought([("football", 1.0)])).moments == ()
    assert matching_moments(MOMENTS, Sought([("football", 1.0)])).share == 0.0
    assert moments_like([(Modality.OCR, BORSCHT)], lambda _: 0.1) == ()


def test_at_most_three_are_shown_the_earliest_of_equals() -> None:
    many = {Modality.SPEECH: [Moment(at, at + 1, "борщ") for at in reversed(range(9))]}
    found = matching_moments(many, Sought([("борщ", 1.0)])).moments
    assert [each.moment.start for each in found] == [0, 1, 2]


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(5)


def stored(random: np.random.Generator, count: int) -> tuple[StoredFrames, np.ndarray]:
    vectors = unit_rows(random.standard_normal((count, 512)).astype(np.float32))
    times = np.arange(count, dtype=np.float32) * 0.5
    return StoredFrames.of(FrameEmbeddings(times, vectors)), vectors


def test_the_best_frame_of_each_video_is_found_among_all(random: np.random.Generator) -> None:
    frames = {name: stored(random, count) for name, count in {"a": 120, "b": 1, "c": 30}.items()}
    query = unit_rows((frames["a"][1][77] + 0.05 * random.standard_normal(512).astype(np.float32))[None])[0]
    found = best_frames({name: each for name, (each, _) in frames.items()}, query)
    assert found["a"].time == 77 * 0.5
    assert found["b"].time == 0.0
    for name, (_, vectors) in frames.items():
        exact = vectors @ query
        assert found[name].score == pytest.approx(exact.max(), abs=0.01)
        assert exact[int(found[name].time * 2)] >= exact.max() - 0.01


def test_of_equal_frames_it_is_the_first(random: np.random.Generator) -> None:
    one, vectors = stored(random, 1)
    twice = StoredFrames(np.array([3.0, 4.0], np.float32), np.repeat(one.vectors, 2, axis=0))
    assert best_frames({"a": twice}, vectors[0])["a"].time == 3.0


def test_no_frames_or_frames_of_another_model_are_no_evidence(random: np.random.Generator) -> None:
    other = StoredFrames(np.zeros(3, np.float32), np.zeros((3, 128), np.int8))
    none = StoredFrames(np.zeros(0, np.float32), np.zeros((0, 512), np.int8))
    assert best_frames({"other": other, "none": none}, stored(random, 1)[1][0]) == {}
    assert best_frames({}, stored(random, 1)[1][0]) == {}
