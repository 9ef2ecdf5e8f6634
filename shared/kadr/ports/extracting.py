"""What having videos extracted again needs: what was made with which weights, and a queue to fill slowly."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kadr.core.modality import Stage, StageState


@dataclass(frozen=True, slots=True)
class Choice:
    """Which videos of a stage are meant.

    Those in one of ``states``, whose result was made, or who was last worked at, by a model version with
    ``made_with`` in its name, which nobody has touched since ``before``, by the database's clock, and whose
    keys begin with ``prefix``.
    """

    stage: Stage
    states: Collection[StageState]
    before: datetime
    made_with: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """How many videos of a stage are in a state, made with one model version, and what that took.

    ``model_version`` is the last that worked at them; ``made_with`` made the result that there is, which is
    another one where the last one failed. ``seconds`` and ``cost_usd`` are sums of what is known.
    """

    stage: Stage
    state: StageState
    model_version: str
    made_with: str
    videos: int
    seconds: float
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Place:
    """A video, and where it lies."""

    video_id: UUID
    bucket: str
    key: str


class Extractions(Protocol):
    """The ledger's stages, in bulk."""

    def now(self) -> datetime:
        """Return the time by the database's clock."""

    def bury(self) -> int:
        """Say of stages that are dead that they are: their worker was killed, or their message was lost.

        Return how many. Killed means that memory or time ran out: nobody could record it. An assembly
        leaves no trace of either, but that nobody has done it for hours.
        """

    def made(
        self, stages: Collection[Stage], *, before: datetime | None = None, prefix: str = ""
    ) -> list[Made]:
        """Return what there is, the largest part of a stage first."""

    def requeue(
        self, choice: Choice, *, after: UUID, limit: int, send: Callable[[Sequence[Place]], None]
    ) -> list[Place]:
        """Set the next videos of a choice, by id, to queued; return them, none if there are no more.

        ``send`` is called with them under their rows' locks: if it raises, nothing is changed.
        """


class Backlog(Protocol):
    """The queue of one stage."""

    def waiting(self) -> int:
        """Return about how many messages wait to be received."""

    def send(self, bodies: Sequence[str]) -> None:
        """Send messages; raises DependencyError if it cannot send one of them."""
