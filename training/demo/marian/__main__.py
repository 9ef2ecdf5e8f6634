"""``python -m training.demo.marian data|train|evaluate|export``: one command per step, each resumable."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

# Threads that wait asleep: on cores with other work, waiting in a loop takes longer than the work itself.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import typer
from rich.console import Console
from rich.table import Table

from training.demo.marian import data as pairs
from training.demo.marian.train import Plan

if TYPE_CHECKING:
    from kadr.models.registry import InstalledModel
    from training.demo.marian.evaluate import Figures
    from training.demo.marian.train import Trainer

app = typer.Typer(help="Make the demo translator.", no_args_is_help=True, pretty_exceptions_enable=False)
Folder = Annotated[Path, typer.Option("--folder", help="Where everything is kept.")]
FOLDER = Path(".kadr/training/marian")
_DEFAULT = Plan()
_FOR_PIECES = 250_000  # pairs that the sentencepiece models are trained on


@app.command()
def data(folder: Folder = FOLDER) -> None:
    """Look up the words, draw the test, write the untrained model and its sentencepiece models."""
    from training.demo.marian import model

    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / pairs.OTHERS).is_file():
        typer.echo(f"{pairs.others(folder / pairs.OTHERS)} words that the glossary does not have")
    maker = pairs.phrases(folder)
    held = pairs.hold_out(maker, folder / pairs.HELD_OUT)
    typer.echo(f"held out: {len(held.phrases)} phrases, {len(held.forms)} forms")
    seen = pairs.learnt(maker, held, random.Random(1))  # noqa: S311 - the same pieces for everybody
    model.write(folder / "base", list(islice(seen, _FOR_PIECES)), model.Shape())
    typer.echo(f"an untrained model in {folder / 'base'}")


@app.command()
def train(
    folder: Folder = FOLDER,
    minutes: Annotated[float, typer.Option(help="Of computing; in its second half the rates fall.")] = 25.0,
    pause: Annotated[list[Path] | None, typer.Option(help="Nothing is computed while this exists.")] = None,
    until: Annotated[str, typer.Option(help="HH:MM, UTC: be done by then, however far.")] = "",
    threads: Annotated[int, typer.Option(help="Of this process.")] = _DEFAULT.threads,
) -> None:
    """Train; go on from where an earlier run was stopped."""
    from training.demo.marian.train import Trainer

    plan = Plan(minutes=minutes, until=_next(until) if until else 0.0, threads=threads)
    trainer = Trainer(folder, plan)
    if trainer.resume():
        typer.echo(f"going on from step {trainer.step}")
    held = pairs.held_out(folder / pairs.HELD_OUT)
    chance = random.Random(f"{plan.seed} pairs {trainer.step}")  # noqa: S311
    learnt = pairs.learnt(pairs.phrases(folder), held, chance)
    typer.echo(trainer.run(learnt, pause=tuple(pause or ()), measure=lambda now: _quick(now, held)))


def _next(clock: str) -> float:
    """The next time a clock of UTC shows HH:MM, in seconds since 1970."""
    now = datetime.now(UTC)
    hour, minute = map(int, clock.split(":"))
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (then if then > now else then + timedelta(days=1)).timestamp()


def _quick(trainer: Trainer, held: pairs.HeldOut) -> dict[str, Any]:
    """Translate some of what is held out with the weights as they are, without a beam."""
    from training.translator.metrics import exact

    found: dict[str, Any] = {}
    for name, chosen in (("phrases", held.phrases[:64]), ("forms", held.forms[:128])):
        answers = trainer.translate([pair.source for pair in chosen])
        right = [exact(answer, pair.target) for answer, pair in zip(answers, chosen, strict=True)]
        found[name] = round(sum(right) / len(right), 3)
        found[f"wrong {name}"] = [
            f"{pair.source} | {pair.target} | {answer}"
            for pair, answer, good in zip(chosen, answers, right, strict=True)
            if not good
        ][:8]
    return found


@app.command()
def evaluate(
    folder: Folder = FOLDER,
    other: Annotated[Path | None, typer.Option("--pairs", help="russian<TAB>english, measured too.")] = None,
    mistakes: Annotated[int, typer.Option(help="So many wrong answers of each set are shown.")] = 0,
) -> None:
    """Translate what was held out, beside the dictionary, the glossary alone and an untrained model."""
    from training.demo.marian.evaluate import sets, ways, wrong

    model, untrained = _models(folder)
    translators = ways(model, untrained)
    _measured(folder, model, untrained, other)
    if mistakes:
        for name, chosen in sets(pairs.held_out(folder / pairs.HELD_OUT), other).items():
            typer.echo(f"\n{name}")
            for pair, said in wrong(translators["model in a query"], chosen, mistakes):
                typer.echo(f"  {pair.source} | {pair.target} | {said}")


@app.command()
def export(folder: Folder = FOLDER) -> None:
    """Convert the model, measure it, and write it with its card, ready for training.demo.register."""
    import torch

    from training.demo.marian import export as exporting
    from training.translator import model as marian

    model, untrained = _models(folder)
    figures = _measured(folder, model, untrained, None)
    first = next(iter(figures.values()))
    ready = exporting.registered(model, folder / exporting.MODELS, {"held-out": first["model alone"]})
    state = torch.load(folder / "train.pt", weights_only=True)
    maker = pairs.phrases(folder)
    learnt = [each for each in marian.load(folder / "export").parameters() if each.requires_grad]
    facts = {
        "millions": f"{sum(each.numel() for each in learnt) / 1e6:.1f}",
        "megabytes": f"{ready.size / 1e6:.1f}",
        "entries": f"{len(maker.entries):,}",
        "others": f"{len((folder / pairs.OTHERS).read_text(encoding='utf-8').splitlines()):,}",
        "templates": len(maker.templates),
        "pairs": f"{state['step'] * _DEFAULT.batch:,}",
        "steps": f"{state['step']:,}",
        "minutes": f"{state['seconds'] / 60 / _DEFAULT.threads:.0f}",
    }
    exporting.card(folder / exporting.CARD, figures, facts)
    typer.echo(f"{ready.directory}: {ready.size / 1e6:.1f} MB; {folder / exporting.CARD}")


def _models(folder: Path) -> tuple[InstalledModel, InstalledModel]:
    from training.demo.marian import export as exporting

    made = folder / "converted"
    trained = exporting.restored(folder, folder / "export")
    return (
        exporting.converted(trained, "demo", made),
        exporting.converted(folder / "base", "untrained", made),
    )


def _measured(
    folder: Path, model: InstalledModel, untrained: InstalledModel, other: Path | None
) -> dict[str, dict[str, Figures]]:
    from training.demo.marian.evaluate import measure, sets, ways

    translators = ways(model, untrained)
    figures = {}
    console = Console()
    for name, chosen in sets(pairs.held_out(folder / pairs.HELD_OUT), other).items():
        figures[name] = measure(translators, chosen)
        table = Table(name, "exact", "chrF", "degenerate", "untranslated", title=f"{len(chosen)} pairs")
        for way, found in figures[name].items():
            table.add_row(way, *found.row())
        console.print(table)
    return figures


if __name__ == "__main__":
    app()
