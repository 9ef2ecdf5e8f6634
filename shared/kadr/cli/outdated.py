"""What the local stack has indexed with other weights than it searches with."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kadr.cli.bar import Bar
from kadr.cli.database import database
from kadr.cli.failure import CommandError
from kadr.core.errors import WeightsRefusedError
from kadr.core.modality import Stage, StageState
from kadr.models.catalogue import Role

if TYPE_CHECKING:
    from rich.console import Console

    from kadr.cli.target import Target
    from kadr.ports.extracting import Backlog, Extractions, Made

# The roles whose weights are exchanged; the versions of the others change with the release.
ROLES = {Stage.VISUAL: Role.VISUAL, Stage.SPEECH: Role.SPEECH}
_ENDED = (StageState.DONE, StageState.EMPTY, StageState.FAILED, StageState.UNAVAILABLE)
PATIENCE = 600.0  # seconds in which not one video gets ready
_ALL_AT_ONCE = 1_000_000  # whoever waits for them uploads nothing else meanwhile


class _Silent:
    """Implements :class:`kadr.runtime.reindexing.Progress`: queueing takes no time worth showing."""

    def begin(self, what: str, total: int | None) -> None: ...

    def advance(self, videos: int) -> None: ...


def outdated(extractions: Extractions, models: Path) -> list[Made]:
    """Return what was extracted with other weights than those in ``models``, or before there were any."""
    from kadr.models.registry import installed

    found = []
    for stage, role in ROLES.items():
        try:
            model = installed(role, models)
        except WeightsRefusedError:
            continue  # it is not used either
        if model is not None:
            found += [
                made
                for made in extractions.made([stage])
                if made.state in _ENDED and model.version not in made.model_version
            ]
    return found


def hint(found: Sequence[Made]) -> str:
    """Return what to say of it, or an empty string."""
    from kadr.cli.console import counted

    if not found:
        return ""
    videos = max(sum(made.videos for made in found if made.stage is stage) for stage in ROLES)
    stages = " ".join(dict.fromkeys(made.stage for made in found))
    return (
        f"{counted(videos, 'video')} were indexed with other weights than are in use now ({stages}) and are "
        f"found worse until they are extracted again: kadr extract {stages} shows with which."
    )


def said(target: Target, models: Path) -> str:
    """Return :func:`hint` for a stack."""
    from kadr.adapters.extraction_store import PostgresExtractions

    with database(target) as postgres:
        return hint(outdated(PostgresExtractions(postgres), models))


def bring_up_to_date(target: Target, models: Path, err: Console) -> int:
    """Have everything outdated extracted again, and wait for it; return how many results that were.

    Raises:
        CommandError: nothing has got ready for ten minutes.
    """
    from kadr.adapters.extraction_store import PostgresExtractions
    from kadr.cli.extract import backlogs

    with database(target) as postgres:
        extractions = PostgresExtractions(postgres)
        found = outdated(extractions, models)
        if not found:
            return 0
        with Bar(err) as bar:
            return renew(extractions, backlogs(target, [made.stage for made in found]), found, bar)


def renew(
    extractions: Extractions,
    queues: dict[Stage, Backlog],
    found: Sequence[Made],
    bar: Bar,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Send what was ``found`` to its ``queues``, and wait until it has ended."""
    from kadr.ports.extracting import Choice
    from kadr.runtime.extracting import extract_again

    since, sent = extractions.now(), 0
    others = _going_on(extractions, queues.keys())
    for made in found:
        choice = Choice(made.stage, (made.state,), since, made.model_version)
        sent += extract_again(extractions, queues[made.stage], choice, _Silent(), ahead=_ALL_AT_ONCE)
    bar.begin("extracting again", sent)
    ready, waited = 0, 0.0
    while ready < sent:
        sleep(0.5)
        now = max(ready, min(sent, sent + others - _going_on(extractions, queues.keys())))
        waited = 0.0 if now > ready else waited + 0.5
        if waited > PATIENCE:
            raise CommandError(
                "Nothing has got ready for ten minutes. `kadr status` and `kadr logs` say more."
            )
        bar.advance(now - ready)
        ready = now
    return sent


def _going_on(extractions: Extractions, stages: Collection[Stage]) -> int:
    return sum(made.videos for made in extractions.made(stages) if not made.state.final)
