"""Connected components by runs: a row's runs are joined to those they touch in the next row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]


def components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Labels (h, w) from 1 of pixels that touch by a side, and how many; numbered by their first pixel."""
    height, width = mask.shape
    # An empty column on both sides ends every run within its row.
    wide = np.zeros((height, width + 2), np.int8)
    wide[:, 1:-1] = mask
    steps = np.diff(wide.reshape(-1))
    starts, ends = np.flatnonzero(steps == 1) + 1, np.flatnonzero(steps == -1) + 1
    if not starts.size:
        return np.zeros(mask.shape, np.int32), 0
    roots = _roots(len(starts), *_touching(starts, ends, width + 2))
    numbers = np.cumsum(roots == np.arange(len(roots)))
    label = numbers[roots].astype(np.int32)
    change = np.zeros(wide.size + 1, np.int32)
    change[starts] = label
    change[ends] -= label
    painted = np.cumsum(change[:-1], dtype=np.int32).reshape(height, width + 2)
    return np.ascontiguousarray(painted[:, 1:-1]), int(numbers[-1])


def _touching(starts: Places, ends: Places, width: int) -> tuple[Places, Places]:
    """Pairs of runs, one above the other."""
    first = np.searchsorted(ends, starts + width, side="right")
    beyond = np.searchsorted(starts, ends + width, side="left")
    counts = np.maximum(beyond - first, 0)
    upper = np.repeat(np.arange(len(starts)), counts)
    offset = np.arange(len(upper)) - np.repeat(np.cumsum(counts) - counts, counts)
    return upper, np.repeat(first, counts) + offset


def _roots(count: int, upper: Places, lower: Places) -> Places:
    """The lowest run that each run is joined to, however far: union-find over all pairs at once."""
    parent = np.arange(count)
    while True:
        one, other = parent[upper], parent[lower]
        apart = one != other
        if not apart.any():
            return parent
        upper, lower, one, other = upper[apart], lower[apart], one[apart], other[apart]
        np.minimum.at(parent, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(parent, parent[parent]):
            parent = parent[parent]
