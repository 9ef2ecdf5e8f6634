"""What the index holds of a video, with the calibration of the models that its vectors come from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kadr.core.document import SearchDocument, VideoFacts, search_document
from kadr.core.extraction import Moment, Vector
from kadr.core.modality import Modality, Stage
from kadr.core.ranking import Ranking
from kadr.models.catalogue import Role, calibration, entries

# A stage's model version names all that took part: `ppocr@… rus+eng… minilm@1a2b3c4d …`.
_PARTS = re.compile(r"[ +]")


def document(
    vectors: Mapping[Modality, Vector],
    moments: Mapping[Modality, Sequence[Moment]],
    facts: VideoFacts,
    ranking: Ranking,
) -> SearchDocument:
    """Return what the index shall hold of a video; ``vectors`` are of unit length."""
    return search_document(
        vectors,
        moments,
        facts,
        ranking,
        visual=calibration(Role.VISUAL, facts.model_versions.get(Stage.VISUAL, "")),
        text=calibration(Role.TEXT, text_version(facts.model_versions)),
    )


def text_version(versions: Mapping[Stage, str]) -> str:
    """Return the version of the text encoder, which OCR and speech share; empty where none is named."""
    known = {entry.variant for entry in entries(Role.TEXT)}
    for stage in (Stage.OCR, Stage.SPEECH):
        for part in _PARTS.split(versions.get(stage, "")):
            if part.partition("@")[0] in known:
                return part
    return ""
