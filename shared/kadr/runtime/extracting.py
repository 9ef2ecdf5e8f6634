"""Having a stage of many videos done again, without keeping new uploads waiting behind them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from uuid import UUID

from kadr.ports.extracting import Backlog, Choice, Extractions, Place
from kadr.runtime import s3_events
from kadr.runtime.reindexing import Progress

PAGE = 100  # videos locked, and sent, at once
AHEAD = 500  # messages that may wait in the queue; what is uploaded meanwhile comes after them
_LOOK_EVERY = 1.0  # seconds


def extract_again(
    extractions: Extractions,
    backlog: Backlog,
    choice: Choice,
    progress: Progress,
    *,
    ahead: int = AHEAD,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Queue the videos of a choice, as if they had just been uploaded; return how many were sent.

    The stage's function takes them as it takes uploads: what is found of a video stays in the index until
    the new result replaces it. No more than ``ahead`` messages wait in the queue at any time, so this takes
    about as long as the extracting.

    Raises:
        DependencyError: PostgreSQL or the queue does not answer; the videos not yet sent are as they were.
    """
    sent = 0
    last = UUID(int=0)

    def send(places: Sequence[Place]) -> None:
        nonlocal sent
        backlog.send([s3_events.created(place.bucket, place.key) for place in places])
        sent += len(places)

    while True:
        room = ahead - backlog.waiting()
        if room <= 0:
            sleep(_LOOK_EVERY)
            continue
        found = extractions.requeue(choice, after=last, limit=min(PAGE, room), send=send)
        if not found:
            return sent
        last = found[-1].video_id
        progress.advance(len(found))
