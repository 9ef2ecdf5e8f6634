"""``python -m training.demo.clip data|train|evaluate|export``: one command per step, each resumable."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

# Threads that wait asleep: on cores with other work, waiting in a loop takes longer than the work itself.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import numpy as np
import typer

from training.demo import memory
from training.demo.clip.train import Plan

app = typer.Typer(help="Make the demo CLIP.", no_args_is_help=True, pretty_exceptions_enable=False)
Folder = Annotated[Path, typer.Option("--folder", help="Where everything is kept.")]
FOLDER = Path(".kadr/training/clip")
TEST_SET = "twemoji"
WATCHED, PUBLISHED = 2, 3  # seeds of the clips: those looked at while training are not those of the figures


def test_clips(folder: Path, name: str, seed: int = PUBLISHED) -> Path:
    """The folder of the held-out clips with the emoji of one set, rendered unless that has been done."""
    from training.demo.clip import glyphs, heldout

    place = folder / f"heldout-{name}-{seed}"
    if not (place / "test.json").is_file():
        drawn = glyphs.load(folder / "glyphs.npz")
        own = drawn.only(drawn.set_index == heldout.named(name))
        trained = set(drawn.of(held_out=False).concept.tolist())
        own = own.only(np.isin(own.concept, sorted(trained)))
        heldout.render(heldout.invent(own, seed=seed), own, place)
    return place


@app.command()
def data(folder: Folder = FOLDER) -> None:
    """Fetch the emoji, draw them and the backgrounds, write the tokenizer."""
    from training.demo.clip import backdrops, glyphs, tokens

    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "glyphs.npz").is_file():
        glyphs.fetch(folder / "packages")
        glyphs.save(glyphs.draw(folder / "packages"), folder / "glyphs.npz")
    if not (folder / "backdrops.npz").is_file():
        backdrops.save(backdrops.paint(seed=1, each=40), folder / "backdrops.npz")
    for seed in (WATCHED, PUBLISHED):
        test_clips(folder, TEST_SET, seed)
    typer.echo(f"{tokens.write(folder / 'tokenizer.json')} words")


def _next(clock: str) -> float:
    """The next time a clock of UTC shows HH:MM, in seconds since 1970."""
    now = datetime.now(UTC)
    hour, minute = map(int, clock.split(":"))
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (then if then > now else then + timedelta(days=1)).timestamp()


@app.command()
def train(
    folder: Folder = FOLDER,
    *,
    minutes: Annotated[float, typer.Option(help="Of computing.")] = 75.0,
    pause: Annotated[list[Path] | None, typer.Option(help="Nothing is computed while this exists.")] = None,
    until: Annotated[str, typer.Option(help="HH:MM, UTC: be done by then, instead of --minutes.")] = "",
    threads: Annotated[int, typer.Option(help="Of this process.")] = Plan().threads,
    afresh: Annotated[bool, typer.Option(help="Do not go on from train.pt.")] = False,
    published: Annotated[
        Path | None, typer.Option(help="Without train.pt, begin with this converted model, not at random.")
    ] = None,
    easy: Annotated[float, typer.Option(help="Of the first pictures, the easy ones.")] = Plan().easy,
    rates: Annotated[
        float, typer.Option(help="Share of the learning rates, where the weights know much already.")
    ] = 1.0,
) -> None:
    """Train; go on from where an earlier run was stopped."""
    import cv2

    from training.demo.clip import published as weights
    from training.demo.clip.evaluate import Quick
    from training.demo.clip.model import Shape
    from training.demo.clip.train import Trainer, composer

    cv2.setNumThreads(0)
    shape = Shape()
    plan = Plan(
        minutes=minutes,
        until=_next(until) if until else 0.0,
        threads=threads,
        easy=easy,
        rate=rates * Plan().rate,
        matrix_rate=rates * Plan().matrix_rate,
    )
    trainer = Trainer(folder, plan, shape, composer(folder, shape.side, shape.patch))
    if not afresh and trainer.resume():
        typer.echo(f"going on from step {trainer.step}")
    elif published is not None:
        weights.load(published, trainer.clip)
        typer.echo(f"beginning with the weights in {published}")
    quick = Quick(test_clips(folder, TEST_SET, WATCHED), folder / "tokenizer.json", shape.side)
    typer.echo(trainer.run(pause=tuple(pause or ()), measure=quick))


@app.command()
def evaluate(
    folder: Folder = FOLDER,
    emoji: Annotated[str, typer.Option(help="The set of emoji to draw the clips with.")] = TEST_SET,
    picture: Annotated[Path | None, typer.Option(help="Write a picture of questions and hits (PNG).")] = None,
) -> None:
    """Search the held-out clips with the model as it is now, beside chance and an untrained one."""
    import torch

    from training.demo.clip.evaluate import Quick, by_group, chance, sheet
    from training.demo.clip.export import restored
    from training.demo.clip.model import Shape, build

    place, tokenizer = test_clips(folder, emoji), folder / "tokenizer.json"
    torch.manual_seed(0)  # of the untrained model
    clip = restored(folder)
    quick = Quick(place, tokenizer, clip.config.vision_config.image_size)
    result = quick.judge(clip)
    untrained = quick(
        build(Shape(side=clip.config.vision_config.image_size), clip.config.text_config.vocab_size)
    )
    typer.echo(f"{len(quick.test.asked)} questions, {len(quick.test.clips)} clips with {emoji}")
    typer.echo(f"chance     recall@5 {chance(quick.relevant):.4f}")
    typer.echo(f"untrained  {untrained}")
    typer.echo(f"trained    {result.figures()}")
    for group, (count, recall) in by_group(quick.test, result).items():
        typer.echo(f"  {group:28} {count:3}  {recall:.3f}")
    if picture is not None:
        sheet(place, quick.test, result, picture, side=clip.config.vision_config.image_size)


@app.command()
def export(
    folder: Folder = FOLDER,
    minutes: Annotated[float, typer.Option(help="For the card; 0: as train.pt has it.")] = 0.0,
) -> None:
    """Write the model to ``export/``, convert it, calibrate it and measure it through the real extractor."""
    import torch

    from kadr.models import convert
    from kadr.models.registry import recalibrate
    from training.demo.clip import export as exporting
    from training.demo.clip.evaluate import Quick, by_group, chance, extracted, judge
    from training.demo.clip.model import Shape, build

    place, tokenizer, to = test_clips(folder, TEST_SET), folder / "tokenizer.json", folder / "export"
    torch.manual_seed(0)  # of the untrained model
    clip = exporting.restored(folder)
    exporting.write(clip, tokenizer, to)
    size = (to / "model.safetensors").stat().st_size
    side = clip.config.vision_config.image_size
    quick = Quick(place, tokenizer, side)
    untrained = build(Shape(side=side), clip.config.text_config.vocab_size)
    recall = {
        "chance": chance(quick.relevant),
        "the same model, untrained": quick(untrained)["recall@5"],
    }
    recall["half precision"] = quick(clip)["recall@5"]
    model = convert.clip(folder / "models", to, variant="demo", int8=True)
    texts, clips = extracted(place, folder / "models")
    result = judge(texts, clips, quick.relevant)
    recall["converted to int8, through the extractor"] = result.figures()["recall@5"]
    measured = exporting.calibration(quick.test, texts, clips)
    recalibrate(model.directory, measured)
    weights = sum(path.stat().st_size for path in model.directory.iterdir())
    typer.echo(f"{recall}, {weights / 1e6:.1f} MB converted, {measured.mean} ± {measured.deviation}")
    state = torch.load(folder / "train.pt", weights_only=True)
    exporting.card(
        to,
        {
            "parameters": sum(parameter.numel() for parameter in clip.parameters()),
            "bytes": size,
            "words": clip.config.text_config.vocab_size - 6,
            "side": side,
            "steps": state["step"],
            "pictures": state["step"] * Plan().batch // 2,
            "minutes": minutes or state["seconds"] / 60,
            "asked": len(quick.test.asked),
            "recall@5": recall,
            "groups": by_group(quick.test, result),
            "main": f"{TEST_SET}, int8",
            "mean": measured.mean,
            "deviation": measured.deviation,
        },
    )
    typer.echo(f"{to}: {sum(path.stat().st_size for path in to.iterdir()) / 1e6:.1f} MB")


if __name__ == "__main__":
    memory.keep("training.demo.clip")
    app()
