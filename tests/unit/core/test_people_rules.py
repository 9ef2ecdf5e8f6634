"""Whose face is whose: the rules, and what is never contradicted."""

from __future__ import annotations

from itertools import combinations
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kadr.core.errors import PeopleError
from kadr.core.extraction import Vector
from kadr.core.face_clusters import PAIR, Known, cluster, near, pair_limit
from kadr.core.people import (
    RADIUS_OF_FEW,
    WIDEST,
    Candidate,
    Face,
    Mark,
    checked_name,
    closest_person,
    identities,
    radius,
    refused,
    resolved,
    settled,
    strangers,
)

ANNA, BERTA = UUID(int=1), UUID(int=2)
ONE, OTHER = UUID(int=11), UUID(int=12)


def people(*counts: int, spread: float = 0.4, apart: float = 0.83, seed: int = 7) -> tuple[Vector, list[int]]:
    """Return encodings of people with so many faces each, as far apart as dlib's, and whose they are."""
    rng = np.random.default_rng(seed)
    noise = spread / np.sqrt(2)
    centre = np.sqrt(apart**2 / 2 - noise**2)
    centres = rng.normal(size=(len(counts), 128)) * centre / np.sqrt(128)
    who = [person for person, count in enumerate(counts) for _ in range(count)]
    faces = centres[who] + rng.normal(size=(len(who), 128)) * noise / np.sqrt(128)
    return faces.astype(np.float32), who


def grouped(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == each).tolist()) for each in set(labels.tolist())}


def found(encodings: Vector, known: Known | None = None) -> set[frozenset[int]]:
    return grouped(cluster(encodings, near(encodings), known))


def face(video: UUID = ONE, *times: float, position: int = 0, all_times: bool = True) -> Face:
    return Face(uuid4(), video, position, times or (1.0,), all_times)


class TestClusters:
    def test_everybody_is_found_whatever_the_order(self) -> None:
        encodings, who = people(12, 5, 2, 1, 1, 30)
        order = np.random.default_rng(1).permutation(len(who))
        expected = {frozenset(np.flatnonzero(np.array(who)[order] == each).tolist()) for each in set(who)}
        assert found(encodings[order]) == expected

    def test_nobody_is_nobody(self) -> None:
        assert len(cluster(np.zeros((0, 128), np.float32), near(np.zeros((0, 128), np.float32)))) == 0

    def test_the_same_picture_twice_is_one_person(self) -> None:
        one, _ = people(1)
        assert found(np.concatenate([one, one])) == {frozenset({0, 1})}

    def test_neighbours_are_the_nearest_and_exact(self) -> None:
        encodings, _ = people(20, 20)
        edges = near(encodings, most=3)
        distances = ((encodings[:, None] - encodings[None]) ** 2).sum(axis=2)
        np.fill_diagonal(distances, np.inf)
        expected = {
            (min(row, int(column)), max(row, int(column)))
            for row in range(40)
            for column in np.argsort(distances[row])[:3]
            if distances[row, column] <= 0.5**2
        }
        assert set(zip(edges.first.tolist(), edges.second.tolist(), strict=True)) == expected
        assert np.allclose(edges.squared, distances[edges.first, edges.second], atol=1e-4)

    def test_two_people_in_one_frame_stay_two_and_each_keeps_their_own(self) -> None:
        encodings, _ = people(9)
        groups = found(encodings, Known(strangers=[(0, 1)]))
        assert not any({0, 1} <= group for group in groups)
        assert sorted(map(len, groups)) in ([1, 8], [2, 7], [3, 6], [4, 5])

    def test_an_editor_joins_who_does_not_look_alike_and_new_faces_of_both_come_along(self) -> None:
        child_and_grown_up, _ = people(6, 6)
        groups = found(child_and_grown_up, Known(person={0: 5, 6: 5}))
        assert groups == {frozenset(range(12))}

    def test_who_was_settled_as_two_stays_two(self) -> None:
        encodings, _ = people(10)
        groups = found(encodings, Known(person={0: 1, 1: 2}))
        assert not any({0, 1} <= group for group in groups)

    def test_a_face_that_is_not_somebody_s_does_not_come_back_through_others(self) -> None:
        encodings, _ = people(10)
        groups = found(encodings, Known(person={0: 1}, not_person={9: frozenset({1})}))
        assert not any({0, 9} <= group for group in groups)

    def test_people_who_are_taken_as_they_are_get_new_faces_only(self) -> None:
        encodings, _ = people(8, 8)
        known = Known(
            person={each: each // 4 for each in range(8)}, alike={each: each // 4 for each in range(8)}
        )
        labels = cluster(encodings, near(encodings, rows=range(8, 16)), known)
        assert grouped(labels) == {frozenset(range(4)), frozenset(range(4, 8)), frozenset(range(8, 16))}

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_what_is_known_is_never_contradicted(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(2, 24))
        seed = data.draw(st.integers(0, 2**16))
        # close together, so that everything would be merged
        encodings = (np.random.default_rng(seed).normal(size=(count, 128)) * 0.02).astype(np.float32)
        some = st.integers(0, count - 1)
        person = data.draw(st.dictionaries(some, st.integers(0, 3), max_size=count))
        pairs = data.draw(st.lists(st.tuples(some, some), max_size=count))
        # an editor's word that two are one is stronger than that they were seen together
        apart = [
            (one, other)
            for one, other in pairs
            if one != other and (person.get(one) != person.get(other) or one not in person)
        ]
        never = {
            face: frozenset(people)
            for face, people in data.draw(
                st.dictionaries(some, st.sets(st.integers(0, 3), min_size=1), max_size=4)
            ).items()
            if face not in person
        }
        known = Known(person=person, strangers=apart, not_person=never)
        labels = cluster(encodings, near(encodings), known)
        for one, other in combinations(person, 2):
            assert (labels[one] == labels[other]) == (person[one] == person[other])
        for face, people in never.items():
            assert all(labels[face] != labels[each] for each, who in person.items() if who in people)
        for one, other in apart:
            assert labels[one] != labels[other]
        assert all(labels[label] == label <= place for place, label in enumerate(labels))
        assert (labels == cluster(encodings, near(encodings), known)).all()


class TestStrangers:
    def test_who_is_seen_in_one_frame(self) -> None:
        faces = [face(ONE, 1, 2), face(ONE, 2, 3), face(ONE, 4), face(OTHER, 2)]
        assert strangers(faces) == [(0, 1)]

    def test_without_all_times_the_stretches_decide(self) -> None:
        faces = [face(ONE, 1, 5, all_times=False), face(ONE, 3), face(ONE, 5, 8), face(ONE, 6)]
        assert strangers(faces) == [(0, 1), (0, 2)]


class TestMarks:
    def encoding(self, number: int, shift: float = 0.0) -> Vector:
        vector = np.zeros(128, np.float32)
        vector[number] = 1.0
        vector[127] = shift
        return vector

    def test_a_mark_means_its_row_and_after_another_extraction_the_same_face(self) -> None:
        kept, again, stranger = face(ONE), face(OTHER, position=1), face(OTHER)
        marks = [
            Mark(1, ONE, 1, self.encoding(0), ANNA, True, kept.face_id),
            Mark(2, OTHER, 1, self.encoding(1), BERTA, True, uuid4()),
            Mark(3, OTHER, 1, self.encoding(2), ANNA, False),
            Mark(4, UUID(int=99), 1, self.encoding(1), ANNA, True),
        ]
        encodings = {
            kept.face_id: self.encoding(5),
            again.face_id: self.encoding(1, 0.2),
            stranger.face_id: self.encoding(3),
        }
        meaning = resolved(marks, [kept, stranger, again], encodings)
        assert meaning == {1: kept.face_id, 2: again.face_id}
        assert settled(marks, meaning) == {kept.face_id: ANNA, again.face_id: BERTA}
        assert refused(marks, meaning) == {}
        assert refused(marks, {3: stranger.face_id}) == {stranger.face_id: frozenset({ANNA})}

    def test_the_newer_word_holds(self) -> None:
        one = face()
        marks = [
            Mark(2, ONE, 1, self.encoding(0), BERTA, True),
            Mark(1, ONE, 1, self.encoding(0), ANNA, True),
        ]
        meaning = resolved(marks, [one], {one.face_id: self.encoding(0)})
        assert settled(marks, meaning) == {one.face_id: BERTA}


class TestRecognising:
    def test_near_enough_and_nobody_else_is(self) -> None:
        assert closest_person([Candidate(ANNA, 0.3), Candidate(BERTA, 0.6)]) == ANNA
        assert closest_person([Candidate(ANNA, RADIUS_OF_FEW + 0.01)]) is None
        assert closest_person([Candidate(ANNA, RADIUS_OF_FEW + 0.01, radius=0.47)]) == ANNA
        assert closest_person([Candidate(ANNA, 0.30), Candidate(BERTA, 0.33)]) is None
        assert closest_person([Candidate(ANNA, 0.3)], never=frozenset({ANNA})) is None
        assert closest_person([]) is None

    def test_three_faces_are_asked_not_one(self) -> None:
        around = [Candidate(ANNA, each, 0.4) for each in (0.3, 0.58, 0.6, 0.61)]
        assert closest_person(around) is None

    def test_the_radius_is_as_wide_as_the_person(self) -> None:
        (narrow, _), (wide, _) = people(200, spread=0.38), people(200, spread=0.46)
        assert radius(narrow) < radius(wide) <= WIDEST
        assert radius(wide[:3]) == RADIUS_OF_FEW


class TestIdentities:
    def test_people_stay_who_they_were_and_the_larger_share_keeps_the_name(self) -> None:
        assert identities([0, 0, 0, 3, 3, 5], [ANNA, ANNA, None, ANNA, BERTA, None], {}) == {
            0: ANNA,
            3: BERTA,
            5: None,
        }

    def test_the_word_of_an_editor_decides(self) -> None:
        assert identities([0, 0, 0, 3], [ANNA, ANNA, ANNA, None], {3: ANNA}) == {0: None, 3: ANNA}

    def test_nobody_takes_the_place_of_somebody_settled_who_is_away(self) -> None:
        assert identities([0], [ANNA], {}, frozenset({ANNA})) == {0: None}

    @given(
        st.lists(st.tuples(st.integers(0, 4), st.sampled_from([None, ANNA, BERTA])), min_size=1, max_size=30)
    )
    def test_no_two_groups_are_one_person(self, faces: list[tuple[int, UUID | None]]) -> None:
        who = identities([group for group, _ in faces], [before for _, before in faces], {})
        known = [person for person in who.values() if person is not None]
        assert len(known) == len(set(known))
        assert set(who) == {group for group, _ in faces}
        # a second look changes nothing
        again = identities([group for group, _ in faces], [who[group] for group, _ in faces], {})
        assert again == who


@pytest.mark.parametrize(
    ("typed", "name"), [("  Grace \n Hopper ", "Grace Hopper"), (None, ""), (" ", ""), ("И\u0306", "Й")]
)
def test_names_are_tidied(typed: str | None, name: str) -> None:
    assert checked_name(typed) == name


@pytest.mark.parametrize("typed", ["x" * 101, "!!!", "…"])
def test_what_is_no_name(typed: str) -> None:
    with pytest.raises(PeopleError):
        checked_name(typed)


def test_the_more_faces_the_nearer_two_single_ones_have_to_be() -> None:
    limits = [pair_limit(10**power) for power in range(7)]
    assert limits == sorted(limits, reverse=True)
    assert limits[4] == PAIR
    assert limits[5] < PAIR < limits[2]
    assert pair_limit(0) == limits[0] < 0.5
