"""The most suspicious places of a map of tiles, each with its neighbours, none twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.zoo._tiles import Place, window_means

REACH = 1
"""Tiles to each side of the middle one."""


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """Up to 3×3 tiles around `middle`: those that were read, their mean and their highest value."""

    middle: Place
    first: Place
    last: Place
    tiles: int
    mean: float
    highest: float


def strongest(values: NDArray[np.float32], read: NDArray[np.bool_], most: int, mean: float,
              alone: float) -> tuple[Neighbourhood, ...]:
    """At most `most` places that share no tile: first those whose mean reaches `mean`, the highest first; then single
    tiles from `alone` on. Where there are neither, the place with the highest tile.
    """
    means = window_means(values, read)
    taken, found = np.zeros(values.shape, np.bool_), list[Neighbourhood]()
    for score, least in ((means, mean), (np.where(read, values, -1), alone)):
        for middle in _highest_first(score, least):
            if len(found) == most:
                break
            if not taken[_around(middle, 2 * REACH)].any():
                taken[middle] = True
                found.append(_at(middle, values, read, means))
    if not found:
        best = np.unravel_index(int(np.where(read, values, -1).argmax()), values.shape)
        found.append(_at((int(best[0]), int(best[1])), values, read, means))
    return tuple(found)


def _highest_first(score: NDArray[np.floating[Any]], least: float) -> Iterator[Place]:
    places = np.argwhere(score >= least)
    order = np.argsort(-score[tuple(places.T)], kind="stable")
    return ((int(row), int(column)) for row, column in places[order])


def _around(middle: Place, reach: int) -> tuple[slice, slice]:
    row, column = middle
    return slice(max(0, row - reach), row + reach + 1), slice(max(0, column - reach), column + reach + 1)


def _at(middle: Place, values: NDArray[np.float32], read: NDArray[np.bool_],
        means: NDArray[np.float64]) -> Neighbourhood:
    near = _around(middle, REACH)
    seen = values[near][read[near]]
    last = (min(middle[0] + REACH, values.shape[0] - 1), min(middle[1] + REACH, values.shape[1] - 1))
    mean = float(means[middle]) if means[middle] >= 0 else float(seen.sum() / max(len(seen), 1))
    return Neighbourhood(middle=middle, first=(near[0].start, near[1].start), last=last, tiles=len(seen), mean=mean,
                         highest=float(seen.max()))
