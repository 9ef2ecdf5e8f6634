"""Fetching weights: list, fetch, verify, convert, and the manifest last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.models import catalogue, convert, registry
from kadr.models.catalogue import Role, Weights
from kadr.models.folders import workspace
from kadr.models.layouts import MANIFEST, Contents, Layout, recognise
from kadr.models.registry import InstalledModel, Origin
from kadr.models.sources import Listing, LocalFolder, Progress, Quiet, Source, SourceFile, check_name


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pull would do. ``files`` is empty where it would do nothing."""

    weights: Weights
    variant: str
    files: tuple[SourceFile, ...]
    layout: Layout
    origin: Origin
    contents: Contents

    @property
    def size(self) -> int:
        """Bytes to fetch, as far as the source tells them."""
        return sum(file.size or 0 for file in self.files)


def own_source(weights: Weights) -> LocalFolder | None:
    """Return the folder of the entry's Python package, where that is installed."""
    folder = registry.package_folder(weights)
    return LocalFolder(folder, name=weights.source, revision=weights.revision) if folder else None


def kind(role: Role, variant: str) -> Weights:
    """Return the catalogue's entry for a variant, or the role's first for a name of somebody's own."""
    return catalogue.entry(role, variant) or catalogue.entries(role)[0]


def which(weights: Weights) -> str:
    """Return what to do where a role alone is no name for weights from somewhere."""
    return (
        f"give them a name of their own, {weights.role}/NAME, or say {weights.role}/{weights.variant} if it "
        "is these"
    )


def installed(
    weights: Weights, variant: str, models_dir: Path, *, int8: bool = True
) -> InstalledModel | None:
    """Return what a pull without any wish as to source or revision would leave as it is."""
    directory = models_dir / weights.role / variant
    if variant == weights.variant and (model := registry.bundled(weights)) is not None:
        model.verified()
        return model
    return registry.open_directory(directory) if convert.done(directory, weights, int8=int8) else None


def plan(
    role: Role, variant: str, source: Source, *, unpickle: bool = False, progress: Progress | None = None
) -> Plan:
    """Ask ``source`` what it has and say what would be fetched.

    An empty ``variant`` takes what was published there, or what the catalogue has from there.

    The source may be a folder of one model, or a store of many, as ``kadr models publish`` fills it.

    Raises:
        WeightsUnavailableError: there are no such weights, or the source does not answer.
        WeightsRefusedError: they are pickles, or a name leads out of the folder.
    """
    listing = source.list()
    for file in listing.files:
        check_name(file.name)
    published = sorted(
        file.name.split("/")[1]
        for file in listing.files
        if file.name.count("/") == 2 and file.name.startswith(f"{role}/") and file.name.endswith(MANIFEST)
    )
    if published:
        chosen = _choose(role, variant, published, source.name)
        return _published(f"{role}/{chosen}", f"{role}/{chosen}/", source, listing, progress or Quiet())
    if MANIFEST in listing.names:
        return _published(f"{role}/{variant}", "", source, listing, progress or Quiet())
    weights = kind(role, variant)
    contents = recognise(weights, listing.names, source.name, unpickle=unpickle)
    if not variant and source.name != weights.source:
        raise WeightsUnavailableError(
            role, f"{source.name} does not say whose weights it has: {which(weights)}"
        )
    variant = variant or weights.variant
    files = tuple(file for file in listing.files if file.name in contents.names)
    origin = Origin(source=source.name, revision=listing.revision)
    return Plan(weights, variant, files, contents.layout, origin, contents)


def pull(
    planned: Plan,
    source: Source,
    models_dir: Path,
    *,
    int8: bool = True,
    licence: str = "",
    indexed: bool = False,
    progress: Progress | None = None,
) -> InstalledModel:
    """Fetch what was planned into a temporary folder, verify it, and install it.

    Everything with a checksum in the catalogue, in the source's own listing or in a published manifest is
    compared with it; sizes always are. Nothing is taken for a model before the last step. ``indexed`` as
    :func:`kadr.models.convert.convert`.

    Raises:
        WeightsUnavailableError: the source broke off.
        WeightsRefusedError: a file is not what it should be.
    """
    shown = progress or Quiet()
    # Beside the models, so that no small /tmp has to take them; hidden, so that nothing looks into it.
    with workspace(models_dir, "pull") as folder:
        prefix = f"{planned.weights.role}/{planned.variant}/"
        for file in planned.files:
            name = file.name.removeprefix(prefix)
            check_name(name)
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            source.fetch(file, path, shown)
            if file.size not in (None, path.stat().st_size):
                raise WeightsUnavailableError(
                    planned.weights.role,
                    f"{source.name} broke off at {file.name}: {path.stat().st_size} of {file.size} bytes",
                )
            if (
                planned.layout is not Layout.PUBLISHED
                and file.sha256
                and registry.sha256(path) != file.sha256
            ):
                raise WeightsRefusedError(
                    f"{file.name} from {source.name} is not what it should be (its SHA-256 differs)"
                )
        if indexed:
            convert.check_dimensions(planned.weights.role, folder)
        if planned.layout is Layout.PUBLISHED:
            return convert.take_published(
                planned.weights.role, planned.variant, folder, models_dir, move=True
            )
        return convert.convert(
            planned.weights,
            planned.variant,
            folder,
            models_dir,
            unpickle=bool(planned.contents.pickles),
            int8=int8,
            origin=replace(planned.origin, licence=licence),
        )


def is_there(planned: Plan, models_dir: Path, *, int8: bool = True) -> InstalledModel | None:
    """Return the installed model where it is what ``planned`` would make of the source as it is now."""
    directory = models_dir / planned.weights.role / planned.variant
    try:
        manifest = registry.read_manifest(directory)
        model = registry.open_directory(directory)
        model.verified()
    except (WeightsUnavailableError, WeightsRefusedError):
        return None
    if planned.layout is Layout.PUBLISHED:
        prefix = f"{planned.weights.role}/{planned.variant}/"
        wanted = {file.name.removeprefix(prefix): file.sha256 for file in planned.files}
        del wanted[MANIFEST]
        same = wanted == {name: file.sha256 for name, file in manifest.files.items()}
        return model if same else None
    same = (manifest.source, manifest.revision) == (planned.origin.source, planned.origin.revision)
    return (
        model if same and manifest.revision and convert.done(directory, planned.weights, int8=int8) else None
    )


def _choose(role: Role, variant: str, published: Sequence[str], where: str) -> str:
    if variant:
        if variant not in published:
            raise WeightsUnavailableError(
                role, f"{where} has no {role}/{variant}; of {role} it has {', '.join(published)}"
            )
        return variant
    known = [weights.variant for weights in catalogue.entries(role) if weights.variant in published]
    if known:
        return known[0]
    if len(published) > 1:
        raise WeightsUnavailableError(
            role, f"{where} has several of {role}: {', '.join(published)}; say which, as {role}/NAME"
        )
    return published[0]


def _published(wanted: str, prefix: str, source: Source, listing: Listing, progress: Progress) -> Plan:
    """Plan by the manifest, which is fetched for it: what it names, with its checksums.

    ``wanted`` is ROLE/VARIANT, or ROLE/ where any will do.
    """
    there = {file.name: file for file in listing.files}
    described = f"{source.name}: {prefix}{MANIFEST}"
    with TemporaryDirectory(prefix="kadr-manifest-") as temporary:
        path = Path(temporary) / MANIFEST
        source.fetch(there[f"{prefix}{MANIFEST}"], path, progress)
        manifest = registry.parse_manifest(path.read_bytes(), described)
    found = f"{manifest.role}/{manifest.variant}"
    if found != wanted and not (wanted.endswith("/") and found.startswith(wanted)):
        raise WeightsRefusedError(f"{described} describes {found}, not {wanted.rstrip('/')}")
    files = [there[f"{prefix}{MANIFEST}"]]
    for name, file in manifest.files.items():
        published = there.get(f"{prefix}{name}")
        if published is None:
            raise WeightsUnavailableError(
                manifest.role, f"{source.name} has no {prefix}{name}, which its manifest names"
            )
        if published.size != file.size:
            raise WeightsRefusedError(
                f"{source.name}: {prefix}{name} is not what its manifest says (its size differs)"
            )
        files.append(SourceFile(published.name, file.size, file.sha256))
    return Plan(
        kind(manifest.role, manifest.variant),
        manifest.variant,
        tuple(files),
        Layout.PUBLISHED,
        Origin(source=manifest.source, revision=manifest.revision),
        Contents(Layout.PUBLISHED, (MANIFEST, *manifest.files)),
    )
