"""The committed truth is what the recipe's descriptions say, and the queries are fit to measure with."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from samples.recipe.catalogue import CLIPS
from samples.recipe.queries import QUERIES, judged
from samples.recipe.spec import Clip

SAMPLES = Path(__file__).resolve().parents[3] / "samples"


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLES / name).read_text(encoding="utf-8").splitlines()]


TRUTH = {row["file"]: row for row in _rows("clips.jsonl")}


def test_every_described_clip_has_its_truth() -> None:
    assert list(TRUTH) == [clip.file for clip in CLIPS]


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.file)
def test_the_truth_says_what_the_recipe_draws_and_speaks(clip: Clip) -> None:
    row = TRUTH[clip.file]

    assert row["duration"] == clip.duration
    assert [(line["text"], line["start"], line["end"], line["language"]) for line in row["lines"]] == [
        (" ".join(text.text.split()), text.start, text.end, text.language) for text in clip.texts
    ], "run `python -m samples.recipe` again"
    assert [(said["text"], said["start"]) for said in row["narration"] or []] == [
        (speech.text, speech.start) for speech in clip.speech
    ]
    assert row["music"] == (clip.music is not None)
    assert {person["id"] for person in row["people"]} == {shown.person for shown in clip.portraits}


@pytest.mark.parametrize("row", TRUTH.values(), ids=lambda row: row["file"])
def test_times_are_in_order_and_within_the_clip(row: dict[str, Any]) -> None:
    spans = [*row["lines"], *(row["narration"] or []), *row["people"]]
    assert all(0 <= span["start"] < span["end"] <= row["duration"] for span in spans)
    for line in row["lines"]:
        if line["legible"] is not None:
            assert line["start"] <= line["legible"][0] < line["legible"][1] <= line["end"], line["text"]
    said = row["narration"] or []
    assert all(first["end"] <= second["start"] for first, second in pairwise(said))


def test_the_clips_are_a_mixture() -> None:
    rows = list(TRUTH.values())
    languages = [{line["language"] for line in row["lines"]} for row in rows]

    assert len(rows) >= 32
    assert sum("ru" in found for found in languages) >= 12
    assert sum("en" in found for found in languages) >= 12
    assert sum("mixed" in found for found in languages) >= 3
    assert sum(not row["lines"] for row in rows) >= 4, "clips without text"
    assert sum(row["narration"] is None and not row["music"] for row in rows) >= 3, "silent clips"
    assert sum(person["id"] == "eileen-collins" for row in rows for person in row["people"]) >= 4
    assert {row["people_count"] for row in rows} == {0, 1, 2}
    assert len({line["motion"] for row in rows for line in row["lines"]}) >= 8
    assert all(len(row["lines"]) <= 4 for row in rows)


def test_the_committed_queries_are_the_recipes() -> None:
    assert _rows("queries.jsonl") == judged(QUERIES, TRUTH), "run `python -m samples.recipe` again"


def test_queries_are_answered_by_clips_that_have_what_they_ask_for() -> None:
    for row in _rows("queries.jsonl"):
        modality = {"seen": "visual", "said": "speech", "unanswerable": ""}.get(row["class"], "ocr")
        assert row["modality"] == modality
        assert bool(row["relevant"]) == (row["class"] != "unanswerable"), row["query"]
        assert len(set(row["relevant"])) == len(row["relevant"]), row["query"]
        for file in row["relevant"]:
            if row["modality"] == "ocr":
                assert TRUTH[file]["lines"], f"{row['query']!r}: nothing is written in {file}"
            if row["modality"] == "speech":
                assert TRUTH[file]["narration"], f"{row['query']!r}: nothing is said in {file}"


def test_some_clips_can_be_found_by_one_modality_only() -> None:
    rows, wordless = _rows("queries.jsonl"), [row for row in TRUTH.values() if not row["lines"]]
    seen = {row["file"] for row in wordless if row["narration"] is None}
    heard = {row["file"] for row in wordless if row["narration"] is not None}

    def asked_for(files: set[str], modality: str) -> set[str]:
        return {file for row in rows if row["modality"] == modality for file in row["relevant"]} & files

    assert len(asked_for(seen, "visual")) >= 12
    assert len(asked_for(heard, "speech")) >= 10
    for only, other in ((seen, ("ocr", "speech")), (heard, ("ocr", "visual"))):
        assert not any(asked_for(only, modality) for modality in other)


def test_what_is_said_in_reply_to_a_query_is_not_written_beside_it() -> None:
    for row in _rows("queries.jsonl"):
        if row["modality"] != "speech":
            continue
        words = {word.lower() for word in row["query"].split() if len(word) > 3}
        for file in row["relevant"]:
            written = " ".join(line["text"] for line in TRUTH[file]["lines"]).lower().split()
            assert not words <= set(written), row["query"]


@pytest.mark.parametrize("modality", ["visual", "speech"])
def test_both_languages_ask_for_what_is_seen_and_said(modality: str) -> None:
    asked = [row["query"] for row in _rows("queries.jsonl") if row["modality"] == modality]
    latin = sum(query.isascii() for query in asked)
    assert len(asked) >= 24
    assert latin >= 10 and len(asked) - latin >= 10


def test_exact_queries_stand_in_a_clip_as_they_are_typed() -> None:
    for row in _rows("queries.jsonl"):
        if row["class"] != "exact":
            continue
        words = set(row["query"].split())
        written = [
            " ".join(line["text"] for line in TRUTH[file]["lines"]).lower() for file in row["relevant"]
        ]
        assert any(all(word in text for word in words) for text in written), row["query"]


def test_every_class_has_enough_queries() -> None:
    queries = _rows("queries.jsonl")
    count = Counter(row["class"] for row in queries)

    assert len(queries) >= 150
    asking = {"exact", "inflection", "paraphrase", "ru-en", "en-ru", "typo", "seen", "said"}
    assert set(count) == asking | {"unanswerable"}
    assert count["typo"] >= 8
    assert all(number >= 12 for kind, number in count.items() if kind != "typo")
    assert "как варить борщ" in {row["query"] for row in queries}
    assert max(len(row["query"].split()) for row in queries) <= 6


def test_a_query_about_a_clip_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no such clip"):
        judged({"exact": {"лев": ["lion"]}}, ["tiger.mp4"])
