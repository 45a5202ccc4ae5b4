"""The tiles that PCam reads of a slide: the same grid as of an image, background left out, in parts of like work."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from models.slides.slide import Slide
from models.slides.tissue import tissue_mask
from models.slides.window import open_window
from models.spec import Pixels
from models.zoo._tiles import Box, Grid, Place

PART = 64
"""Tiles of a part."""
BLOCK = 8
"""Rows and columns of tiles that are read from the file together."""

Places = NDArray[np.int32]
"""Rows and columns of tiles, shape (n, 2), those of a block one after the other."""


def tissue_places(slide: Slide, grid: Grid, um_per_px: float) -> Places:
    """The tiles in which a coarse look finds something stained."""
    cell = grid.side * um_per_px / grid.factor
    mask = tissue_mask(slide, um_per_px, cell)
    rows, columns = grid.shape
    down, across = _cells(grid.tops, grid.tile_size[1]), _cells(grid.lefts, grid.tile_size[0])
    found = np.zeros((rows, columns), np.bool_)
    for more in (0, 1):
        for beside in (0, 1):
            found |= mask[np.minimum(down + more, mask.shape[0] - 1)][:, np.minimum(across + beside, mask.shape[1] - 1)]
    return _by_block(np.argwhere(found))


def part_of(places: Places, number: int) -> Places:
    return places[number * PART : (number + 1) * PART]


def count_parts(places: Places) -> int:
    return math.ceil(len(places) / PART)


def cut_tiles(slide: Slide, grid: Grid, places: Iterable[NDArray[np.int32]]) -> Iterator[tuple[Place, Pixels]]:
    """Tiles (side, side, 3) in the order of `places`; neighbours in it that lie in one block are read together."""
    every = [(int(row), int(column)) for row, column in places]
    for _block, together in groupby(every, lambda place: (place[0] // BLOCK, place[1] // BLOCK)):
        inside = list(together)
        window = open_window(slide, 1 / grid.factor, _around([grid.box(place) for place in inside]))
        for place in inside:
            yield place, window.cut(grid.box(place), (grid.side, grid.side))


def _cells(edges: tuple[float, ...], length: float) -> NDArray[np.intp]:
    """The first of the two cells of a tile's length that a tile from each edge on reaches into."""
    return np.floor(np.array(edges) / length + 1e-6).astype(np.intp)


def _by_block(places: NDArray[np.intp]) -> Places:
    rows, columns = places.T
    order = np.lexsort((columns, rows, columns // BLOCK, rows // BLOCK))
    return places[order].astype(np.int32)


def _around(boxes: list[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
