"""How an image looks, in a few numbers that cost next to nothing: what drifts when a stain, lamp or camera changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.spec import Pixels

SAMPLED = 64
"""So many rows and columns are looked at for colour."""
PATCH = 32
"""The side of the five places in which sharpness is measured, at the image's own size."""
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Looks:
    """Brightness and contrast on the 0–255 scale of luminance; saturation in 0..1; density is the mean decadic optical
    density of the three colours, 0 for white; sharpness is the 99th percentile of the step between neighbours over
    the standard deviation of luminance.
    """

    brightness: float
    contrast: float
    sharpness: float
    saturation: float
    density: float


def look_at(pixels: Pixels) -> Looks:
    """The looks of an RGB image (h, w, 3) of any size, from a grid of its pixels and five small places in it."""
    height, width = pixels.shape[:2]
    rows = np.linspace(0, height - 1, min(height, SAMPLED)).astype(np.intp)
    columns = np.linspace(0, width - 1, min(width, SAMPLED)).astype(np.intp)
    grid = pixels[rows[:, None], columns].reshape(-1, 3).astype(np.float32)
    grey = np.sort(grid @ LUMA)
    most, least = grid.max(axis=1), grid.min(axis=1)
    ends = grey[[int(0.01 * (grey.size - 1)), int(0.99 * (grey.size - 1))]]
    return Looks(
        brightness=float(grey.mean()),
        contrast=float(ends[1] - ends[0]),
        sharpness=_sharpness(pixels, float(grey.std())),
        saturation=float(((most - least) / np.maximum(most, 1.0)).mean()),
        density=float(-np.log10(np.maximum(grid, 1.0) / 255.0).mean()),
    )


def _sharpness(pixels: Pixels, spread: float) -> float:
    """From the middle and the quarters of the image, which a grid of single pixels cannot tell."""
    height, width = pixels.shape[:2]
    high, wide = min(PATCH, height), min(PATCH, width)
    steps = []
    for down, right in ((0.5, 0.5), (0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75)):
        top, left = int(down * (height - high)), int(right * (width - wide))
        grey = pixels[top : top + high, left : left + wide].astype(np.float32) @ LUMA
        steps.append(np.abs(np.diff(grey, axis=1)).ravel())
    ranked = np.sort(np.concatenate(steps))
    return float(ranked[int(0.99 * (ranked.size - 1))]) / (spread + 1.0) if ranked.size else 0.0
