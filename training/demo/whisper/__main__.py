"""``python -m training.demo.whisper data|train|evaluate|export``: one command per step, each resumable."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

# Threads that wait asleep: on cores with other work, waiting in a loop takes longer than the work itself.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import typer

from training.demo import memory

app = typer.Typer(help="Make the demo Whisper.", no_args_is_help=True, pretty_exceptions_enable=False)
Folder = Annotated[Path, typer.Option("--folder", help="Where everything is kept.")]
FOLDER = Path(".kadr/training/whisper")


@app.command()
def data(
    folder: Folder = FOLDER,
    chunks: Annotated[int, typer.Option(help="Files of 2,000 sentences; training may begin with one.")] = 60,
) -> None:
    """Write the tokenizer, music and noise, and let the synthesiser speak."""
    import numpy as np

    from training.demo.whisper import sentences, speech, tokens

    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tokenizer.json").is_file():
        speaker = sentences.Speaker(np.random.default_rng(1))
        texts = [speaker.sentence(language) for _ in range(10_000) for language in ("ru", "en")]
        said = [text for each in texts for text in (each.text, each.english) if text]
        typer.echo(f"{tokens.write(said, folder / 'tokenizer.json')} tokens")
    if not (folder / "backgrounds.npz").is_file():
        music, noise = speech.backgrounds(seed=1, tracks=40)
        np.savez(folder / "backgrounds.npz", music=music, noise=noise)
    missing = [n for n in range(chunks) if not (folder / f"speech-{n:03}.jsonl").is_file()]
    # A process for each: the library keeps the timbres that it was begun with.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as processes:
        for chunk in missing:
            processes.submit(speech.make, folder, chunk).result()
            typer.echo(f"speech-{chunk:03}")


@app.command()
def train(
    folder: Folder = FOLDER,
    *,
    minutes: Annotated[float, typer.Option(help="Of computing; the last third cools down.")] = 75.0,
    until: Annotated[str, typer.Option(help="HH:MM (UTC) by which it is to be done, instead.")] = "",
    pause: Annotated[list[Path] | None, typer.Option(help="Nothing is computed while this exists.")] = None,
    threads: Annotated[int, typer.Option(help="Of this process.")] = 1,
    afresh: Annotated[bool, typer.Option(help="Do not go on from train.pt.")] = False,
    published: Annotated[
        Path | None, typer.Option(help="Without train.pt, begin with this model.bin, not at random.")
    ] = None,
) -> None:
    """Train; go on from where an earlier run was stopped."""
    import numpy as np

    from training.demo.whisper import published as weights
    from training.demo.whisper.evaluate import Quick
    from training.demo.whisper.model import Shape
    from training.demo.whisper.train import Plan, Trainer
    from training.demo.whisper.windows import Composer

    behind = np.load(folder / "backgrounds.npz")
    composer = Composer(behind["music"], behind["noise"])
    plan = Plan(minutes=minutes, until=_next(until) if until else 0.0, threads=threads)
    trainer = Trainer(folder, plan, Shape(), composer)
    if not afresh and trainer.resume():
        typer.echo(f"going on from step {trainer.step}")
    elif published is not None:
        weights.load(published, trainer.whisper)
        typer.echo(f"beginning with the weights of {published}")
    typer.echo(trainer.run(pause=tuple(pause or ()), measure=Quick()))


@app.command()
def export(
    folder: Folder = FOLDER,
    untrained: Annotated[
        bool, typer.Option(help="Of a network that has learnt nothing, to compare.")
    ] = False,
) -> None:
    """Write the model to ``export/`` as Whisper is published, and convert it: ``models/speech/demo``."""
    import numpy as np

    from kadr.models import convert
    from kadr.models.catalogue import Role
    from training.demo.whisper import evaluate as judging
    from training.demo.whisper import export as exporting
    from training.demo.whisper import tokens

    whisper, known = exporting.restored(folder), tokens.Tokens(folder / "tokenizer.json")
    to, models = folder / "export", folder / "models"
    if untrained:
        whisper = exporting.begun(folder)
        to, models = folder / "export-untrained", folder / "models-untrained"
    heard = [
        judging.window(each, np.random.default_rng(0))
        for language in ("ru", "en")
        for each in judging.recordings(98, language, 20, templates=False, voice=False)
    ]
    heads = exporting.alignment_heads(whisper, known, heard)
    exporting.write(whisper, folder / "tokenizer.json", heads, to)
    installed = convert.ctranslate2(Role.SPEECH, "demo", to, models)
    size = sum(path.stat().st_size for path in installed.directory.iterdir())
    typer.echo(f"word times from heads {heads}")
    typer.echo(f"{installed.directory}: {size / 1e6:.1f} MB")


@app.command()
def evaluate(
    folder: Folder = FOLDER,
    count: Annotated[int, typer.Option(help="Sentences per language and condition.")] = 60,
    untrained: Annotated[
        bool, typer.Option(help="Of a network that has learnt nothing, to compare.")
    ] = False,
    examples: Annotated[int, typer.Option(help="Show so many of each.")] = 4,
    write_card: Annotated[
        bool, typer.Option("--card", help="Write the figures to export/README.md.")
    ] = False,
) -> None:
    """Let what ``export`` converted hear held-out speech, silence, music and the sample clips."""
    from training.demo.whisper import evaluate as judging
    from training.demo.whisper import export as exporting

    models = folder / ("models-untrained" if untrained else "models")
    rows: list[tuple[str, str, judging.Judged]] = []
    for seed, (name, (templates, voice, music)) in enumerate(judging.CONDITIONS.items(), start=1000):
        for language in ("ru", "en"):
            said = judging.recordings(seed, language, count, templates=templates, voice=voice, music=music)
            found = judging.judge(models, said)
            rows.append((name, language, found))
            into = "" if found.english is None else f", into English {found.english:.1%}"
            typer.echo(f"{language} {found.count:3} WER {found.transcript:6.1%}{into}  {name}")
            if voice:
                typer.echo("   " + ", ".join(f"{who} {rate:.0%}" for who, rate in found.by_voice.items()))
            for each in found.examples[:examples]:
                typer.echo("     " + " | ".join(each))
    nobody = judging.invented(models)
    for kind, (windows, spoken, words) in nobody.items():
        typer.echo(f"{kind}: {spoken} of {windows} windows get words, {words} words")
    clips = judging.narrated(models)
    for language, told in clips.items():
        rate = judging.word_error_rate([(meant, text) for meant, text, _ in told])
        typer.echo(f"sample clips {language} {len(told):3} WER {rate:6.1%}")
        for line in told:
            typer.echo("     " + " | ".join(line))
    if write_card:
        exporting.card(folder, rows, nobody, clips)


def _next(clock: str) -> float:
    """The next time, in seconds of the epoch, that it is HH:MM in UTC."""
    now = datetime.now(UTC)
    hour, minute = map(int, clock.split(":"))
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (then if then > now else then + timedelta(days=1)).timestamp()


if __name__ == "__main__":
    memory.keep("training.demo.whisper")
    app()
