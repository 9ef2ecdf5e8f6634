"""`kadr evaluate --ablation` and `kadr tune` on a collection in memory."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

from kadr.cli import stored
from kadr.cli.api import QueryUnderstanding
from kadr.cli.stored import Collection
from kadr.core.extraction import Moment
from kadr.core.modality import Modality
from kadr.core.rankers import IndexedVideo
from kadr.core.ranking import Ranking, Spread, parse_ranking
from tests.unit.cli.stand import answer, result, video

N = 30
KEYS = [f"{number:02}.mp4" for number in range(N)]
SPREADS = {"visual": Spread(0.0, 0.05), "text": Spread(0.0, 0.05)}


class Encoder:
    """Knows the direction of each query; noise keeps it from being perfect."""

    model_version = "fake@1"

    def __init__(self, dimensions: int, noise: float) -> None:
        self.dimensions = dimensions
        rng = np.random.default_rng(dimensions)
        things = rng.standard_normal((N, dimensions))
        self.things = (things / np.linalg.norm(things, axis=1, keepdims=True)).astype(np.float32)
        seen = self.things + noise * rng.standard_normal((N, dimensions)) / np.sqrt(dimensions)
        self.seen = (seen / np.linalg.norm(seen, axis=1, keepdims=True)).astype(np.float32)

    def embed(self, texts):
        return np.stack([self.seen[int(text.split()[1])] for text in texts])


@pytest.fixture
def indexed(stand, tmp_path, monkeypatch):
    """A stack whose videos are found by what is written (well), by what is seen (badly), not by words.

    Exact words mislead: every video says the number of the next one.
    """
    clip, text = Encoder(512, noise=6.0), Encoder(384, noise=2.0)
    videos = tuple(
        IndexedVideo(
            key,
            {Modality.VISUAL: clip.things[at], Modality.OCR: text.things[at]},
            {Modality.OCR: [Moment(0, 1, f"число {(at + 1) % N} " * 4)]},
        )
        for at, key in enumerate(KEYS)
    )
    collection = Collection(videos, Ranking(words_weight=8.0), SPREADS, clip, text)
    monkeypatch.setattr(stored, "read_collection", lambda *_, **__: collection)
    stand.api.add(*(video(key) for key in KEYS))
    lines = []
    for at, key in enumerate(KEYS):
        query = f"thing {at}"
        found = answer(query, result(1, key))
        found["query"]["words"] = [{"text": query, "weight": 1.0}]
        stand.api.answers[query] = found
        modality = "visual" if at % 3 == 0 else "ocr"
        lines.append({"query": query, "relevant": [key], "class": "exact", "modality": modality})
    file = tmp_path / "queries.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    return str(file)


def test_the_ablation_tells_what_each_part_brings(stand, indexed):
    printed = stand.json("evaluate", indexed, "--ablation", "--json")
    table = printed["ablation"]
    assert list(table) == ["visual", "ocr", "reference", "union", "fused", "full"]  # nobody speaks
    assert table["ocr"]["ndcg@10"] > table["visual"]["ndcg@10"]
    assert table["fused"]["ndcg@10"] >= table["ocr"]["ndcg@10"] - 0.02
    assert table["full"]["ndcg@10"] < table["fused"]["ndcg@10"]  # words mislead here, and it says so
    assert table["full"]["modalities"]["visual"]["queries"] == 10
    shown = stand.invoke("evaluate", indexed, "--ablation").stdout
    assert "only what is written" in shown
    assert "visual queries" in shown
    assert f"{table['union']['ndcg@10']:.3f}" in shown


def test_a_query_is_embedded_without_its_syntax():
    class Reader:
        def embed(self, texts):
            self.texts = list(texts)
            return np.zeros((len(self.texts), 1), np.float32)

    reader = Reader()
    asked = QueryUnderstanding(
        original="…", translated='borscht "with garlic" -meat', phrases=["with garlic"]
    )
    Collection((), Ranking(), SPREADS, None, reader).embed([asked])
    assert reader.texts == ["borscht with garlic"]


def test_without_the_option_nothing_is_read(stand, indexed, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the index was read")

    monkeypatch.setattr(stored, "read_collection", refuse)
    assert "ablation" not in stand.json("evaluate", indexed, "--json")


def test_the_plot_has_a_bar_for_every_figure(stand, indexed, tmp_path):
    file = tmp_path / "ablation.svg"
    table = stand.json("evaluate", indexed, "--plot", str(file), "--json")["ablation"]
    picture = ElementTree.fromstring(file.read_text(encoding="utf-8"))
    texts = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    for method, row in table.items():
        assert method in texts
        assert f"{row['ndcg@10']:.3f}" in texts
    bars = [each for each in picture.iter("{http://www.w3.org/2000/svg}rect") if each.get("height") == "12"]
    assert len(bars) == len(table) * 3  # all, ocr, visual
    width = int(picture.get("width"))
    assert all(float(bar.get("x")) + float(bar.get("width")) <= width for bar in bars)


def test_another_kind_of_picture_is_refused(stand, indexed, tmp_path):
    refused = stand.invoke("evaluate", indexed, "--plot", str(tmp_path / "ablation.png"))
    assert refused.exit_code == 2
    assert "svg" in refused.stderr


def test_tuning_takes_weight_from_what_misleads_and_says_what_changed(stand, indexed, tmp_path):
    file = tmp_path / "ranking.json"
    printed = stand.json("tune", indexed, "--out", str(file), "--json")
    assert printed["better"]
    figures = printed["ndcg@10"]
    assert figures["before"] < figures["cross_validated"]
    assert printed["after"]["words_weight"] < printed["before"]["words_weight"] == 8.0
    assert sum(fold["queries"] for fold in printed["folds"]) == N
    assert printed["confidence_error"]["after"] < printed["confidence_error"]["before"]
    written = parse_ranking(json.loads(file.read_text(encoding="utf-8")))
    assert written.words_weight == printed["after"]["words_weight"]
    assert "queries.jsonl (30 queries, 30 videos)" in written.fitted_on
    # a right first hit is believed, a wrong one is not
    shown = stand.invoke("tune", indexed).stdout
    assert "words_weight" in shown and "confidence.slope" in shown


def test_queries_that_nothing_answers_lower_confidence_and_change_no_order(stand, indexed, tmp_path):
    lines = Path(indexed).read_text(encoding="utf-8")
    more = tmp_path / "more.jsonl"
    for at in range(0, N, 2):
        found = answer(f"other {at}", result(1, KEYS[at]))
        found["query"]["words"] = [{"text": f"число {at}", "weight": 1.0}]
        stand.api.answers[f"other {at}"] = found
        lines += f'\n{{"query": "other {at}", "relevant": [], "class": "unanswerable"}}'
    more.write_text(lines, encoding="utf-8")
    without, within = (stand.json("tune", path, "--json") for path in (indexed, str(more)))
    assert within["ndcg@10"] == without["ndcg@10"]
    curve = "confidence_with_pictures"  # there is a CLIP
    assert within["after"][curve] != without["after"][curve]


def test_nothing_is_written_unless_asked(stand, indexed, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    assert stand.invoke("tune", indexed).exit_code == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_write_makes_it_the_constants_of_the_checkout(stand, indexed, tmp_path):
    place = tmp_path / "shared" / "kadr" / "core" / "data" / "ranking.json"
    place.parent.mkdir(parents=True)
    printed = stand.json("tune", indexed, "--write", "--json")
    assert json.loads(place.read_text(encoding="utf-8")) == printed["after"]


def test_the_same_queries_give_the_same_constants(stand, indexed):
    assert stand.json("tune", indexed, "--json") == stand.json("tune", indexed, "--json")


def test_too_few_queries_are_refused_in_words(stand, indexed, tmp_path):
    few = tmp_path / "few.jsonl"
    few.write_text('{"query": "thing 1", "relevant": ["01.mp4"]}')
    refused = stand.invoke("tune", str(few))
    assert refused.exit_code == 1
    assert "too little to fit on" in refused.stderr


def test_an_empty_stack_is_said_to_be_empty(stand, tmp_path):
    with stand.target.api() as api, pytest.raises(Exception, match="Nothing is indexed"):
        stored.read_collection(stand.target, api, tmp_path)


def test_vectors_of_other_weights_are_refused(tmp_path):
    class Text:
        model_version = "my-own@12345678"

    class Stage:
        stage, state, model_version = "ocr", "done", "ppocr@1+all-minilm-l6-v2@2"

    class Video:
        stages = (Stage(),)

    with pytest.raises(Exception, match="my-own@12345678 is installed here"):
        stored._check_versions([Video()], None, Text())


def test_pictures_of_another_demo_clip_are_refused(tmp_path):
    class Clip:
        model_version = "demo@22222222"

    def videos(*versions):
        return [
            SimpleNamespace(stages=[SimpleNamespace(stage="visual", state="done", model_version=version)])
            for version in versions
        ]

    stored._check_versions(videos("demo@22222222+2"), Clip(), None)
    with pytest.raises(Exception, match="kadr extract"):
        stored._check_versions(videos("demo@22222222+2", "demo@11111111+2"), Clip(), None)
