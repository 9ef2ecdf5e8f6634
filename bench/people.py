"""How well people are told apart across videos, and what that takes, on simulated encodings.

``python -m bench.people [FACES …]`` prints, for each number of faces (10,000 and 100,000):

* pairs: of the pairs of faces that were made one person's, how many are; of those that are, how many were;
* people: how many of those with two faces or more hold somebody else's, and in how many pieces one is;
* at once: of faces that arrive afterwards, how many are recognised, and how many of these rightly;
* how long neighbours and merging take, and the peak of the memory.

``python -m bench.people compare`` prints precision and recall of Chinese whispers beside it.

dlib's encodings are imitated by their distances: two pictures of one person are 0.35 to 0.5 apart, each
person in their own way, those of two people 0.83 on average. Forty directions carry all of it, so that
distances between strangers spread as they do: 0.6 % of them are below 0.6 and 0.4 % of those of one person
above it, which is about the 99.38 % that dlib's author states for LFW. How many faces somebody has is a Zipf
law (exponent 2). Every face is seen together with another one, of somebody else.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from kadr.core.extraction import Vector
from kadr.core.face_clusters import Edges, Known, cluster, near
from kadr.core.people import Candidate, closest_person, radius

_DIRECTIONS = 40
_SPREADS = (0.35, 0.5)  # of one person's pictures
_APART = 0.83  # two people's
_LATER = 1_000  # faces that arrive after the clustering
_NEAREST = 16

Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Simulated:
    """Encodings (n, 128) and whose they are; ``strangers`` are pairs that are seen together."""

    encodings: Vector
    who: Numbers
    strangers: list[tuple[int, int]]


def simulate(faces: int, seed: int = 4) -> Simulated:
    """Return so many faces, in any order."""
    rng = np.random.default_rng(seed)
    counts: list[int] = []
    left = faces
    while left:
        counts.append(min(int(rng.zipf(2.0)), max(1, faces // 50), left))
        left -= counts[-1]
    who = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    noise = rng.uniform(*_SPREADS, len(counts)) / np.sqrt(2)
    scale = np.sqrt(_APART**2 / 2 - float(np.mean(noise**2)))
    centres = rng.normal(size=(len(counts), _DIRECTIONS)) * scale
    shown = centres[who] + rng.normal(size=(faces, _DIRECTIONS)) * noise[who, None]
    turn, _ = np.linalg.qr(rng.normal(size=(128, _DIRECTIONS)))
    encodings = (shown / np.sqrt(_DIRECTIONS) @ turn.T).astype(np.float32)
    pairs = rng.permutation(faces)[: faces // 2].reshape(-1, 2)
    together = [(int(one), int(other)) for one, other in pairs if who[one] != who[other]]
    return Simulated(encodings, who, together)


def pairwise(found: Numbers, who: Numbers) -> tuple[float, float]:
    """Return precision and recall over all pairs of faces."""
    both = _pairs(np.stack([found, who], axis=1))
    return both / max(1, _pairs(found[:, None])), both / max(1, _pairs(who[:, None]))


def purity(found: Numbers, who: Numbers) -> tuple[float, float, float]:
    """Return the share of found people (of two faces and more) who are two, of faces that are with somebody
    else, and into how many a person was divided."""
    cells, sizes = np.unique(np.stack([found, who], axis=1), axis=0, return_counts=True)
    people, place = np.unique(cells[:, 0], return_inverse=True)
    largest = np.zeros(len(people), dtype=int)
    np.maximum.at(largest, place, sizes)
    total = np.bincount(place, weights=sizes)
    several = total > 1
    pieces = np.unique(cells[:, 1], return_counts=True)[1].mean()
    return float((largest < total)[several].mean()), 1 - float(largest.sum() / total.sum()), float(pieces)


def at_once(known: Vector, found: Numbers, who: Numbers, later: Simulated) -> tuple[float, float, float]:
    """Return of later faces: how many of known people are recognised, how many of the recognised rightly, and
    how many strangers are taken for somebody."""
    order = np.argsort(found, kind="stable")
    starts = np.flatnonzero(np.diff(found[order], prepend=-1))
    radii = {int(found[part[0]]): radius(known[part]) for part in np.split(order, starts[1:])}
    is_there = set(who.tolist())
    squares = np.einsum("ij,ij->i", known, known)
    recognised = right = strangers = wrong = 0
    for encoding, person in zip(later.encodings, later.who.tolist(), strict=True):
        distances = np.sqrt(np.maximum(squares - 2 * known @ encoding + encoding @ encoding, 0))
        nearest = np.argpartition(distances, _NEAREST)[:_NEAREST]
        answer = closest_person(
            Candidate(UUID(int=int(found[each])), float(distances[each]), radii[int(found[each])])
            for each in nearest
        )
        strangers += person not in is_there
        if answer is not None:
            recognised += 1
            theirs = who[found == answer.int]
            same = bool(np.bincount(theirs).argmax() == person)
            right += same
            wrong += person not in is_there
    return right / max(1, len(later.who) - strangers), right / max(1, recognised), wrong / max(1, strangers)


def measure(faces: int) -> dict[str, Any]:
    """Return everything for one number of faces."""
    everything = simulate(faces + _LATER)
    encodings, who = everything.encodings[:faces], everything.who[:faces]
    later = Simulated(everything.encodings[faces:], everything.who[faces:], [])
    begun, used = time.perf_counter(), time.process_time()
    edges = near(encodings)
    compared = time.perf_counter()
    strangers = [pair for pair in everything.strangers if max(pair) < faces]
    found = cluster(encodings, edges, Known(strangers=strangers))
    merged, used = time.perf_counter(), time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    precision, recall = pairwise(found, who)
    mixed, misplaced, pieces = purity(found, who)
    known, rightly, taken = at_once(encodings, found, who, later)
    return {
        "faces": faces,
        "people": len(np.unique(who)),
        "found": len(np.unique(found)),
        "pair precision": round(precision, 5),
        "pair recall": round(recall, 4),
        "people who are two": round(mixed, 4),
        "faces with somebody else": round(misplaced, 5),
        "pieces of a person": round(pieces, 3),
        "at once, of known people": round(known, 3),
        "at once, rightly": round(rightly, 4),
        "strangers taken for somebody": round(taken, 4),
        "seconds comparing": round(compared - begun, 1),
        "seconds merging": round(merged - compared, 1),
        "processor seconds": round(used, 1),
        "peak MiB": round(peak),
    }


def whispers(edges: Edges, count: int, within: float, rounds: int = 15) -> Numbers:
    """Return the groups of Chinese whispers, which dlib clusters faces with: everybody takes the label that
    their neighbours within that distance have most."""
    chance = random.Random(1)
    beside: list[list[int]] = [[] for _ in range(count)]
    near_enough = edges.squared <= within**2
    for one, other in zip(edges.first[near_enough].tolist(), edges.second[near_enough].tolist(), strict=True):
        beside[one].append(other)
        beside[other].append(one)
    labels, order = list(range(count)), list(range(count))
    for _ in range(rounds):
        chance.shuffle(order)
        for face in order:
            if beside[face]:
                labels[face] = Counter(labels[each] for each in beside[face]).most_common(1)[0][0]
    return np.array(labels)


def compare(faces: int = 10_000) -> None:
    """Print precision and recall of pairs for dlib's own way of clustering, and for ours without knowledge of
    who was seen together."""
    everything = simulate(faces)
    edges = near(everything.encodings)
    for within in (0.4, 0.45, 0.5, 0.6):
        precision, recall = pairwise(whispers(edges, faces, within), everything.who)
        print(f"Chinese whispers within {within}: {precision:.4f} {recall:.4f}", flush=True)
    precision, recall = pairwise(cluster(everything.encodings, edges), everything.who)
    print(f"average linkage up to the spread: {precision:.5f} {recall:.4f}")


def _pairs(rows: Numbers) -> int:
    counts = np.unique(rows, axis=0, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.people", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("faces", nargs="*", default=["10000", "100000"], help="how many faces, or: compare")
    asked = parser.parse_args().faces
    if asked == ["compare"]:
        compare()
        return
    for number in map(int, asked):
        for what, value in measure(number).items():
            print(f"{what}: {value}", flush=True)


if __name__ == "__main__":
    main()
