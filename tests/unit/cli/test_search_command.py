from __future__ import annotations

from kadr.cli.api import QueryUnderstanding
from kadr.cli.search import highlight, query_stems
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


def test_the_table_shows_the_best_reason_and_where_it_is(stand):
    stand.api.answers["как варить борщ"] = BORSCHT
    lines = stand.invoke("search", "как варить борщ").stdout.splitlines()
    assert "also searched as “how to cook borscht”" in lines[0]
    row = {line.split()[0]: line for line in lines if line.strip() and line.split()[0].isdigit()}
    assert "2.500" in row["1"] and "0:01" in row["1"] and "ocr: Варим борщ со свёклой" in row["1"]
    assert "1:02" in row["2"] and "borscht recipe" in row["2"] and "unrelated" not in row["2"]
    assert "silent.mp4" in row["3"]


def test_words_are_marked_in_every_inflection_and_language():
    query = QueryUnderstanding(original="как варить борщ", translated="how to cook borscht")
    marked = highlight("Как мы варили борщи: cooking BORSCHT!", query_stems(query))
    assert [marked.plain[span.start : span.end] for span in marked.spans] == [
        "варили",
        "борщи",
        "cooking",
        "BORSCHT",
    ]


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
