from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kadr.core.pages import collapsed, cut


def test_the_best_of_a_group_stands_for_it():
    shown = collapsed(["a1", "b1", "a2", "c1", "a3"], group=lambda each: each[0])
    assert [(each.item, each.duplicates) for each in shown] == [("a1", 2), ("b1", 0), ("c1", 0)]


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 7))
def test_pages_together_are_the_list_whatever_their_size(groups, limit):
    shown = collapsed(list(enumerate(groups)), group=lambda each: each[1])
    offset, read = 0, []
    while offset is not None:
        page = cut(shown, limit=limit, offset=offset)
        read += page.items
        offset = page.next_offset
    assert read == shown


def test_the_last_page_says_so():
    assert cut("abcd", limit=2, offset=0).next_offset == 2
    assert cut("abcd", limit=2, offset=2).next_offset is None
    assert cut("abcd", limit=2, offset=9).items == ()
