"""A part of a slide in memory, at the level that is read for a scale; pieces of any size are cut from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from models.slides.slide import Slide
from models.spec import Pixels

COARSER = 1.1
"""How much coarser than wanted a level may be: a network sees no difference, and a quarter of the pixels is read."""
_AROUND = 2
"""Pixels read beyond the edges, for the resampling."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels of level 0."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """Pixels of one level, the first of them at `x`, `y` there."""

    picture: Image.Image
    x: int
    y: int
    down: float
    shrinks: bool

    def cut(self, box: Box, size: tuple[int, int]) -> Pixels:
        """The part in `box` as `size` (width, height), averaged when shrinking, else bicubic."""
        left, top, right, bottom = (edge / self.down for edge in box)
        method = Image.Resampling.BOX if self.shrinks else Image.Resampling.BICUBIC
        inside = (left - self.x, top - self.y, right - self.x, bottom - self.y)
        return np.asarray(self.picture.resize(size, method, box=inside))


def open_window(slide: Slide, factor: float, box: Box) -> Window:
    """What is needed to cut anything within `box` that is to be `factor` times smaller than level 0.

    Reads the coarsest level that is at most 10 % coarser than wanted; white outside the slide.
    """
    levels = slide.levels()
    fine = [number for number, level in enumerate(levels) if level.downsample <= factor * COARSER]
    number = max(fine, default=0)
    down = levels[number].downsample
    left, top, right, bottom = (edge / down for edge in box)
    x, y = math.floor(left) - _AROUND, math.floor(top) - _AROUND
    width, height = math.ceil(right) + _AROUND - x, math.ceil(bottom) + _AROUND - y
    pixels = slide.region(number, x, y, width, height)
    return Window(picture=Image.fromarray(pixels), x=x, y=y, down=down, shrinks=factor >= down)
