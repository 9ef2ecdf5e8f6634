"""The list of figures: what is measured again replaces what was, the rest stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import results
from bench.__main__ import together
from bench.results import Result, merged


def test_what_is_not_measured_again_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results.write([Result("index.ocr", 4.2, "s", 21.0), Result("search.understand", 0.2, "ms")], path)
    results.write([Result("index.ocr", 4.0, "s", 20.0)], path)
    assert json.loads(path.read_text()) == [
        {"name": "index.ocr", "value": 4.0, "unit": "s", "reference": 20.0, "ratio": 5.0},
        {"name": "search.understand", "value": 0.2, "unit": "ms"},
    ]


def test_the_parts_stay_together_and_what_others_added_comes_last() -> None:
    old = [{"name": "search.all", "value": 1}, {"name": "suggest.p99", "value": 2}]
    new = [Result("memory.ocr", 500.0, "MiB", more={"at_30_s": 480.0}), Result("index.ocr", 4.0, "s")]
    found = merged(old, new)
    assert [entry["name"] for entry in found] == ["index.ocr", "memory.ocr", "search.all", "suggest.p99"]
    assert found[1] == {"name": "memory.ocr", "value": 500.0, "unit": "MiB", "at_30_s": 480.0}


def test_the_ratio_is_how_many_times_as_long_the_reference_takes() -> None:
    assert Result("index.visual", 2.0, "s", 7.0).ratio == 3.5
    assert Result("index.visual", 2.0, "s").ratio is None


def four(**references: float | None) -> dict[str, Result]:
    names = ("visual", "ocr", "speech", "faces")
    return {f"index.{name}": Result(f"index.{name}", 1.5, "s", references.get(name, 5.0)) for name in names}


def test_all_together_is_the_sum_of_the_four_and_of_their_references() -> None:
    found = together(four())
    assert (found.value, found.reference) == (6.0, 20.0)


def test_without_one_reference_there_is_none_for_all() -> None:
    found = together(four(ocr=None))
    assert (found.value, found.reference) == (6.0, None)


def test_without_one_extractor_there_is_no_sum() -> None:
    parts = four()
    del parts["index.speech"]
    with pytest.raises(RuntimeError, match="speech"):
        together(parts)
