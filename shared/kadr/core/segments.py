"""From lines of text seen in single frames to stretches of time in which something was written.

A frame gives *sightings*: a text, where it stood, how sure the reader was. Sightings of one line in several
frames are a *track*: similar words at about the same place, or the same words that moved. Of a track the
reading is kept that agrees best with the others, weighted by how sure they were. Lines that stood together,
one below the other, are one *segment*: a sentence wrapped into three rows is found as a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache

from kadr.core.text import fold

_MISSES = 2  # frames in which a line may go unseen, or be misread, and still be the same line
_SAME_PLACE = 0.55  # similarity of two readings of one line at one place
_MOVED = 0.8  # similarity of two readings of one line that moved
_NEAR = 0.35  # overlap of boxes, intersection over union, that counts as one place
_GROWN = 0.75  # similarity of a text with the beginning of a longer one: it is being typed
_TOGETHER = 0.6  # share of the shorter one's time in which two lines of one block stand together


@dataclass(frozen=True, slots=True)
class Box:
    """A place in the frame; fractions of its width and height, from the upper left."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """Fraction of the frame's height."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Where the line stands, from the top."""
        return (self.top + self.bottom) / 2

    def overlap(self, other: Box) -> float:
        """Return intersection over union, 0…1."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        if width <= 0 or height <= 0:
            return 0.0
        both = width * height
        return both / (self._area() + other._area() - both)

    def join(self, other: Box) -> Box:
        """Return the smallest box around both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def _area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One line in one frame."""

    time: float  # seconds
    text: str
    confidence: float  # 0…1
    box: Box


@dataclass(frozen=True, slots=True)
class Segment:
    """What was written, and from when until when, in seconds."""

    start: float
    end: float
    text: str
    confidence: float  # 0…1, of the reading that was kept
    box: Box


@dataclass(slots=True)
class _Track:
    sightings: list[Sighting] = field(default_factory=list)
    last_frame: int = 0
    first_frame: int = 0

    @property
    def last(self) -> Sighting:
        return self.sightings[-1]


def segments(
    frames: Sequence[tuple[float, Sequence[Sighting]]], *, duration: float | None = None
) -> list[Segment]:
    """Return what was written in a video, in order of time, then from top to bottom.

    ``frames`` are (seconds, sightings) of every frame that was looked at, those without text too, in order
    of time. A line is taken to stand from halfway between the frame before its first sighting and that
    sighting, until halfway to the frame after its last one (until ``duration`` at the end).
    """
    times = [time for time, _ in frames]
    tracks = _tracks(frames)
    lines = [_segment(track, times, duration) for track in tracks]
    return sorted(_blocks(_distinct(lines)), key=lambda s: (s.start, s.box.top, s.box.left))


def similarity(one: str, other: str) -> float:
    """Return 0…1: how alike two texts read, whatever their case and punctuation."""
    a, b = _plain(one), _plain(other)
    if a == b:
        return 1.0
    if not a or not b:
        return 0.0
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    kept = (character if character.isalnum() else " " for character in fold(text))
    return " ".join("".join(kept).split())


def _grown(short: str, long: str) -> bool:
    """Whether ``long`` begins like ``short``, and goes on."""
    a, b = _plain(short), _plain(long)
    return 2 <= len(a) < len(b) and SequenceMatcher(None, a, b[: len(a)], autojunk=False).ratio() >= _GROWN


def _tracks(frames: Sequence[tuple[float, Sequence[Sighting]]]) -> list[_Track]:
    """Follow lines from frame to frame."""
    tracks: list[_Track] = []
    for index, (_, sightings) in enumerate(frames):
        open_tracks = [track for track in tracks if index - track.last_frame <= _MISSES + 1]
        pairs = sorted(
            (
                (closeness, t, s)
                for t, track in enumerate(open_tracks)
                for s, sighting in enumerate(sightings)
                if (closeness := _closeness(track, sighting)) > 0
            ),
            key=lambda pair: (-pair[0], pair[1], pair[2]),
        )
        taken_tracks: set[int] = set()
        taken: set[int] = set()
        for _, t, s in pairs:
            if t in taken_tracks or s in taken:
                continue
            taken_tracks.add(t)
            taken.add(s)
            open_tracks[t].sightings.append(sightings[s])
            open_tracks[t].last_frame = index
        tracks += [_Track([sighting], index, index) for s, sighting in enumerate(sightings) if s not in taken]
    return tracks


def _closeness(track: _Track, sighting: Sighting) -> float:
    """Return how well a sighting continues a track; 0.0 where it does not."""
    last = track.last
    alike = max(similarity(old.text, sighting.text) for old in track.sightings[-3:])
    place = last.box.overlap(sighting.box)
    if alike >= _MOVED:
        return alike + place
    if place >= _NEAR and alike >= _SAME_PLACE:
        return alike + place
    same_row = abs(last.box.middle - sighting.box.middle) < 0.5 * sighting.box.height
    if same_row and (_grown(last.text, sighting.text) or _grown(sighting.text, last.text)):
        return 0.5 + place
    return 0.0


def _segment(track: _Track, times: Sequence[float], duration: float | None) -> Segment:
    best = _best(track.sightings)
    first, last = track.first_frame, track.last_frame
    start = times[first] if first == 0 else (times[first - 1] + times[first]) / 2
    if first == 0:
        start = min(start, 0.0)
    following = (times[last] + times[last + 1]) / 2 if last + 1 < len(times) else duration or 0.0
    end = max(times[last], following)
    return Segment(start, end, best.text, best.confidence, best.box)


def _best(sightings: Sequence[Sighting]) -> Sighting:
    """Return the sighting whose reading the others support most.

    A text that is being typed, or runs into the frame, is read in parts: a part supports the whole, and
    not the other way round.
    """

    def support(candidate: Sighting) -> float:
        total = 0.0
        for other in sightings:
            alike = similarity(candidate.text, other.text)
            if alike < 1 and _grown(other.text, candidate.text):
                alike = 1.0
            total += other.confidence * alike
        return total * (0.5 + 0.5 * candidate.confidence)

    return max(sightings, key=lambda s: (round(support(s), 6), len(s.text)))


def _distinct(lines: Iterable[Segment]) -> list[Segment]:
    """Join segments of the same words at the same place that touch or overlap in time."""
    kept: list[Segment] = []
    for line in sorted(lines, key=lambda s: s.start):
        for index, old in enumerate(kept):
            near = old.box.overlap(line.box) >= _NEAR
            if near and line.start <= old.end + 1e-6 and similarity(old.text, line.text) >= _MOVED:
                better = max(old, line, key=lambda s: s.confidence)
                kept[index] = Segment(
                    old.start, max(old.end, line.end), better.text, better.confidence, better.box
                )
                break
        else:
            kept.append(line)
    return kept


def _blocks(lines: Sequence[Segment]) -> list[Segment]:
    """Join lines that stood together, one closely below the other, into one segment each."""
    groups: list[list[Segment]] = []
    for line in sorted(lines, key=lambda s: (s.box.top, s.box.left)):
        for group in groups:
            if _below(group[-1], line) or _beside(group[-1], line):
                group.append(line)
                break
        else:
            groups.append([line])
    return [_block(group) for group in groups]


def _simultaneous(one: Segment, other: Segment) -> bool:
    together = min(one.end, other.end) - max(one.start, other.start)
    shorter = min(one.end - one.start, other.end - other.start)
    longer = max(one.end - one.start, other.end - other.start)
    return together > 0 and together >= _TOGETHER * shorter and together >= 0.4 * longer


def _below(upper: Segment, lower: Segment) -> bool:
    """Whether ``lower`` is the next row of the text that ``upper`` belongs to."""
    a, b = upper.box, lower.box
    gap = b.top - a.bottom
    height = (a.height + b.height) / 2
    even = 0.6 < a.height / max(b.height, 1e-6) < 1.67
    across = min(a.right, b.right) - max(a.left, b.left)
    return (
        even
        and -0.5 * height < gap < 0.6 * height
        and b.middle > a.middle
        and across > 0.3 * min(a.right - a.left, b.right - b.left)
        and _simultaneous(upper, lower)
    )


def _beside(left: Segment, right: Segment) -> bool:
    """Whether ``right`` goes on in the row of ``left``: the detector cut a line at a wide space."""
    a, b = left.box, right.box
    height = (a.height + b.height) / 2
    return (
        abs(a.middle - b.middle) < 0.3 * height
        and 0.6 < a.height / max(b.height, 1e-6) < 1.67
        and -0.01 < b.left - a.right < 0.06
        and _simultaneous(left, right)
    )


def _block(group: Sequence[Segment]) -> Segment:
    rows = sorted(group, key=lambda s: s.box.top)
    letters = sum(len(row.text) for row in rows)
    box = rows[0].box
    for row in rows[1:]:
        box = box.join(row.box)
    return Segment(
        min(row.start for row in rows),
        max(row.end for row in rows),
        " ".join(row.text for row in rows),
        sum(row.confidence * len(row.text) for row in rows) / max(letters, 1),
        box,
    )
