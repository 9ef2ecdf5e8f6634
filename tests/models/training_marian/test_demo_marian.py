"""The recipe of the demo translator at toy size: pairs, training, going on, export, translating."""

from __future__ import annotations

import itertools
import json
import random
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")
pytest.importorskip("sentencepiece")
pytest.importorskip("pymorphy3")

from kadr.adapters.marian import Marian
from kadr.models import registry
from training.demo import register
from training.demo.marian import data, export, lexicon, model
from training.demo.marian.evaluate import Figures, measure
from training.demo.marian.phrases import Phrases
from training.demo.marian.train import Plan, Trainer
from training.translator.pairs import Pair

pytestmark = [pytest.mark.torch]

SHAPE = model.Shape(
    source_pieces=220,
    target_pieces=200,
    width=64,
    heads=4,
    encoder_layers=1,
    decoder_layers=1,
    feed_forward=128,
)
PLAN = Plan(
    batch=32, together=2, rate=4e-3, matrix_rate=4e-3, warm_up=10, steps=300, threads=1,
    bfloat16=False, report=10, save_every=1e9, measure_every=1e9,
)  # fmt: skip
TOY = [
    Pair(f"{verb} {noun}", f"{said} {thing}")
    for (verb, said), (noun, thing) in itertools.product(
        {"варить": "cook", "рисовать": "draw", "купить": "buy", "мыть": "wash"}.items(),
        {"борщ": "borscht", "рыбу": "fish", "машину": "car", "кота": "cat", "дом": "house"}.items(),
    )
]


@pytest.fixture(scope="module")
def maker() -> Phrases:
    found = lexicon.load()
    return Phrases(found, lambda word: 4.0, latin=["roblox"], others=[("сбер", "sber")])


class TestPairs:
    def test_forms_have_number_and_tense(self, maker):
        assert maker.meanings["подводки"] == "eyeliners"
        assert maker.meanings["дети"] == "children"
        assert maker.meanings["сварит"] == "will cook"
        assert maker.meanings["варит"] == "cooks"
        assert maker.meanings["утренние зарядки"] == "morning exercises"
        assert maker.meanings["красивыми"] == "beautiful"

    def test_every_template_can_be_filled(self, maker):
        chance = random.Random(3)
        for template in maker.templates:
            pair = maker.fill(template, chance)
            assert pair.source and pair.target
            assert not set("{}") & set(pair.source + pair.target), template

    def test_gaps_agree(self, maker):
        chance = random.Random(4)
        template = next(each for each in maker.templates if each.russian.startswith("она {vt.pf}"))
        for _ in range(50):
            pair = maker.fill(template, chance)
            source, target = pair.source.split(), pair.target.split()
            assert source[0] == "она" and target[0] == "she"
            assert source[1].endswith(("ла", "лась"))

    def test_nothing_that_is_held_out_is_learnt(self, maker, tmp_path):
        held = data.hold_out(maker, tmp_path / "held.json")
        assert data.held_out(tmp_path / "held.json") == held
        forms, closed = {pair.source for pair in held.forms}, {pair.source for pair in held.phrases}
        learnt = list(itertools.islice(data.learnt(maker, held, random.Random(5)), 5000))
        for pair in learnt:
            plain = pair.source.strip("#.!?")
            assert plain not in closed
            assert forms.isdisjoint(plain.split())
        assert len({pair.source for pair in learnt}) > 4000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with an untrained toy model."""
    place = tmp_path_factory.mktemp("marian")
    model.write(place / "base", TOY * 3, SHAPE)
    return place


def pairs() -> itertools.cycle[Pair]:
    return itertools.cycle(TOY)


def test_pieces_that_may_be_said_stand_first(folder):
    vocabulary = json.loads((folder / "base" / "vocab.json").read_text())
    said = model.said(folder / "base")
    latin = [place for piece, place in vocabulary.items() if piece.strip("▁").isascii() and piece != "<pad>"]
    russian = [place for piece, place in vocabulary.items() if not piece.strip("▁").isascii()]
    assert max(latin) < said <= min(russian)


def test_it_learns_is_exported_registered_and_translates(folder, tmp_path):
    trainer = Trainer(folder, PLAN)
    report = trainer.run(pairs())
    assert report["loss"] < 1.0
    assert trainer.translate(["варить борщ"]) == ["cook borscht"]

    source = export.restored(folder, tmp_path / "export")
    ready = export.registered(
        export.converted(source, "demo", tmp_path / "converted"),
        tmp_path / "models",
        {"held-out": Figures(20, 1.0, 100.0, 0.0, 0.0)},
    )
    translator = Marian(registry.require("translation", tmp_path / "models"))
    sources = [pair.source for pair in TOY]
    assert ready.demo and translator.model_version.startswith("demo@")
    right = [said == pair.target for said, pair in zip(translator.translate(sources), TOY, strict=True)]
    # 17 to 20 of 20, after the machine's order of sums and int8; one that has learnt nothing has none right.
    assert sum(right) >= 14
    figures = measure({"demo": lambda text: translator.translate([text])[0]}, TOY)["demo"]
    assert figures.exact == sum(right) / len(right)

    facts = dict.fromkeys(
        ("millions", "megabytes", "entries", "others", "templates", "pairs", "steps", "minutes"), "7"
    )
    export.card(tmp_path / "card.md", {"toy": {"demo": figures}}, facts)
    assert "| toy | demo |" in (tmp_path / "card.md").read_text()
    manifest = register.register(
        ready.role, tmp_path / "models", tmp_path / "card.md", "training.demo.marian", tmp_path / "checkout"
    )
    assert manifest.checks["exact of held-out"] == 1.0
    assert (tmp_path / "checkout" / "models" / "translation" / "demo" / "README.md").is_file()


def test_training_goes_on_where_it_was_stopped(folder):
    first = Trainer(folder, PLAN)
    assert first.resume()
    state, step = first.net.state_dict(), first.step
    again = Trainer(folder, PLAN)
    again.resume()
    assert again.step == step > 0
    assert all((state[name] == value).all() for name, value in again.net.state_dict().items())


def test_training_finishes_when_it_is_asked_to_and_by_the_time_it_is_given(folder, tmp_path):
    for name, plan in (
        ("asked", Plan(**{**_fields(PLAN), "steps": 0, "minutes": 60.0})),
        ("until", Plan(**{**_fields(PLAN), "steps": 0, "minutes": 60.0, "until": time.time() + 4})),
    ):
        place = tmp_path / name
        place.mkdir()
        (place / "base").symlink_to(folder / "base")
        if name == "asked":
            (place / "finish").touch()
        began = time.monotonic()
        Trainer(place, plan).run(pairs())
        assert time.monotonic() - began < 60
        assert (place / "train.pt").is_file()


def _fields(plan: Plan) -> dict[str, object]:
    return {name: getattr(plan, name) for name in plan.__dataclass_fields__}
