"""Tiles of a network's size out of an image of any size, read at one scale without holding the resized image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from models.spec import Pixels

Place = tuple[int, int]
"""Row and column of a tile in the grid."""


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
class Tiling:
    """An image cut into tiles (side, side, 3) after both its sides were multiplied by `factor`."""

    pixels: Pixels
    factor: float
    side: int

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of pixels after the resizing."""
        height, width = self.pixels.shape[:2]
        return round(height * self.factor), round(width * self.factor)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        return len(starts(self.size[0], self.side)), len(starts(self.size[1], self.side))

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

    def box(self, place: Place) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of a tile in pixels of the image."""
        rows, columns = self.size
        height, width = self.pixels.shape[:2]
        top, left = starts(rows, self.side)[place[0]], starts(columns, self.side)[place[1]]
        x, y = width / columns, height / rows
        return left * x, top * y, (left + self.side) * x, (top + self.side) * y

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
    highest = tile.max(axis=2).astype(np.float32)
    lowest = tile.min(axis=2)
    return bool(((highest - lowest) / np.maximum(highest, 1) >= least).any())


def spread_out(places: list[Place], most: int) -> list[Place]:
    """At most `most` of the places, evenly from first to last."""
    if len(places) <= most:
        return places
    return [places[int(i)] for i in np.linspace(0, len(places) - 1, most)]


def highest_window(values: NDArray[np.float32], read: NDArray[np.bool_]) -> float:
    """The highest mean of 3×3 cells inside a map, over the cells that were read; of as many as there are, if fewer.

    A window that is mostly unread is divided by its majority: few tiles at an edge must not weigh as much as nine.
    """
    shape = (min(3, values.shape[0]), min(3, values.shape[1]))
    total = sliding_window_view(np.where(read, values, 0), shape).sum(axis=(2, 3))
    count = sliding_window_view(read, shape).sum(axis=(2, 3))
    majority = shape[0] * shape[1] // 2 + 1
    least = max(1, min(majority, int(read.sum())))
    return float((total / np.maximum(count, least)).max())
