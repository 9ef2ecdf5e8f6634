"""From lines of text seen in single frames to stretches of time in which something was written.

A frame gives *sightings*: a text, where it stood, how sure the reader was. Sightings of one line in several
frames are a *track*: similar words at about the same place, the same words that moved, or a row that runs
through the frame. Of a track the reading is kept that agrees best with the others, weighted by how sure
they were; parts of a running row are put together. Lines that stood together, one below the other, are one
*segment*: a sentence wrapped into three rows is found as a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise

from kadr.core.text import fold

_MISSES = 2  # frames in which a line may go unseen, or be misread, and still be the same line
_SAME_PLACE = 0.6  # similarity of two readings of one line at one place, where one of them is unsure
_SURE = 0.85  # confidence from which a reading is hardly ever wrong by more than a letter
_MOVED = 0.8  # similarity of two readings of one line, wherever it is
_NEAR = 0.35  # overlap of boxes, intersection over union, that counts as one place
_GROWN = 0.75  # similarity of a text with the beginning of a longer one: it is being typed
_SEAM = 0.75  # similarity of the words that two parts of a running row share
_EDGE = 0.04  # of the frame's width: a row that reaches this close to its edge may go on beyond it
_TOGETHER = 0.6  # share of the frames of the shorter one in which two rows of one block stand together

# Confidence that a line must have which was seen in one frame only, among others: half-faded letters and
# patterns of the background are read once, and differently the next time.
_ONCE = 0.8
_SHORT, _SHORT_SURE = 4, 0.75  # letters; and the confidence that so short a line must have


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
    sightings: dict[int, Sighting] = field(default_factory=dict)  # by the number of the frame

    @property
    def first_frame(self) -> int:
        return min(self.sightings)

    @property
    def last_frame(self) -> int:
        return max(self.sightings)

    @property
    def last(self) -> Sighting:
        return self.sightings[self.last_frame]

    def recent(self, count: int) -> list[Sighting]:
        return [self.sightings[index] for index in sorted(self.sightings)[-count:]]


@dataclass(frozen=True, slots=True)
class _Line:
    """A track with its reading."""

    track: _Track
    text: str
    confidence: float
    box: Box


def segments(
    frames: Sequence[tuple[float, Sequence[Sighting]]], *, duration: float | None = None
) -> list[Segment]:
    """Return what was written in a video, in order of time, then from top to bottom.

    ``frames`` are (seconds, sightings) of every frame that was looked at, those without text too, in order
    of time. A line is taken to stand from halfway between the frame before its first sighting and that
    sighting, until halfway to the frame after its last one (until ``duration`` at the end).
    """
    times = [time for time, _ in frames]
    lines = [_line(track) for track in _tracks(frames)]
    lines = [line for line in lines if _credible(line, len(times))]
    lines = [line for line in lines if not any(_part_of(line, other) for other in lines)]
    found = [_segment(block, times, duration) for block in _blocks(lines)]
    return sorted(_distinct(found), key=lambda s: (s.start, s.box.top, s.box.left))


def similarity(one: str, other: str) -> float:
    """Return 0…1: how alike two texts read, whatever their case and punctuation."""
    a, b = _plain(one), _plain(other)
    if a == b:
        return 1.0
    if not a or not b:
        return 0.0
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


# Letters that one reading of a line takes for Cyrillic and the next for Latin, upright or italic.
_SHAPES = str.maketrans("авгдезикмнопрстухь036", "abrge3ukmhonpctyxbo3b")


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    """Return the shapes of a text's letters: what two readings of one line have in common."""
    kept = (character if character.isalnum() else " " for character in fold(text))
    return " ".join("".join(kept).split()).translate(_SHAPES)


def _grown(short: str, long: str) -> bool:
    """Whether ``long`` begins like ``short``, and goes on."""
    a, b = _plain(short), _plain(long)
    return 2 <= len(a) < len(b) and SequenceMatcher(None, a, b[: len(a)], autojunk=False).ratio() >= _GROWN


def _stitch(before: str, after: str) -> str | None:
    """Return a row that ran on from ``before`` to ``after``, or ``None`` where they share no words.

    The last word of the one and the first of the other may be cut by the edge of the frame; the words
    that both have in full are the seam.
    """
    a, b = before.split(), after.split()
    best: tuple[float, str] | None = None
    for cut_end in (0, 1):
        for cut_start in (0, 1):
            left, right = a[: len(a) - cut_end], b[cut_start:]
            for count in range(min(len(left), len(right)), 0, -1):
                seam, again = " ".join(left[-count:]), " ".join(right[:count])
                letters = len(_plain(seam))
                if letters < 4 or (alike := similarity(seam, again)) < _SEAM:
                    continue
                value = letters * (1 - 3 * (1 - alike)) - 0.5 * (cut_end + cut_start)
                if best is None or value > best[0]:
                    # of the seam's words the last may be cut on the left side, the first on the right
                    best = value, " ".join([*left[:-1], *right[count - 1 :]])
                break
    return best[1] if best else None


def _runs(one: Box, other: Box) -> bool:
    """Whether both boxes are of one row that is longer than the frame is wide."""
    same_row = abs(one.middle - other.middle) < 0.5 * max(one.height, other.height)
    at_edge = all(box.left < _EDGE or box.right > 1 - _EDGE for box in (one, other))
    return same_row and at_edge and 0.5 < one.height / max(other.height, 1e-6) < 2.0


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
            open_tracks[t].sightings[index] = sightings[s]
        tracks += [_Track({index: sighting}) for s, sighting in enumerate(sightings) if s not in taken]
    return tracks


def _closeness(track: _Track, sighting: Sighting) -> float:
    """Return how well a sighting continues a track; 0.0 where it does not."""
    last = track.last
    alike = max(similarity(old.text, sighting.text) for old in track.recent(3))
    place = last.box.overlap(sighting.box)
    if alike >= _MOVED:
        return 1.0 + alike + place
    both_sure = min(last.confidence, sighting.confidence) >= _SURE
    if place >= _NEAR and alike >= _SAME_PLACE and not both_sure:
        return 0.5 + alike + place
    same_row = abs(last.box.middle - sighting.box.middle) < 0.5 * sighting.box.height
    if same_row and (_grown(last.text, sighting.text) or _grown(sighting.text, last.text)):
        return 0.5 + place
    if _runs(last.box, sighting.box) and _stitch(last.text, sighting.text) is not None:
        return 0.3
    return 0.0


def _line(track: _Track) -> _Line:
    sightings = [track.sightings[index] for index in sorted(track.sightings)]
    best = _best(sightings)
    text = _run_together(sightings) or best.text
    return _Line(track, text, best.confidence, best.box)


def _run_together(sightings: Sequence[Sighting]) -> str | None:
    """Return the whole of a row that ran through the frame, or ``None`` where the row did not."""
    if len(sightings) < 2 or not all(_runs(a.box, b.box) for a, b in pairwise(sightings)):
        return None
    longest = max(len(sighting.text) for sighting in sightings)
    whole = sightings[0].text
    for sighting in sightings[1:]:
        joined = _stitch(whole, sighting.text)
        if joined is not None:
            whole = joined
        elif len(sighting.text) > len(whole):  # too little of it was seen before
            whole = sighting.text
    return whole if len(whole) > 1.2 * longest else None


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


def _credible(line: _Line, frames: int) -> bool:
    """Whether a line is more than a pattern that happened to look like letters."""
    letters = [character for character in _plain(line.text) if character != " "]
    if len(letters) >= 3 and len(set(letters)) < (3 if len(letters) > 3 else 2):  # beads, tiles, windows
        return False
    if len(letters) <= _SHORT and line.confidence < _SHORT_SURE:
        return False
    return len(line.track.sightings) > 1 or frames == 1 or line.confidence >= _ONCE


def _part_of(line: _Line, whole: _Line) -> bool:
    """Whether a line is a piece of another one, read while that one was coming or going."""
    if line is whole or len(line.text) >= 0.8 * len(whole.text):
        return False
    if len(line.track.sightings) > max(1, len(whole.track.sightings) // 2):
        return False
    near = (
        whole.track.first_frame - _MISSES <= line.track.last_frame
        and line.track.first_frame <= whole.track.last_frame + _MISSES
    )
    a, b = line.box, whole.box
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    entering = a.left < _EDGE or a.right > 1 - _EDGE
    inside = height > 0.5 * a.height and (entering or width > 0.5 * (a.right - a.left))
    return near and inside and _contained(line.text, whole.text) >= 0.6


def _contained(part: str, whole: str) -> float:
    """Return the share of the letters of ``part`` that stand in ``whole`` in the same order."""
    a, b = _plain(part).replace(" ", ""), _plain(whole).replace(" ", "")
    if not a:
        return 1.0
    blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(a)


def _distinct(lines: Iterable[Segment]) -> list[Segment]:
    """Join segments of the same words at one place that touch or overlap in time."""
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


def _blocks(lines: Sequence[_Line]) -> list[list[_Line]]:
    """Group the lines that stood together: one closely below the other, or going on in one row."""
    blocks: list[list[_Line]] = []
    for line in sorted(lines, key=lambda line: (line.track.first_frame, line.box.top, line.box.left)):
        together = [block for block in blocks if any(_neighbours(other, line) for other in block)]
        for block in together[1:]:  # the line joins what stood apart without it
            together[0].extend(block)
            blocks.remove(block)
        if together:
            together[0].append(line)
        else:
            blocks.append([line])
    return blocks


def _neighbours(one: _Line, other: _Line) -> bool:
    common = sorted(one.track.sightings.keys() & other.track.sightings.keys())
    fewer = min(len(one.track.sightings), len(other.track.sightings))
    more = max(len(one.track.sightings), len(other.track.sightings))
    if len(common) < _TOGETHER * fewer or len(common) < 0.4 * more:
        return False
    frame = common[len(common) // 2]
    a, b = one.track.sightings[frame].box, other.track.sightings[frame].box
    if not 0.45 < a.height / max(b.height, 1e-6) < 2.2:  # a row without tall letters is half as high
        return False
    return _beside(a, b) or _beside(b, a) or _below(a, b) or _below(b, a)


def _below(a: Box, b: Box) -> bool:
    """Whether ``b`` is the next row of a text after ``a``."""
    height = (a.height + b.height) / 2
    across = min(a.right, b.right) - max(a.left, b.left)
    return (
        b.middle - a.middle > 0.5 * height
        and b.top - a.bottom < 0.6 * height
        and across > 0.3 * min(a.right - a.left, b.right - b.left)
    )


def _beside(a: Box, b: Box) -> bool:
    """Whether ``b`` goes on in the row of ``a``: the detector cut a line at a wide space."""
    return abs(a.middle - b.middle) < 0.3 * (a.height + b.height) / 2 and -0.01 < b.left - a.right < 0.06


def _segment(block: Sequence[_Line], times: Sequence[float], duration: float | None) -> Segment:
    rows = _reading_order(block)
    first = min(line.track.first_frame for line in rows)
    last = max(line.track.last_frame for line in rows)
    start = (times[first - 1] + times[first]) / 2 if first else min(times[0], 0.0)
    following = (times[last] + times[last + 1]) / 2 if last + 1 < len(times) else duration or 0.0
    letters = sum(len(line.text) for line in rows)
    box = rows[0].box
    for line in rows[1:]:
        box = box.join(line.box)
    return Segment(
        start,
        max(times[last], following),
        " ".join(line.text for line in rows),
        sum(line.confidence * len(line.text) for line in rows) / max(letters, 1),
        box,
    )


def _reading_order(block: Sequence[_Line]) -> list[_Line]:
    """Order rows from top to bottom, those of one row from left to right, as they stood in one frame."""
    counts: dict[int, int] = {}
    for line in block:
        for index in line.track.sightings:
            counts[index] = counts.get(index, 0) + 1
    fullest = max(counts, key=lambda index: (counts[index], -index))

    def place(line: _Line) -> Box:
        nearest = min(line.track.sightings, key=lambda index: abs(index - fullest))
        return line.track.sightings[nearest].box

    rows = sorted(block, key=lambda line: place(line).middle)
    ordered: list[_Line] = []
    while rows:
        top = place(rows[0])
        row = [line for line in rows if place(line).middle - top.middle < 0.4 * top.height]
        ordered += sorted(row, key=lambda line: place(line).left)
        rows = [line for line in rows if line not in row]
    return ordered
