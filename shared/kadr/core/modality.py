"""The modalities of a video, the stages of its indexing, and the states of a stage."""

from __future__ import annotations

from enum import StrEnum


class Modality(StrEnum):
    """What a video can be found by."""

    VISUAL = "visual"
    OCR = "ocr"
    SPEECH = "speech"
    FACES = "faces"


class Stage(StrEnum):
    """A step of indexing: one function each, one ``extraction`` row each."""

    INGEST = "ingest"
    VISUAL = "visual"
    OCR = "ocr"
    SPEECH = "speech"
    FACES = "faces"
    ASSEMBLE = "assemble"


class StageState(StrEnum):
    """Where a stage of a video stands."""

    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"  # a transient error; the queue delivers it again
    DONE = "done"
    EMPTY = "empty"  # done, and there is none of it: no sound, no text, no faces
    UNAVAILABLE = "unavailable"  # the weights are not installed
    FAILED = "failed"  # permanently, with a reason
    DEAD = "dead"  # transient errors without end: in the dead-letter queue, `kadr redrive` tries again

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to the stage by itself."""
        return self in (self.DONE, self.EMPTY, self.UNAVAILABLE, self.FAILED, self.DEAD)


class VideoState(StrEnum):
    """Where a video stands, derived from its stages by :func:`video_state`."""

    INDEXING = "indexing"
    SEARCHABLE = "searchable"
    FAILED = "failed"
    EMPTY = "empty"  # indexed, and nothing in it can be searched


def video_state(stages: dict[Stage, StageState], *, searchable: bool) -> VideoState:
    """Return the state of a video from those of its stages.

    ``searchable`` says whether a search vector or words of it are in the index.
    """
    if searchable:
        return VideoState.SEARCHABLE
    if stages.get(Stage.INGEST) in (StageState.FAILED, StageState.DEAD):
        return VideoState.FAILED
    # There is nothing to assemble before a modality has landed.
    extraction = [
        stages.get(stage, StageState.DONE if stage is Stage.ASSEMBLE else StageState.QUEUED)
        for stage in Stage
    ]
    if not all(state.final for state in extraction):
        return VideoState.INDEXING
    if any(state in (StageState.FAILED, StageState.DEAD) for state in extraction):
        return VideoState.FAILED
    return VideoState.EMPTY
