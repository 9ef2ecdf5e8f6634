"""Whether the people of a clip are found, all of them and nobody else, and for how long they are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kadr.core.extraction import FaceTrack

COUNTS = ("clips", "right", "people", "found", "spurious", "seconds", "seen")


def measure(clip: Mapping[str, Any], found: Sequence[FaceTrack]) -> dict[str, float]:
    """Return counts of one clip.

    ``found`` are those of its people for whom there is one; who is more than that is ``spurious``.
    ``seconds`` are those in which somebody is shown, ``seen`` the frames, one a second, that show somebody.
    """
    people = clip["people"]
    return {
        "clips": 1,
        "right": len(found) == len(people),
        "people": len(people),
        "found": min(len(found), len(people)),
        "spurious": max(0, len(found) - len(people)),
        "seconds": sum(person["end"] - person["start"] for person in people),
        "seen": sum(person.count for person in found),
    }


def rates(counts: Mapping[str, float]) -> dict[str, float]:
    """Return the share of clips with the right number of people, 0…1."""
    return {"share right": counts["right"] / max(counts["clips"], 1)}
