"""A page of a long list: numbered, or one stretch after another of a list that nobody counts to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
P = TypeVar("P")


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """`items` of page `number` (from 1), `size` to a page, of `total` in all, or of `more` than that."""

    items: tuple[T, ...]
    number: int
    size: int
    total: int
    more: bool = False

    @property
    def last(self) -> int:
        return _last(self.size, self.total)


@dataclass(frozen=True, kw_only=True)
class Stretch(Generic[T, P]):
    """`items` between two places of a list: `before` and `after` say where others lie, None where none do.

    `counted` items were met at the list's beginning, `whole` when there are no more; None on a later stretch.
    """

    items: tuple[T, ...]
    before: P | None
    after: P | None
    counted: int | None
    whole: bool


def within(number: int, size: int, total: int) -> int:
    """The page asked for, or the last one when it lies past the end; the number may not fit the database's integer."""
    return min(max(1, number), _last(size, total))


def _last(size: int, total: int) -> int:
    return max(1, -(-total // size))
