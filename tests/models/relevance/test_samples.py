"""The ranking of the sample clips, with the real sentence encoder and the real understanding of queries.

What is written and said in the clips is taken from the recipe, as if it had been recognised without mistakes:
so this is about ranking alone, takes seconds, and needs no stack. Recognition is in the figures of the e2e
suite.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from functions.search.engine import Engine
from kadr.adapters.minilm import MiniLM
from kadr.adapters.translation import translator
from kadr.cli.ablation import Ablation, ablate
from kadr.cli.evaluate import JudgedQuery, read_queries
from kadr.cli.stored import Collection
from kadr.cli.tune import Outcome, fitted
from kadr.core.extraction import Moment
from kadr.core.modality import Modality
from kadr.core.passages import embed_passages
from kadr.core.rankers import EmbeddedQuery, IndexedVideo, Method, best, scores, similarities
from kadr.core.ranking import default_ranking
from kadr.models.catalogue import Role, calibration
from kadr.models.registry import require
from kadr.runtime.settings import SearchSettings
from tests.fakes import MemoryGlossaryStore

pytestmark = pytest.mark.onnx

SAMPLES = Path(__file__).parents[3] / "samples"
TRUST = 0.9  # of a recogniser that makes no mistakes


@pytest.fixture(scope="module")
def clips(models_dir: Path) -> list[IndexedVideo]:
    english = translator(models_dir)
    text = MiniLM(require("text", models_dir).directory)

    def moment(line: dict[str, object]) -> Moment:
        said = str(line["text"])
        translated = english.translate(said) if line["language"] == "ru" else ""
        return Moment(line["start"], line["end"], said, line["language"], TRUST, translated)  # type: ignore[arg-type]

    videos = []
    for row in (SAMPLES / "clips.jsonl").read_text(encoding="utf-8").splitlines():
        clip = json.loads(row)
        moments = {
            modality: [moment(line) for line in clip[name]]
            for modality, name in ((Modality.OCR, "lines"), (Modality.SPEECH, "narration"))
            if clip[name]
        }
        vectors = {
            modality: embed_passages(text.embed, [each.translation or each.text for each in found])
            for modality, found in moments.items()
        }
        videos.append(
            IndexedVideo(
                clip["file"], {m: vector for m, vector in vectors.items() if vector is not None}, moments
            )
        )
    return videos


@pytest.fixture(scope="module")
def judged() -> list[JudgedQuery]:
    """The queries that text answers, and those that nothing does: no weights here know what is seen."""
    return [query for query in read_queries(SAMPLES / "queries.jsonl") if query.modality != "visual"]


@pytest.fixture(scope="module")
def collection(clips: list[IndexedVideo], models_dir: Path) -> Collection:
    return Collection(
        videos=tuple(clips),
        ranking=default_ranking(),
        spreads={"visual": calibration(Role.VISUAL), "text": calibration(Role.TEXT)},
        clip=None,
        text=MiniLM(require("text", models_dir).directory),
    )


@pytest.fixture(scope="module")
def embedded(collection: Collection, judged: list[JudgedQuery], models_dir: Path) -> list[EmbeddedQuery]:
    settings = SearchSettings(
        postgres_host="unused",
        postgres_secret_arn="unused",
        qdrant_url="http://127.0.0.1:1",
        media_bucket="unused",
        derived_bucket="unused",
        models_dir=models_dir,
    )
    texts = [
        text
        for video in collection.videos
        for moments in video.moments.values()
        for moment in moments
        for text in (moment.text, moment.translation)
    ]
    engine = Engine(
        settings,
        SimpleNamespace(ledger=SimpleNamespace(newest_texts=lambda: texts), glossaries=MemoryGlossaryStore()),  # type: ignore[arg-type]
    )
    understood = [engine.understand(query.query) for query in judged]
    assert collection.text is not None
    vectors = collection.text.embed([each.translated or each.corrected for each in understood])
    return [EmbeddedQuery(None, vector, each.words) for vector, each in zip(vectors, understood, strict=True)]


@pytest.fixture(scope="module")
def table(collection: Collection, judged: list[JudgedQuery], embedded: list[EmbeddedQuery]) -> Ablation:
    answerable = [at for at, query in enumerate(judged) if query.relevant]
    return ablate(collection, [judged[at] for at in answerable], [embedded[at] for at in answerable], k=5)


def test_the_right_clip_is_found_by_what_is_written_and_by_what_is_said(table: Ablation) -> None:
    # measured: 0.960 over all, 0.960 of 113 queries about writing, 0.962 of 26 about speech
    full = table.rows[Method.FULL]
    assert full.overall.ndcg[10] >= 0.95
    assert full.overall.recall[5] >= 0.96
    for modality in ("ocr", "speech"):
        assert full.modalities[modality].ndcg[10] >= 0.93, modality


def test_all_of_it_together_ranks_better_than_any_part_and_than_the_reference(table: Ablation) -> None:
    figures = {method: row.overall.ndcg[10] for method, row in table.rows.items()}
    full = figures.pop(Method.FULL)
    assert set(figures) >= {Method.OCR, Method.SPEECH, Method.REFERENCE, Method.UNION, Method.FUSED}
    assert all(full > other for other in figures.values()), figures


@pytest.fixture(scope="module")
def outcome(collection: Collection, judged: list[JudgedQuery], embedded: list[EmbeddedQuery]) -> Outcome:
    return fitted(collection, judged, embedded, source="samples")


def test_tuning_finds_nothing_worse(outcome: Outcome) -> None:
    assert outcome.tuned.after >= outcome.tuned.before
    assert outcome.tuned.before == pytest.approx(0.960, abs=0.01)


def test_confidence_is_the_share_of_hits_that_are_right(outcome: Outcome) -> None:
    # measured: 0.004 with the release's constants
    assert outcome.error_before < 0.02


def test_nothing_good_is_said_where_nothing_is_and_hardly_where_the_first_hit_is_right(
    collection: Collection, judged: list[JudgedQuery], embedded: list[EmbeddedQuery]
) -> None:
    of, ranking = similarities(collection.videos, embedded), default_ranking()
    scored = scores(of, Method.FULL, ranking, collection.spreads, k=10)
    said: dict[str, list[bool]] = {"none": [], "right": []}
    for query, (wanted, page) in enumerate(zip(judged, best(scored, k=10), strict=True)):
        confidence = max(ranking.confidence(scored[query, at], of.matched[query, at]) for at in page)
        if not wanted.relevant:
            said["none"].append(confidence < ranking.nothing_good)
        elif of.keys[page[0]] in wanted.relevant:
            said["right"].append(confidence < ranking.nothing_good)
    # measured: 23 of 24, and 7 of 130
    assert len(said["none"]) == 24
    assert np.mean(said["none"]) >= 0.85, said
    assert np.mean(said["right"]) <= 0.08, said
