"""Glossaries as files."""

from __future__ import annotations

import pytest

from kadr.core.errors import GlossaryError
from kadr.core.glossary import Entry
from kadr.core.glossary_file import compare, entry, read, write

FILE = """\
# Our games
бравлик\tbrawler|fighter
Чё это\twhat is this\tword
ну\t
"""


def test_a_file_is_read_and_written() -> None:
    entries = read(FILE)
    assert entries == (
        Entry("бравлик", ("brawler", "fighter")),
        Entry("че это", ("what is this",), term=False),
        Entry("ну", ()),
    )
    assert set(read(write(entries))) == set(entries)
    assert read("\ufeffкот\tcat\r\n") == (Entry("кот", ("cat",)),)  # as spreadsheets save it


def test_every_wrong_line_is_told_with_its_number() -> None:
    with pytest.raises(GlossaryError) as caught:
        read("кот\tcat\nкот cat\n\tcat\ncat\tкот\nКот\tpuss\nпёс\tdog\tanimal\nёж\tёж\nа\tb\tterm\tx\n")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "line 2", "line 3", "line 4", "line 5", "line 6", "line 7", "line 8"
    ]  # fmt: skip
    assert "line 1 already" in caught.value.problems[3]


@pytest.mark.parametrize(
    ("source", "targets", "kind"),
    [
        ("", ["cat"], "term"),
        ("cat", ["кот"], "term"),
        ("кот", ["кот"], "term"),
        ("кот", ["cat|puss"], "term"),
        ("кот", ["cat"], "slang"),
        ("кот" * 100, ["cat"], "term"),
    ],
)
def test_what_is_no_entry(source: str, targets: list[str], kind: str) -> None:
    with pytest.raises(ValueError):
        entry(source, targets, kind=kind)


def test_what_an_import_changes() -> None:
    cat, dog, hedgehog = Entry("кот", ("cat",)), Entry("пес", ("dog",)), Entry("еж", ("hedgehog",))
    now, new = [cat, dog], [Entry("кот", ("puss",)), hedgehog]
    difference = compare(now, new)
    assert difference.added == (hedgehog,)
    assert difference.changed == ((cat, Entry("кот", ("puss",))),)
    assert difference.removed == ()
    assert compare(now, new, replace=True).removed == (dog,)
    assert compare(now, now).same == 2
