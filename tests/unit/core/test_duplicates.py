"""Groups of near duplicates, whatever the order in which videos are assembled."""

from __future__ import annotations

import itertools
from uuid import UUID

import numpy as np
import pytest

from kadr.core.duplicates import SAME_PICTURES, Neighbour, group_of, own_group
from kadr.core.extraction import Vector
from kadr.core.modality import Modality

VIDEOS = [UUID(int=number) for number in (1, 2, 3)]


def said(*components: float) -> dict[Modality, Vector]:
    vector = np.array([*components, 0.0, 0.0], dtype=np.float32)
    return {Modality.SPEECH: vector / np.linalg.norm(vector)}


def alike(
    group: str = "g",
    *,
    cosine: float = 0.99,
    duration: float | None = 30.0,
    texts: dict[Modality, Vector] | None = None,
) -> Neighbour:
    return Neighbour(UUID(int=9), cosine, duration, group, texts or {})


def test_a_video_that_nothing_is_like_is_its_own_group() -> None:
    assert group_of("own", "", 30.0, {}, []) == "own"
    assert group_of("own", "left", 30.0, {}, []) == "own"


def test_a_copy_joins_the_group_that_is_there() -> None:
    assert group_of("own", "", 31.0, {}, [alike("theirs")]) == "theirs"


@pytest.mark.parametrize(
    "other",
    [
        alike(cosine=SAME_PICTURES - 0.001),
        alike(duration=40.0),
        alike(duration=None),
        alike(group=""),
        alike(texts=said(1.0)),
    ],
    ids=["looks different", "longer", "length unknown", "not assembled", "speaks"],
)
def test_what_only_resembles_it_is_no_copy(other: Neighbour) -> None:
    assert group_of("own", "", 30.0, {}, [other]) == "own"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_three_copies_are_one_group_in_any_order(order: tuple[int, ...]) -> None:
    groups: dict[UUID, str] = {}
    for video in (VIDEOS[number] for number in order):
        others = [Neighbour(each, 1.0, 30.0, group) for each, group in groups.items()]
        groups[video] = group_of(own_group(video, 1), "", 30.0, {}, others)
    assert len(set(groups.values())) == 1


def test_two_that_were_assembled_at_the_same_moment_agree_later() -> None:
    first, second = (own_group(video, 1) for video in VIDEOS[:2])
    first, second = second, first  # each took the other's, which it had just left
    for _ in range(2):
        first = group_of(own_group(VIDEOS[0], 1), first, 30.0, {}, [alike(second)])
        second = group_of(own_group(VIDEOS[1], 1), second, 30.0, {}, [alike(first)])
    assert first == second


def test_the_same_pictures_with_other_words_are_another_video() -> None:
    told = said(1.0, 0.0)
    assert group_of("own", "", 30.0, told, [alike("theirs", texts=said(0.9, 0.4))]) == "theirs"
    assert group_of("own", "", 30.0, told, [alike("theirs", texts=said(0.1, 1.0))]) == "own"


def test_a_video_stays_in_a_group_that_is_shared() -> None:
    assert group_of("own", "b", 30.0, {}, [alike("a"), alike("b")]) == "b"
    assert group_of("own", "c", 30.0, {}, [alike("a"), alike("b")]) == "a"


def test_what_is_overwritten_does_not_stay_in_the_group_it_founded() -> None:
    assert own_group(VIDEOS[0], 1) != own_group(VIDEOS[0], 2)
