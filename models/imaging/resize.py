"""Sizes that networks ask for."""

from __future__ import annotations

import numpy as np
from PIL import Image

from models.spec import Pixels


def squash(pixels: Pixels, side: int) -> Pixels:
    """The whole image to (side, side, 3), whatever its proportions: averaged when shrinking, else bicubic."""
    height, width = pixels.shape[:2]
    if (height, width) == (side, side):
        return pixels
    shrinking = min(height, width) >= side
    method = Image.Resampling.BOX if shrinking else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(pixels).resize((side, side), method))


def scaled(pixels: Pixels, factor: float) -> Pixels:
    """The image with both sides times `factor`, at least one pixel each."""
    height, width = pixels.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if size == (width, height):
        return pixels
    method = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(pixels).resize(size, method))
