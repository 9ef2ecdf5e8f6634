"""From the candidates of a query to one page of results.

The candidates are the same whatever page is asked for, and everything that changes their order happens before
the page is cut out: so pages never overlap, and together they are the whole list.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Shown(Generic[Item]):
    """A candidate that is shown, and how many near duplicates of it are not."""

    item: Item
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class Cut(Generic[Item]):
    """One page; ``next_offset`` is ``None`` on the last one."""

    items: tuple[Item, ...]
    next_offset: int | None


def collapsed(candidates: Sequence[Item], group: Callable[[Item], Hashable]) -> list[Shown[Item]]:
    """Return the first candidate of each group, in order, with how many others its group has among them."""
    sizes: dict[Hashable, int] = {}
    first: dict[Hashable, Item] = {}
    for each in candidates:
        key = group(each)
        first.setdefault(key, each)
        sizes[key] = sizes.get(key, 0) + 1
    return [Shown(each, sizes[key] - 1) for key, each in first.items()]


def cut(items: Sequence[Item], *, limit: int, offset: int) -> Cut[Item]:
    """Return the page of ``limit`` items after the first ``offset``."""
    end = offset + limit
    return Cut(tuple(items[offset:end]), end if end < len(items) else None)
