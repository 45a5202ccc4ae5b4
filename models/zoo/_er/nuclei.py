"""Nuclei out of a class map: touching ones split at their waists, each of one class, in plain numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.zoo._er.runs import components

BAND, AROUND = 1024, 96
"""Rows worked on at a time, and rows around them that a nucleus may reach into."""
LEAST_AREA = 30
"""Pixels below which a spot is no nucleus: 2 µm² at 0.25 µm per pixel, a fragment at any magnification read here."""
DEEPEST = 24
WAIST = 0.7
"""Share of the depth nearby from which a pixel belongs to the middle of a nucleus."""
NEARBY = 12
CLASSES = 5


@dataclass(frozen=True, kw_only=True)
class Nuclei:
    """What was counted: centres (n, 2) as column and row, classes (n,) from 1, and the cleaned map (h, w)."""

    centres: NDArray[np.float64]
    classes: NDArray[np.uint8]
    areas: NDArray[np.int64]
    painted: NDArray[np.uint8]


def count_nuclei(classes: NDArray[np.uint8]) -> Nuclei:
    """The nuclei of a map (h, w) of classes 0–4. Each takes the class that most of its pixels have."""
    height = classes.shape[0]
    painted = np.zeros_like(classes)
    found: list[tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.int64]]] = []
    for top in range(0, height, BAND):
        low, high = max(0, top - AROUND), min(height, top + BAND + AROUND)
        part = classes[low:high]
        labels, count = split_nuclei(part)
        centres, kinds, areas = _measured(labels, part, count)
        row = centres[:, 1] + low
        # A nucleus belongs to the band that holds its centre, and to no other.
        mine = (areas >= LEAST_AREA) & (row >= top) & (row < top + BAND)
        colour = np.concatenate([[0], np.where(mine, kinds, 0)]).astype(np.uint8)
        painted[low:high] = np.maximum(painted[low:high], colour[labels])
        centres[:, 1] = row
        found.append((centres[mine], kinds[mine], areas[mine]))
    centres, kinds, areas = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Nuclei(centres=centres, classes=kinds, areas=areas, painted=painted)


def split_nuclei(classes: NDArray[np.uint8]) -> tuple[NDArray[np.int32], int]:
    """Labels (h, w) of nuclei from 1, and how many: middles first, then every pixel joins the nearest one.

    The network leaves gaps between touching nuclei; once told apart, they grow together again over the gaps.
    """
    mask = classes > 0
    depth = depth_of(mask)
    middles = mask & (depth >= np.ceil(WAIST * _highest_nearby(depth)))
    unstained, first = components(middles & (classes == 1))
    stained, second = components(middles & (classes > 1))
    labels = unstained + np.where(stained > 0, stained + first, 0).astype(np.int32)
    return _joined(labels, _closed(mask)), first + second


def _closed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask with its gaps of one or two pixels filled."""
    beyond = np.pad(mask, 2, mode="edge")
    grown = ~_peeled(~beyond, square=True)
    return np.asarray(_peeled(grown, square=True)[2:-2, 2:-2])


def depth_of(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """How often a pixel survives peeling, by a cross and a square in turn: nearly the distance to the edge."""
    depth = mask.astype(np.uint8)
    left = mask
    for turn in range(1, DEEPEST):
        left = _peeled(left, square=turn % 2 == 0)
        if not left.any():
            break
        depth += left
    return depth


def _peeled(mask: NDArray[np.bool_], *, square: bool) -> NDArray[np.bool_]:
    """The mask without its outermost pixels; the image's edge peels nothing."""
    across = mask.copy()
    across[:, 1:] &= mask[:, :-1]
    across[:, :-1] &= mask[:, 1:]
    both = across.copy()
    base = across if square else mask
    both[1:] &= base[:-1]
    both[:-1] &= base[1:]
    return both


def _highest_nearby(depth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest depth within NEARBY rows and columns."""
    for axis in (0, 1):
        line = np.moveaxis(depth, axis, 0)
        highest = line.copy()
        for step in range(1, min(NEARBY + 1, len(line))):
            np.maximum(highest[step:], line[:-step], out=highest[step:])
            np.maximum(highest[:-step], line[step:], out=highest[:-step])
        depth = np.moveaxis(highest, 0, axis)
    return depth


def _joined(labels: NDArray[np.int32], mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Labels spread over the mask, one pixel a round, to whatever touches."""
    padded = np.pad(labels, 1)
    width = padded.shape[1]
    flat = padded.reshape(-1)
    waiting = np.flatnonzero(np.pad(mask, 1).reshape(-1) & (flat == 0))
    while waiting.size:
        near = np.maximum.reduce([flat[waiting + step] for step in (-1, 1, -width, width)])
        reached = near > 0
        if not reached.any():
            break
        flat[waiting[reached]] = near[reached]
        waiting = waiting[~reached]
    return padded[1:-1, 1:-1]


def _measured(
    labels: NDArray[np.int32], classes: NDArray[np.uint8], count: int
) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.int64]]:
    """Centre, class and area of each label. Pixels vote for the class by their depth: rims are blurred."""
    rows, columns = np.nonzero(labels)
    which = labels[rows, columns] - 1
    areas = np.bincount(which, minlength=count)
    said = classes[rows, columns]
    weights = np.where(said > 0, depth_of(labels > 0)[rows, columns], 0)
    votes = np.bincount(which * CLASSES + said, weights=weights, minlength=count * CLASSES).reshape(count, CLASSES)
    sums: list[NDArray[Any]] = [np.bincount(which, weights=along, minlength=count) for along in (columns, rows)]
    centres = np.stack(sums, axis=1) / np.maximum(areas, 1)[:, None]
    return centres, votes.argmax(axis=1).astype(np.uint8), areas
