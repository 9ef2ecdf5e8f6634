"""Stages whose function was killed or whose message was lost, which nobody could record."""

from __future__ import annotations

from dataclasses import dataclass

from kadr.adapters.extraction_store import PostgresExtractions
from kadr.runtime.settings import ClusterSettings
from kadr.runtime.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Killed:
    """How many ``stages`` were found to be dead."""

    stages: int


def run(world: Wiring, _settings: ClusterSettings) -> Killed:
    """Record them as dead, so that people see it and can have them tried again."""
    return Killed(PostgresExtractions(world.postgres).bury())
