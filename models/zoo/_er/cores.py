"""How a slide is shared out: cores that tile it, each with enough around it to be read as in the whole.

Along each side core k has tiles 3k to 3k + 3 of the grid that `tiles.segment` lays over a whole image. They are exact
over 736 pixels from 576k on; the core is 576 of them, 80 in, so that a nucleus whose centre lies in it is there whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.slides.slide import Slide
from models.slides.tissue import tissue_mask
from models.slides.window import open_window
from models.spec import Pixels
from models.zoo._er import tiles
from models.zoo._er.tiles import LEAD, SIDE, STRIDE, Predict

PERIOD, MARGIN, EXACT = 3 * STRIDE, 80, 3 * STRIDE + 160
SQUARES = 128
"""Side of the squares that stage 2 grades, on a grid of their own from the upper left corner."""


@dataclass(frozen=True, kw_only=True)
class Cores:
    """The cores of a slide of `width` × `height` pixels that is read at `factor` times its sides."""

    width: int
    height: int
    factor: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in the pixels that are read."""
        return max(1, round(self.width * self.factor)), max(1, round(self.height * self.factor))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cores."""
        width, height = self.size
        return _count(height), _count(width)

    def inside(self, place: tuple[int, int]) -> tuple[range, range]:
        """Rows and columns of pixels that are this core's and no other's."""
        width, height = self.size
        return _own(place[0], height), _own(place[1], width)

    def exact(self, place: tuple[int, int]) -> tuple[range, range]:
        """Rows and columns of pixels whose class is read with this core."""
        width, height = self.size
        return tuple(range(PERIOD * one, min(length, PERIOD * one + EXACT))  # type: ignore[return-value]
                     for one, length in zip(place, (height, width), strict=True))

    def read(self, slide: Slide, rows: range, columns: range) -> Pixels:
        """These pixels of the slide, at the scale that is read."""
        width, height = self.size
        across, down = self.width / width, self.height / height
        box = (columns.start * across, rows.start * down, columns.stop * across, rows.stop * down)
        return open_window(slide, 1 / self.factor, box).cut(box, (len(columns), len(rows)))

    def with_tissue(self, slide: Slide, um_per_px: float) -> NDArray[np.int32]:
        """Rows and columns (n, 2) of the cores in which a coarse look finds something stained."""
        cell = MARGIN * um_per_px / self.factor
        mask = tissue_mask(slide, um_per_px, cell)
        found = [place for place in np.ndindex(*self.shape) if mask[tuple(
            slice(own.start // MARGIN, -(-own.stop // MARGIN)) for own in self.inside((place[0], place[1])))].any()]
        return np.array(found, np.int32).reshape(-1, 2)


def segment_core(
    slide: Slide, cores: Cores, place: tuple[int, int], predict: Predict
) -> tuple[Pixels, NDArray[np.uint8]]:
    """Pixels and likeliest classes of the core's exact part, the same as in an image of the whole slide."""
    (rows, columns), size = cores.exact(place), cores.size[::-1]
    grids = [range(3 * at, min(3 * at + 4, tiles.tile_count(length))) for at, length in zip(place, size, strict=True)]
    wanted = [np.arange(STRIDE * grid.start - LEAD, STRIDE * (grid.stop - 1) - LEAD + SIDE) for grid in grids]
    folded = [tiles.mirrored(one, length) for one, length in zip(wanted, size, strict=True)]
    needed = [range(int(one.min()), int(one.max()) + 1) for one in folded]
    pixels = cores.read(slide, *needed)
    around = pixels[folded[0] - needed[0].start][:, folded[1] - needed[1].start]
    blended = _blended(around, grids, predict)
    classes = blended[:, LEAD : LEAD + len(rows), LEAD : LEAD + len(columns)].argmax(axis=0).astype(np.uint8)
    return around[LEAD : LEAD + len(rows), LEAD : LEAD + len(columns)], classes


def squares_of(cores: Cores, place: tuple[int, int]) -> tuple[slice, slice]:
    """The part of the exact pixels that is made of the squares whose middle lies in the core."""
    parts = []
    for own, exact in zip(cores.inside(place), cores.exact(place), strict=True):
        first = -(-max(0, own.start - SQUARES // 2) // SQUARES) * SQUARES
        beyond = -(-(own.stop - SQUARES // 2) // SQUARES) * SQUARES
        stop = exact.stop if exact.stop == own.stop else min(beyond, exact.stop)
        parts.append(slice(first - exact.start, max(first, stop) - exact.start))
    return parts[0], parts[1]


def _blended(around: Pixels, grids: list[range], predict: Predict) -> NDArray[np.float32]:
    weight = tiles.window()
    total = np.zeros((tiles.CLASSES, *around.shape[:2]), np.float32)
    for row in range(len(grids[0])):
        for column in range(len(grids[1])):
            here = slice(row * STRIDE, row * STRIDE + SIDE), slice(column * STRIDE, column * STRIDE + SIDE)
            total[:, *here] += predict(tiles.as_input(around[here][None]))[0] * weight
    return total


def _count(length: int) -> int:
    return max(1, -(-(length - MARGIN) // PERIOD))


def _own(number: int, length: int) -> range:
    first = PERIOD * number + MARGIN if number else 0
    return range(first, length if number == _count(length) - 1 else PERIOD * (number + 1) + MARGIN)
