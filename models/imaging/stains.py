"""Light through stain: pixels to optical density, and density to haematoxylin, DAB and what is left."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.spec import Pixels

Floats = NDArray[np.floating[Any]]

HAEMATOXYLIN = (0.65, 0.70, 0.29)
DAB = (0.27, 0.57, 0.78)
"""Ruifrok and Johnston's absorbance of red, green and blue per unit of stain, before scaling to length 1."""
BRIGHT_PERCENT = 98.0
"""The percentile that stands for glass: above it are reflections and overshoot of sharpening."""


def stain_matrix(haematoxylin: tuple[float, ...] = HAEMATOXYLIN, dab: tuple[float, ...] = DAB) -> Floats:
    """(3, 3): one stain per row, of length 1; the third row is perpendicular to both and takes the residual."""
    first, second = (np.asarray(one, np.float64) / np.linalg.norm(one) for one in (haematoxylin, dab))
    third = np.cross(first, second)
    return np.stack([first, second, third / np.linalg.norm(third)])


def light_of(pixels: Pixels) -> Floats:
    """Red, green and blue (3,) of the unstained glass, from the image itself, at least 1."""
    return np.maximum(np.percentile(pixels.reshape(-1, 3), BRIGHT_PERCENT, axis=0), 1.0)


def optical_density(pixels: Pixels, light: Floats) -> NDArray[np.float32]:
    """(h, w, 3) decadic optical density of pixels under that light; brighter than the light is negative."""
    levels = np.arange(256, dtype=np.float64).clip(1)
    table = (np.log10(light)[:, None] - np.log10(levels)).astype(np.float32)
    return np.stack([table[channel][pixels[..., channel]] for channel in range(3)], axis=-1)


def separate(pixels: Pixels, light: Floats | None = None) -> NDArray[np.float32]:
    """(h, w, 3): optical density of haematoxylin, of DAB, and the residual."""
    density = optical_density(pixels, light_of(pixels) if light is None else light)
    return density @ np.linalg.inv(stain_matrix()).astype(np.float32)


def compose(stains: Floats, light: Floats, matrix: Floats | None = None) -> Pixels:
    """The image (h, w, 3) of stains (h, w, 3) under that light: what `separate` undoes."""
    density = stains.astype(np.float32) @ (stain_matrix() if matrix is None else matrix).astype(np.float32)
    seen = light.astype(np.float32) * np.exp(density * np.float32(-np.log(10)))
    return np.asarray(seen + 0.5).clip(0, 255).astype(np.uint8)
