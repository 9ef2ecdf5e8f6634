"""``kadr models``: which weights there are, and how to get them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kadr.cli.failure import CommandError
from kadr.cli.session import AsJson, DryRun, ModelsDir, session_of

if TYPE_CHECKING:
    from kadr.cli.transfers import Transfers
    from kadr.core.extraction import Vector
    from kadr.models.catalogue import Role
    from kadr.models.pull import Plan
    from kadr.models.registry import InstalledModel
    from kadr.models.sources import Source, Store

models = typer.Typer(
    help="See which weights there are, fetch, check, convert and publish them.", no_args_is_help=True
)

Model = Annotated[
    str, typer.Argument(metavar="ROLE[/VARIANT]", help="For example speech, or speech/whisper-base.")
]
Unpickle = Annotated[
    bool,
    typer.Option(
        "--unpickle",
        help="Read weights that are only there as a pickle: tensors and nothing else, in a limited process.",
    ),
]
Int8 = Annotated[
    bool, typer.Option("--int8/--no-int8", help="8-bit weights: a quarter of the size, and faster.")
]
Licence = Annotated[
    str, typer.Option("--licence", metavar="TEXT", help="What is allowed with weights of your own.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(models, name="models")


@models.command("list")
def list_(ctx: typer.Context, models_dir: ModelsDir = None, as_json: AsJson = False) -> None:
    """Show every role: what is known, what is installed, what is used, and what helps where nothing is."""
    from kadr.cli.console import print_json, stdout

    rows = [row for role in _roles() for row in _rows(role, _directory(ctx, models_dir))]
    if as_json:
        print_json(rows)
        return
    out = stdout()
    _print_table(rows, out)
    for role in _roles():
        of_role = [row for row in rows if row["role"] == role]
        if not any(row["used"] for row in of_role):
            _print_help(role, of_role, out)
    for row in rows:
        if row["used"] and row["calibration"] and row["calibration"]["provisional"]:
            from kadr.cli.console import foreign

            out.print(
                foreign(
                    f"{row['role']}: its scores use provisional figures; kadr models calibrate {row['role']}"
                )
            )


@models.command()
def pull(
    ctx: typer.Context,
    model: Model,
    *,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="A folder, s3://BUCKET/PREFIX, or hf:OWNER/NAME; where they are published, if not given.",
        ),
    ] = "",
    revision: Annotated[
        str, typer.Option("--revision", metavar="REV", help="A commit, tag or branch of the hub.")
    ] = "",
    unpickle: Unpickle = False,
    int8: Int8 = True,
    licence: Licence = "",
    models_dir: ModelsDir = None,
    dry_run: DryRun = False,
) -> None:
    """Fetch weights, verify them, and convert them to what is loaded at run time.

    What is there already is not fetched again. A model that was published with `kadr models publish` is taken
    as it is. A name that the list does not know is your own fine-tune of the role's first entry; it needs
    --from.
    """
    from kadr.adapters.weights_places import default_source
    from kadr.cli.transfers import Transfers
    from kadr.models import demo_store
    from kadr.models import pull as pulling

    role, variant = _parse(model)
    directory = _directory(ctx, models_dir)
    weights = pulling.kind(role, variant)
    if not source:
        if variant and variant != weights.variant:
            raise CommandError(f"{model} is not in the list (kadr models list): say with --from where it is.")
        if (
            not revision
            and (there := pulling.installed(weights, weights.variant, directory, int8=int8)) is not None
        ):
            _say(there, "is there")
            return
    elif revision and not source.startswith(("hf:", "https://")):
        raise typer.BadParameter("--revision is a commit of the hub; this source has none")
    if not source and weights.demo:
        store = session_of(ctx).root / demo_store.STORE
        if dry_run:
            typer.echo(f"would copy {model} from {store}")
            return
        taken = demo_store.take(weights, store, directory)
        _say(taken, "installed in " + str(taken.directory))
        _warn_unless_used(taken, directory)
        return
    chosen = _place(source, revision) if source else default_source(weights, revision=revision)
    planned = pulling.plan(role, variant if source else weights.variant, chosen, unpickle=unpickle)
    if (there := pulling.is_there(planned, directory, int8=int8)) is not None:
        _say(there, "is there")
        return
    if dry_run:
        _print_plan(planned, chosen.name)
        return
    with Transfers("fetching") as progress:
        installed = pulling.pull(
            planned, chosen, directory, int8=int8, licence=licence, indexed=True, progress=progress
        )
    _say(installed, "installed in " + str(installed.directory))
    _warn_unless_used(installed, directory)


@models.command()
def convert(
    ctx: typer.Context,
    model: Model,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", exists=True, file_okay=False, help="The folder with the published files."
        ),
    ],
    *,
    unpickle: Unpickle = False,
    int8: Int8 = True,
    licence: Licence = "",
    models_dir: ModelsDir = None,
) -> None:
    """Convert weights that lie in a folder of this machine, without copying them first.

    MiniLM, CLIP and EasyOCR become ONNX; Whisper and Marian in transformers' layout become CTranslate2, which
    needs the extra `torch`. What is in one of these formats already is described and copied.
    """
    from kadr.models import convert as converting
    from kadr.models.pull import kind, which
    from kadr.models.registry import Origin

    role, variant = _parse(model)
    weights = kind(role, variant)
    if not variant:
        raise typer.BadParameter(f"a folder does not say whose weights it has: {which(weights)}")
    directory = _directory(ctx, models_dir)
    installed = converting.convert(
        weights,
        variant,
        folder,
        directory,
        unpickle=unpickle,
        int8=int8,
        indexed=True,
        origin=Origin(source=f"folder:{folder.resolve().name}", licence=licence),
    )
    _say(installed, "installed in " + str(installed.directory))
    _warn_unless_used(installed, directory)


@models.command()
def verify(
    ctx: typer.Context,
    chosen: Annotated[
        list[str] | None, typer.Argument(metavar="ROLE[/VARIANT]…", help="All that is installed, or some.")
    ] = None,
    models_dir: ModelsDir = None,
) -> None:
    """Compare every file of installed weights with its checksum; exit code 1 where one is damaged."""
    from kadr.cli.console import as_markup, stdout
    from kadr.cli.transfers import Transfers

    directory = _directory(ctx, models_dir)
    wanted = [_parse(each) for each in chosen or ()] or [(role, "") for role in _roles()]
    out, problems, checked = stdout(), 0, 0
    with Transfers("checking", lines=False) as progress:
        for role, variant in wanted:
            found = _installed(role, directory, variant)
            if not found and chosen:
                raise CommandError(f"{role}/{variant}".rstrip("/") + " is not installed: kadr models list.")
            for name, opened in found:
                checked += 1
                problem = opened if isinstance(opened, str) else _damage(opened, progress)
                problems += bool(problem)
                sign = "[red]✗[/]" if problem else "[green]✓[/]"
                out.print(f"{sign} {as_markup(f'{role}/{name}')}  {as_markup(problem or 'as it should be')}",
                          soft_wrap=True)  # fmt: skip
    if problems:
        raise CommandError(
            f"{problems} of {checked} are not what they should be. Pull them again; what a package brings, "
            "install again."
        )
    if not checked:
        raise CommandError(f"There are no weights in {directory}: kadr models list.")


@models.command()
def publish(
    ctx: typer.Context,
    model: Model,
    to: Annotated[str, typer.Argument(metavar="STORE", help="A folder, or s3://BUCKET/PREFIX.")],
    models_dir: ModelsDir = None,
    dry_run: DryRun = False,
) -> None:
    """Write installed weights to a store, as ROLE/VARIANT/…, for others to pull.

    `kadr models pull ROLE --from STORE` takes them from there without converting anything.
    """
    from kadr.adapters.weights_places import store_at
    from kadr.cli.console import human_size
    from kadr.cli.transfers import Transfers
    from kadr.models import publish as publishing
    from kadr.models import registry

    role, variant = _parse(model)
    directory = _directory(ctx, models_dir)
    found = (
        registry.open_directory(directory / role / variant) if variant else registry.require(role, directory)
    )
    store: Store = store_at(to)
    name = f"{to.rstrip('/')}/{publishing.folder(found)}"
    if not found.bundled and publishing.is_there(found, store):
        typer.echo(f"{found.version} is in {name} already")
    elif dry_run:
        typer.echo(f"would publish {found.version} ({human_size(found.size)}) to {name}")
    else:
        with Transfers("publishing") as progress:
            publishing.publish(found, store, progress)
        typer.echo(f"published {found.version} ({human_size(found.size)}) to {name}")


@models.command()
def calibrate(
    ctx: typer.Context,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="text or visual.")],
    media: Annotated[
        Path | None,
        typer.Option(
            "--media",
            metavar="FOLDER",
            help="Videos for visual; the sample clips, if not given.",
            file_okay=False,
        ),
    ] = None,
    models_dir: ModelsDir = None,
    dry_run: DryRun = False,
) -> None:
    """Measure how alike unrelated things look to the installed weights, and keep it in their manifest.

    Scores are to be counted in these figures; assemble, which has no weights, takes the catalogue's
    (docs/models.md). Text: 64 queries against texts about something else. Visual: the same queries against
    videos, of which there should be many, about anything.
    """
    from kadr.models import registry

    parsed, variant = _parse(role)
    if parsed not in ("text", "visual") or variant:
        raise typer.BadParameter(f"there is nothing to calibrate for {role}: only text and visual")
    directory = _directory(ctx, models_dir)
    found = registry.require(parsed, directory)
    if parsed == "text":
        from kadr.adapters.minilm import MiniLM
        from kadr.models.calibration import of_texts

        measured = of_texts(MiniLM(found.directory))
    else:
        from kadr.adapters.clip import ClipText
        from kadr.models.calibration import of_videos

        folder = media or session_of(ctx).root / "samples" / "clips"
        measured = of_videos(
            ClipText(found.directory),
            _video_vectors(found, folder),
            "the sample clips" if not media else media.name,
        )
    before = found.calibration
    if not dry_run:
        registry.recalibrate(found.directory, measured)
    old = f"; before: {before.mean:.4f} and {before.deviation:.4f}" if before else ""
    typer.echo(
        f"{found.version}: mean {measured.mean:.4f}, deviation {measured.deviation:.4f}{old}\n"
        f"{measured.method}"
    )


@models.command()
def use(ctx: typer.Context, model: Model, models_dir: ModelsDir = None) -> None:
    """Use this variant of a role from now on, whatever else is installed.

    Running functions take it when they start anew.
    """
    from kadr.models import active, registry

    role, variant = _parse(model)
    if not variant:
        raise typer.BadParameter(f"which variant of {role}? For example {role}/NAME; see kadr models list")
    directory = _directory(ctx, models_dir)
    there = registry.variants(role, directory)
    if variant in there:
        found = registry.open_directory(directory / role / variant)
        registry.check_dimensions(role, found.dimensions, model)
    active.choose(role, variant, directory, there=there)
    _say(registry.require(role, directory), "is used from now on")


@models.command()
def rollback(
    ctx: typer.Context,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="For example translation.")],
    models_dir: ModelsDir = None,
) -> None:
    """Go back to the variant that was used before the last `use`, or before a fine-tune was put into use."""
    from kadr.models import active, registry

    parsed, variant = _parse(role)
    if variant:
        raise typer.BadParameter(f"a role goes back, not a variant: kadr models rollback {parsed}")
    directory = _directory(ctx, models_dir)
    active.take_back(parsed, directory)
    now = registry.installed(parsed, directory)
    if now is None:
        typer.echo(f"{parsed}: nothing is installed")
    else:
        _say(now, "is used again")


def _video_vectors(model: InstalledModel, folder: Path) -> list[Vector]:
    """Return the unit vectors of a folder's videos, from a frame a second, as they are indexed."""
    from kadr.adapters.clip import ClipVision
    from kadr.cli.console import foreign, stderr
    from kadr.core.errors import MediaError
    from kadr.core.pooling import mean_direction
    from kadr.media.frames import FramePlan, sample_frames

    encoder = ClipVision(model.directory)
    plan = FramePlan(every=1.0, max_side=512, scene_changes=False, max_frames=30)
    vectors = []
    for path in sorted(found for found in folder.rglob("*") if found.is_file()):
        try:
            frames = [frame.image for frame in sample_frames(path, plan)]
        except MediaError as error:
            stderr().print(foreign(f"{path.name} is left out: {error}"), soft_wrap=True)
            continue
        if (vector := mean_direction(encoder.embed(frames))) is not None:
            vectors.append(vector)
    return vectors


def _directory(ctx: typer.Context, given: Path | None) -> Path:
    session = session_of(ctx)
    if given is None and session.stack:
        raise CommandError(
            "`kadr models` is about folders of this machine, and --stack (or KADR_STACK) names "
            f"{session.stack}. Leave it out, or name a folder with --models (infra/images/weights)."
        )
    return session.models_folder(given)


def _roles() -> tuple[Role, ...]:
    from kadr.models.catalogue import Role

    return tuple(Role)


def _parse(model: str) -> tuple[Role, str]:
    """Return role and variant of ROLE[/VARIANT]; an empty variant where none is given."""
    import re

    from kadr.models.catalogue import Role

    role, _, variant = model.partition("/")
    if role not in set(Role):
        raise typer.BadParameter(f"there is no role {role!r}; roles: {', '.join(Role)}")
    if (variant or "/" in model) and not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", variant):
        raise typer.BadParameter(
            f"{variant!r} cannot be the name of a variant: lower-case letters, digits, dots, dashes"
        )
    return Role(role), variant


def _place(where: str, revision: str) -> Source:
    """Return the source that --from names."""
    from kadr.adapters.weights_places import source_at
    from kadr.core.errors import WeightsUnavailableError

    try:
        return source_at(where, revision=revision)
    except WeightsUnavailableError as error:
        raise typer.BadParameter(str(error)) from error


def _installed(role: Role, directory: Path, variant: str = "") -> list[tuple[str, InstalledModel | str]]:
    """Return what is installed of a role, by variant: the model, or why it is refused."""
    from kadr.core.errors import WeightsRefusedError
    from kadr.models import catalogue, registry

    found: list[tuple[str, InstalledModel | str]] = []
    for name in registry.variants(role, directory):
        if variant in ("", name):
            try:
                found.append((name, registry.open_directory(directory / role / name)))
            except WeightsRefusedError as error:
                found.append((name, str(error)))
    for weights in catalogue.entries(role):
        model = registry.bundled(weights)
        if model is not None and variant in ("", weights.variant):
            found.append((weights.variant, model))
    return found


def _rows(role: Role, directory: Path) -> list[dict[str, Any]]:
    """Return the catalogue's entries and what else is installed, the preferred one first."""
    from dataclasses import asdict

    from kadr.core.errors import WeightsRefusedError
    from kadr.models import catalogue, registry

    there = dict(_installed(role, directory))
    try:
        used = registry.installed(role, directory)
    except WeightsRefusedError:  # the preferred one is damaged: nothing else is used in its place
        used = None
    known = [weights.variant for weights in catalogue.entries(role)]
    rows = []
    for variant in [*known, *sorted(there.keys() - set(known))]:
        weights = catalogue.entry(role, variant)
        found = there.get(variant)
        model = found if found is not None and not isinstance(found, str) else None
        calibration = model.calibration if model else None
        rows.append(
            {
                "role": str(role),
                "variant": variant,
                "title": weights.title if weights else "your own",
                "installed": found is not None,
                "used": model is not None and model is used,
                "bundled": model is not None and model.bundled,
                "demo": model is not None and model.demo,
                "version": model.version if model else "",
                "size": model.size if model else None,
                "licence": model.licence if model else weights.licence if weights else "",
                "source": model.source if model else weights.source if weights else "",
                "revision": model.revision if model else "",
                "calibration": asdict(calibration) if calibration else None,
                "problem": found if isinstance(found, str) else "",
                "install": weights.install if weights else "",
            }
        )
    return rows


def _print_table(rows: Iterable[dict[str, Any]], out: Any) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from kadr.cli.console import foreign, human_size

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("role", "variant", "", "size", "version", "scores", "licence"):
        table.add_column(name, justify="right" if name == "size" else "left", overflow="fold")
    last = ""
    for row in rows:
        state, style = _state(row)
        figures = row["calibration"]
        measured = "" if figures is None else "provisional" if figures["provisional"] else "calibrated"
        table.add_row(
            row["role"] if row["role"] != last else "",
            foreign(row["variant"]),
            Text(state, style=style),
            human_size(row["size"]) if row["size"] is not None else "",
            foreign(row["version"].rpartition("@")[2]),
            Text(measured, style="yellow" if measured == "provisional" else ""),
            foreign(row["licence"], style="" if row["installed"] else "dim"),
        )
        last = row["role"]
    out.print(table)


def _state(row: dict[str, Any]) -> tuple[str, str]:
    if row["problem"]:
        return "✗ refused", "red"
    if row["used"]:
        return "✓ used", "green"
    return ("· installed", "") if row["installed"] else ("- not installed", "dim")


def _print_help(role: Role, rows: list[dict[str, Any]], out: Any) -> None:
    from kadr.cli.console import foreign

    problem = next((row["problem"] for row in rows if row["problem"]), "")
    bundled = next((row["install"] for row in rows if row["install"].startswith("pip")), rows[0]["install"])
    out.print(foreign(f"{role}: {problem or 'not installed; to have it: ' + bundled}"), soft_wrap=True)


def _print_plan(planned: Plan, where: str) -> None:
    from kadr.cli.console import human_size, printable

    known = planned.size > 0
    for file in planned.files:
        size = f"  {human_size(file.size)}" if file.size is not None else ""
        typer.echo(f"would fetch {printable(file.name)}{size}")
    total = f", {human_size(planned.size)}" if known else ""
    then = (
        "take it as it is"
        if planned.layout == "published"
        else "convert it"
        if planned.layout == "original"
        else "describe it"
    )
    at = f" at {planned.origin.revision}" if planned.origin.revision else ""
    typer.echo(f"from {printable(where)}{at}{total}; then {then} as {planned.weights.role}/{planned.variant}")


def _damage(model: InstalledModel, progress: Transfers) -> str:
    """Hash every file; return what is wrong with them, or an empty string."""
    from kadr.models import registry

    wrong = []
    for name, file in model.files.items():
        path = model.directory / name
        if not path.is_file():
            wrong.append(f"{name} is missing")
            continue
        progress.begin(name, path.stat().st_size)
        if path.stat().st_size != file.size or registry.sha256(path, progress) != file.sha256:
            wrong.append(f"{name} is not the file that it should be (its size or SHA-256 differs)")
    return "; ".join(wrong)


def _say(model: InstalledModel, what: str) -> None:
    from kadr.cli.console import printable

    typer.echo(printable(f"{model.role}: {model.version} {what}"))


def _warn_unless_used(model: InstalledModel, directory: Path) -> None:
    from kadr.cli.console import foreign, stderr
    from kadr.models import registry

    used = registry.installed(model.role, directory)
    if used is not None and used.variant != model.variant:
        stderr().print(
            foreign(
                f"{model.role} goes on using {used.variant}; to use this one: "
                f"kadr models use {model.role}/{model.variant}"
            ),
            soft_wrap=True,
        )
    elif model.calibration is not None and model.calibration.provisional:
        stderr().print(
            foreign(f"Its scores use provisional figures until you run: kadr models calibrate {model.role}"),
            soft_wrap=True,
        )
