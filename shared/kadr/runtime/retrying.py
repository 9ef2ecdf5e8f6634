"""Trying a video's unfinished stages again, as if it had just been uploaded."""

from __future__ import annotations

from kadr.core.modality import Modality, Stage, StageState
from kadr.events import ModalityExtracted
from kadr.ports.ledger import Ledger, VideoRecord
from kadr.ports.queues import StageQueues
from kadr.runtime import s3_events

# What does not come again by itself. A dead one's message stays in the dead-letter queue, where it does no
# harm: whoever redrives it later finds the job done.
UNFINISHED = (StageState.FAILED, StageState.DEAD, StageState.UNAVAILABLE)


def retry(record: VideoRecord, ledger: Ledger, queues: StageQueues) -> list[Stage] | None:
    """Queue the video's unfinished stages again and return them; ``None`` if it has been deleted meanwhile.

    Raises:
        DependencyError: a queue did not take its message; then the ledger says what it said before.
    """

    def send(stage: Stage, generation: int) -> None:
        if stage is Stage.ASSEMBLE:
            # It reads everything that has landed, and looks whose the faces are if it names them.
            message = ModalityExtracted(
                video_id=record.video_id, generation=generation, modality=Modality.FACES
            )
            queues.send(stage, message.model_dump_json())
        else:
            queues.send(stage, s3_events.created(record.bucket, record.key))

    return ledger.requeue(record.video_id, UNFINISHED, send)
