"""The state of a video, as its stages make it."""

from __future__ import annotations

import pytest

from kadr.core.identity import video_id
from kadr.core.modality import Stage, StageState, VideoState, video_state

ALL = [stage for stage in Stage if stage is not Stage.ASSEMBLE]


def every(state: StageState, **others: StageState) -> dict[Stage, StageState]:
    return {stage: others.get(str(stage), state) for stage in ALL}


@pytest.mark.parametrize(
    ("stages", "searchable", "state"),
    [
        ({}, False, VideoState.INDEXING),
        (every(StageState.QUEUED), False, VideoState.INDEXING),
        (every(StageState.QUEUED), True, VideoState.SEARCHABLE),
        (every(StageState.FAILED), False, VideoState.FAILED),
        (every(StageState.QUEUED, ingest=StageState.FAILED), False, VideoState.FAILED),
        (every(StageState.EMPTY, ingest=StageState.DONE), False, VideoState.EMPTY),
        (every(StageState.EMPTY, visual=StageState.UNAVAILABLE), False, VideoState.EMPTY),
        (every(StageState.EMPTY, speech=StageState.RETRYING), False, VideoState.INDEXING),
        (every(StageState.EMPTY, speech=StageState.DEAD), False, VideoState.FAILED),
        ({**every(StageState.DONE), Stage.ASSEMBLE: StageState.QUEUED}, False, VideoState.INDEXING),
        ({**every(StageState.DONE), Stage.ASSEMBLE: StageState.DONE}, False, VideoState.EMPTY),
    ],
)
def test_the_state_of_a_video(stages: dict[Stage, StageState], searchable: bool, state: VideoState) -> None:
    assert video_state(stages, searchable=searchable) is state


def test_a_video_is_its_place() -> None:
    assert video_id("media", "a.mp4") == video_id("media", "a.mp4")
    assert len({video_id("media", "a.mp4"), video_id("media", "A.mp4"), video_id("other", "a.mp4")}) == 3
