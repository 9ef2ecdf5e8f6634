"""The fused vector, the words and the payload of one video."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from kadr.core.duplicates import group_of, own_group
from kadr.core.extraction import Vector
from kadr.core.modality import Modality
from kadr.core.ranking import RANKED
from kadr.events import ModalityExtracted
from kadr.ports.ledger import Commit
from kadr.runtime.assembly import document
from kadr.runtime.people import recognise
from kadr.runtime.wiring import World


def assemble(message: ModalityExtracted, world: World) -> bool:
    """Recompute what search reads from whatever has landed so far; return whether it was still current.

    Serialised per video by the row lock, and independent of the order in which modalities land: it reads
    everything and writes everything.
    """
    with world.ledger.assemble(message.video_id, message.generation) as commit:
        if commit is None:
            return False
        if message.modality is Modality.FACES:
            recognise(commit, world.faces)
        _write(message.video_id, message.generation, commit, world)
        return True


def _write(video_id: UUID, generation: int, commit: Commit, world: World) -> None:
    vectors = {
        Modality(name): vector
        for name, vector in world.index.vectors(video_id, [str(modality) for modality in RANKED]).items()
    }
    facts = commit.facts()
    # The constants are read under the lock: those of the index that this is written into, even if another
    # one took its place a moment ago.
    found = document(vectors, commit.moments(), facts, commit.ranking())
    theme = commit.themes().theme_of(vectors, found.shares)
    world.index.write_search(
        video_id,
        generation,
        fused=found.fused,
        words=found.words,
        payload={
            **found.payload,
            "group": _group(video_id, generation, facts.duration, vectors, world),
            "theme": None if theme is None else str(theme.theme_id),
        },
    )
    commit.set_theme(theme)
    commit.set_searchable(found.searchable)
    commit.finish({"weights": found.payload["weights"]})


def _group(
    video_id: UUID, generation: int, duration: float | None, vectors: Mapping[Modality, Vector], world: World
) -> str:
    """Return the group of near duplicates that the video belongs to."""
    own = own_group(video_id, generation)
    if Modality.VISUAL not in vectors:
        return own
    alike = world.index.look_alikes(vectors[Modality.VISUAL])
    current = next((each.group for each in alike if each.video_id == video_id), "")
    texts: dict[Modality, Vector] = {
        modality: vector for modality, vector in vectors.items() if modality is not Modality.VISUAL
    }
    return group_of(own, current, duration, texts, [each for each in alike if each.video_id != video_id])
