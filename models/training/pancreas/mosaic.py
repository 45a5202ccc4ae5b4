"""A field of cells or lobules: a jittered lattice, and for each pixel whose piece it lies in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from models.imaging.brush import Floats, grain


@dataclass(frozen=True, kw_only=True)
class Mosaic:
    """Pieces of about one pitch across. Distances are in pitches."""

    nearest: NDArray[np.intp]
    """(height, width): the number of the piece that each pixel lies in."""
    reach: Floats
    """(height, width): distance to the middle of that piece."""
    edge: Floats
    """(height, width): 0 on the border to the next piece, growing inwards to about 1."""
    at: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Rows and columns of the pieces' middles, in pixels; some lie outside the image."""

    @property
    def count(self) -> int:
        return len(self.at[0])


def border(rng: Generator, shape: tuple[int, int], pitch: float, jitter: float, bend: float) -> Floats:
    """(height, width): only the edge of such a mosaic, of pieces so large that a coarse picture of it will do."""
    coarse = (shape[0] // 4 + 1, shape[1] // 4 + 1)
    edge = tiled(rng, coarse, pitch / 4, jitter, bend).edge
    return np.asarray(Image.fromarray(edge).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def tiled(rng: Generator, shape: tuple[int, int], pitch: float, jitter: float, bend: float) -> Mosaic:
    """Pieces whose middles are off the lattice by up to `jitter` pitches and whose borders wave by about `bend`."""
    across = tuple(int(side / pitch) + 5 for side in shape)
    rows, columns = np.indices(across, np.float32) + rng.uniform(-jitter, jitter, (2, *across)).astype(np.float32) + 0.5
    columns += 0.5 * (np.arange(across[0]) & 1)[:, None].astype(np.float32) - 0.25  # rounder pieces than squares
    middles = np.stack((rows.ravel(), columns.ravel()))
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32) / np.float32(pitch) + np.float32(2)
    y += np.float32(0.25 * bend) * grain(rng, shape, pitch * 0.5)
    x += np.float32(0.25 * bend) * grain(rng, shape, pitch * 0.5)
    nearest, first, second = _nearest_two(y, x, middles, across)
    at = tuple(np.float64((one - 2) * pitch) for one in middles)
    return Mosaic(nearest=nearest, reach=first, edge=second - first, at=(at[0], at[1]))


def _nearest_two(
    y: Floats, x: Floats, middles: Floats, across: tuple[int, ...]
) -> tuple[NDArray[np.intp], Floats, Floats]:
    """For each place the number of the nearest middle, its distance, and the distance of the second nearest."""
    own = np.clip(y, 1, across[0] - 2).astype(np.intp) * across[1] + np.clip(x, 1, across[1] - 2).astype(np.intp)
    first = np.full(y.shape, np.inf, np.float32)
    second, nearest = first.copy(), own.copy()
    for down, right in product((-1, 0, 1), repeat=2):
        other = own + (down * across[1] + right)
        far = np.square(y - middles[0].take(other)) + np.square(x - middles[1].take(other))
        closer = far < first
        np.minimum(second, np.maximum(far, first), out=second)
        np.copyto(nearest, other, where=closer)
        np.minimum(first, far, out=first)
    return nearest, np.sqrt(first), np.sqrt(second)
