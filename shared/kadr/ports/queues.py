"""Message queues."""

from __future__ import annotations

from typing import Protocol

from kadr.events import ModalityExtracted


class AssembleQueue(Protocol):
    """Where extractors say that a modality has landed."""

    def send(self, message: ModalityExtracted) -> None:
        """Send; raises DependencyError if it cannot."""
