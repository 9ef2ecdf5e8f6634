"""Repositories of the Hugging Face hub, or of what speaks its protocol (``HF_ENDPOINT``)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kadr.core.errors import DependencyError, WeightsUnavailableError
from kadr.models.sources import Listing, Progress, SourceFile, check_name


class HubRepository:
    """Implements :class:`kadr.models.sources.Source` for one revision of a repository.

    ``revision`` is a branch, a tag or a commit; what is fetched and recorded is always the commit that it
    resolves to. ``HF_TOKEN`` and the other variables of huggingface_hub are honoured.

    Raises:
        WeightsUnavailableError: huggingface_hub is not installed, or there is no such repository, revision or
            file, or it is not open to everybody.
        DependencyError: the hub does not answer.
    """

    def __init__(self, repository: str, *, revision: str = "", endpoint: str | None = None) -> None:
        self._repository = repository
        self._revision = revision or "main"
        self._endpoint = endpoint

    @property
    def name(self) -> str:
        """The repository's address."""
        with _errors(self._repository):
            from huggingface_hub import constants

        return f"{(self._endpoint or constants.ENDPOINT).rstrip('/')}/{self._repository}"

    def list(self) -> Listing:
        """Return the files, with checksums of the large ones, and the commit."""
        with _errors(self._repository):
            from huggingface_hub import HfApi

            info = HfApi(endpoint=self._endpoint).model_info(
                self._repository, revision=self._revision, files_metadata=True
            )
        files = []
        for sibling in info.siblings or ():
            check_name(sibling.rfilename)
            files.append(
                SourceFile(
                    sibling.rfilename,
                    sibling.size,
                    sibling.lfs.sha256 if sibling.lfs is not None else "",
                )
            )
        if not info.sha:
            raise WeightsUnavailableError("", f"{self.name} does not say which commit {self._revision} is")
        self._revision = info.sha
        return Listing(tuple(files), info.sha)

    def fetch(self, file: SourceFile, to: Path, progress: Progress) -> None:
        """Download one file of the listed commit."""
        check_name(file.name)
        progress.begin(file.name, file.size or 0)
        part = to.with_name(f".{to.name}.hub")  # the client keeps notes beside what it downloads
        with _errors(self._repository):
            from huggingface_hub import hf_hub_download

            try:
                fetched = hf_hub_download(
                    self._repository,
                    file.name,
                    revision=self._revision,
                    local_dir=part,
                    endpoint=self._endpoint,
                    tqdm_class=_bar(progress),
                )
                Path(fetched).replace(to)
            finally:
                shutil.rmtree(part, ignore_errors=True)


def _bar(progress: Progress) -> Any:
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        """Hands on what the client would draw."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **{**options, "disable": True})  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> None:
            progress.advance(int(n or 0))

    return Bar


@contextmanager
def _errors(repository: str) -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        from huggingface_hub import errors
    except ImportError as error:
        raise WeightsUnavailableError(
            "", "fetching from the hub needs huggingface_hub: pip install 'kadr[convert]'"
        ) from error
    try:
        yield
    except errors.GatedRepoError as error:
        raise WeightsUnavailableError(
            "", f"{repository} is not open to everybody: accept its terms on the hub and set HF_TOKEN"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise WeightsUnavailableError(
            "", f"the hub has no repository {repository}, or not for you"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise WeightsUnavailableError("", f"{repository} has no such revision: see its history") from error
    except errors.EntryNotFoundError as error:
        raise WeightsUnavailableError("", f"{repository} has lost a file since it was listed") from error
    except errors.HFValidationError as error:
        raise WeightsUnavailableError(
            "", f"{repository!r} is not the name of a repository: OWNER/NAME"
        ) from error
    except (errors.HfHubHTTPError, errors.OfflineModeIsEnabled, OSError) as error:
        raise DependencyError(_unreachable(repository, error)) from error
    except Exception as error:
        # Its HTTP library's own errors have no base class that it exports.
        if type(error).__module__.partition(".")[0].startswith("httpx"):
            raise DependencyError(_unreachable(repository, error)) from error
        raise


def _unreachable(repository: str, error: Exception) -> str:
    said = (str(error).strip() or type(error).__name__).split("\n")[0]
    return (
        f"the hub did not answer for {repository} ({said}). Where there is no way to it, pull and publish on "
        "a machine that has one, then pull with --from FOLDER or --from s3://BUCKET/PREFIX"
    )
