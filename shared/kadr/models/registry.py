"""Which weights are installed, and whether they are what they claim to be.

A model lies in ``<models>/<role>/<variant>/`` with a ``manifest.json`` beside its files; some come with a
Python package instead (see :class:`kadr.models.catalogue.Weights`). Nothing here imports an engine: asking
costs a directory listing. Checksums are verified once per process, when a file is about to be loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.models.active import chosen
from kadr.models.catalogue import CATALOGUE, DEMO, Calibration, Engine, Role, Weights, entries, entry
from kadr.models.catalogue import calibration as catalogued
from kadr.models.pickles import pickle_inside
from kadr.models.sources import CHUNK, Progress, check_name

MANIFEST = "manifest.json"

# What an engine may be handed: suffixes, or whole names. CTranslate2 calls its own format model.bin, so that
# one name is allowed and its content looked at; any other .bin is taken for the pickle that it usually is.
_ALLOWED: Mapping[Engine, tuple[str, ...]] = {
    Engine.ONNX: (".onnx", ".json", ".txt"),
    Engine.CTRANSLATE2: ("model.bin", ".json", ".txt", ".spm"),
    Engine.DLIB: (".dat",),
    Engine.TESSERACT: (".traineddata",),
}

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where weights were really taken from; what is empty is not known to be other than in the catalogue."""

    source: str = ""
    revision: str = ""
    licence: str = ""


class ManifestFile(BaseModel):
    """Size in bytes and checksum of one file."""

    model_config = ConfigDict(frozen=True)

    size: int = Field(ge=0)
    sha256: Sha256


class ManifestCalibration(BaseModel):
    """See :class:`kadr.models.catalogue.Calibration`."""

    model_config = ConfigDict(frozen=True)

    mean: float
    deviation: float = Field(gt=0)
    method: str
    provisional: bool = False
    local: bool = False


class Manifest(BaseModel):
    """What is written beside installed weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    role: Role
    variant: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    source: str
    revision: str = ""
    licence: str
    engine: Engine
    dimensions: int | None = None
    calibration: ManifestCalibration | None = None
    preprocessing: dict[str, Any] = {}
    files: dict[str, ManifestFile]
    converted_by: str  # the tool and the version of its recipe
    checks: dict[str, float] = {}  # what the converter measured on the result

    @field_validator("files")
    @classmethod
    def _inside(cls, files: dict[str, ManifestFile]) -> dict[str, ManifestFile]:
        for name in files:
            try:
                check_name(name)
            except WeightsRefusedError as error:
                raise ValueError(f"{name!r} does not lie in the model's own folder") from error
        return files


@dataclass(frozen=True, slots=True, eq=False)
class InstalledModel:
    """Weights that are there. The same object is returned for as long as they do not change."""

    role: Role
    variant: str
    directory: Path
    engine: Engine
    files: Mapping[str, ManifestFile]
    dimensions: int | None
    calibration: Calibration | None
    preprocessing: Mapping[str, Any]
    licence: str
    source: str
    revision: str = ""
    converted_by: str = ""
    bundled: bool = False  # the files are those of a Python package

    @property
    def demo(self) -> bool:
        """Whether these are the project's small demo weights: to be said wherever results are shown."""
        return self.variant == DEMO

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    @property
    def version(self) -> str:
        """The variant and eight digits of its files' checksums: other weights, another version."""
        digest = hashlib.sha256()
        for name, file in sorted(self.files.items()):
            digest.update(f"{name}:{file.sha256}\n".encode())
        return f"{self.variant}@{digest.hexdigest()[:8]}"

    def file(self, name: str) -> Path:
        """Return the path of a file whose checksum has been verified in this process.

        Raises:
            WeightsUnavailableError: the model has no such file.
            WeightsRefusedError: it is not the file that the manifest describes.
        """
        described = self.files.get(name)
        path = self.directory / name
        if described is None or not path.is_file():
            raise WeightsUnavailableError(
                self.role,
                f"weights incomplete: {self.role}/{self.variant} has no {name}; install it again: "
                f"{_install(self.role, self.variant)}",
            )
        _verify(path, path.stat().st_size, path.stat().st_mtime_ns, described.size, described.sha256)
        return path

    def verified(self) -> Path:
        """Return the directory, every file of it verified; errors as :meth:`file`."""
        for name in self.files:
            self.file(name)
        return self.directory


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """What a user is told about a role. ``problem`` is empty where the role can be used."""

    role: Role
    variant: str
    problem: str
    licence: str = ""
    calibrated: bool = True  # False: scores use provisional figures
    demo: bool = False  # the project's small demo weights are in use

    @property
    def available(self) -> bool:
        """Whether the weights are there."""
        return not self.problem


def installed(role: Role | str, models_dir: Path) -> InstalledModel | None:
    """Return the preferred installed weights of a role, or ``None``.

    The variant that somebody chose (:mod:`kadr.models.active`), else the first of the catalogue's; then one
    that the catalogue does not know (somebody's own fine-tune); the demo's where there is nothing else.

    Raises:
        WeightsRefusedError: there are weights, but not of a safe format, or their manifest is damaged.
    """
    role = Role(role)
    known = [weights.variant for weights in entries(role) if not weights.demo]
    order = {**{variant: position for position, variant in enumerate(known)}, DEMO: len(known) + 1}
    order |= {variant: -place for place, variant in enumerate(chosen(role, models_dir), start=1)}
    manifests = sorted(
        # A name with a dot is a conversion that is still going on.
        (models_dir / role).glob(f"[!.]*/{MANIFEST}"),
        key=lambda path: (order.get(path.parent.name, len(known)), path.parent.name),
    )
    if manifests:
        return open_directory(manifests[0].parent)
    for weights in entries(role):
        if weights.bundled and (model := _bundled(weights)) is not None:
            return model
    return None


def variants(role: Role | str, models_dir: Path) -> tuple[str, ...]:
    """Return the variants of a role that have a manifest in the models directory, by name."""
    return tuple(sorted(path.parent.name for path in (models_dir / Role(role)).glob(f"[!.]*/{MANIFEST}")))


def bundled(weights: Weights) -> InstalledModel | None:
    """Return the weights that the entry's Python package brings, or ``None``."""
    return _bundled(weights) if weights.bundled else None


def require(role: Role | str, models_dir: Path) -> InstalledModel:
    """Return the weights of a role.

    Raises:
        WeightsUnavailableError: they are not installed; the message says what to do.
        WeightsRefusedError: as :func:`installed`.
    """
    role = Role(role)
    model = installed(role, models_dir)
    if model is None:
        known = next((found for found in entries(role) if found.bundled), entries(role)[0])
        raise WeightsUnavailableError(
            role, f"weights not installed: {role} ({known.title}); to have it: {known.install}"
        )
    return model


def calibration(role: Role | str, models_dir: Path) -> Calibration:
    """Return the figures of the weights in use, the catalogue's where none are installed.

    Raises:
        LookupError: the role has no vectors that are compared.
        WeightsRefusedError: as :func:`installed`.
    """
    model = installed(role, models_dir)
    if model is None or model.calibration is None:
        return catalogued(role, "" if model is None else model.version)
    return model.calibration


def open_directory(directory: Path) -> InstalledModel:
    """Return the model in ``<models>/<role>/<variant>``.

    Raises:
        WeightsUnavailableError: there is no manifest.
        WeightsRefusedError: the manifest is damaged, or names a file of an unsafe format.
    """
    path = directory / MANIFEST
    try:
        # The directory's own times tell the cache when a manifest was replaced.
        return _read(directory, path.stat().st_mtime_ns)
    except FileNotFoundError as error:
        raise WeightsUnavailableError(
            directory.parent.name,
            f"weights not installed: {directory.parent.name}/{directory.name} has no {MANIFEST}; to have "
            f"it: {_install(directory.parent.name, directory.name)}",
        ) from error


def check_dimensions(role: Role, dimensions: int | None, where: str) -> None:
    """Raise WeightsRefusedError where the index has no room for a role's vectors of ``dimensions``."""
    kept = entries(role)[0].dimensions
    if dimensions is not None and dimensions != kept:
        raise WeightsRefusedError(
            f"the vectors of {where} have {dimensions} dimensions, and the index keeps {kept} for {role}: "
            f"take weights of the size of {entries(role)[0].title}"
        )


def report(models_dir: Path) -> tuple[RoleStatus, ...]:
    """Say for every role whether it can be used, without loading anything."""
    statuses = []
    for role in Role:
        try:
            model = require(role, models_dir)
        except (WeightsUnavailableError, WeightsRefusedError) as error:
            statuses.append(RoleStatus(role=role, variant="", problem=str(error)))
        else:
            calibrated = model.calibration is None or not model.calibration.provisional
            statuses.append(
                RoleStatus(
                    role=role,
                    variant=model.variant,
                    problem="",
                    licence=model.licence,
                    calibrated=calibrated,
                    demo=model.demo,
                )
            )
    return tuple(statuses)


def write_manifest(
    directory: Path,
    weights: Weights,
    *,
    variant: str = "",
    dimensions: int | None = None,
    preprocessing: Mapping[str, Any] | None = None,
    calibration: Calibration | None = None,
    converted_by: str,
    checks: Mapping[str, float] | None = None,
    files: Iterable[str] = (),
    origin: Origin | None = None,
) -> Manifest:
    """Describe the files that lie in ``directory``; what is not given comes from ``weights``.

    ``variant`` names weights that are not those of the catalogue but of their kind: nothing that was said or
    measured of those in the catalogue is taken to hold for them.
    """
    names = tuple(files) or weights.files
    origin = origin or Origin()
    variant = variant or weights.variant
    own = variant != weights.variant
    if calibration is None and weights.calibration is not None:
        calibration = weights.calibration
        if own:
            calibration = replace(
                calibration, provisional=True, method=f"not measured: taken over from {weights.variant}"
            )
    manifest = Manifest(
        role=weights.role,
        variant=variant,
        source=origin.source or ("not recorded" if own else weights.source),
        revision=origin.revision or ("" if own or origin.source else weights.revision),
        licence=origin.licence or ("not recorded" if own else weights.licence),
        engine=weights.engine,
        dimensions=dimensions or weights.dimensions,
        calibration=figures(calibration),
        preprocessing=dict(weights.preprocessing if preprocessing is None else preprocessing),
        files={
            name: ManifestFile(size=(directory / name).stat().st_size, sha256=sha256(directory / name))
            for name in names
        },
        converted_by=converted_by,
        checks=dict(checks or {}),
    )
    _put(directory, manifest)
    return manifest


def recalibrate(directory: Path, calibration: Calibration) -> None:
    """Write another calibration into the manifest of an installed model; its version stays what it is."""
    manifest = read_manifest(directory)
    _put(directory, manifest.model_copy(update={"calibration": figures(calibration)}))


def read_manifest(directory: Path) -> Manifest:
    """Return the manifest of an installed model; errors as :func:`open_directory`."""
    open_directory(directory)
    return Manifest.model_validate_json((directory / MANIFEST).read_bytes())


def _put(directory: Path, manifest: Manifest) -> None:
    """Write the manifest at once: a half-written model is never taken for a whole one."""
    part = directory / f".{MANIFEST}.part"
    part.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    part.replace(directory / MANIFEST)


def figures(calibration: Calibration | None) -> ManifestCalibration | None:
    """Return a calibration as a manifest holds it."""
    return None if calibration is None else ManifestCalibration(**asdict(calibration))


def sha256(path: Path, progress: Progress | None = None) -> str:
    """Return the checksum of a file, in lower-case hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            if progress is not None:
                progress.advance(len(chunk))
    return digest.hexdigest()


def md5(path: Path) -> str:
    """Return the MD5 of a file: where it is all that an author has published."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def package_folder(weights: Weights) -> Path | None:
    """Return where the entry's Python package keeps its weights, without importing the package."""
    spec = importlib.util.find_spec(weights.package) if weights.package else None
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / weights.within
    return folder if folder.is_dir() else None


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Return the manifest in ``content``; raise WeightsRefusedError where it is damaged."""
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors()[0]
        raise WeightsRefusedError(
            f"{where} is damaged ({'.'.join(map(str, problem['loc']))}: {problem['msg']}); install the "
            "weights again: kadr models pull --help"
        ) from error


@cache
def _read(directory: Path, _changed: int) -> InstalledModel:
    path = directory / MANIFEST
    manifest = parse_manifest(path.read_bytes(), str(path))
    if (manifest.role, manifest.variant) != (directory.parent.name, directory.name):
        raise WeightsRefusedError(
            f"{path} describes {manifest.role}/{manifest.variant}, which is not where it lies"
        )
    for name in manifest.files:
        check_format(directory / name, manifest.engine)
    return InstalledModel(
        role=manifest.role,
        variant=manifest.variant,
        directory=directory,
        engine=manifest.engine,
        files=manifest.files,
        dimensions=manifest.dimensions,
        calibration=None
        if manifest.calibration is None
        else Calibration(**manifest.calibration.model_dump()),
        preprocessing=manifest.preprocessing,
        licence=manifest.licence,
        source=manifest.source,
        revision=manifest.revision,
        converted_by=manifest.converted_by,
    )


@cache
def _bundled(weights: Weights) -> InstalledModel | None:
    folder = package_folder(weights)
    if folder is None or not all((folder / name).is_file() for name in weights.files):
        return None
    return InstalledModel(
        role=weights.role,
        variant=weights.variant,
        directory=folder,
        engine=weights.engine,
        files={
            name: ManifestFile(size=(folder / name).stat().st_size, sha256=weights.known[name])
            for name in weights.files
        },
        dimensions=weights.dimensions,
        calibration=weights.calibration,
        preprocessing=dict(weights.preprocessing),
        licence=weights.licence,
        source=weights.source,
        revision=weights.revision,
        bundled=True,
    )


def check_format(path: Path, engine: Engine) -> None:
    """Raise WeightsRefusedError unless the file is of a format that the engine may load."""
    if not {path.name, path.suffix} & set(_ALLOWED[engine]):
        raise WeightsRefusedError(
            f"{path} is not of a format that {engine} may load ({', '.join(_ALLOWED[engine])}); pickles "
            "(.bin, .pt, .pkl) can run code when they are opened: convert them first, see kadr models "
            "convert --help"
        )
    if path.is_file() and (kind := pickle_inside(path)):
        raise WeightsRefusedError(
            f"{path} is a pickle under another name ({kind}); pickles can run code when they are opened: "
            "convert it first, see kadr models convert --help"
        )


@cache
def _verify(path: Path, size: int, _changed: int, expected_size: int, expected: str) -> None:
    """Raise unless the file is the one described. Cached by the file's size and time of change."""
    if size != expected_size or sha256(path) != expected:
        raise WeightsRefusedError(
            f"{path} is not the file that it should be (its size or SHA-256 differs); delete it and install "
            "the weights again"
        )


def _install(role: str, variant: str) -> str:
    known = [weights for weights in CATALOGUE if weights.role == role]
    found = entry(role, variant) or (known[0] if known else None)
    return found.install if found else "kadr models list names the roles"
