"""The one tree of errors.

::

    KadrError
    ├── PermanentError            trying again cannot help; recorded with its reason, never retried
    │   ├── MediaError            the object is not a video that can be opened safely
    │   │   ├── NotAVideoError        no container or no video stream was recognised
    │   │   ├── MediaLimitError       too large, too long, too many pixels, frames or streams
    │   │   └── DamagedMediaError     recognised, but not one frame could be decoded
    │   ├── WeightsUnavailableError   the role's weights are not installed
    │   ├── WeightsRefusedError       a checksum is wrong or the format is not a safe one
    │   ├── InvalidMessageError       a message does not have the schema it claims
    │   ├── EmptyQueryError           there is nothing to look for in a query
    │   ├── GlossaryError             entries are not such as a glossary can have
    │   ├── PeopleError               what was asked of people cannot be done; the message says why
    │   │   └── NoSuchPersonError         nobody, or no face, has that id (any more)
    │   ├── UnstorableError           PostgreSQL has no such text or number, so it cannot be looked up either
    │   ├── RankingError              constants are not such as ranking can have
    │   ├── KeyNameTakenError         there is a valid API key of that name already
    │   └── DictionaryError           the published suggestions are damaged, or of another format
    └── TransientError            worth another try: retried with backoff, then dead-lettered
        ├── SupersededError           the object changed while we worked on it
        ├── BusyError                 another worker holds the job's lease
        ├── ObjectGoneError           the object was deleted while we worked on it
        └── DependencyError           PostgreSQL, Qdrant, S3 or SQS did not answer

Messages are shown to users (`kadr status`, the API): they say what happened and what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable


class KadrError(Exception):
    """Anything that Kadr raises on purpose."""


class PermanentError(KadrError):
    """Trying again cannot help."""


class EmptyQueryError(PermanentError):
    """There is nothing to look for in a query: no letters, no digits."""


class GlossaryError(PermanentError):
    """Entries are not such as a glossary can have; ``problems`` says for each what is wrong, and where."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class PeopleError(PermanentError):
    """What was asked of people cannot be done; the message says why."""


class NoSuchPersonError(PeopleError):
    """Nobody, or no face, has that id (any more)."""


class UnstorableError(PermanentError):
    """PostgreSQL has no such text or number, so it can neither be stored nor looked up."""


class RankingError(PermanentError):
    """Constants are not such as ranking can have; the message names the one."""


class KeyNameTakenError(PermanentError):
    """There is a valid API key of that name already."""


class DictionaryError(PermanentError):
    """The published suggestions are damaged, or of a format that this version does not read."""


class TransientError(KadrError):
    """Trying again may help."""


class MediaError(PermanentError):
    """The object is not a video that can be opened safely."""


class NotAVideoError(MediaError):
    """No container or no video stream was recognised."""


class MediaLimitError(MediaError):
    """A limit of :class:`kadr.media.limits.MediaLimits` is exceeded."""


class DamagedMediaError(MediaError):
    """The container was recognised, but not one frame could be decoded."""


class WeightsUnavailableError(PermanentError):
    """The weights of a role are not installed.

    Not a failure of the video: the stage is recorded as ``unavailable`` and can be run once they are.
    """

    def __init__(self, role: str, message: str | None = None) -> None:
        self.role = role
        super().__init__(message or f"weights not installed: {role}")


class WeightsRefusedError(PermanentError):
    """A checksum is wrong, or the file is not of a safe format (safetensors, ONNX, CTranslate2)."""


class InvalidMessageError(PermanentError):
    """A message does not have the schema it claims."""


class SupersededError(TransientError):
    """The object changed while we worked on it; the retry sees its new version."""


class BusyError(TransientError):
    """Another worker holds the lease of this job.

    ``retry_in`` is the number of seconds until the lease ends.
    """

    def __init__(self, message: str, *, retry_in: float) -> None:
        self.retry_in = retry_in
        super().__init__(message)


class ObjectGoneError(TransientError):
    """The object was deleted while we worked on it; the retry finds nothing to do."""


class DependencyError(TransientError):
    """A service that we stand on did not answer, or answered that it cannot right now."""
