"""What suggestions are made of, and whose queries are remembered."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from kadr.core.popularity import Content


class SuggestionContent(Protocol):
    """Everything that a dictionary can be made of."""

    def content(self) -> Content:
        """Return queries, names and texts as they are now."""


class QueryHistory(Protocol):
    """The queries of people who let them be remembered, by an opaque id."""

    def remember(self, user: str, query: str, vector: npt.NDArray[np.float32] | None) -> None:
        """Keep a query as it was understood, with its unit vector where there is one."""

    def recent(self, user: str, limit: int) -> list[npt.NDArray[np.float32]]:
        """Return the unit vectors of the last ``limit`` queries that have one, the newest first."""

    def erase(self, user: str) -> int:
        """Forget a user's queries; return how many there were."""

    def forget(self, days: int) -> int:
        """Forget everybody's queries that are older than so many days; return how many there were."""
