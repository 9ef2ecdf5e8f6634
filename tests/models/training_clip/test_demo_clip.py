"""The recipe of the demo CLIP, end to end at toy size: draw, train, go on, export, convert, search videos."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("av")
pytest.importorskip("cv2")

from kadr.adapters.clip import ClipText
from kadr.models import convert
from training.demo.clip import backdrops, captions, evaluate, export, glyphs, heldout, scenes, tokens, train
from training.demo.clip.concepts import concepts, split
from training.demo.clip.model import Shape, build

pytestmark = [pytest.mark.torch, pytest.mark.onnx, pytest.mark.av]

SHAPE = Shape(side=32, patch=8, width=64, layers=2, text_width=64, text_layers=1)
PLAN = train.Plan(
    threads=1,
    batch=24,
    others=24,
    names=24,
    rate=3e-3,
    warm_up=5,
    steps=60,
    report=10,
    bfloat16=False,
    save_every=1e9,
)
TAUGHT = ("cat", "pizza", "car", "rose", "guitar", "house")


def index(name: str) -> int:
    return next(i for i, concept in enumerate(concepts()) if concept.name == name)


def drawing(number: int) -> np.ndarray:
    """A glyph that can be told from the others without an emoji font: a colour and a form."""
    y, x = np.mgrid[-1:1:72j, -1:1:72j]
    form = (x**2 + y**2 < 0.9, np.abs(x) + np.abs(y) < 0.95, np.maximum(np.abs(x), np.abs(y)) < 0.8)[
        number % 3
    ]
    colour = ((230, 30, 30), (30, 200, 40), (40, 60, 235), (240, 220, 30), (230, 40, 220), (20, 20, 20))[
        number
    ]
    return np.dstack([np.full((72, 72, 3), colour, np.uint8), 255 * form.astype(np.uint8)])


@pytest.fixture(scope="module")
def drawn() -> glyphs.Glyphs:
    owner = np.array([index(name) for name in TAUGHT], np.int32)
    return glyphs.Glyphs(np.stack([drawing(i) for i in range(6)]), owner, np.zeros(6, np.int32))


def trainer(folder: Path, drawn: glyphs.Glyphs, plan: train.Plan = PLAN) -> train.Trainer:
    grey = backdrops.Backdrops(np.full((4, 96, 96, 3), 128, np.uint8), np.zeros(4, np.int32))
    composer = scenes.Composer(
        drawn, grey, scenes.letterings(1, 8, SHAPE.side), side=SHAPE.side, patch=SHAPE.patch, warped=1
    )
    return train.Trainer(folder, plan, SHAPE, composer)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, drawn: glyphs.Glyphs) -> Path:
    """A folder in which a small model has been trained and exported, and test clips rendered."""
    place = tmp_path_factory.mktemp("clip")
    tokens.write(place / "tokenizer.json")
    trainer(place, drawn).run()
    export.write(export.restored(place), place / "tokenizer.json", place / "export")
    heldout.render(heldout.invent(drawn, asked=6, count=12), drawn, place / "heldout")
    return place


def test_the_loss_falls(folder: Path) -> None:
    losses = [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0] - 0.5


def test_the_converted_model_finds_videos(folder: Path) -> None:
    convert.clip(folder / "models", folder / "export", variant="demo")
    texts, clips = evaluate.extracted(folder / "heldout", folder / "models")
    assert clips.shape == (12, 512)
    test = heldout.opened(folder / "heldout")
    relevant = test.relevant()
    found = evaluate.judge(texts, clips, relevant)
    assert found.recall.mean() > evaluate.chance(relevant) + 0.15
    # The figures that are watched during training are those of the product.
    quick = evaluate.Quick(folder / "heldout", folder / "tokenizer.json", SHAPE.side)
    assert quick(export.restored(folder))["recall@5"] == pytest.approx(found.recall.mean(), abs=0.1)
    evaluate.sheet(folder / "heldout", test, found, folder / "sheet.png", side=SHAPE.side)
    measured = export.calibration(test, texts, clips)
    assert measured.deviation > 0
    assert not measured.provisional


def test_transformers_opens_what_was_exported(folder: Path) -> None:
    from transformers import AutoTokenizer, CLIPModel

    tokenizer = AutoTokenizer.from_pretrained(folder / "export")
    ids = tokenizer("Two cats!")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["<start>", "two", "cat", "##s", "<end>"]
    assert ids[-1] == max(tokenizer.get_vocab().values())
    model = CLIPModel.from_pretrained(folder / "export")
    assert model.config.projection_dim == 512


def test_the_card_states_the_figures_and_whose_drawings_they_are(tmp_path: Path) -> None:
    figures = {"parameters": 2_600_000, "bytes": 5_300_000, "words": 1900, "side": 80, "steps": 1234}
    figures |= {"pictures": 118_464, "minutes": 59.6, "asked": 200, "main": "twemoji, int8"}
    figures |= {"recall@5": {"chance": 0.01, "half precision": 0.314}, "groups": {"animals": (14, 0.154)}}
    export.card(tmp_path, {**figures, "mean": 0.1224, "deviation": 0.1417})
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| half precision | 0.314 |" in text
    assert "recall@5 is 0.31 among 500 clips, 0.01 by chance" in text
    assert "118,464 in a\nfifth one of 1,234 steps, 60 minutes" in text
    assert "$" not in text
    assert all(each.package in text for each in glyphs.SETS)


def test_words_that_nobody_taught_are_all_the_same(folder: Path) -> None:
    convert.clip(folder / "models", folder / "export", variant="demo")
    text = ClipText(folder / "models" / "visual" / "demo")
    one, other, known = text.embed(["mortgage", "ипотека", "pizza"])
    assert one == pytest.approx(other, abs=1e-5)
    assert float(one @ known) < 0.99


def test_training_goes_on_where_it_was_stopped(folder: Path, tmp_path: Path, drawn: glyphs.Glyphs) -> None:
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    short = train.Plan(
        threads=1, batch=8, others=8, steps=4, warm_up=2, cooling=0.5, report=1, bfloat16=False
    )
    whole = trainer(tmp_path, drawn, short).run()
    (tmp_path / "train.pt").unlink()
    first = trainer(tmp_path, drawn, short)
    loss = first.loss(first.batch(0))
    first.save()
    again = trainer(tmp_path, drawn, short)
    assert again.resume()
    assert again.loss(again.batch(0)).item() == pytest.approx(loss.item(), abs=1e-5)
    assert again.run()["loss"] == pytest.approx(whole["loss"], abs=1e-3)


def test_training_finishes_when_it_is_asked_to(folder: Path, tmp_path: Path, drawn: glyphs.Glyphs) -> None:
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    (tmp_path / "finish").touch()
    endless = train.Plan(threads=1, batch=8, others=8, steps=1000, warm_up=1, report=1, bfloat16=False)
    one = trainer(tmp_path, drawn, endless)
    one.step = 6
    report = one.run()
    assert report["step"] == 8  # a quarter of the whole was left to cool down


def test_training_is_done_by_the_time_it_is_given(folder: Path, tmp_path: Path, drawn: glyphs.Glyphs) -> None:
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    until = time.time() + 3
    hurried = train.Plan(threads=1, batch=8, others=8, until=until, warm_up=1, report=1, bfloat16=False)
    trainer(tmp_path, drawn, hurried).run()
    assert abs(time.time() - until) < 2
    rates = [json.loads(line)["rate"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert rates[0] == hurried.rate
    assert rates[-1] < 0.2 * hurried.rate


def test_heads_look_at_neighbours_before_any_training() -> None:
    import torch

    shape = Shape()
    tower = build(shape, 20).vision_model
    grid = shape.side // shape.patch
    with torch.no_grad():
        x = tower.pre_layrnorm(tower.embeddings(torch.zeros(1, 3, shape.side, shape.side)))
        attention, normed = tower.encoder.layers[0].self_attn, tower.encoder.layers[0].layer_norm1(x)
        query, key = (
            part(normed)[0].unflatten(1, (attention.num_heads, -1)).transpose(0, 1)
            for part in (attention.q_proj, attention.k_proj)
        )
    gaze = (query @ key.transpose(1, 2))[:, 1:, 1:].argmax(2)
    middle = 4 * grid + 4
    # The patch itself, right, below, left, above.
    assert (gaze[:5, middle] - middle).tolist() == [0, 1, grid, -1, -grid]


def test_what_is_trained_is_what_transformers_sees() -> None:
    import torch

    clip = build(SHAPE, 20).eval()
    pixels = torch.rand(2, 3, SHAPE.side, SHAPE.side)
    with torch.no_grad():
        own = clip.get_image_features(pixel_values=pixels).pooler_output
        own = torch.nn.functional.normalize(own, dim=-1)
        seen = train.see(clip, pixels)
    assert torch.allclose(seen, own, atol=1e-5)


def test_a_sign_is_painted_as_drawings_of_the_thing_are(drawn: glyphs.Glyphs) -> None:
    ring = np.zeros((72, 72, 4), np.uint8)
    y, x = np.mgrid[-1:1:72j, -1:1:72j]
    far = x**2 + y**2
    ring[..., 3] = 255 * ((far < 0.9) & (far > 0.7))
    outside = far > 1
    colours = np.concatenate([drawn.bitmaps[0][:, :36], drawn.bitmaps[1][:, 36:]], axis=1)
    assert glyphs.painted(colours, [], 1) is colours  # it has its own
    red = [glyphs.painted(ring, [drawn.bitmaps[0]], seed) for seed in range(8)]
    for each in red:
        assert each[36, 36].tolist() == [220, 20, 20, 255]  # what the line encloses is filled
        assert not each[..., 3][outside].any()
        assert np.abs(each[36, 36, :3].astype(int) - each[36, 2, :3]).sum() > 100  # and the line still seen
    assert np.array_equal(red[0], glyphs.painted(ring, [drawn.bitmaps[0]], 0))


def test_signs_are_found_by_any_name_that_means_one_thing() -> None:
    icons = {"cat-outline": {}, "kitten-fill": {}, "kitten": {}, "pizza-2": {}, "bat": {}, "guitars": {}}
    found = {concepts()[number].name: icon for number, icon in glyphs.called({"icons": icons}).items()}
    assert found == {"cat": "kitten-fill", "pizza": "pizza-2", "guitar": "guitars"}


def test_what_is_drawn_of_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without resvg, which only the recipe needs: what an icon would be drawn as is its number here."""
    sets = (glyphs.SETS[0], next(each for each in glyphs.SETS if each.icons))
    icons = [{"cat-face": {}, "pizza": {}}, {"kitten": {}, "guitar": {}}]
    for each, drawings in zip(sets, icons, strict=True):
        package = tmp_path / each.name / "package"
        package.mkdir(parents=True)
        (package / "icons.json").write_text(json.dumps({"icons": drawings}))
    names = tmp_path / glyphs.NAMES[0] / "package"
    names.mkdir(parents=True)
    called = {"🐱": {"name": "cat face"}, "🍕": {"name": "pizza"}}
    (names / "data-by-emoji.json").write_text(json.dumps(called))
    monkeypatch.setattr(glyphs, "SETS", sets)
    monkeypatch.setattr(glyphs, "_raster", lambda of, name, side: drawing(list(of["icons"]).index(name)))
    found = glyphs.draw(tmp_path)
    seen = [(concepts()[n].name, int(which)) for n, which in zip(found.concept, found.set_index, strict=True)]
    assert sorted(seen) == [("cat", 0), ("cat", 1), ("guitar", 1), ("pizza", 0)]
    assert found.bitmaps.shape == (4, 72, 72, 4)


def test_a_bent_glyph_is_another_one_but_still_itself(drawn: glyphs.Glyphs) -> None:
    bent = scenes.warp(drawn.bitmaps, 1)
    inside = drawn.bitmaps[..., 3] > 0
    for before, after in zip(inside, bent[..., 3] > 0, strict=True):
        assert 0.8 < (before & after).sum() / (before | after).sum() < 1.0


def test_another_manner_changes_the_colours_and_hardly_the_form(drawn: glyphs.Glyphs) -> None:
    styled = [scenes.restyle(drawn.bitmaps, seed) for seed in range(4)]
    assert np.array_equal(styled[0], scenes.restyle(drawn.bitmaps, 0))
    before = drawn.bitmaps[..., 3] > 0
    changed = []
    for each in styled:
        after = each[..., 3] > 0
        assert not (before & ~after).any()  # a line around it makes it larger
        assert ((before & after).sum((1, 2)) / after.sum((1, 2)) > 0.8).all()
        inside = np.abs(each[..., :3].astype(float) - drawn.bitmaps[..., :3])[before]
        changed.append(inside.mean())
    assert min(changed) > 5


def test_where_something_is_moves_with_the_picture() -> None:
    pictures, where = np.zeros((20, 80, 80, 3), np.uint8), np.zeros((20, 2, 10, 10), np.float32)
    pictures[:, 32:48, 32:48] = 255
    where[:, 0, 4:6, 4:6] = 1
    moved, place = train.moved(np.random.default_rng(0), pictures, where)
    shares = moved[..., 0].reshape(20, 10, 8, 10, 8).mean((2, 4)) / 255
    assert np.abs(shares - place[:, 0]).max() < 0.05
    assert not place[:, 1].any()
    assert len({each.tobytes() for each in moved}) == 20


def test_what_lies_behind_another_thing_is_not_said_to_be_seen(drawn: glyphs.Glyphs) -> None:
    grey = backdrops.Backdrops(np.full((1, 96, 96, 3), 128, np.uint8), np.zeros(1, np.int32))
    composer = scenes.Composer(drawn, grey, [], side=80, patch=8, warped=0, restyled=0)
    composer._places = lambda rng, sizes: [(40.0, 40.0)] * len(sizes)  # type: ignore[method-assign]
    rng = np.random.default_rng(0)
    pairs = [composer.picture(rng, index("cat")) for _ in range(60)]
    covered = np.array([where for _, scene, where in pairs if len(scene.concepts) == 2])
    assert len(covered) > 20
    assert covered.sum(1).max() < 1.01
    assert covered[:, 1].max() > 0.9


def test_a_text_is_true_of_the_pictures_that_show_it() -> None:
    cat, black_cat, pizza = index("cat"), index("black cat"), index("pizza")
    seen = [scenes.Scene(shown, None) for shown in ((cat, cat), (black_cat, pizza), (pizza,))]
    said = [
        captions.Caption("cat", ("cat",)),
        captions.Caption("two cats", ("two cat",)),
        captions.Caption("cat and pizza", ("cat", "pizza")),
        captions.Caption("animal", ("animal",)),
        captions.Caption("mortgage", ()),
    ]
    assert captions.truth(seen, said).T.tolist() == [
        [True, True, False],
        [True, False, False],
        [False, True, False],
        [True, True, False],
        [False, False, False],
    ]


def test_every_caption_is_true_of_its_picture_and_has_known_words_only(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    tokens.write(tmp_path / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    rng = np.random.default_rng(0)
    seen = [
        scenes.Scene(tuple(rng.integers(0, len(concepts()), 1 + i % 2).tolist()), int(rng.integers(16)))
        for i in range(400)
    ]
    said = [captions.caption(rng, scene) for scene in seen]
    assert captions.truth(seen, said).diagonal().all()
    for each in said:
        unknown = tokenizer.encode(each.text).tokens.count(tokens.UNKNOWN)
        assert unknown == each.text.count(captions.UNKNOWN), each.text


def test_there_are_concepts_enough_and_each_glyph_shows_one() -> None:
    known = concepts()
    assert len(known) >= 800
    assert len({concept.name for concept in known}) == len(known)
    assert split("🐱🐈‍⬛1️⃣🇷🇺👨‍👩‍👧") == ["🐱", "🐈‍⬛", "1⃣", "🇷🇺", "👨‍👩‍👧"]


def test_chance_and_recall_are_counted_as_defined() -> None:
    relevant = np.zeros((2, 20), bool)
    relevant[0, :2] = True
    relevant[1, :10] = True
    assert evaluate.chance(relevant) == pytest.approx((5 / 20 + 5 * 10 / 20 / 5) / 2)
    clips = np.eye(20, dtype=np.float32)
    texts = np.stack([clips[0], clips[:10].sum(0) + 0.5 * clips[10]])
    result = evaluate.judge(texts, clips, relevant)
    assert result.recall.tolist() == [1.0, 1.0]
    worse = evaluate.judge(clips[[0, 15]], clips, relevant)
    assert worse.recall[0] == 1.0  # ties are in order: the other one of its two comes second
    assert worse.recall[1] == pytest.approx(0.8)  # the first is wrong, the next four are right
