"""Where on a slide there is something to read, found on a small level."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.slides.kept import scaled_region
from models.slides.slide import Slide
from models.spec import Pixels

LOOKED_AT_UM = 8.0
"""Side of a pixel of the level that is looked at."""
LEAST_SATURATION = 0.02
"""Below the 0.07 that makes a pixel tissue at full scale: there a small thing is mixed with the glass around it."""
_INK_SATURATION = 0.6
_BAND_ROWS = 256
"""Rows looked at in one go, so that memory does not grow with the slide's height."""


def tissue_mask(slide: Slide, um_per_px: float, cell_um: float) -> NDArray[np.bool_]:
    """Which cells may hold tissue: shape (rows, columns) of squares of `cell_um` from the upper left corner on.

    Meant to leave out what is surely empty: what it keeps is to be looked at again at full scale. Blue and green pen
    is left out. The last row and column may reach beyond the slide.
    """
    stained = np.concatenate([_stained(band) for band in _bands(slide, um_per_px)])
    size = cell_um / LOOKED_AT_UM
    rows = math.ceil(slide.height * um_per_px / cell_um - 1e-9)
    columns = math.ceil(slide.width * um_per_px / cell_um - 1e-9)
    return _any_within(_any_within(stained, rows, size), columns, size, axis=1)


def _bands(slide: Slide, um_per_px: float) -> Iterator[Pixels]:
    step = LOOKED_AT_UM / um_per_px * _BAND_ROWS
    tops = np.arange(0, slide.height, step)
    return (
        scaled_region(slide, LOOKED_AT_UM, um_per_px, 0, top, slide.width, min(step, slide.height - top))
        for top in tops
    )


def _stained(pixels: Pixels) -> NDArray[np.bool_]:
    """Saturated, and not as blue or green as only ink is."""
    colours = pixels.astype(np.float32)
    highest = colours.max(axis=2)
    saturation = (highest - colours.min(axis=2)) / np.maximum(highest, 1)
    ink = (saturation >= _INK_SATURATION) & (colours[..., 1] >= colours[..., 0])
    return np.asarray((saturation >= LEAST_SATURATION) & ~ink)


def _any_within(marks: NDArray[np.bool_], count: int, size: float, axis: int = 0) -> NDArray[np.bool_]:
    """Along one axis, whether any mark touches cell i, which reaches from i·size to (i + 1)·size."""
    length = marks.shape[axis]
    parts = []
    for cell in range(count):
        first = min(math.floor(cell * size), length - 1)
        last = max(first + 1, math.ceil((cell + 1) * size))
        parts.append(marks.take(range(first, min(last, length)), axis=axis).any(axis=axis))
    return np.stack(parts, axis=axis)
