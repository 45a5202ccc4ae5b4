"""Any image through a network of one size: overlapping tiles on a fixed grid, blended, a band of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.spec import Pixels

SIDE, STRIDE = 256, 192
EDGE, RAMP = 16, 32
"""Of a tile's side: pixels that are thrown away, for the network sees nothing beyond them, and pixels over which
one tile gives way to the next."""
LEAD = EDGE + RAMP
BATCH = 1
"""Tiles at a time: four took as long on two cores, and 60 MB more."""
CLASSES = 5

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Images (n, 3, 256, 256) in [-1, 1] to probabilities (n, 5, 256, 256)."""


def segment(pixels: Pixels, predict: Predict) -> NDArray[np.uint8]:
    """The likeliest class of every pixel (h, w).

    The grid is fixed to the top left corner and no tile knows of another: a part that is cut out at a multiple
    of the stride reads as it does in the whole image, except near the cut. Memory grows with the width only.
    """
    height, width = pixels.shape[:2]
    rows, columns = tile_count(height), tile_count(width)
    span = STRIDE * (columns - 1) + SIDE
    weight = window()
    found = np.zeros((height, width), np.uint8)
    band = np.zeros((CLASSES, SIDE, span), np.float32)
    for row in range(rows):
        strip = _strip(pixels, row, span)
        for lefts, batch in _batches(strip, columns):
            for left, one in zip(lefts, predict(batch), strict=True):
                band[:, :, left : left + SIDE] += one * weight
        # What lies above RAMP's end is whole now; the rest waits for the next row of tiles.
        top = row * STRIDE - LEAD
        low, high = max(0, top + EDGE), min(height, top + EDGE + STRIDE)
        found[low:high] = band[:, low - top : high - top, LEAD : LEAD + width].argmax(axis=0)
        band[:, : SIDE - STRIDE] = band[:, STRIDE:]
        band[:, SIDE - STRIDE :] = 0
    return found


def tile_count(length: int) -> int:
    """Tiles along one side, so that every pixel lies where the last one counts fully."""
    return 1 + max(0, -(-(length - (SIDE - 2 * LEAD)) // STRIDE))


def as_input(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bytes (n, h, w, 3) to (n, 3, h, w) in [-1, 1], mean = std = 0.5."""
    image = pixels.astype(np.float32).transpose(0, 3, 1, 2) / np.float32(127.5) - np.float32(1)
    return np.ascontiguousarray(image)


def window() -> NDArray[np.float32]:
    """Weight of each pixel of a tile (256, 256); the weights of all tiles sum to 1 everywhere."""
    up = (np.arange(RAMP) + 0.5) / RAMP
    line = np.concatenate([np.zeros(EDGE), up, np.ones(SIDE - 2 * LEAD), up[::-1], np.zeros(EDGE)])
    return np.outer(line, line).astype(np.float32)


def _strip(pixels: Pixels, row: int, span: int) -> Pixels:
    """The rows and columns of one row of tiles (256, span, 3), mirrored beyond the image."""
    height, width = pixels.shape[:2]
    rows = mirrored(np.arange(SIDE) + row * STRIDE - LEAD, height)
    columns = mirrored(np.arange(span) - LEAD, width)
    return np.asarray(pixels[rows][:, columns])


def mirrored(places: NDArray[Any], length: int) -> NDArray[Any]:
    """Places beyond 0…length-1 folded back into it."""
    folded = np.mod(places, 2 * length)
    return np.asarray(np.where(folded < length, folded, 2 * length - 1 - folded))


def _batches(strip: Pixels, columns: int) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
    """Left edges and network inputs of a few tiles at a time."""
    for first in range(0, columns, BATCH):
        lefts = [column * STRIDE for column in range(first, min(first + BATCH, columns))]
        yield lefts, as_input(np.stack([strip[:, left : left + SIDE] for left in lefts]))
