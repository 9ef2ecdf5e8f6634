"""What is said of a picture, and of which pictures it is true."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from training.demo.clip.backdrops import KINDS
from training.demo.clip.concepts import concepts
from training.demo.clip.scenes import Scene

Rng = np.random.Generator

# Most people type the bare word.
_ONE = (
    "{}", "{}", "{}", "{}", "{}", "a {}", "the {}", "video of {}", "{} video", "a video of a {}",
    "photo of {}", "funny {}", "cute {}", "beautiful {}", "big {}", "small {}", "my {}", "how to draw {}",
    "{} close up", "best {}", "drawing of a {}", "{} emoji", "there is a {}", "someone and {}", "watch {}",
    "new {}", "about {}",
)  # fmt: skip
_TWO = ("{} and {}", "{} with {}", "{} and a {}", "{} {}", "a {} next to a {}", "{} near {}", "{} or {}")
_PLACE = ("{} and {}", "{} on {}", "{} with {} behind", "{} in front of {}", "{} {}", "{} at {}", "{} in {}")
# A word that the model does not know, and small words that say nothing.
UNKNOWN = "qqq"
_FILLER = ("in", "on", "for", "to", "from", "by", "is", "are", "this", "that", "what", "why", "when", "where")


@dataclass(frozen=True, slots=True)
class Caption:
    """A text, and the atoms that a picture must have for it to be true; none: it is never true."""

    text: str
    atoms: tuple[str, ...]


@cache
def atoms() -> tuple[str, ...]:
    """Everything that can be said of a picture, in a fixed order."""
    said = {atom for concept in concepts() for atom in concept.atoms}
    said |= {f"two {name}" for concept in concepts() for name in concept.names}
    said |= {atom for kind in KINDS.values() for atom in kind.atoms}
    return tuple(sorted(said))


@cache
def _index() -> dict[str, int]:
    return {atom: i for i, atom in enumerate(atoms())}


@cache
def _terms() -> tuple[str, ...]:
    names = [name for concept in concepts() for name in concept.names]
    names += [kind for concept in concepts() for kind in concept.kinds[:1]]
    names += [atom for kind in KINDS.values() for atom in kind.atoms]
    return tuple(dict.fromkeys(names))


def plural(term: str) -> str:
    """The plural, as the tokenizer can take it apart again."""
    if term.endswith(("s", "ing", "hair", "hockey")):
        return term
    return term + ("es" if term.endswith(("x", "ch", "sh", "z")) else "s")


def caption(rng: Rng, scene: Scene) -> Caption:
    """Something true about a picture, as a person might search for it."""
    said = concepts()
    first = scene.concepts[0]
    other = next((index for index in scene.concepts if index != first), None)
    if other is not None and rng.random() < 0.5:
        first, other = other, first
    draw = rng.random()
    name = _name(rng, first)
    if scene.concepts.count(first) > 1 and draw < 0.5:
        many = rng.choice(["two", "many", "a pair of", "several"])
        return Caption(f"{many} {plural(name)}", (f"two {name}",))
    if other is not None and draw < 0.45:
        second = _name(rng, other)
        return Caption(str(rng.choice(_TWO)).format(name, second), (name, second))
    if scene.background and draw > 0.9:
        place = str(rng.choice(scene.background))
        if rng.random() < 0.5:
            return Caption(_dressed(rng, place), (place,))
        return Caption(str(rng.choice(_PLACE)).format(name, place), (name, place))
    if said[first].kinds and draw > 0.78:
        kind = str(rng.choice(said[first].kinds))
        return Caption(_dressed(rng, kind), (kind,))
    return Caption(_dressed(rng, name), (name,))


def _name(rng: Rng, concept: int) -> str:
    """Its first name half of the time, else any of its names."""
    names = concepts()[concept].names
    return names[0] if rng.random() < 0.5 else str(names[int(rng.integers(len(names)))])


def _dressed(rng: Rng, term: str) -> str:
    text = str(rng.choice(_ONE)).format(plural(term) if rng.random() < 0.15 else term)
    if rng.random() < 0.12:
        words = text.split()
        words.insert(int(rng.integers(len(words) + 1)), str(rng.choice((UNKNOWN, UNKNOWN, *_FILLER))))
        text = " ".join(words)
    return text


def distractors(rng: Rng, count: int) -> list[Caption]:
    """Other texts a picture must be told from: any term, and one in eight that names nothing known."""
    terms = _terms()
    found = []
    for _ in range(count):
        if rng.random() < 0.125:
            words = [str(rng.choice((UNKNOWN, *_FILLER))) for _ in range(int(rng.integers(1, 5)))]
            found.append(Caption(" ".join(words), ()))
        else:
            term = terms[int(rng.integers(len(terms)))]
            found.append(Caption(_dressed(rng, term), (term,)))
    return found


def names(rng: Rng, indices: Sequence[int]) -> list[Caption]:
    """The bare name of each concept."""
    chosen = [_name(rng, index) for index in indices]
    return [Caption(name, (name,)) for name in chosen]


def truth(scenes: Sequence[Scene], captions: Sequence[Caption]) -> npt.NDArray[np.bool_]:
    """(pictures, texts): whether the text is true of the picture."""
    index = _index()
    has = np.zeros((len(scenes), len(index) + 2), bool)
    has[:, -1] = True  # asked for by the second atom of a caption that has one only
    for row, scene in enumerate(scenes):
        has[row, [index[atom] for atom in scene.atoms]] = True
    never, always = len(index), len(index) + 1
    wanted = [
        ([index[atom] for atom in each.atoms] + [always] if each.atoms else [never, never])[:2]
        for each in captions
    ]
    first, second = np.asarray(wanted).T
    return has[:, first] & has[:, second]


def vocabulary() -> list[str]:
    """Every word that a caption can have, in a fixed order; plural endings are left to the tokenizer."""
    phrases = [*atoms(), *_ONE, *_TWO, *_PLACE, *_FILLER, "two many a pair of several"]
    text = " ".join(phrases).lower().replace("'s", "")
    return sorted(set(re.findall(r"[^\W_]+", text)))
