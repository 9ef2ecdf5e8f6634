from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from uuid import UUID

import pytest

from kadr.cli import people
from kadr.core.errors import PeopleError
from kadr.ports.people import Person

ANNA = Person(UUID("0c7f3a52-6e0e-4d5c-9a51-2d3f0c1b9e77"), "Anna\x1b[31m", 3, "a.jpg")
NOBODY = Person(UUID("0c7f4a52-6e0e-4d5c-9a51-2d3f0c1b9e77"), "", 1, "b.jpg")


@pytest.fixture
def done(stand, monkeypatch):
    """What the editor was asked to do, in the place of the stack's databases."""
    done = []

    def rename(person_id, name):
        done.append(("rename", person_id, name))
        return Person(person_id, name, 1, None)

    def merge(person_id, into):
        if person_id == into:
            raise PeopleError("a person cannot be merged with itself")
        done.append(("merge", person_id, into))
        return ANNA

    def erase(person_id, objects, bucket):
        done.append(("erase", person_id, bucket))
        return 3

    store = SimpleNamespace(
        people=lambda limit, name="": ([each for each in (ANNA, NOBODY) if name in each.name][:limit], 2)
    )

    @contextmanager
    def opened(ctx):
        yield people._People(store, SimpleNamespace(rename=rename, merge=merge, erase=erase))

    monkeypatch.setattr(people, "_people", opened)
    return done


def test_people_are_listed_and_names_cannot_do_anything_to_a_terminal(stand, done):
    lines = stand.invoke("people", "list").stdout.splitlines()
    assert lines == ["0c7f3a52     3 videos  Anna\\x1b[31m", "0c7f4a52      1 video  (no name)"]
    assert "1 of 2" in stand.invoke("people", "list", "-k", "1").stderr
    assert stand.json("people", "list", "--json")["people"][1] == {
        "person_id": str(NOBODY.person_id), "name": None, "videos": 1
    }  # fmt: skip


def test_somebody_is_named_by_the_beginning_of_an_id(stand, done):
    assert stand.invoke("people", "rename", "0c7f-4", "Berta").stdout == "0c7f4a52  Berta, 1 video\n"
    assert done == [("rename", NOBODY.person_id, "Berta")]


def test_two_are_made_one_by_name_and_id(stand, done):
    who = ("0c7f4a52", "anna\x1b[31m")
    for answer in ("n\n", ""):
        asked = stand.invoke("people", "merge", *who, input=answer)
        assert (asked.exit_code, "Make 0c7f4a52 and Anna\\x1b[31m one" in asked.stderr) == (1, True)
    assert "there is nobody to ask" in asked.stderr
    assert done == []
    assert stand.invoke("people", "merge", *who, "--yes").exit_code == 0
    assert done == [("merge", NOBODY.person_id, ANNA.person_id)]


def test_erasing_says_first_what_it_would_erase(stand, done):
    stand.target.clients["s3"] = None
    assert stand.invoke("people", "erase", "0c7f3a52", "-n").stdout == (
        "would erase: Anna\\x1b[31m, seen in 3 videos\n"
    )
    assert "there is nobody to ask" in stand.invoke("people", "erase", "0c7f3a52").stderr
    assert done == []
    erased = stand.invoke("people", "erase", "0c7f3a52", "--yes")
    assert erased.stdout == "erased: Anna\\x1b[31m, 3 faces\n"
    assert done == [("erase", ANNA.person_id, "derived")]


def test_who_is_not_clear_is_said(stand, done):
    assert "2 people could be meant" in stand.invoke("people", "rename", "0c7f", "x").stderr
    assert "nobody called Carla" in stand.invoke("people", "rename", "Carla", "x").stderr
    refused = stand.invoke("people", "merge", "0c7f4a52", "0c7f4a52", "--yes")
    assert refused.exit_code == 1
    assert "with itself" in refused.stderr
    assert done == []
