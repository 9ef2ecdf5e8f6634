"""Which constants of ranking are in force."""

from __future__ import annotations

from typing import Protocol

from kadr.core.ranking import Ranking


class RankingStore(Protocol):
    """The constants that an installation was given, or those that Kadr comes with."""

    def active(self) -> Ranking:
        """Return the constants in force; a change is seen within half a minute."""
