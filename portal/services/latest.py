"""Which readings count: of each reader the latest. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

Given = TypeVar("Given")


def latest_of_each(readings: Iterable[Given], reader_of: Callable[[Given], Hashable]) -> list[Given]:
    """The last of each reader, in the order in which they were given; `readings` come oldest first."""
    given = list(readings)
    last = {reader_of(one): number for number, one in enumerate(given)}
    return [given[number] for number in sorted(last.values())]
