"""Fusing a whole index anew, while videos go on being uploaded and searched.

What was extracted is kept: named vectors in the index, moments in the ledger. From these every video is
assembled again into a new collection. What changes meanwhile is caught up with, until little is left; that
little is done while nobody else may write, and so is the step from the old collection to the new one. So no
change is lost, and whoever writes afterwards writes into the new one, with its constants.

Each video carries as of when it was written. A run that was broken off goes on with those that lack it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

import numpy as np

from kadr.core.duplicates import Neighbour, group_of, own_group
from kadr.core.errors import DependencyError, SupersededError
from kadr.core.extraction import Vector
from kadr.core.modality import Modality
from kadr.core.ranking import Centre, Ranking, default_ranking
from kadr.models.catalogue import Role, calibration
from kadr.ports.reindexing import (
    IndexCollection,
    IndexCollections,
    IndexedVideo,
    Landed,
    LedgerScan,
    Member,
    Run,
    Runs,
    Settled,
    StoredVideo,
)
from kadr.runtime.assembly import document

# Whose rows are locked at a time, so an upload waits for so many at most: about half a second.
BATCH = 64
# Looked up at a time, to see what has changed.
_PAGE = 512
# So few are left to the time in which nobody may write.
_LITTLE = BATCH
# Videos from which on a graph is worth its centres: with fewer, Qdrant looks through all of them (10 MB of
# vectors), or the graph finds nearly everything anyway.
LARGE = 5_000
_SAMPLE = 2_000  # of them; the mean of so many unit vectors is right to about 1/√2000 = 0.02 of their length
# With uploads faster than this can follow, catching up would never end.
_MOST_ROUNDS = 20
# A row says when the transaction that changed it began, which may have waited for locks since. They give up
# after 30 s (kadr.adapters.postgres); what is looked at twice is only compared.
_MARGIN = timedelta(minutes=10)


class Progress(Protocol):
    """Who is told how it gets on."""

    def begin(self, what: str, total: int | None) -> None:
        """Something of ``total`` videos begins; ``None``: nobody knows how many."""

    def advance(self, videos: int) -> None:
        """So many more were looked at."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is going to be done."""

    source: str  # the collection that is searched now
    target: str  # the one that will be
    ranking: Ranking
    constants: Ranking | None  # None: those of the release
    videos: int  # in the ledger
    outdated: int  # in the source, fused with other constants
    run: Run | None = None  # that is gone on with
    abandoned: Run | None = None  # that is thrown away, because it was made with other constants
    only_query: bool = False  # nothing to be fused: only constants differ that queries read

    @property
    def finishing(self) -> bool:
        """Whether the new collection is searched already, and only its constants are not in force."""
        return self.source == self.target


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What was done."""

    collection: str
    previous: str
    videos: int  # that the collection holds
    written: int  # now, those twice that changed meanwhile
    version: str  # of the constants


def plan(
    runs: Runs, collections: IndexCollections, wanted: Ranking | Literal["release", "same"] = "same"
) -> Plan:
    """Return what there is to do to have the index fused with the ``wanted`` constants.

    ``release`` are those that Kadr comes with, ``same`` those of the run that was broken off or else those in
    force.

    Raises:
        DependencyError: there is no index, or it does not answer.
    """
    source = collections.current()
    if source is None:
        raise DependencyError("there is no index yet: run `kadr migrate`")
    unfinished, in_force = runs.unfinished(), runs.in_force()
    if isinstance(wanted, Ranking):
        constants: Ranking | None = wanted
    elif wanted == "release":
        constants = None
    else:
        latest = unfinished or in_force
        constants = None if latest is None else latest.constants
    ranking = constants or default_ranking()
    if not ranking.centres:
        kept = [each.constants.centres for each in (unfinished, in_force) if each and each.constants]
        centres = next(filter(None, kept), None) or _centres(collections.open(source), ranking)
        if centres:
            ranking = constants = replace(ranking, centres=centres)
    found = Plan(
        source=source,
        target=collections.following(),
        ranking=ranking,
        constants=constants,
        videos=runs.count(),
        outdated=collections.open(source).count(not_of=ranking.version),
    )
    if unfinished is not None:
        if unfinished.version == ranking.version:
            return replace(found, target=unfinished.collection, run=unfinished)
        return replace(found, abandoned=unfinished)
    nothing_to_fuse = found.outdated == 0 and collections.fits(source)
    return replace(found, only_query=wanted != "same" and nothing_to_fuse)


def reindex(runs: Runs, collections: IndexCollections, what: Plan, progress: Progress) -> Reindexed:
    """Do what was planned; it may be broken off at any time, and planned and done again.

    Plan and do it within ``runs.exclusively()``: a second run would go on with the first one's collection.

    Raises:
        DependencyError: PostgreSQL or Qdrant did not answer.
        SupersededError: another collection is searched now than was when this was planned.
    """
    if what.only_query:
        run = runs.begin(what.source, what.ranking.version, what.constants)
        with runs.still() as still:
            still.put_in_force(run)
        return Reindexed(
            what.source, what.source, collections.open(what.source).count(), 0, what.ranking.version
        )
    if what.abandoned is not None:
        _throw_away(runs, collections, what)
    run = what.run or runs.begin(what.target, what.ranking.version, what.constants)
    if run.constants != what.constants:
        run = runs.revise(run, what.constants)
    collections.make(what.target)
    copying = _Copying(collections, what, progress)
    since = copying.catch_up(runs, what.videos)
    progress.begin("changing over", None)
    with runs.still() as still:
        copying.round(still, since)
        copying.target.remove(still.deleted(since))
        copying.refuse_if_changed_over()
        if not what.finishing:
            collections.switch(what.target)
        still.put_in_force(run)
    return Reindexed(what.target, what.source, copying.target.count(), copying.written, what.ranking.version)


def _centres(collection: IndexCollection, ranking: Ranking) -> dict[str, Centre]:
    """Return the mean vector of each space, of a collection that is large enough to be searched by a graph.

    From its first videos by id, which say nothing about what a video is like.
    """
    if collection.count() < LARGE:
        return {}
    rows: dict[str, list[Vector]] = {"visual": [], "text": []}
    seen = 0
    for page in collection.ids(_PAGE):
        for video in collection.read(page).values():
            for modality, vector in video.vectors.items():
                rows["visual" if modality is Modality.VISUAL else "text"].append(vector)
        seen += len(page)
        if seen >= _SAMPLE:
            break
    return {
        role: Centre(
            tuple(round(float(value), 4) for value in np.mean(found, axis=0)),
            ranking.calibration.get(role, calibration(Role(role))).mean,
        )
        for role, found in rows.items()
        if found
    }


def drop_old(collections: IndexCollections, *, dry_run: bool = False) -> list[str]:
    """Delete the collections that were searched before the current one; return their names.

    With ``dry_run`` only names them. One that is still being made is younger than the current one, and stays.
    """
    known, current = collections.all(), collections.current()
    old = known[: known.index(current)] if current in known else []
    if not dry_run:
        for name in old:
            collections.drop(name)
    return old


def _throw_away(runs: Runs, collections: IndexCollections, what: Plan) -> None:
    run = what.abandoned
    if run is None:
        return
    # It may be the one that is searched, if the last try broke off in its very last step.
    if run.collection != what.source and run.collection in collections.all():
        collections.drop(run.collection)
    runs.discard(run)


class _Copying:
    """From one collection into another, which may be the same."""

    def __init__(self, collections: IndexCollections, what: Plan, progress: Progress) -> None:
        self.source = collections.open(what.source)
        self.target = collections.open(what.target)
        self.written = 0
        self._collections = collections
        self._ranking = what.ranking
        self._progress = progress

    def catch_up(self, scan: LedgerScan, videos: int) -> datetime:
        """Write every video, until little changes meanwhile; return since when changes are yet to be seen."""
        since = scan.now() - _MARGIN
        self._progress.begin("videos", videos)
        self.round(scan, None)
        # Deleted before this run: by another one that was broken off, it may have been written.
        for held in self.target.ids(_PAGE):
            self.target.remove(scan.missing(held))
        for _ in range(_MOST_ROUNDS):
            begun = scan.now() - _MARGIN
            self._progress.begin("catching up", None)
            changed = self.round(scan, since)
            self.target.remove(scan.deleted(since))
            since = begun
            if changed <= _LITTLE:
                break
        return since

    def round(self, scan: LedgerScan, since: datetime | None) -> int:
        """Write what is not there as of now; return how many videos that were."""
        changed = 0
        for page in scan.pages(_PAGE, since):
            self.refuse_if_changed_over()
            there = self.target.as_of([each.video_id for each in page])
            stale = [each.video_id for each in page if there.get(each.video_id) != each.as_of]
            for begin in range(0, len(stale), BATCH):
                changed += self._copy(scan, stale[begin : begin + BATCH])
                self._progress.advance(len(stale[begin : begin + BATCH]))
            self._progress.advance(len(page) - len(stale))
        return changed

    def refuse_if_changed_over(self) -> None:
        """Copy no more from what nobody writes into over what is searched: a lock can be lost."""
        if self._collections.current() != self.source.name:
            raise SupersededError(
                f"{self.source.name} is not searched any more: somebody else has changed over meanwhile"
            )

    def _copy(self, scan: LedgerScan, video_ids: Sequence[UUID]) -> int:
        with scan.locked(video_ids) as landed:
            stored = self.source.read([each.standing.video_id for each in landed])
            current = [
                (each, stored[each.standing.video_id])
                for each in landed
                # what is of an older generation was overwritten: nothing of it may be found any more
                if each.standing.video_id in stored
                and stored[each.standing.video_id].generation == each.standing.generation
            ]
            kept = {each.standing.video_id for each, _ in current}
            gone = [video_id for video_id in video_ids if video_id not in kept]
            removed = list(self.target.read(gone)) if gone else []
            self.target.remove(removed)
            self.target.write([self._assembled(each, found) for each, found in current])
            self.target.settle(self._settled(current))
        self.written += len(current)
        return len(current) + len(removed)

    def _assembled(self, video: Landed, stored: StoredVideo) -> IndexedVideo:
        found = document(stored.vectors, video.moments, video.facts, self._ranking)
        # What others wrote beside (a theme) stays. The group is made anew, from the other videos here.
        payload = {name: value for name, value in stored.payload.items() if name not in ("group", "as_of")}
        payload |= {**found.payload, "generation": video.standing.generation}
        return IndexedVideo(video.standing.video_id, stored.vectors, found.fused, found.words, payload)

    def _settled(self, videos: Sequence[tuple[Landed, StoredVideo]]) -> Mapping[UUID, Settled]:
        pictures = {
            video.standing.video_id: stored.vectors[Modality.VISUAL]
            for video, stored in videos
            if Modality.VISUAL in stored.vectors
        }
        # The source has a graph to look them up in. The target has none before it is quiet, but says what
        # each of them has become.
        alike = self.source.look_alikes(pictures)
        members = self.target.members(sorted({each.video_id for found in alike.values() for each in found}))
        settled: dict[UUID, Settled] = {}
        for video, stored in videos:
            standing = video.standing
            group = group_of(
                own_group(standing.video_id, standing.generation),
                "",
                video.facts.duration,
                {name: vector for name, vector in stored.vectors.items() if name is not Modality.VISUAL},
                [
                    _as_written(each, members[each.video_id], settled.get(each.video_id))
                    for each in alike.get(standing.video_id, ())
                    if each.video_id in members
                ],
            )
            settled[standing.video_id] = Settled(group, standing.as_of)
        return settled


def _as_written(neighbour: Neighbour, member: Member, settled: Settled | None) -> Neighbour:
    """Return a neighbour as it is in the new collection, where it may have been written just now."""
    group = member.group if settled is None else settled.group
    return replace(neighbour, group=group, duration=member.duration)
