"""Tiles of a network's size out of an image of any size, read at one scale without holding the resized image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from models.spec import Pixels

T = TypeVar("T")
Place = tuple[int, int]
"""Row and column of a tile in the grid."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def starts(length: int, side: int) -> tuple[int, ...]:
    """Where tiles of `side` begin along `length` pixels: the fewest that cover them, evenly spread, none outside.

    Tile i of n holds the whole i-th of n equal parts, so that a map of n cells lies true over the image.
    Raises ValueError when not even one tile fits.
    """
    if length < side:
        raise ValueError(f"{length} pixels are too few for a tile of {side}")
    count = math.ceil(length / side)
    if count == 1:
        return (0,)
    return tuple(round(i * (length - side) / (count - 1)) for i in range(count))


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where tiles of `side` pixels lie on an image of `width` × `height` whose sides are multiplied by `factor`."""

    width: int
    height: int
    factor: float
    side: int

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of pixels after the resizing."""
        return round(self.height * self.factor), round(self.width * self.factor)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        return len(starts(self.size[0], self.side)), len(starts(self.size[1], self.side))

    @cached_property
    def tops(self) -> tuple[float, ...]:
        """Upper edge of every row, in pixels of the image."""
        return tuple(top * self.height / self.size[0] for top in starts(self.size[0], self.side))

    @cached_property
    def lefts(self) -> tuple[float, ...]:
        """Left edge of every column, in pixels of the image."""
        return tuple(left * self.width / self.size[1] for left in starts(self.size[1], self.side))

    @cached_property
    def tile_size(self) -> tuple[float, float]:
        """Width and height of a tile, in pixels of the image."""
        return self.side * self.width / self.size[1], self.side * self.height / self.size[0]

    def box(self, place: Place) -> Box:
        """Left, top, right and bottom of a tile, in pixels of the image."""
        left, top = self.lefts[place[1]], self.tops[place[0]]
        return left, top, left + self.tile_size[0], top + self.tile_size[1]


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """An image cut into tiles (side, side, 3) after both its sides were multiplied by `factor`."""

    pixels: Pixels
    factor: float
    side: int

    @cached_property
    def grid(self) -> Grid:
        height, width = self.pixels.shape[:2]
        return Grid(width=width, height=height, factor=self.factor, side=self.side)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of pixels after the resizing."""
        return self.grid.size

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        return self.grid.shape

    def __iter__(self) -> Iterator[tuple[Place, Pixels]]:
        """Every tile, row by row; only one row's strip of the image is held at a time."""
        across = starts(self.size[1], self.side)
        for row in range(self.shape[0]):
            strip, offset = self._strip(row)
            for column in range(len(across)):
                yield (row, column), self._cut(strip, offset, (row, column))

    def tile(self, place: Place) -> Pixels:
        """One tile."""
        strip, offset = self._strip(place[0])
        return self._cut(strip, offset, place)

    def box(self, place: Place) -> Box:
        """Left, top, right and bottom of a tile in pixels of the image."""
        return self.grid.box(place)

    def _strip(self, row: int) -> tuple[Image.Image, int]:
        """The part of the image that a row of tiles needs, with some pixels around it for the resampling."""
        _, top, _, bottom = self.box((row, 0))
        around = math.ceil(3 / min(self.factor, 1.0))
        first, last = max(0, math.floor(top) - around), min(self.pixels.shape[0], math.ceil(bottom) + around)
        return Image.fromarray(np.ascontiguousarray(self.pixels[first:last])), first

    def _cut(self, strip: Image.Image, offset: int, place: Place) -> Pixels:
        left, top, right, bottom = self.box(place)
        shrinking = self.factor < 1
        method = Image.Resampling.BOX if shrinking else Image.Resampling.BICUBIC
        inside = (left, max(0.0, top - offset), min(right, strip.width), min(bottom - offset, strip.height))
        return np.asarray(strip.resize((self.side, self.side), method, box=inside))


def has_tissue(tile: Pixels, least: float) -> bool:
    """Whether any pixel's saturation, (max − min) / max over the channels, reaches `least`."""
    red, green, blue = (tile[..., channel] for channel in range(3))
    # Channel by channel: numpy takes ten times as long along an axis of three.
    highest = np.maximum(np.maximum(red, green), blue).astype(np.float32)
    lowest = np.minimum(np.minimum(red, green), blue)
    return bool(((highest - lowest) / np.maximum(highest, 1) >= least).any())


def spread_out(places: list[T], most: int) -> list[T]:
    """At most `most` of the places, or of what lies there, evenly from first to last."""
    if len(places) <= most:
        return places
    return [places[int(i)] for i in np.linspace(0, len(places) - 1, most)]


def highest_window(values: NDArray[np.float32], read: NDArray[np.bool_]) -> float:
    """The highest of the means of 3×3 cells inside a map; of as many as there are, if fewer."""
    return max(0.0, float(window_means(values, read).max()))


def window_means(values: NDArray[np.float32], read: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The mean of the 3×3 cells around each, over those that were read; -1 where none was, or where the window
    would reach over the edge of the map.

    A window that is mostly unread is divided by its majority: few tiles at an edge must not weigh as much as nine.
    """
    rows, columns = (min(3, length) for length in values.shape)
    total = sliding_window_view(np.where(read, values, 0), (rows, columns)).sum(axis=(2, 3))
    count = sliding_window_view(read, (rows, columns)).sum(axis=(2, 3))
    least = max(1, min(rows * columns // 2 + 1, int(read.sum())))
    inside = np.where(count > 0, total / np.maximum(count, least), -1)
    means = np.full(values.shape, -1.0)
    top, left = rows // 2, columns // 2
    means[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return means
