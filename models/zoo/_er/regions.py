"""Which class dominates where: squares of tissue, each graded by the patch classifier on its nuclei alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.imaging.resize import squash
from models.spec import Pixels
from models.zoo._er.tiles import as_input

SQUARE = 128
"""Side of a region in the pixels that the network reads."""
PATCH = 64
LEAST_SHARE = 0.02
"""Of a square that must be nuclei; below, it has no class."""
AWAY = 255
"""What is no nucleus is hidden behind white, so that only nuclei are graded."""
BATCH = 32

Grade = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Patches (n, 3, 64, 64) in [-1, 1] to probabilities (n, 4) of normal, weak, moderate, strong."""


@dataclass(frozen=True, kw_only=True)
class Regions:
    """Squares with nuclei: row and column on the grid (n, 2), probabilities (n, 4), pixels of nuclei (n,)."""

    places: NDArray[np.intp]
    probabilities: NDArray[np.float32]
    areas: NDArray[np.int64]

    @property
    def overall(self) -> NDArray[np.float32]:
        """The squares' probabilities together (4,), each weighted by its nuclei."""
        return np.asarray(self.areas @ self.probabilities / self.areas.sum())

    def painted(self, height: int, width: int) -> NDArray[np.uint8]:
        """Class 1–4 of every pixel's square (h, w), 0 where there are no nuclei."""
        grid = np.zeros((-(-height // SQUARE), -(-width // SQUARE)), np.uint8)
        grid[self.places[:, 0], self.places[:, 1]] = 1 + self.probabilities.argmax(axis=1)
        return np.repeat(np.repeat(grid, SQUARE, axis=0), SQUARE, axis=1)[:height, :width]


def grade_regions(pixels: Pixels, classes: NDArray[np.uint8], grade: Grade) -> Regions:
    """Every square of the image (h, w, 3) with enough nuclei in its class map (h, w), graded. At least one."""
    places, areas, patches, found = [], [], [], []
    for place, patch, area in _squares(pixels, classes):
        places.append(place)
        areas.append(area)
        patches.append(patch)
        if len(patches) == BATCH:
            found.append(grade(as_input(np.stack(patches))))
            patches = []
    if patches:
        found.append(grade(as_input(np.stack(patches))))
    return Regions(
        places=np.array(places, np.intp).reshape(-1, 2),
        probabilities=np.concatenate(found) if found else np.zeros((0, 4), np.float32),
        areas=np.array(areas, np.int64),
    )


def as_patch(pixels: Pixels, classes: NDArray[np.uint8]) -> Pixels:
    """The nuclei of a square (128, 128, 3), or of what the image's edge left of it, on white, as (64, 64, 3)."""
    shown = np.full((SQUARE, SQUARE, 3), AWAY, np.uint8)
    height, width = classes.shape
    shown[:height, :width] = np.where(classes[..., None] > 0, pixels, AWAY)
    return squash(shown, PATCH)


def _squares(pixels: Pixels, classes: NDArray[np.uint8]) -> Iterator[tuple[tuple[int, int], Pixels, int]]:
    """Place, patch and pixels of nuclei of each square that has enough of them."""
    height, width = classes.shape
    for top in range(0, height, SQUARE):
        for left in range(0, width, SQUARE):
            here = slice(top, top + SQUARE), slice(left, left + SQUARE)
            area = int((classes[here] > 0).sum())
            if area >= LEAST_SHARE * SQUARE * SQUARE:
                yield (top // SQUARE, left // SQUARE), as_patch(pixels[here], classes[here]), area
