from __future__ import annotations

import pytest

from kadr.cli.api import Highlight
from kadr.cli.reasons import highlighted, made_of, percent
from tests.unit.cli.stand import answer, evidence, result

BORSCHT = answer(
    "как варить борщ",
    result(1, "борщ.mp4", evidence("Варим борщ со свёклой", 1.5, 4.0), score=2.5),
    result(
        2, "soup.mp4", evidence("unrelated", 0, 1, score=0.1), evidence("borscht recipe", 62, 64), score=1.25
    ),
    result(3, "silent.mp4", score=0.5),
    query={
        "original": "как варить борщ",
        "corrected": "как варить борщ",
        "translated": "how to cook borscht",
        "language": "ru",
    },
)


def test_json_has_the_ranking_and_its_reasons(stand):
    stand.api.answers["как варить борщ"] = BORSCHT
    printed = stand.json("search", "как варить борщ", "--json")
    assert [item["key"] for item in printed["results"]] == ["борщ.mp4", "soup.mp4", "silent.mp4"]
    first = printed["results"][0]
    assert (first["rank"], first["score"], first["video_id"]) == (1, 2.5, str(stand.id("борщ.mp4")))
    assert {name: first["evidence"][0][name] for name in ("modality", "text", "start", "end")} == {
        "modality": "ocr",
        "text": "Варим борщ со свёклой",
        "start": 1.5,
        "end": 4.0,
    }
    assert printed["query"]["translated"] == "how to cook borscht"


def test_words_need_no_quotes_and_the_page_is_passed_on(stand):
    stand.api.answers["как варить борщ"] = BORSCHT
    assert stand.invoke("search", "как", "варить", "борщ", "-k", "3", "--offset", "6").exit_code == 0
    assert dict(stand.api.requests[0].url.params) == {"q": "как варить борщ", "k": "3", "offset": "6"}


def test_filters_are_passed_on_by_their_names(stand):
    stand.api.answers["кот"] = answer("кот")
    options = "--modality speech --theme pets --theme food --language ru --min-duration 5 --max-duration 60"
    options += " --after 2026-01-31 --before 2026-03-01 --emphasis 0 --diversity 0.3 --no-collapse"
    options += " --skip spelling --skip translation"
    assert stand.invoke("search", "кот", *options.split()).exit_code == 0
    assert dict(stand.api.requests[0].url.params.multi_items()) == {
        "q": "кот",
        "k": "10",
        "offset": "0",
        "modality": "speech",
        "theme": "food",
        "language": "ru",
        "min_duration": "5.0",
        "max_duration": "60.0",
        "after": "2026-01-31",
        "before": "2026-03-01",
        "emphasis": "0.0",
        "diversity": "0.3",
        "collapse": "false",
        "skip": "translation",
    }
    assert stand.api.requests[0].url.params.get_list("theme") == ["pets", "food"]


@pytest.mark.parametrize("options", [("--after", "spring"), ("--skip", "thinking")])
def test_what_cannot_be_a_filter_is_not_sent(stand, options):
    assert stand.invoke("search", "кот", *options).exit_code == 2
    assert stand.api.requests == []


def test_nothing_fits_the_filters(stand):
    stand.api.answers["кот"] = answer("кот")
    assert "Leave a filter" in stand.invoke("search", "кот", "--theme", "pets").stderr


def test_near_duplicates_and_further_pages_are_mentioned(stand):
    stand.api.answers["кот"] = answer("кот", {**result(1, "a.mp4"), "duplicates": 3}, next_offset=10)
    printed = stand.invoke("search", "кот")
    assert "+3 alike" in printed.stdout
    assert "--offset 10" in printed.stderr
    assert stand.json("search", "кот", "--json")["next_offset"] == 10


def test_the_table_shows_the_best_reason_and_where_it_is(stand):
    stand.api.answers["как варить борщ"] = BORSCHT
    lines = stand.invoke("search", "как варить борщ").stdout.splitlines()
    assert "also searched as “how to cook borscht”" in lines[0]
    row = {line.split()[0]: line for line in lines if line.strip() and line.split()[0].isdigit()}
    assert "2.500" in row["1"] and "0:01" in row["1"] and "ocr: Варим борщ со свёклой" in row["1"]
    assert "1:02" in row["2"] and "borscht recipe" in row["2"] and "unrelated" not in row["2"]
    assert "silent.mp4" in row["3"]


def mark(offset: int, length: int, start: float | None = None) -> dict[str, object]:
    return {"offset": offset, "length": length, "start": start, "end": start}


def test_the_words_that_were_found_are_bold():
    marks = [Highlight(offset=3, length=6), Highlight(offset=10, length=5)]
    shown = highlighted("Мы варили борщи и ели", marks, width=80)
    assert shown.plain == "Мы варили борщи и ели"
    assert [shown.plain[span.start : span.end] for span in shown.spans if "bold" in str(span.style)] == [
        "варили",
        "борщи",
    ]


def test_a_long_text_is_shown_around_what_was_found():
    text = "слово " * 50 + "борщ" + " слово" * 50
    shown = highlighted(text, [Highlight(offset=300, length=4)], width=60)
    assert "борщ" in shown.plain and len(shown.plain) <= 62
    assert shown.plain.startswith("…") and shown.plain.endswith("…")
    (bold,) = [span for span in shown.spans if "bold" in str(span.style)]
    assert shown.plain[bold.start : bold.end] == "борщ"


def test_what_controls_a_terminal_is_shown_and_moves_no_highlight():
    shown = highlighted("\x1b[31mборщ\u202e", [Highlight(offset=5, length=4)], width=80)
    assert "\x1b" not in shown.plain and "\u202e" not in shown.plain
    (bold,) = [span for span in shown.spans if "bold" in str(span.style)]
    assert shown.plain[bold.start : bold.end] == "борщ"


def test_a_spoken_word_is_entered_where_it_is_said_and_a_frame_where_it_is_seen(stand):
    spoken = evidence("Сегодня варим борщ", 3.0, 9.0, modality="speech", highlights=[mark(14, 4, 7.4)])
    found = result(1, "a.mp4", spoken)
    found |= {
        "frame": {"time": 72.0, "score": 0.31},
        "contributions": {"visual": 1.0, "speech": 2.0, "words": 3.0},
        "confidence": 0.931,
    }
    stand.api.answers["борщ"] = answer("борщ", found)
    shown = stand.invoke("search", "борщ").stdout
    assert "0:07" in shown and "speech: Сегодня варим борщ" in shown
    assert "1:12" in shown and "visual: the closest frame" in shown
    assert "93 %" in shown
    assert "██▒▒▒▒░░░░░░" in shown
    assert "█ seen  ▒ said  ░ exact words" in shown


def test_a_frame_that_speaks_against_a_hit_is_no_reason_for_it(stand):
    found = result(1, "a.mp4", evidence("борщ", 3.0, 9.0))
    found |= {"frame": {"time": 72.0, "score": 0.11}, "contributions": {"visual": -1.0, "words": 3.0}}
    stand.api.answers["борщ"] = answer("борщ", found)
    assert "visual:" not in stand.invoke("search", "борщ").stdout


def test_a_bar_is_as_long_as_its_score():
    assert made_of({"visual": 1.0, "ocr": 1.0, "words": 1.0}, 3.0).plain == "████▓▓▓▓░░░░"
    assert made_of({"visual": -9.0, "ocr": 1.5}, 3.0).plain == "▓▓▓▓▓▓"
    assert made_of({"ocr": 0.01}, 3.0).plain == ""
    assert made_of({}, 0.0).plain == ""


def test_nothing_is_promised():
    assert percent(0.9999).plain == "99 %"
    assert percent(None).plain == ""


def test_text_of_a_video_is_not_taken_for_markup(stand):
    stand.api.answers["a"] = answer("a", result(1, "[red]a[/].mp4", evidence("[bold]a[/] [/]", 0, 1)))
    printed = stand.invoke("search", "a")
    assert printed.exit_code == 0
    assert "[red]a[/].mp4" in printed.stdout and "[bold]a[/] [/]" in printed.stdout


def test_nothing_found_says_where_to_look(stand):
    stand.api.answers["x"] = answer("x")
    printed = stand.invoke("search", "x")
    assert printed.exit_code == 0
    assert "Nothing was found" in printed.stderr


def test_beyond_the_last_result_there_is_no_more(stand):
    stand.api.answers["x"] = answer("x")
    printed = stand.invoke("search", "x", "--offset", "50")
    assert "No more results" in printed.stderr and "Nothing was found" not in printed.stderr


def test_poor_results_are_called_poor(stand):
    stand.api.answers["x"] = answer("x", result(1, "a.mp4"), nothing_good=True)
    assert "Nothing fits well" in stand.invoke("search", "x").stderr
    assert stand.json("search", "x", "--json")["nothing_good"] is True
