"""Following videos until every stage of them is final."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from kadr.cli.failure import CommandError
from kadr.core.modality import Modality, Stage, StageState

if TYPE_CHECKING:
    from kadr.cli.api import Api, VideoStatus

POLL_EVERY = 1.0  # seconds
# Videos asked about in one round. An answer costs the API about 5 ms, so this is a few per cent of a core:
# on one machine, what we ask with is taken from the work that we wait for.
POLL_AT_MOST = 8
# An API that fails this often in a row is down; fewer are a restart or a lost packet.
PATIENCE_WITH_API = 20

# The stages that every video goes through by itself.
EXTRACTION = frozenset(stage.value for stage in Stage if stage is not Stage.ASSEMBLE)
# In these states of a modality `assemble` is told about it.
_TOLD = frozenset({StageState.DONE.value, StageState.EMPTY.value})


def fingerprint(video: VideoStatus | None) -> str:
    """Return what changes when the stack takes notice of a new version of a video."""
    if video is None:
        return ""
    if video.generation is not None:
        return str(video.generation)
    times = sorted(f"{stage.stage}@{stage.updated_at}" for stage in video.stages)
    return f"{video.created_at} {times}"


def settled(video: VideoStatus) -> bool:
    """Return whether nothing more will happen to the video by itself.

    Each modality that an extractor got through is told to `assemble`; it works on the row's lock, so it
    has taken in everything that was committed before its own time stamp.
    """
    stages = {stage.stage: stage for stage in video.stages}
    if not stages.keys() >= EXTRACTION or not all(stages[name].final for name in EXTRACTION):
        return False
    told = [stages[modality] for modality in Modality if stages[modality].state in _TOLD]
    if not told:
        return True
    assemble = stages.get(Stage.ASSEMBLE)
    if assemble is None or not assemble.final:
        return False
    if assemble.state != StageState.DONE or assemble.updated_at is None:
        return True
    return all(stage.updated_at is None or stage.updated_at <= assemble.updated_at for stage in told)


def _shown(video: VideoStatus) -> object:
    """Return what makes two answers about a video differ for a reader; links are new in every answer."""
    return video.state, [(stage.stage, stage.state, stage.reason, stage.attempts) for stage in video.stages]


class Follower:
    """Asks the API about videos, in turns, until they are settled.

    ``clock`` and ``pause`` replace time in tests.
    """

    def __init__(
        self,
        api: Api,
        *,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self._patience = patience
        self._clock = clock
        self._pause = pause
        self._waiting: dict[UUID, str | None] = {}
        self._seen: dict[UUID, object] = {}
        self._last_news = clock()
        self._failures = 0

    def watch(self, video_id: UUID, *, not_before: str | None = None) -> None:
        """Follow a video; its state counts once its fingerprint differs from ``not_before``."""
        self._waiting[video_id] = not_before

    @property
    def waiting(self) -> Sequence[UUID]:
        """The videos that are not settled yet."""
        return list(self._waiting)

    def poll(self, *, quiet: bool = False) -> list[VideoStatus]:
        """Ask about some of the videos once; return those with news. Settled ones are asked about no more.

        ``quiet`` says that something else is going on, so that no news is no reason to give up.

        Raises:
            CommandError: the API has been failing for a while, or nothing has happened to any video for
                ``patience`` seconds.
        """
        news = []
        for video_id in list(self._waiting)[:POLL_AT_MOST]:
            not_before = self._waiting.pop(video_id)
            try:
                video = self._api.video(video_id)
                self._failures = 0
            except CommandError:
                self._waiting[video_id] = not_before
                self._failures += 1
                if self._failures >= PATIENCE_WITH_API:
                    raise
                break
            current = video is not None and (not_before is None or fingerprint(video) != not_before)
            if video is None or not current or not settled(video):
                self._waiting[video_id] = not_before  # at the end: the others have their turn first
            if video is not None and current and self._seen.get(video_id) != _shown(video):
                self._seen[video_id] = _shown(video)
                self._last_news = self._clock()
                news.append(video)
        if quiet:
            self._last_news = self._clock()
        if self._waiting and not news and self._clock() - self._last_news > self._patience:
            raise CommandError(
                f"Nothing has happened to {len(self._waiting)} of the videos for {self._patience:.0f} s. "
                "They stay queued: see `kadr status --failed` and `kadr logs`."
            )
        return news

    def follow(self) -> Iterator[VideoStatus]:
        """Yield videos whenever something happened to them, until all are settled."""
        while self._waiting:
            yield from self.poll()
            if self._waiting:
                self._pause(POLL_EVERY)
