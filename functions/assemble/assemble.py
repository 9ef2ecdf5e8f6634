"""The fused vector and the words of one video."""

from __future__ import annotations

from uuid import UUID

from kadr.core.fusion import fuse
from kadr.core.modality import Modality
from kadr.core.weights import RANKED, weights, word_count
from kadr.core.words import ORIGINAL_WEIGHT, TRANSLATION_WEIGHT, document_words
from kadr.events import ModalityExtracted
from kadr.models.catalogue import Calibration, Role, entries
from kadr.ports.ledger import Commit
from kadr.runtime.wiring import World


def assemble(message: ModalityExtracted, world: World) -> bool:
    """Recompute what search reads from whatever has landed so far; return whether it was still current.

    Serialised per video by the row lock, and independent of the order in which modalities land: it reads
    everything and writes everything.
    """
    with world.ledger.assemble(message.video_id, message.generation) as commit:
        if commit is None:
            return False
        _write(message.video_id, message.generation, commit, world)
        return True


def _write(video_id: UUID, generation: int, commit: Commit, world: World) -> None:
    vectors = {
        Modality(name): vector
        for name, vector in world.index.vectors(video_id, [str(modality) for modality in RANKED]).items()
    }
    moments = commit.moments()
    shares = weights(
        has_visual=Modality.VISUAL in vectors,
        words={modality: word_count(found) for modality, found in moments.items() if modality in vectors},
    )
    fused = (
        fuse(vectors, shares, visual=_calibration(Role.VISUAL), text=_calibration(Role.TEXT))
        if shares
        else None
    )
    texts = [
        (text, weight * moment.confidence)
        for found in moments.values()
        for moment in found
        for text, weight in ((moment.text, ORIGINAL_WEIGHT), (moment.translation, TRANSLATION_WEIGHT))
    ]
    words = document_words(texts)
    world.index.write_search(
        video_id,
        generation,
        fused=fused,
        words=words if words.indices else None,
        payload={"weights": {str(modality): round(share, 4) for modality, share in shares.items()}},
    )
    commit.set_searchable(fused is not None or bool(words.indices))
    commit.finish({"weights": {str(modality): round(share, 4) for modality, share in shares.items()}})


def _calibration(role: Role) -> Calibration:
    """Return the calibration of the preferred model of a role; all variants of a role share a space."""
    return next(entry.calibration for entry in entries(role) if entry.calibration is not None)
