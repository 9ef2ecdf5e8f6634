from __future__ import annotations

import json
import math

import pytest

from kadr.cli.demo import choose
from kadr.cli.evaluate import JudgedQuery
from tests.unit.cli.stand import answer, result, video

INDEXED = [f"{name}.mp4" for name in "abcdefghij"]


def judged(query, *relevant, kind="exact", modality="ocr"):
    return {"query": query, "relevant": list(relevant), "class": kind, "modality": modality}


@pytest.fixture
def queries(stand, tmp_path):
    """A stack with ten videos; the returned function writes a file of judged queries."""
    stand.api.add(*(video(key) for key in INDEXED))
    for text, order in {
        "first": "abcdefghij",
        "third": "bcadefghij",
        "sixth": "bcdefaghij",
        "none": "",
    }.items():
        found = [result(rank, f"{name}.mp4") for rank, name in enumerate(order, start=1)]
        stand.api.answers[text] = answer(text, *found)

    def write(*lines):
        file = tmp_path / "queries.jsonl"
        file.write_text("\n".join(json.dumps(line) for line in lines) + "\n\n", encoding="utf-8")
        return str(file)

    return write


def test_the_measures_are_those_computed_by_hand(stand, queries):
    file = queries(
        judged("first", "a.mp4"),
        judged("third", "a.mp4", "b.mp4", kind="typo"),
        judged("sixth", "a.mp4", kind="typo"),
        judged("none", "a.mp4", kind="ru-en"),
    )
    printed = stand.json("evaluate", file, "--json")
    third = (1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3))
    overall = {
        "recall@5": 0.5,
        "ndcg@10": pytest.approx((1 + third + 1 / math.log2(7) + 0) / 4, abs=1e-4),
        "mrr": pytest.approx((1 + 1 + 1 / 6 + 0) / 4, abs=1e-4),
        "queries": 4,
    }
    assert printed == {
        **overall,
        "classes": {
            "exact": {"recall@5": 1.0, "ndcg@10": 1.0, "mrr": 1.0, "queries": 1},
            "typo": {
                "recall@5": 0.5,
                "ndcg@10": pytest.approx((third + 1 / math.log2(7)) / 2, abs=1e-4),
                "mrr": pytest.approx((1 + 1 / 6) / 2, abs=1e-4),
                "queries": 2,
            },
            "ru-en": {"recall@5": 0.0, "ndcg@10": 0.0, "mrr": 0.0, "queries": 1},
        },
        "modalities": {"ocr": overall},
        "nothing_good": {
            "unanswerable": 0,
            "said_of_unanswerable": 0,
            "right_first": 2,
            "said_of_right_first": 0,
        },
        "skipped": {},
        "not_indexed": [],
    }


def test_queries_of_each_modality_are_measured_apart(stand, queries):
    file = queries(judged("first", "a.mp4"), judged("none", "a.mp4", modality="speech"))
    printed = stand.json("evaluate", file, "--json")
    assert {name: part["mrr"] for name, part in printed["modalities"].items()} == {"ocr": 1.0, "speech": 0.0}
    assert "speech (modality)" in stand.invoke("evaluate", file).stdout


def test_k_can_be_chosen(stand, queries):
    file = queries(judged("third", "a.mp4"), judged("sixth", "a.mp4"))
    assert stand.json("evaluate", file, "--json", "-k", "1")["recall@1"] == 0.0
    assert stand.json("evaluate", file, "--json", "-k", "3")["recall@3"] == 0.5
    assert stand.json("evaluate", file, "--json", "-k", "6")["recall@6"] == 1.0


def test_misses_come_worst_first(stand, queries):
    file = queries(judged("sixth", "a.mp4"), judged("first", "a.mp4"), judged("none", "a.mp4"))
    printed = stand.json("evaluate", file, "--misses", "--json")
    assert [(item["query"], item["found"]) for item in printed["misses"]] == [
        ("none", []),
        ("sixth", ["b.mp4", "c.mp4", "d.mp4", "e.mp4", "f.mp4"]),
    ]
    table = stand.invoke("evaluate", file, "--misses").stdout
    assert table.index("none") < table.index("sixth")
    assert "nothing" in table


def test_modalities_without_weights_are_left_out_and_named(stand, queries):
    stand.api.status["stages"] = {
        "speech": {"unavailable": 8, "empty": 2},
        "faces": {"unavailable": 1, "done": 9},
        "ocr": {"done": 10},
    }
    file = queries(
        judged("first", "a.mp4"),
        judged("none", "a.mp4", modality="speech"),
        judged("third", "a.mp4", modality="faces"),
    )
    printed = stand.invoke("evaluate", file, "--json")
    assert json.loads(printed.stdout)["queries"] == 2
    assert json.loads(printed.stdout)["skipped"] == {"speech": 1}
    assert "1 query about speech left out" in printed.stderr
    assert stand.json("evaluate", file, "--all", "--json")["queries"] == 3

    only_speech = queries(judged("none", "a.mp4", modality="speech"))
    refused = stand.invoke("evaluate", only_speech)
    assert refused.exit_code == 1
    assert "weights are not installed" in refused.stderr


def test_saying_that_nothing_is_good_is_measured_and_is_no_miss(stand, queries):
    stand.api.answers["sixth"]["nothing_good"] = True
    stand.api.answers["third"]["nothing_good"] = True
    file = queries(
        judged("first", "a.mp4"),
        judged("third", "b.mp4"),
        judged("sixth", kind="unanswerable"),
        judged("none", kind="unanswerable"),
    )
    printed = stand.json("evaluate", file, "--json")
    assert (printed["queries"], printed["mrr"], list(printed["classes"])) == (2, 1.0, ["exact"])
    assert printed["nothing_good"] == {
        "unanswerable": 2,
        "said_of_unanswerable": 1,
        "right_first": 2,
        "said_of_right_first": 1,
    }
    assert "1 of 2 queries that no video answers" in stand.invoke("evaluate", file).stdout
    refused = stand.invoke("evaluate", queries(judged("none")))
    assert refused.exit_code == 1
    assert "No query has a relevant video" in refused.stderr


def test_videos_that_were_never_uploaded_count_and_are_named(stand, queries):
    file = queries(judged("first", "a.mp4", "zebra.mp4"))
    printed = stand.invoke("evaluate", file, "--json")
    assert json.loads(printed.stdout)["recall@5"] == 0.5
    assert json.loads(printed.stdout)["not_indexed"] == ["zebra.mp4"]
    assert "zebra.mp4" in printed.stderr


def test_keys_with_a_prefix_are_found(stand, queries):
    stand.api.add(video("p/a.mp4"))
    stand.api.answers["pre"] = answer("pre", result(1, "p/a.mp4"))
    printed = stand.json("evaluate", queries(judged("pre", "a.mp4")), "--prefix", "p/", "--json")
    assert (printed["recall@5"], printed["not_indexed"]) == (1.0, [])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "this is not JSON"),
        ("3", "this is not a JSON object"),
        ('{"query": "x"}', "`relevant` is missing"),
        ('{"relevant": ["a"]}', "`query` is missing"),
        ('{"query": "x", "relevant": [3]}', "`relevant` must be a list"),
        ('{"query": "x", "relevant": "a.mp4"}', "`relevant` must be a list"),
        ('{"query": " ", "relevant": ["a"]}', "`query` must be text"),
        ('{"query": "x", "relevant": ["a"], "class": ["typo"]}', "`class` must be text"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wrong(stand, tmp_path, line, why):
    file = tmp_path / "queries.jsonl"
    file.write_text(f'{{"query": "first", "relevant": ["a.mp4"]}}\n\n{line}\n')
    printed = stand.invoke("evaluate", str(file))
    assert printed.exit_code == 1
    assert f"line 3: {why}" in printed.stderr
    assert "Error: " in printed.stderr and "KeyError" not in printed.stderr


def test_a_file_that_is_no_text_is_called_so(stand, tmp_path):
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"\x00\x00\x00\x20ftypisom\xff\xfe")
    printed = stand.invoke("evaluate", str(file))
    assert printed.exit_code == 1
    assert "is not a file of JSON lines" in printed.stderr


def test_the_demo_shows_every_class_before_it_repeats_one():
    many = [JudgedQuery(f"{kind}{number}", ("a",), kind) for kind in "xyz" for number in range(3)]
    assert [query.query for query in choose(many, 5)] == ["x0", "y0", "z0", "x1", "y1"]
    assert len(choose(many, 99)) == 9


def test_the_demo_shows_as_many_videos_as_it_can():
    many = [JudgedQuery(f"{kind}{number}", (f"{number}",), kind) for kind in "xyz" for number in range(3)]
    assert [query.query for query in choose(many, 4)] == ["x0", "y1", "z2", "x1"]
