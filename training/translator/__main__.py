"""Fine-tune the query translator: ``python -m training.translator --help``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from kadr.core.errors import KadrError
from training.translator import model as marian
from training.translator.pairs import Pair, read, split
from training.translator.recipe import Recipe

if TYPE_CHECKING:
    from training.translator.evaluate import Report

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
_DEFAULT = Recipe()
_MODELS = Path(".kadr/models")
_console = Console()

Folder = typer.Option(exists=True, file_okay=False, help="The model to start from, in transformers' layout.")
Pairs = typer.Option(exists=True, dir_okay=False, help="Lines of russian<TAB>english, UTF-8.")
Out = typer.Option(help="Where checkpoints, the tuned model and report.json go.")
Slang = typer.Option(exists=True, dir_okay=False, help="More pairs, learnt more often and never tested.")


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done with which files."""

    base: Path
    pairs: Path
    slang: Path | None
    out: Path
    models: Path
    variant: str
    device: str
    use: bool


@app.command()
def main(  # noqa: PLR0917 - typer calls it by names
    base: Annotated[Path, Folder],
    pairs: Annotated[Path, Pairs],
    out: Annotated[Path, Out],
    slang: Annotated[Path | None, Slang] = None,
    models: Annotated[Path, typer.Option(help="The models directory to register the result in.")] = _MODELS,
    variant: Annotated[str, typer.Option(help="The result's name there; without it, one is made.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Pairs to learn from, at most.")] = _DEFAULT.pairs,
    held_out: Annotated[int, typer.Option(min=1, help="Pairs to test with.")] = _DEFAULT.held_out,
    slang_times: Annotated[
        int, typer.Option(min=1, help="How often an epoch has each slang pair.")
    ] = _DEFAULT.slang_times,
    epochs: Annotated[int, typer.Option(min=1, help="Rounds over all pairs.")] = _DEFAULT.epochs,
    lr: Annotated[float, typer.Option(min=0.0, help="Falls linearly to 0.")] = _DEFAULT.learning_rate,
    batch: Annotated[int, typer.Option(min=1, help="Pairs in a step.")] = _DEFAULT.batch,
    seed: Annotated[int, typer.Option(help="The same seed and data give the same model.")] = _DEFAULT.seed,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto: a GPU if there is one.")] = "auto",
    use: Annotated[
        bool, typer.Option(help="Translate with the result from now on, if it is no worse than before.")
    ] = True,
) -> None:
    """Fine-tune a Marian translator, measure it before and after, and register it.

    Run again after an interruption, the same command goes on after the last finished epoch. A result that was
    put into use is taken back by: kadr models rollback translation
    """
    recipe = Recipe(
        pairs=limit,
        slang_times=slang_times,
        epochs=epochs,
        learning_rate=lr,
        batch=batch,
        held_out=held_out,
        seed=seed,
    )
    try:
        _run(recipe, Job(base, pairs, slang, out, models, variant, device, use))
    except KadrError as error:
        _fail(error)
    except KeyboardInterrupt as error:
        _console.print("\nInterrupted. The same command goes on after the last finished epoch.")
        raise typer.Exit(130) from error


def _run(recipe: Recipe, job: Job) -> None:
    from kadr.adapters.pymorphy import Pymorphy
    from training.translator import register
    from training.translator.evaluate import converted, evaluate

    marian.check(job.base)
    slang = () if job.slang is None else read(job.slang)
    data = split(
        read(job.pairs),
        Pymorphy().lemmas,
        held_out=recipe.held_out,
        seed=recipe.seed,
        learn=recipe.pairs,
        taught=slang,
    )
    _console.print(
        f"{len(data.learn)} pairs to learn from, {len(slang)} of slang ({recipe.slang_times} times), "
        f"{len(data.held_out)} held out"
    )
    fingerprint = recipe.fingerprint(
        job.base / "model.safetensors", job.pairs, *([] if job.slang is None else [job.slang])
    )
    variant = job.variant or f"tuned-{fingerprint[:8]}"
    learn = [*data.learn, *(pair for pair in slang for _ in range(recipe.slang_times))]
    tuned, losses = _train(recipe, job, learn, fingerprint)

    _console.print("converting and measuring …")
    measured = job.out / "measured"
    int8 = converted(tuned, variant, measured, int8=True)
    report = evaluate(
        converted(job.base, "before", measured, int8=False),
        converted(tuned, "after", measured, int8=False),
        int8,
        held_out=data.held_out,
        slang=slang,
        losses=losses,
    )
    facts = {"variant": variant, "fingerprint": fingerprint, "learnt": len(data.learn)}
    text = json.dumps({**facts, **report.as_dict()}, indent=2, ensure_ascii=False)
    (job.out / "report.json").write_text(text + "\n", encoding="utf-8")
    _show(report)
    registered = register.register(
        int8,
        job.models,
        source=f"fine-tuned from {job.base.name} on {len(data.learn)} + {len(slang)} pairs",
        revision=fingerprint,
        checks=report.checks(),
    )
    _console.print(f"registered as translation/{registered.version}")
    if job.use and report.better:
        register.use(variant, job.models)
        _console.print("in use from now on; to go back: kadr models rollback translation")
    elif job.use:
        _console.print("not put into use: it is worse than the model that it was tuned from")


def _train(recipe: Recipe, job: Job, learn: Sequence[Pair], fingerprint: str) -> tuple[Path, list[float]]:
    import torch

    from training.translator.train import train

    device = job.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_console, transient=True) as bar:
        task = bar.add_task("training")

        def told(epoch: int, step: int, steps: int, loss: float) -> None:
            bar.update(
                task,
                total=recipe.epochs * steps,
                completed=(epoch - 1) * steps + step,
                description=f"epoch {epoch} of {recipe.epochs}, loss {loss:.3f}",
            )

        place, progress = train(
            job.base,
            learn,
            recipe,
            job.out / "checkpoints",
            fingerprint=fingerprint,
            device=device,
            told=told,
        )
    for epoch, loss in enumerate(progress.losses, start=1):
        _console.print(f"epoch {epoch}: loss {loss:.4f}")
    return place, progress.losses


def _show(report: Report) -> None:
    table = Table("held out", "exact match", "chrF", "degenerate")
    rows = {"before": report.before, "after": report.after, "after, 8 bits": report.quantised}
    for name, scores in rows.items():
        table.add_row(name, f"{scores.exact:.1%}", f"{scores.chrf:.1f}", f"{scores.degenerate:.1%}")
    _console.print(table)
    _console.print(f"8 bits left {report.identical:.1%} of the answers as they were")
    if report.taught is not None:
        before, after = report.taught
        _console.print(f"slang answered as taught: {before:.1%} before, {after:.1%} after")


def _fail(error: KadrError) -> NoReturn:
    typer.secho(str(error), err=True, fg="red")
    raise typer.Exit(1) from error


if __name__ == "__main__":
    app(prog_name="python -m training.translator")
