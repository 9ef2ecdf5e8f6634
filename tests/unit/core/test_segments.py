"""From sightings of lines to what was written, and when."""

from __future__ import annotations

import pytest

from kadr.core.segments import Box, Segment, Sighting, segments, similarity

TOP = Box(0.1, 0.10, 0.9, 0.16)
BELOW = Box(0.1, 0.17, 0.9, 0.23)
BOTTOM = Box(0.1, 0.80, 0.9, 0.86)


def seen(time: float, *lines: tuple[str, float, Box]) -> tuple[float, list[Sighting]]:
    return time, [Sighting(time, text, confidence, box) for text, confidence, box in lines]


def texts(found: list[Segment]) -> list[str]:
    return [segment.text for segment in found]


def test_no_frames_and_no_lines_give_nothing() -> None:
    assert segments([]) == []
    assert segments([seen(0), seen(1)], duration=2) == []


def test_a_line_that_stays_is_one_segment_from_first_to_last_frame() -> None:
    frames = [seen(0), *(seen(t, ("Как варить борщ", 0.9, TOP)) for t in (1, 2, 3)), seen(4), seen(5)]
    (found,) = segments(frames, duration=6)
    assert found.text == "Как варить борщ"
    assert (found.start, found.end) == (0.5, 3.5)  # halfway to the frames that do not have it


def test_a_line_that_stays_to_the_end_ends_with_the_video() -> None:
    (found,) = segments([seen(0, ("subscribe", 0.9, TOP)), seen(3, ("subscribe", 0.9, TOP))], duration=5.2)
    assert (found.start, found.end) == (0, 5.2)


def test_of_several_readings_the_best_supported_one_is_kept() -> None:
    frames = [
        seen(0, ("Как варить борщ", 0.80, TOP)),
        seen(1, ("Как варить борщ", 0.82, TOP)),
        seen(2, ("Как варитъ 6орщ", 0.84, TOP)),
        seen(3, ("Как вopuть боры", 0.70, TOP)),
    ]
    (found,) = segments(frames)
    assert found.text == "Как варить борщ"


def test_a_sure_reading_beats_two_unsure_ones() -> None:
    frames = [
        seen(0, ("Нежные сырники", 0.5, TOP)),
        seen(1, ("Нежные сырники", 0.5, TOP)),
        seen(2, ("Нежные сырники!", 0.95, TOP)),
    ]
    assert texts(segments(frames)) == ["Нежные сырники!"]


def test_another_text_at_the_same_place_is_another_segment() -> None:
    frames = [
        seen(0, ("look after — заботиться", 0.9, TOP)),
        seen(1, ("look after — заботиться", 0.9, TOP)),
        seen(2, ("run out of — закончиться", 0.9, TOP)),
        seen(3, ("run out of — закончиться", 0.9, TOP)),
    ]
    found = segments(frames, duration=4)
    assert texts(found) == ["look after — заботиться", "run out of — закончиться"]
    assert found[0].end == found[1].start == 1.5


def test_the_same_words_said_again_much_later_are_two_segments() -> None:
    frames = [seen(0, ("ГОЛ!!!", 0.9, TOP)), seen(1, ("ГОЛ!!!", 0.9, TOP)), *(seen(t) for t in range(2, 9))]
    frames += [seen(9, ("ГОЛ!!!", 0.9, TOP)), seen(10, ("ГОЛ!!!", 0.9, TOP))]
    assert len(segments(frames)) == 2


def test_a_line_that_was_missed_in_between_stays_one_segment() -> None:
    frames = [seen(t, *([("Good boy", 0.9, TOP)] if t not in (2, 3) else [])) for t in range(6)]
    (found,) = segments(frames, duration=6)
    assert (found.start, found.end) == (0, 6)


def test_text_that_moves_is_followed() -> None:
    frames = [
        seen(t, ("Small tasks feel heavy", 0.9, Box(0.1, 0.8 - 0.1 * t, 0.9, 0.86 - 0.1 * t)))
        for t in range(6)
    ]
    assert texts(segments(frames)) == ["Small tasks feel heavy"]


def test_rows_of_one_block_are_read_from_top_to_bottom() -> None:
    rows = [("and a pinch of salt", 0.9, BELOW), ("Milk, flour, two eggs", 0.9, TOP)]
    frames = [seen(t, *rows) for t in range(3)]
    (found,) = segments(frames)
    assert found.text == "Milk, flour, two eggs and a pinch of salt"
    assert (found.box.top, found.box.bottom) == (TOP.top, BELOW.bottom)


def test_texts_far_apart_or_of_different_times_are_not_joined() -> None:
    apart = [seen(t, ("Title", 0.9, TOP), ("Subtitles down here", 0.9, BOTTOM)) for t in range(3)]
    assert texts(segments(apart)) == ["Title", "Subtitles down here"]
    later = [seen(t, ("First", 0.9, TOP)) for t in range(3)]
    later += [seen(t, ("Second thing", 0.9, BELOW)) for t in range(3, 6)]
    assert texts(segments(later)) == ["First", "Second thing"]


def test_two_pieces_of_a_row_are_read_from_left_to_right() -> None:
    left, right = Box(0.1, 0.10, 0.4, 0.16), Box(0.43, 0.105, 0.9, 0.163)
    frames = [seen(t, ("все мечты", 0.9, right), ("Пусть сбудутся", 0.9, left)) for t in range(3)]
    assert texts(segments(frames)) == ["Пусть сбудутся все мечты"]


def test_text_that_is_being_typed_is_kept_whole() -> None:
    whole = "Minecraft starter house"
    frames = [
        seen(0, ("Mine", 0.9, Box(0.1, 0.1, 0.3, 0.16))),
        seen(1, ("Minecraft sta", 0.9, Box(0.1, 0.1, 0.5, 0.16))),
        seen(2, (whole, 0.9, TOP)),
        seen(3, (whole, 0.9, TOP)),
    ]
    (found,) = segments(frames)
    assert found.text == whole
    assert found.start == 0


def test_a_running_row_is_put_together_out_of_its_parts() -> None:
    whole = "На дорогах гололёд водителей просят не спешить"
    parts = [
        ("На дорогах голо", 0.4, 1.0),
        ("дорогах гололёд водител", 0.0, 1.0),
        ("полёд водителей прос", 0.0, 1.0),
        ("лей просят не спешить", 0.0, 0.9),
        ("не спешить", 0.0, 0.4),
    ]
    frames = [seen(t, (text, 0.9, Box(a, 0.9, b, 0.96))) for t, (text, a, b) in enumerate(parts)]
    (found,) = segments(frames)
    assert found.text == whole


def test_two_rows_at_the_edge_that_share_no_words_stay_apart() -> None:
    edge = Box(0.0, 0.9, 1.0, 0.96)
    frames = [seen(0, ("Снегопад и ветер", 0.9, edge)), seen(1, ("Мороз до минус двадцати", 0.9, edge))]
    assert texts(segments(frames)) == ["Снегопад и ветер", "Мороз до минус двадцати"]


@pytest.mark.parametrize(
    ("text", "confidence"), [("fe", 0.6), ("wes mat rol", 0.6), ("0000000", 0.95), ("ooo00oo", 0.9)]
)
def test_patterns_that_look_like_letters_are_left_out(text: str, confidence: float) -> None:
    frames = [seen(t, *([(text, confidence, BOTTOM)] if t == 1 else [])) for t in range(4)]
    assert segments(frames) == []


def test_a_piece_read_while_the_line_was_coming_is_left_out() -> None:
    frames = [
        seen(0, ("Тва", 0.89, Box(0.1, 0.1, 0.3, 0.16))),
        *(seen(t, ("Творог и яйцо", 0.9, TOP)) for t in (1, 2, 3)),
    ]
    assert texts(segments(frames)) == ["Творог и яйцо"]


def test_a_piece_that_slides_in_from_the_edge_is_left_out() -> None:
    frames = [
        seen(0, ("Tea", 0.95, Box(0.8, 0.1, 1.0, 0.16))),
        *(seen(t, ("Творог и две ложки муки", 0.9, Box(0.1, 0.1, 0.7, 0.16))) for t in (1, 2, 3)),
    ]
    assert texts(segments(frames)) == ["Творог и две ложки муки"]


def test_readings_in_the_wrong_script_are_the_same_line() -> None:
    assert similarity("Маке а wish", "Make a wish") == 1
    assert similarity("3a 30 минут", "за 30 минут") == 1
    frames = [
        seen(0, ("Маке а wish", 0.8, TOP)),
        seen(1, ("Make a wish", 0.95, TOP)),
        seen(2, ("Make a wish", 0.95, TOP)),
    ]
    assert texts(segments(frames)) == ["Make a wish"]


def test_similarity_ignores_case_and_signs_and_knows_strangers() -> None:
    assert similarity("Ёлка, из шишек!", "ёлка из шишек") == 1
    assert similarity("", "") == 1
    assert similarity("", "слово") == 0
    assert similarity("Кот и огурец", "Top 5 lifehacks") < 0.4


def test_segments_come_in_order_of_time() -> None:
    frames = [
        seen(0, ("Always there", 0.9, BOTTOM)),
        seen(1, ("Always there", 0.9, BOTTOM), ("Then this", 0.9, TOP)),
        seen(2, ("Always there", 0.9, BOTTOM), ("Then this", 0.9, TOP)),
    ]
    found = segments(frames)
    assert texts(found) == ["Always there", "Then this"]
    assert all(a.start <= a.end for a in found)
