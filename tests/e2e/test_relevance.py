"""How well the sample clips are found, through the real functions: uploaded, recognised, indexed, searched.

The stack of this suite has weights for text alone, so only queries about what is written are asked; what is
ranked by several modalities has its floor in ``tests/models/relevance``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kadr.cli.app import app
from kadr.cli.session import Session
from tests.e2e.conftest import CHECKOUT, PURGING, Stack, wait_for

pytestmark = [pytest.mark.local, pytest.mark.timeout(2400)]

PREFIX = "samples/"


@pytest.fixture(scope="module")
def printed(stack: Stack, clips: Path) -> dict[str, Any]:
    """What ``kadr evaluate --ablation --json`` says of a stack that has the sample clips and nothing else."""
    # other suites' videos, copies of the same clips among them, would be found instead
    videos = stack.api.get("/videos", params={"limit": 100}).json()["videos"]
    others = [video["key"] for video in videos if not video["key"].startswith(PREFIX)]
    for key in others:
        stack.delete(key)
    for key in others:
        wait_for(lambda key=key: stack.video(key) is None, seconds=PURGING, what="an old video to go")
    keys = [PREFIX + clip.name for clip in sorted(clips.iterdir())]
    for key in keys:
        stack.put(key, (clips / Path(key).name).read_bytes())
    for key in keys:
        stack.finished(key, seconds=900)
    asked = CliRunner().invoke(
        app,
        ["evaluate", str(CHECKOUT / "samples" / "queries.jsonl"), "--prefix", PREFIX, "--ablation", "--json"],
        obj=Session(root=stack.root),
    )
    assert asked.exit_code == 0, asked.stderr
    printed: dict[str, Any] = json.loads(asked.stdout)
    return printed


def test_what_is_written_is_found(printed: dict[str, Any]) -> None:
    assert printed["queries"] == 113
    assert printed["not_indexed"] == []
    assert printed["ndcg@10"] >= 0.93
    assert printed["recall@5"] >= 0.95
    assert printed["classes"]["exact"]["ndcg@10"] >= 0.97


def test_it_is_said_where_nothing_is_good(printed: dict[str, Any]) -> None:
    said = printed["nothing_good"]
    assert said["said_of_unanswerable"] >= 0.8 * said["unanswerable"] == 0.8 * 24
    assert said["said_of_right_first"] <= 0.1 * said["right_first"]


def test_the_ranking_in_memory_is_that_of_search(printed: dict[str, Any]) -> None:
    table = printed["ablation"]
    assert set(table) == {"ocr", "reference", "union", "fused", "full"}
    assert table["full"]["ndcg@10"] == pytest.approx(printed["ndcg@10"], abs=0.01)


def test_all_of_it_is_no_worse_than_any_part_or_the_reference(printed: dict[str, Any]) -> None:
    figures = {name: row["ndcg@10"] for name, row in printed["ablation"].items()}
    # With one modality there is nothing to weigh: a query of 113 that changes places is no defeat.
    assert all(figures["full"] >= other - 0.01 for other in figures.values()), figures
