"""Message queues."""

from __future__ import annotations

from typing import Protocol

from kadr.core.modality import Stage
from kadr.events import ModalityExtracted


class AssembleQueue(Protocol):
    """Where extractors say that a modality has landed."""

    def send(self, message: ModalityExtracted) -> None:
        """Send; raises DependencyError if it cannot."""


class StageQueues(Protocol):
    """The queues that feed the stages' functions."""

    def send(self, stage: Stage, body: str) -> None:
        """Send a message to a stage's queue; raises DependencyError if it cannot."""
